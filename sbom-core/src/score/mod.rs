//! Documents → how well they meet what authorities ask of a bill of materials: a table of rules for each profile,
//! each a pure function over the model and the format it was read from.
//!
//! The score of a profile is `10 × Σ weight × share ÷ Σ weight` over the rules that apply: the share of a rule about
//! components is how many of those that it concerns meet it, that of a rule about the document is 0 or 1. It is cut,
//! not rounded, to hundredths, so 10 means that nothing is missing. What a component is decides which rules concern
//! it: see [`concerns`](demand::Demand).

use std::{fmt, str::FromStr};

use crate::document::{
    model::{Component, Document, RelationshipKind},
    read::{Read, SourceFormat, Wrapper},
};

mod bsi;
mod cisa;
mod demand;
mod ntia;
mod question;
#[cfg(test)]
mod tests;
mod unknown;

pub use demand::Demand;
pub use unknown::Unknowns;

/// A list of what an authority asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Profile {
    /// NTIA, The Minimum Elements For a Software Bill of Materials, July 2021.
    Ntia2021,
    /// CISA and others, 2026 Minimum Elements for a Software Bill of Materials, version 2.1, July 2026. Its text was
    /// not at hand: the rules follow what the SPDX project (SPDX 2.3.1, annex K.4) and makers of checkers report of it.
    Cisa2026,
    /// BSI TR-03183, part 2, version 2.1.0, August 2025.
    BsiTr03183,
}

impl Profile {
    /// Every profile.
    pub const ALL: &[Self] = &[Self::Ntia2021, Self::Cisa2026, Self::BsiTr03183];

    /// The stable name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ntia2021 => "ntia-2021",
            Self::Cisa2026 => "cisa-2026",
            Self::BsiTr03183 => "bsi-tr-03183-2",
        }
    }

    /// What the document behind it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ntia2021 => "NTIA Minimum Elements (2021)",
            Self::Cisa2026 => "CISA Minimum Elements (2026, version 2.1)",
            Self::BsiTr03183 => "BSI TR-03183-2 (version 2.1.0)",
        }
    }

    /// Its rules.
    pub fn rules(self) -> &'static [Rule] {
        match self {
            Self::Ntia2021 => ntia::RULES,
            Self::Cisa2026 => cisa::RULES,
            Self::BsiTr03183 => bsi::RULES,
        }
    }
}

/// A text names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no profile; the profiles are ntia-2021, cisa-2026, bsi-tr-03183-2")]
pub struct ProfileError(String);

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let named = Self::ALL.iter().find(|profile| profile.name() == text);
        named.copied().ok_or_else(|| ProfileError(text.to_owned()))
    }
}

/// Something that a profile asks for.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name, in kebab case; unique over all profiles.
    pub id: &'static str,
    /// What is asked for, in the words of the profile.
    pub element: &'static str,
    /// Where the profile asks for it.
    pub clause: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend a document that lacks it.
    pub mend: &'static str,
    /// How much it counts.
    pub weight: u32,
    check: Check,
}

#[derive(Debug, Clone, Copy)]
enum Check {
    Document(fn(&Subject<'_>) -> Answer),
    Components(fn(&Subject<'_>, usize, &Component) -> Answer),
}

/// Whether something is as a rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    /// It is missing, and the document says that it is not known.
    Unknown,
    No,
    NotApplicable,
}

impl Answer {
    fn of(met: bool) -> Self {
        if met { Self::Yes } else { Self::No }
    }
}

/// How a document fares by one profile.
#[derive(Debug, Clone)]
pub struct Report {
    /// The profile.
    pub profile: Profile,
    /// Its score.
    pub score: Score,
    /// Its rules, in their order.
    pub results: Vec<RuleResult>,
}

/// How a document fares by one rule.
#[derive(Debug, Clone)]
pub struct RuleResult {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether it is met.
    pub outcome: Outcome,
    /// Whether it is a rule about each component.
    pub of_components: bool,
    /// How many it concerns: components, or the document.
    pub checked: usize,
    /// Of them, those that are said to be unknown; they count as met.
    pub unknown: usize,
    /// The components that do not meet it: indices into [`Document::components`].
    pub failing: Vec<usize>,
}

/// Whether a rule is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// By all that it concerns.
    Pass,
    /// Not by all.
    Fail,
    /// There is nothing that it concerns.
    NotApplicable,
}

impl Outcome {
    /// `pass`, `fail` or `not-applicable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// From 0 to 10, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(u32);

impl Score {
    /// The best.
    pub const MAX: Self = Self(1000);

    /// In hundredths, 0 to 1000.
    pub fn hundredths(self) -> u32 {
        self.0
    }

    /// As a number from 0 to 10.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A text is no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no number from 0 to 10 with at most two decimals")]
pub struct ScoreError(String);

impl FromStr for Score {
    type Err = ScoreError;

    fn from_str(text: &str) -> Result<Self, ScoreError> {
        let error = || ScoreError(text.to_owned());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 2 {
            return Err(error());
        }
        let hundredths = format!("{whole}{part:0<2}").parse().ok().map(Self);
        hundredths.filter(|score| *score <= Self::MAX).ok_or_else(error)
    }
}

/// A document as rules see it.
struct Subject<'a> {
    document: &'a Document,
    read: &'a Read,
    unknowns: &'a Unknowns,
    /// For each component, whether it is reached from the root; without a root, whether anything is said of it.
    placed: Vec<bool>,
    /// For each component, whether a package contains it.
    owned: Vec<bool>,
}

/// Judges a document by one profile. `unknowns` is what its text marks as not known.
pub fn score(read: &Read, unknowns: &Unknowns, profile: Profile) -> Report {
    let subject = Subject::new(read, unknowns);
    let results: Vec<RuleResult> = profile.rules().iter().map(|rule| subject.judge(rule)).collect();
    Report { profile, score: total(&results), results }
}

fn total(results: &[RuleResult]) -> Score {
    let (mut sum, mut weights) = (0_u128, 0_u128);
    for result in results.iter().filter(|result| result.checked > 0) {
        let met = result.checked.saturating_sub(result.failing_count());
        let weight = u128::from(result.rule.weight);
        // A millionth of a millionth is lost to the division, never gained.
        sum += weight * (met as u128 * 1_000_000_000_000 / result.checked as u128);
        weights += weight * 1_000_000_000_000;
    }
    // Nothing that applies is nothing that is met.
    let hundredths = (sum * u128::from(Score::MAX.0)).checked_div(weights).unwrap_or(0);
    Score(u32::try_from(hundredths).unwrap_or(0))
}

impl RuleResult {
    /// How many do not meet the rule; of a rule about the document, 1 or 0.
    pub fn failing_count(&self) -> usize {
        match (self.of_components, self.outcome) {
            (true, _) => self.failing.len(),
            (false, Outcome::Fail) => 1,
            (false, _) => 0,
        }
    }
}

impl<'a> Subject<'a> {
    fn new(read: &'a Read, unknowns: &'a Unknowns) -> Self {
        let document = &read.document;
        let placed = placed(document);
        let mut owned = vec![false; document.components.len()];
        for edge in &document.relationships {
            let parent =
                document.components.get(edge.from).filter(|parent| Demand::of(parent.kind).owns_files);
            if let (RelationshipKind::Contains, Some(_), Some(mark)) =
                (edge.kind, parent, owned.get_mut(edge.to))
            {
                *mark = Some(edge.from) != document.root;
            }
        }
        Self { document, read, unknowns, placed, owned }
    }

    fn format(&self) -> &SourceFormat {
        &self.read.format
    }

    /// Whether there is a signature around the document. It was not verified.
    fn is_signed(&self) -> bool {
        let signed =
            |wrapper: &Wrapper| matches!(wrapper, Wrapper::Dsse { .. } | Wrapper::SigstoreBundle { .. });
        self.read.wrapped_in.iter().any(signed) || self.lost("signature")
    }

    /// Whether the document has something at `place` that the model has no room for.
    fn lost(&self, place: &str) -> bool {
        let at = |lost: &str| {
            lost.strip_prefix(place).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        self.read.losses.0.keys().any(|lost| at(lost))
    }

    fn judge(&self, rule: &'static Rule) -> RuleResult {
        let mut result = RuleResult {
            rule,
            outcome: Outcome::NotApplicable,
            of_components: matches!(rule.check, Check::Components(_)),
            checked: 0,
            unknown: 0,
            failing: Vec::new(),
        };
        let mut failed = false;
        let mut count = |answer: Answer, index: Option<usize>| {
            result.checked += usize::from(answer != Answer::NotApplicable);
            result.unknown += usize::from(answer == Answer::Unknown);
            if answer == Answer::No {
                failed = true;
                result.failing.extend(index);
            }
        };
        match rule.check {
            Check::Document(check) => count(check(self), None),
            Check::Components(check) => {
                for (index, component) in self.document.components.iter().enumerate() {
                    count(check(self, index, component), Some(index));
                }
            }
        }
        result.outcome = match (failed, result.checked) {
            (true, _) => Outcome::Fail,
            (false, 0) => Outcome::NotApplicable,
            (false, _) => Outcome::Pass,
        };
        result
    }
}

/// Which components have a place among the others: are reached from the root over what makes one thing part of
/// another or needed by it. Without a root, which are an end of any relationship.
fn placed(document: &Document) -> Vec<bool> {
    let mut placed = vec![false; document.components.len()];
    let Some(root) = document.root else {
        for end in document.relationships.iter().flat_map(|edge| [edge.from, edge.to]) {
            if let Some(mark) = placed.get_mut(end) {
                *mark = true;
            }
        }
        return placed;
    };
    let mut open = vec![root];
    while let Some(index) = open.pop() {
        let Some(mark) = placed.get_mut(index).filter(|mark| !**mark) else { continue };
        *mark = true;
        let edges = document.outgoing(index).iter().filter(|edge| belongs(edge.kind));
        open.extend(edges.map(|edge| edge.to));
    }
    // The root itself is placed by what it leads to.
    let alone = document.components.len() > 1 && document.outgoing(root).is_empty();
    if let Some(mark) = placed.get_mut(root) {
        *mark = !alone;
    }
    placed
}

fn belongs(kind: RelationshipKind) -> bool {
    kind.is_need()
        || matches!(
            kind,
            RelationshipKind::OptionalDependsOn
                | RelationshipKind::Recommends
                | RelationshipKind::Suggests
                | RelationshipKind::GeneratedFrom
        )
}

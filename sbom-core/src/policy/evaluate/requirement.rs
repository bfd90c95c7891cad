//! One requirement about one target: whose statements there are, and whether they are as they should be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Judge,
    coverage::Target,
    is_failed,
    select::{Candidate, Word, distinct, words},
};
use crate::{
    attest::verify::Reason as Refused,
    digest::Digest,
    policy::{
        expression::{Expression, Scope},
        facts::{Attestation, Incomplete},
        model::{Content, Requirement, Select, format_name},
        reason::Reason,
        verdict::{Detail, Outcome},
    },
    timestamp::Timestamp,
};

/// How much a verified time may lie ahead, in seconds: clocks differ.
const SKEW: u64 = 300;

/// How one statement ends.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Judged {
    pub(super) fn new(outcome: Outcome, reason: Reason, message: impl Into<String>) -> Self {
        Self { outcome, reason, message: message.into() }
    }

    pub(super) fn pass() -> Self {
        Self::new(Outcome::Pass, Reason::OK, "")
    }
}

/// How one signer's word ends.
struct Heard<'a> {
    judged: Judged,
    /// The statements that decided.
    deciding: Vec<Candidate<'a>>,
}

impl<'a> Judge<'a> {
    /// Whether a requirement is met for one target.
    pub(super) fn target(&self, requirement: &'a Requirement, target: &Target<'a>) -> Finding<'a> {
        let is_wanted = |attestation: &Attestation| {
            requirement.is_type(&attestation.predicate_type) && self.is_about(attestation, target)
        };
        let (candidates, turned_away) =
            self.candidates(&requirement.by, requirement.claimed_time, &is_wanted);
        let mut finding = if candidates.is_empty() {
            self.absent(requirement, target, turned_away)
        } else {
            self.heard(requirement, target, &candidates, turned_away)
        };
        if let Some((reason, message)) = self.incomplete(|kind| requirement.is_type(kind)) {
            // One that is as it should be is enough where any will do; else a newer one may not have been seen.
            // That it was not withdrawn has to be known in any case.
            let is_withdrawal = |it: &Incomplete| it.reason == Reason::WITHDRAWAL_UNKNOWN;
            let stands = finding.outcome == Outcome::Pass
                && requirement.select == Select::Any
                && !self.evidence.incomplete.iter().any(is_withdrawal);
            if !stands {
                finding.outcome = Outcome::Undecided;
                finding.message = format!("not everything about {} could be read: {message}", target.label);
                finding.reason = reason;
            }
        }
        finding
    }

    fn heard(
        &self,
        requirement: &'a Requirement,
        target: &Target<'a>,
        candidates: &[Candidate<'a>],
        turned_away: Vec<Detail>,
    ) -> Finding<'a> {
        let mut details = turned_away;
        let mut chosen = Vec::new();
        let (mut passing, mut possible) = (Vec::new(), Vec::new());
        let mut worst: Option<Judged> = None;
        for (signer, word) in words(candidates, requirement) {
            let heard = self.word(requirement, target, &word);
            for candidate in &heard.deciding {
                chosen.push(candidate.attestation);
                details.push(detail(signer, candidate, &heard.judged));
                let pair = (Digest::of(&candidate.attestation.predicate), (signer, candidate.identity));
                match heard.judged.outcome {
                    Outcome::Pass => passing.push(pair),
                    Outcome::Undecided => possible.push(pair),
                    _ => {}
                }
            }
            if heard.judged.outcome != Outcome::Pass
                && worst.as_ref().is_none_or(|worst| heard.judged.outcome > worst.outcome)
            {
                worst = Some(heard.judged);
            }
        }
        let voices = agreeing(&passing, requirement.agree);
        possible.extend(passing.iter().cloned());
        let finding = if voices >= requirement.threshold {
            let names: BTreeSet<&str> = passing.iter().map(|(_, (name, _))| *name).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            Finding::new(Outcome::Pass, Reason::OK, format!("{} by {names}", called(requirement)))
        } else if agreeing(&possible, requirement.agree) >= requirement.threshold {
            let worst = worst.unwrap_or_else(Judged::pass);
            Finding::new(Outcome::Undecided, worst.reason, worst.message)
        } else if agreeing(&passing, false) >= requirement.threshold {
            let message = format!("fewer than {} of the signers say the same", requirement.threshold);
            Finding::new(Outcome::Fail, Reason::DISAGREE, message)
        } else {
            match worst {
                Some(worst) if passing.is_empty() => Finding::new(Outcome::Fail, worst.reason, worst.message),
                _ => {
                    let message = format!("{voices} of {} distinct signers", requirement.threshold);
                    Finding::new(Outcome::Fail, Reason::THRESHOLD, message)
                }
            }
        };
        Finding { details, chosen, ..finding }
    }

    /// How one signer's word ends, and which of its statements decided.
    fn word(&self, requirement: &'a Requirement, target: &Target<'a>, word: &Word<'a>) -> Heard<'a> {
        let judged: Vec<(Candidate<'a>, Judged)> = word
            .candidates
            .iter()
            .map(|candidate| (*candidate, self.statement(requirement, target, candidate)))
            .collect();
        let with = |outcome: Outcome| judged.iter().filter(move |(_, judged)| judged.outcome == outcome);
        let all = || word.candidates.clone();
        let first = |outcome: Outcome| with(outcome).next().map(|(_, judged)| judged.clone());
        if requirement.select == Select::Any {
            let passing: Vec<Candidate<'a>> = with(Outcome::Pass).map(|(candidate, _)| *candidate).collect();
            if !passing.is_empty() {
                return Heard { judged: Judged::pass(), deciding: passing };
            }
            let best =
                first(Outcome::Undecided).or_else(|| first(Outcome::Fail)).unwrap_or_else(Judged::pass);
            return Heard { judged: best, deciding: all() };
        }
        let failed = first(Outcome::Fail);
        let mixed = failed.is_some() && with(Outcome::Fail).count() < judged.len();
        let decisive = match failed {
            // The newest passes or fails, and which of them is the newest is not known.
            Some(_) if mixed && word.is_ambiguous => Judged::new(
                Outcome::Undecided,
                Reason::TIME_UNVERIFIED,
                "there are several statements, nothing proves which is the newest, and not all are as they should be",
            ),
            Some(failed) => failed,
            None => first(Outcome::Undecided).unwrap_or_else(Judged::pass),
        };
        Heard { judged: decisive, deciding: all() }
    }

    /// How one statement ends.
    fn statement(
        &self,
        requirement: &'a Requirement,
        target: &Target<'a>,
        candidate: &Candidate<'a>,
    ) -> Judged {
        let attestation = candidate.attestation;
        // However old it is: what says no is no reason to let anything pass.
        if is_failed(attestation) {
            let message = "it sums up a verification that failed";
            return Judged::new(Outcome::Fail, Reason::of(Refused::FailedSummary.code()), message);
        }
        let aged = self.age(requirement, candidate);
        if aged.outcome != Outcome::Pass {
            return aged;
        }
        match &requirement.content {
            Content::Sbom { formats, elements, matches } => {
                self.sbom_content(candidate.attestation, target, formats, *elements, *matches)
            }
            Content::Attestation { condition: Some(condition), .. } => self.condition(condition, candidate),
            Content::Attestation { condition: None, .. } => Judged::pass(),
        }
    }

    fn age(&self, requirement: &Requirement, candidate: &Candidate<'a>) -> Judged {
        let Some(time) = candidate.time else {
            return match requirement.max_age {
                None => Judged::pass(),
                Some(_) => Judged::new(
                    Outcome::Undecided,
                    Reason::TIME_UNVERIFIED,
                    "nothing proves when it was signed, so its age is not known",
                ),
            };
        };
        if is_future(time, self.now) {
            let message = format!("it is signed at {time}, and it is {} now", self.now);
            return Judged::new(Outcome::Undecided, Reason::TIME_FUTURE, message);
        }
        let age = self.now.unix().saturating_sub(time.unix());
        match requirement.max_age {
            Some(most) if age > most => {
                let message = format!("signed at {time}, {} ago; {} is allowed", span(age), span(most));
                Judged::new(Outcome::Fail, Reason::STALE, message)
            }
            _ => Judged::pass(),
        }
    }

    fn condition(&self, condition: &Expression, candidate: &Candidate<'a>) -> Judged {
        let attestation = candidate.attestation;
        if let Err(error) = self.limits.config_bytes.check(attestation.predicate.len() as u64) {
            return Judged::new(
                Outcome::Undecided,
                Reason::LIMIT,
                format!("a predicate with a condition: {error}"),
            );
        }
        let predicate: serde_json::Value = match serde_json::from_slice(&attestation.predicate) {
            Ok(predicate) => predicate,
            Err(error) => return Judged::new(Outcome::Fail, Reason::UNREADABLE, error.to_string()),
        };
        let kind = serde_json::Value::from(attestation.predicate_type.uri());
        let image = serde_json::json!({
            "name": self.subject.name,
            "repository": self.subject.repository,
            "tag": self.subject.tag,
            "digest": self.subject.digest.to_string(),
        });
        let scope = Scope::of(&[("predicate", &predicate), ("predicateType", &kind), ("image", &image)]);
        match condition.holds(&scope) {
            Ok(true) => Judged::pass(),
            Ok(false) => Judged::new(
                Outcome::Fail,
                Reason::CONDITION_FALSE,
                format!("this does not hold: {condition}"),
            ),
            Err(error) => {
                Judged::new(Outcome::Undecided, Reason::CONDITION_ERROR, format!("{error}, in: {condition}"))
            }
        }
    }

    /// Why there is nothing that counts.
    fn absent(
        &self,
        requirement: &Requirement,
        target: &Target<'a>,
        turned_away: Vec<Detail>,
    ) -> Finding<'a> {
        let by = requirement.by.join(", ");
        let wanted = called(requirement);
        let mut details = turned_away;
        if let Some(first) = details.first() {
            let message = format!("{wanted} about {} by {by} do not count: {}", target.label, first.message);
            let finding = Finding::new(Outcome::Fail, first.reason.clone(), message);
            return Finding { details, ..finding };
        }
        let mut others = BTreeSet::new();
        let (mut foreign, mut elsewhere) = (false, false);
        for attestation in &self.attestations {
            let of_signer = attestation.signers.iter().any(|signer| requirement.by.contains(&signer.name));
            let (of_type, about) =
                (requirement.is_type(&attestation.predicate_type), self.is_about(attestation, target));
            let names = || {
                attestation.signers.iter().map(|signer| signer.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            match (of_type, about, of_signer) {
                (true, true, false) => {
                    foreign = true;
                    let message = format!("signed by {}", names());
                    details.push(note(&attestation.digest, Reason::SIGNER_MISMATCH, message));
                }
                (false, true, true) => {
                    others.insert(attestation.predicate_type.uri());
                }
                (true, false, true) => elsewhere = true,
                _ => {}
            }
        }
        let refused = self.refused(requirement, &mut details);
        let several = self.subject.runnable().count() > 1;
        let (reason, why) = if foreign {
            (Reason::SIGNER_MISMATCH, "those that there are have other signers".to_owned())
        } else if let Some(reason) = refused {
            (reason, "those that were found were refused".to_owned())
        } else if elsewhere && several {
            (Reason::PLATFORM_MISSING, "other platforms have one".to_owned())
        } else if let Some(other) = others.first() {
            (Reason::WRONG_TYPE, format!("there are others, as {other}"))
        } else {
            (Reason::NO_ATTESTATION, "nothing was found".to_owned())
        };
        let message = format!("{wanted} about {} by {by}: {why}", target.label);
        Finding { details, ..Finding::new(Outcome::Fail, reason, format!("no {message}")) }
    }

    /// What verification refused and might have been wanted. The reason is that of all, if they have one.
    fn refused(&self, requirement: &Requirement, details: &mut Vec<Detail>) -> Option<Reason> {
        let mut reasons = BTreeSet::new();
        for refusal in &self.evidence.refusals {
            if refusal.predicate_type.as_ref().is_some_and(|kind| !requirement.is_type(kind)) {
                continue;
            }
            reasons.insert(&refusal.reason);
            let about = refusal.digest.as_ref().map(ToString::to_string).unwrap_or_default();
            details.push(Detail { about, reason: refusal.reason.clone(), message: refusal.message.clone() });
        }
        let first = reasons.first().copied().cloned();
        first.map(|first| if reasons.len() == 1 { first } else { Reason::NO_ATTESTATION })
    }
}

/// How messages call what is asked for.
fn called(requirement: &Requirement) -> String {
    match &requirement.content {
        Content::Sbom { formats, .. } => {
            let formats: Vec<String> = formats.iter().map(|format| format_name(*format).to_owned()).collect();
            format!("SBOM ({})", formats.join(" or "))
        }
        Content::Attestation { kind, .. } => format!("attestation ({kind})"),
    }
}

/// The number of distinct signers among those who pass; where they must agree, of the largest group that does.
fn agreeing(passing: &[(Digest, (&str, &str))], agree: bool) -> usize {
    let mut groups: BTreeMap<Option<&Digest>, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (predicate, pair) in passing {
        groups.entry(agree.then_some(predicate)).or_default().insert(*pair);
    }
    groups.values().map(distinct).max().unwrap_or(0)
}

fn detail(signer: &str, candidate: &Candidate<'_>, judged: &Judged) -> Detail {
    let time = match candidate.time {
        Some(time) if candidate.is_proven => format!("signed at {time}"),
        Some(time) => format!("made at {time} by its own word"),
        None => "at a time that nothing proves".to_owned(),
    };
    let message = match judged.outcome {
        Outcome::Pass => format!("by {signer}, {time}"),
        _ => format!("by {signer}, {time}: {}", judged.message),
    };
    note(&candidate.attestation.digest, judged.reason.clone(), message)
}

fn note(about: &Digest, reason: Reason, message: String) -> Detail {
    Detail { about: about.to_string(), reason, message }
}

/// Whether a time lies further ahead than clocks differ.
pub(super) fn is_future(time: Timestamp, now: Timestamp) -> bool {
    time.unix() > now.unix().saturating_add(SKEW)
}

/// A span of time in its largest unit.
pub(super) fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

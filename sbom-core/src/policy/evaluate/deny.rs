//! Packages and licences that must not be in a bill of materials.

use std::collections::BTreeMap;

use super::{Chosen, Exceptions, Finding, Judge};
use crate::{
    document::model::{Component, ComponentKind, Document},
    policy::{
        license::{Judgement, LicenseEntry, judge},
        model::Denied,
        package::PackagePattern,
        reason::Reason,
        verdict::{Check, Detail, Outcome},
    },
    purl::Purl,
};

/// What was found, and how bad that is.
pub(super) struct Hit {
    pub(super) outcome: Outcome,
    pub(super) detail: Detail,
}

impl<'a> Judge<'a> {
    /// One check of forbidden packages for each platform that has a bill of materials.
    pub(super) fn packages(
        &self,
        denied: &Denied<PackagePattern>,
        sboms: &[Chosen<'a>],
        exceptions: &Exceptions<'a>,
        path: &str,
    ) -> Vec<Check> {
        self.each_sbom(sboms, denied.line, path, "package", |document| {
            let components = document.components.iter().filter(|component| is_software(component));
            components.flat_map(|component| packages_of(component, &denied.entries, exceptions)).collect()
        })
    }

    /// One check of forbidden licences for each platform that has a bill of materials.
    pub(super) fn licenses(
        &self,
        denied: &Denied<LicenseEntry>,
        sboms: &[Chosen<'a>],
        exceptions: &Exceptions<'a>,
        path: &str,
    ) -> Vec<Check> {
        self.each_sbom(sboms, denied.line, path, "licence", |document| {
            let root = document.root;
            let components = document.components.iter().enumerate();
            let components =
                components.filter(|(index, component)| Some(*index) != root && is_software(component));
            components
                .flat_map(|(_, component)| licenses_of(component, &denied.entries, exceptions))
                .collect()
        })
    }

    fn each_sbom(
        &self,
        sboms: &[Chosen<'a>],
        line: usize,
        path: &str,
        what: &str,
        look: impl Fn(&Document) -> Vec<Hit>,
    ) -> Vec<Check> {
        let mut by_platform: BTreeMap<&str, Vec<Hit>> = BTreeMap::new();
        for chosen in sboms {
            if let Ok(sbom) = &*self.sbom(chosen.attestation) {
                by_platform.entry(&chosen.platform).or_default().extend(look(&sbom.read.document));
            }
        }
        checks(by_platform, line, path, what, "bill of materials")
    }
}

/// One check for each platform; a single skipped one if there is nothing to look into.
pub(super) fn checks(
    by_platform: BTreeMap<&str, Vec<Hit>>,
    line: usize,
    path: &str,
    what: &str,
    source: &str,
) -> Vec<Check> {
    if by_platform.is_empty() {
        let message = format!("there is no {source} to look into");
        return vec![
            Finding::new(Outcome::Skip, Reason::NO_ATTESTATION, message).into_check(path, line, None),
        ];
    }
    let of_platform = |(platform, hits): (&str, Vec<Hit>)| {
        let worst = hits.iter().max_by_key(|hit| hit.outcome);
        let count = |outcome: Outcome| hits.iter().filter(|hit| hit.outcome == outcome).count();
        let finding = match worst.map(|hit| (hit.outcome, hit.detail.reason.clone())) {
            Some((Outcome::Fail, reason)) => Finding::new(
                Outcome::Fail,
                reason,
                format!("{} findings that the policy denies", count(Outcome::Fail)),
            ),
            Some((Outcome::Undecided, reason)) => {
                let message = format!(
                    "of {} {what} findings it is not known whether the policy denies them",
                    count(Outcome::Undecided)
                );
                Finding::new(Outcome::Undecided, reason, message)
            }
            _ => Finding::new(Outcome::Pass, Reason::OK, format!("no {what} that the policy denies")),
        };
        let details = hits.into_iter().map(|hit| hit.detail).collect();
        Finding { details, ..finding }.into_check(path, line, Some(platform.to_owned()))
    };
    by_platform.into_iter().map(of_platform).collect()
}

fn is_software(component: &Component) -> bool {
    component.kind != ComponentKind::File
}

fn packages_of(component: &Component, patterns: &[PackagePattern], exceptions: &Exceptions<'_>) -> Vec<Hit> {
    let purl: Option<Purl> = component.purl.as_deref().and_then(|purl| purl.parse().ok());
    let mut hits = Vec::new();
    for pattern in patterns {
        let (outcome, message) = match &purl {
            Some(purl) => match pattern.matches(purl) {
                Some(false) => continue,
                Some(true) => (Outcome::Fail, format!("denied by {pattern}")),
                None => (Outcome::Undecided, format!("its version cannot be compared with {pattern}")),
            },
            None if pattern.may_mean(component) => {
                (Outcome::Undecided, format!("it has no package URL, and its name is that of {pattern}"))
            }
            None => continue,
        };
        if exceptions.except(&[pattern.source()], purl.as_ref()) {
            continue;
        }
        let reason = if outcome == Outcome::Fail { Reason::PACKAGE_DENIED } else { Reason::PACKAGE_UNKNOWN };
        hits.push(Hit { outcome, detail: Detail { about: called(component), reason, message } });
    }
    hits
}

fn licenses_of(component: &Component, entries: &[LicenseEntry], exceptions: &Exceptions<'_>) -> Vec<Hit> {
    let (declared, concluded) =
        (component.declared.expression.as_deref(), component.concluded.expression.as_deref());
    // What has neither has no known licence.
    let mut expressions: Vec<Option<&str>> = declared.into_iter().chain(concluded).map(Some).collect();
    if expressions.is_empty() {
        expressions.push(None);
    }
    let purl: Option<Purl> = component.purl.as_deref().and_then(|purl| purl.parse().ok());
    let mut hits = Vec::new();
    for expression in expressions {
        let (outcome, reason, terms, message) = match judge(entries, expression) {
            Judgement::Permitted => continue,
            Judgement::Forbidden(terms) => {
                let message = format!(
                    "{}: {} is denied",
                    expression.unwrap_or("no licence is known"),
                    terms.join(", ")
                );
                (Outcome::Fail, Reason::LICENSE_DENIED, terms, message)
            }
            Judgement::Unreadable => {
                let text: String = expression.unwrap_or_default().chars().take(200).collect();
                let message = format!("{text:?} is no licence expression");
                (Outcome::Undecided, Reason::LICENSE_UNKNOWN, vec![text], message)
            }
        };
        // Of several terms that are denied each has to be excepted.
        let excepted = terms.iter().filter(|term| exceptions.except(&[term.as_str()], purl.as_ref())).count();
        if excepted < terms.len() {
            hits.push(Hit { outcome, detail: Detail { about: called(component), reason, message } });
        }
    }
    hits
}

/// The package URL, else name and version.
fn called(component: &Component) -> String {
    component.purl.clone().unwrap_or_else(|| match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    })
}

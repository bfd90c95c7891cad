//! Vulnerabilities that a signed report lists, and which of them count.
//!
//! Sources: cosign's `COSIGN_VULN_ATTESTATION_SPEC.md`, whose `scanner.result` is the scanner's own: Trivy's and Grype's
//! JSON are read; in-toto's `vulns` predicate 0.1 and 0.2. What a report of another form says is not known.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Chosen, Exceptions, Judge,
    deny::{Hit, checks},
    requirement::{is_future, span},
    vex::{Vex, Word},
};
use crate::{
    attest::predicate::Family,
    policy::{
        model::{Severity, VulnRule},
        reason::Reason,
        verdict::{Check, Detail, Outcome},
    },
    purl::Purl,
    timestamp::Timestamp,
};

/// A vulnerability of a package.
#[derive(Debug)]
struct Vulnerability {
    id: String,
    severity: Option<Severity>,
    fixable: Option<bool>,
    /// When it became known to the public.
    published: Option<Timestamp>,
    package: Option<Purl>,
    /// The package as messages call it.
    called: String,
}

impl<'a> Judge<'a> {
    /// One check for each platform that has a report.
    pub(super) fn vulns(
        &self,
        rule: &'a VulnRule,
        reports: &[Chosen<'a>],
        exceptions: &Exceptions<'a>,
        path: &str,
    ) -> Vec<Check> {
        let documents = self.vex(rule);
        let first_seen = if rule.grace.is_some() { self.first_seen() } else { BTreeMap::new() };
        let mut by_platform: BTreeMap<&str, Vec<Hit>> = BTreeMap::new();
        for chosen in reports {
            let hits = by_platform.entry(&chosen.platform).or_default();
            let vex = Vex::of(self, &documents, chosen.manifest);
            hits.extend(vex.unread());
            let about = chosen.attestation.digest.to_string();
            match read(&chosen.attestation.predicate) {
                Ok(found) => hits.extend(found.iter().filter_map(|vulnerability| {
                    self.vulnerability(rule, vulnerability, &vex, &first_seen, exceptions)
                })),
                Err(message) => hits.push(Hit {
                    outcome: Outcome::Undecided,
                    detail: Detail { about, reason: Reason::VULN_UNKNOWN, message },
                }),
            }
        }
        checks(by_platform, rule.line, path, "vulnerability", "report")
    }

    /// What a vulnerability counts as; none if it does not count.
    fn vulnerability(
        &self,
        rule: &VulnRule,
        found: &Vulnerability,
        vex: &Vex<'_>,
        first_seen: &BTreeMap<String, Timestamp>,
        exceptions: &Exceptions<'_>,
    ) -> Option<Hit> {
        if found.severity.is_some_and(|severity| severity < rule.min) {
            return None;
        }
        let word = vex.on(&found.id, found.package.as_ref());
        if word == Word::Cleared {
            return None;
        }
        let mut unknown = Vec::new();
        match found.fixable {
            Some(false) if rule.fixable_only => return None,
            None if rule.fixable_only => unknown.push("whether it can be fixed"),
            _ => {}
        }
        if found.severity.is_none() && rule.min > Severity::None {
            unknown.push("its severity");
        }
        let mut excused = None;
        if let Some(grace) = rule.grace {
            let seen = first_seen.get(&found.id).copied();
            // What is published in time to come is not known since then.
            let published = found.published.filter(|time| !is_future(*time, self.now));
            match published.into_iter().chain(seen).min() {
                Some(known) if self.now.unix().saturating_sub(known.unix()) <= grace => {
                    // A report that was not looked at may be older.
                    match self.incomplete(|kind| kind.family() == Some(Family::Vulnerabilities)) {
                        None => return None,
                        doubt => excused = doubt.map(|doubt| (grace, doubt)),
                    }
                }
                Some(_) => {}
                None => unknown.push("since when it is known"),
            }
        }
        if exceptions.except(&[&found.id], found.package.as_ref()) {
            return None;
        }
        let severity = found.severity.map_or("of unknown severity", Severity::name);
        let about = found.id.clone();
        if let Word::Doubtful(reason, why) = word {
            let message =
                format!("{severity}, in {}; VEX clears it, and may not be the latest: {why}", found.called);
            let detail = Detail { about, reason: reason.clone(), message };
            return Some(Hit { outcome: Outcome::Undecided, detail });
        }
        if let Some((grace, (reason, why))) = excused {
            let message = format!(
                "{severity}, in {}; known for less than {}, unless a report is older that was not looked at: {why}",
                found.called,
                span(grace)
            );
            return Some(Hit { outcome: Outcome::Undecided, detail: Detail { about, reason, message } });
        }
        if !unknown.is_empty() {
            let message =
                format!("{severity}, in {}; the report does not say {}", found.called, unknown.join(", or "));
            return Some(Hit {
                outcome: Outcome::Undecided,
                detail: Detail { about, reason: Reason::VULN_UNKNOWN, message },
            });
        }
        let grace =
            rule.grace.map(|grace| format!(", known for more than {}", span(grace))).unwrap_or_default();
        let message = format!("{severity}, in {}{grace}", found.called);
        Some(Hit { outcome: Outcome::Fail, detail: Detail { about, reason: Reason::VULN, message } })
    }

    /// When each vulnerability was first reported for this image, at a time that is proven.
    fn first_seen(&self) -> BTreeMap<String, Timestamp> {
        let mut seen: BTreeMap<String, Timestamp> = BTreeMap::new();
        let reports = self.attestations.iter().filter(|attestation| {
            attestation.predicate_type.family() == Some(Family::Vulnerabilities)
                && self.subject.digests().any(|digest| attestation.subjects.contains(digest))
        });
        for (attestation, time) in
            reports.filter_map(|attestation| Some((attestation, attestation.verified_time?)))
        {
            for found in read(&attestation.predicate).unwrap_or_default() {
                let earliest = seen.entry(found.id).or_insert(time);
                *earliest = time.min(*earliest);
            }
        }
        seen
    }
}

#[derive(Deserialize)]
struct Report {
    scanner: Scanner,
}

#[derive(Deserialize)]
struct Scanner {
    result: Option<ScannerResult>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ScannerResult {
    InToto(Vec<InTotoEntry>),
    Own(OwnResult),
}

#[derive(Deserialize)]
struct InTotoEntry {
    id: String,
    #[serde(default)]
    severity: Vec<InTotoSeverity>,
}

#[derive(Deserialize)]
struct InTotoSeverity {
    score: serde_json::Value,
}

/// What a scanner writes; the fields tell which one.
#[derive(Deserialize)]
struct OwnResult {
    #[serde(rename = "SchemaVersion")]
    trivy_schema: Option<u32>,
    #[serde(rename = "Results")]
    trivy: Option<Vec<TrivyResult>>,
    #[serde(rename = "matches")]
    grype: Option<Vec<GrypeMatch>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    vulnerabilities: Option<Vec<TrivyVulnerability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: Option<String>,
    pkg_identifier: Option<TrivyIdentifier>,
    installed_version: Option<String>,
    fixed_version: Option<String>,
    severity: Option<String>,
    published_date: Option<String>,
}

#[derive(Deserialize)]
struct TrivyIdentifier {
    #[serde(rename = "PURL")]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    artifact: GrypeArtifact,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
    severity: Option<String>,
    fix: Option<GrypeFix>,
}

#[derive(Deserialize)]
struct GrypeFix {
    state: Option<String>,
}

#[derive(Deserialize)]
struct GrypeArtifact {
    name: Option<String>,
    version: Option<String>,
    purl: Option<String>,
}

/// What a report lists.
fn read(predicate: &[u8]) -> Result<Vec<Vulnerability>, String> {
    let report: Report =
        serde_json::from_slice(predicate).map_err(|error| format!("it is no report: {error}"))?;
    match report.scanner.result {
        Some(ScannerResult::InToto(entries)) => Ok(entries.into_iter().map(of_in_toto).collect()),
        Some(ScannerResult::Own(OwnResult { grype: Some(matches), .. })) => {
            Ok(matches.into_iter().map(of_grype).collect())
        }
        Some(ScannerResult::Own(OwnResult { trivy: Some(results), .. })) => {
            let listed = results.into_iter().filter_map(|result| result.vulnerabilities).flatten();
            Ok(listed.map(of_trivy).collect())
        }
        // Trivy leaves the list out where there is nothing to list.
        Some(ScannerResult::Own(OwnResult { trivy_schema: Some(_), .. })) => Ok(Vec::new()),
        _ => Err("its scanner.result is neither Trivy's, nor Grype's, nor in-toto's".to_owned()),
    }
}

/// The worst that any method says; none if one of them says what cannot be read.
fn of_in_toto(entry: InTotoEntry) -> Vulnerability {
    let severities = entry.severity.iter().map(|severity| match &severity.score {
        serde_json::Value::String(text) => match text.parse::<f64>() {
            Ok(score) => Severity::scored(score),
            Err(_) => Severity::named(text),
        },
        serde_json::Value::Number(number) => number.as_f64().and_then(Severity::scored),
        _ => None,
    });
    let severity = severities.collect::<Option<Vec<_>>>().and_then(|severities| severities.into_iter().max());
    let called = "a package that the report does not name".to_owned();
    Vulnerability { id: entry.id, severity, fixable: None, published: None, package: None, called }
}

fn of_trivy(found: TrivyVulnerability) -> Vulnerability {
    let purl = found.pkg_identifier.and_then(|identifier| identifier.purl);
    Vulnerability {
        id: found.id,
        severity: found.severity.as_deref().and_then(Severity::named),
        fixable: Some(found.fixed_version.is_some_and(|version| !version.is_empty())),
        published: found.published_date.and_then(|date| date.parse().ok()),
        called: called(purl.as_deref(), found.pkg_name, found.installed_version),
        package: purl.and_then(|purl| purl.parse().ok()),
    }
}

fn of_grype(found: GrypeMatch) -> Vulnerability {
    let fixable = match found.vulnerability.fix.and_then(|fix| fix.state).as_deref() {
        Some("fixed") => Some(true),
        Some("not-fixed" | "wont-fix") => Some(false),
        _ => None,
    };
    Vulnerability {
        id: found.vulnerability.id,
        severity: found.vulnerability.severity.as_deref().and_then(Severity::named),
        fixable,
        published: None,
        called: called(found.artifact.purl.as_deref(), found.artifact.name, found.artifact.version),
        package: found.artifact.purl.and_then(|purl| purl.parse().ok()),
    }
}

fn called(purl: Option<&str>, name: Option<String>, version: Option<String>) -> String {
    match purl {
        Some(purl) => purl.to_owned(),
        None => format!("{} {}", name.unwrap_or_default(), version.unwrap_or_default()).trim().to_owned(),
    }
}

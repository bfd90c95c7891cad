//! Verdicts as SARIF 2.1.0: a result for each check that does not pass, its reason as the rule, the line of the policy
//! as the place, the image as the logical place.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use sbom_core::{
    digest::Digest,
    policy::{
        Reason, Verdict,
        verdict::{Check, RuleVerdict},
    },
    purl::Purl,
};
use serde_json::{Value, json};

use super::{Level, faults, paragraph, place};

/// Writes one run.
pub(super) fn write(verdicts: &[Verdict], policy: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: BTreeMap<&Reason, usize> = BTreeMap::new();
    for reason in verdicts.iter().flat_map(Verdict::reasons) {
        rules.insert(reason, 0);
    }
    rules.values_mut().enumerate().for_each(|(index, place)| *place = index);
    let mut results = Vec::new();
    for verdict in verdicts {
        if verdict.rules.is_empty() && verdict.decision != sbom_core::policy::Decision::Allow {
            results.push(of_verdict(verdict, policy, &rules));
        }
        for (level, rule, check) in faults(verdict) {
            results.push(result(verdict, level, rule, check, policy, &rules));
        }
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sbomctl",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.keys().map(|reason| descriptor(reason)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn descriptor(reason: &Reason) -> Value {
    let mut descriptor = json!({"id": reason.code(), "shortDescription": {"text": reason.title()}});
    if !reason.help().is_empty()
        && let Some(members) = descriptor.as_object_mut()
    {
        members.insert("help".to_owned(), json!({"text": reason.help()}));
    }
    descriptor
}

fn result(
    verdict: &Verdict,
    level: Level,
    rule: &RuleVerdict,
    check: &Check,
    policy: &str,
    rules: &BTreeMap<&Reason, usize>,
) -> Value {
    let level = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let name = rule.name.as_deref().map(|name| format!(", rule {name}")).unwrap_or_default();
    let text = format!("{}{name}: {}", place(verdict, check), paragraph(check));
    let fingerprint = format!("{} {} {:?}", verdict.image, check.path, check.platform);
    entry(verdict, &check.reason, level, &text, (policy, check.line), &fingerprint, rules)
}

/// What has no check: an expired policy, an image that no rule is for.
fn of_verdict(verdict: &Verdict, policy: &str, rules: &BTreeMap<&Reason, usize>) -> Value {
    let level = if verdict.decision == sbom_core::policy::Decision::Warn { "warning" } else { "error" };
    let text = format!("{}: {}", verdict.image, verdict.message);
    entry(verdict, &verdict.reason, level, &text, (policy, 1), &verdict.image, rules)
}

fn entry(
    verdict: &Verdict,
    reason: &Reason,
    level: &str,
    text: &str,
    (policy, line): (&str, usize),
    fingerprint: &str,
    rules: &BTreeMap<&Reason, usize>,
) -> Value {
    json!({
        "ruleId": reason.code(),
        "ruleIndex": rules.get(reason),
        "level": level,
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(policy)}, "region": {"startLine": line}},
            "logicalLocations": [{"fullyQualifiedName": purl(verdict), "kind": "module"}],
        }],
        "partialFingerprints": {"imageAndCheck/v1": Digest::of(fingerprint.as_bytes()).hex()},
    })
}

/// The image as a package URL, with its digest as the version.
fn purl(verdict: &Verdict) -> String {
    let reference = verdict.image.parse::<sbom_core::oci::reference::Reference>();
    let repository =
        reference.map_or_else(|_other| verdict.image.clone(), |image| image.repository().to_string());
    let name = repository.rsplit('/').next().unwrap_or_default();
    Purl::new("oci", name).version(&verdict.digest).qualifier("repository_url", &repository).to_string()
}

/// A file name as a relative reference: what means something in one is encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'-' | b'_' | b'~');
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

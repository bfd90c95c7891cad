//! Which images need what.

use super::{
    fields::{Field, Fields, Reader},
    requirement, values,
};
use crate::attest::predicate::Family;
use crate::policy::{
    image::ImagePattern,
    license::LicenseEntry,
    model::{BaseRule, Content, Denied, Exception, Mode, Requirement, Rule, Severity, VulnRule},
    package::PackagePattern,
};

pub(super) const RULE: &[&str] = &["name", "images", "mode", "require", "deny", "base", "exceptions"];
pub(super) const DENY: &[&str] = &["packages", "licenses", "vulns"];
pub(super) const VULNS: &[&str] = &["min", "fixableOnly", "grace", "vex"];
pub(super) const VEX: &[&str] = &["by"];
pub(super) const BASE: &[&str] = &["allow", "maxAge"];
pub(super) const EXCEPTION: &[&str] = &["id", "until", "reason", "image"];

const MODE: &[(&str, Mode)] = &[("enforce", Mode::Enforce), ("warn", Mode::Warn), ("audit", Mode::Audit)];
const SEVERITY: &[(&str, Severity)] = &[
    ("none", Severity::None),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

/// One rule.
pub(super) fn rule(reader: &mut Reader, field: &Field<'_>, known: &[String]) -> Option<Rule> {
    let fields = reader.map(field.node, &field.path, RULE)?;
    let name = fields.get("name").and_then(|field| reader.text(&field)).map(str::to_owned);
    let images = fields.required(reader, "images").map(|field| patterns(reader, field)).unwrap_or_default();
    let mode = fields.get("mode").and_then(|field| reader.word(field, MODE)).unwrap_or(Mode::Enforce);
    let mut require = Vec::new();
    if let Some(field) = fields.get("require") {
        for field in reader.some_of(field) {
            require.extend(requirement::requirement(reader, &field, known));
        }
    }
    let mut rule = Rule {
        line: fields.line(),
        name,
        images,
        mode,
        require,
        packages: None,
        licenses: None,
        vulns: None,
        base: fields.get("base").and_then(|field| base(reader, &field)),
        exceptions: Vec::new(),
    };
    if let Some(fields) = fields.get("deny").and_then(|field| reader.map(field.node, &field.path, DENY)) {
        deny(reader, &fields, known, &mut rule);
    }
    if let Some(field) = fields.get("exceptions") {
        for field in reader.list(field) {
            rule.exceptions.extend(exception(reader, &field));
        }
    }
    if ["require", "deny", "base"].iter().all(|key| fields.get(key).is_none()) {
        fields.combination(
            reader,
            "a rule needs at least one of require, deny and base: it would let everything pass",
        );
    }
    Some(rule)
}

fn patterns(reader: &mut Reader, field: Field<'_>) -> Vec<ImagePattern> {
    values::each(reader, field, str::parse)
}

/// What is denied must be said by somebody: without a statement to look into there would be nothing to deny.
fn deny(reader: &mut Reader, fields: &Fields<'_>, known: &[String], rule: &mut Rule) {
    let list = |field: &Field<'_>| field.node.place.line;
    rule.packages = fields.get("packages").map(|field| Denied {
        line: list(&field),
        entries: values::each(reader, field, str::parse::<PackagePattern>),
    });
    rule.licenses = fields.get("licenses").map(|field| Denied {
        line: list(&field),
        entries: values::each(reader, field, str::parse::<LicenseEntry>),
    });
    rule.vulns = fields.get("vulns").and_then(|field| vulns(reader, &field, known));
    let has = |wanted: fn(&Requirement) -> bool| rule.require.iter().any(wanted);
    let of_sbom = rule.packages.is_some() || rule.licenses.is_some();
    if of_sbom && !has(|requirement| matches!(requirement.content, Content::Sbom { .. })) {
        fields.combination(reader, "packages and licenses need `require: - sbom:` in this rule, which says whose bill of materials is believed");
    }
    if rule.vulns.is_some() && !has(is_report) {
        fields.combination(reader, "vulns needs `require: - attestation: {type: vuln}` in this rule, which says whose report is believed, and how old it may be");
    }
}

fn is_report(requirement: &Requirement) -> bool {
    matches!(&requirement.content, Content::Attestation { kind, .. } if kind.family() == Some(Family::Vulnerabilities))
}

fn vulns(reader: &mut Reader, field: &Field<'_>, known: &[String]) -> Option<VulnRule> {
    let fields = reader.map(field.node, &field.path, VULNS)?;
    let min = fields.required(reader, "min").and_then(|field| reader.word(field, SEVERITY));
    let fixable_only = fields.get("fixableOnly").and_then(|field| reader.truth(&field)).unwrap_or(false);
    let grace = fields.get("grace").and_then(|field| values::span(reader, field));
    let mut vex = Vec::new();
    if let Some(fields) = fields.get("vex").and_then(|field| reader.map(field.node, &field.path, VEX)) {
        vex = fields
            .required(reader, "by")
            .map(|field| values::signers(reader, field, known))
            .unwrap_or_default();
    }
    Some(VulnRule { line: fields.line(), min: min?, fixable_only, grace, vex })
}

fn base(reader: &mut Reader, field: &Field<'_>) -> Option<BaseRule> {
    let fields = reader.map(field.node, &field.path, BASE)?;
    let allow = fields.get("allow").map(|field| patterns(reader, field)).unwrap_or_default();
    let max_age = fields.get("maxAge").and_then(|field| values::span(reader, field));
    if fields.get("allow").is_none() && max_age.is_none() {
        fields.combination(reader, "base needs allow or maxAge");
    }
    Some(BaseRule { line: fields.line(), allow, max_age })
}

fn exception(reader: &mut Reader, field: &Field<'_>) -> Option<Exception> {
    let fields = reader.map(field.node, &field.path, EXCEPTION)?;
    let id = fields.required(reader, "id");
    let until = fields.required(reader, "until").and_then(|field| values::last_moment(reader, field));
    let reason = fields.required(reader, "reason").and_then(|field| reader.text(&field)).map(str::to_owned);
    let image = fields.get("image").and_then(|field| reader.parsed(&field, str::parse));
    let id = id?;
    let text = reader.text(&id)?;
    let package =
        if text.starts_with("pkg:") { Some(reader.parsed(&id, str::parse::<PackagePattern>)?) } else { None };
    Some(Exception { id: text.to_owned(), package, until: until?, reason: reason?, image })
}

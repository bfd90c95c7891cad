//! Rules about licences.

use std::collections::BTreeMap;

use spdx::{Expression, ParseMode, error::Reason};

use crate::validate::{
    Examined, Findings, Quoted, Rule,
    Severity::{Error, Warning},
    raw::Kind,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "license-expression",
        severity: Error,
        says: "a licence expression follows the grammar of SPDX",
        mend: "join identifiers by AND, OR, WITH; what is not on the SPDX list becomes a `LicenseRef-…`",
        check: expression,
    },
    Rule {
        id: "license-listed",
        severity: Error,
        says: "a licence that is named by an SPDX identifier is on the SPDX list, in this spelling",
        mend: "write the identifier as the list has it, or give the licence by name and text",
        check: listed,
    },
    Rule {
        id: "license-deprecated",
        severity: Warning,
        says: "the SPDX list does not call an identifier deprecated",
        mend: "write what the list puts in its place, as `GPL-2.0-only` for `GPL-2.0`",
        check: deprecated,
    },
    Rule {
        id: "license-text",
        severity: Error,
        says: "a `LicenseRef-…` that an expression names is defined in the document, with its text (SPDX)",
        mend: "add it to `hasExtractedLicensingInfos` (SPDX 2) or `simplelicensing_customIdToUri` (SPDX 3)",
        check: text,
    },
];

/// An expression longer than this is not looked into; nobody writes one.
const MAX_BYTES: usize = 64 << 10;

/// What the parser says of an expression.
fn parsed(text: &str) -> Result<Expression, Reason> {
    if text.len() > MAX_BYTES {
        return Err(Reason::InvalidCharacters);
    }
    let mode = ParseMode { allow_deprecated: true, allow_postfix_plus_on_gpl: true, ..ParseMode::STRICT };
    Expression::parse_mode(text, mode).map_err(|error| error.reason)
}

/// Whether an identifier that is not known is all that is wrong.
fn is_unlisted(reason: &Reason) -> bool {
    matches!(reason, Reason::UnknownLicense | Reason::UnknownException | Reason::UnknownTerm)
}

fn expression(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Expression) {
        if let Err(reason) = parsed(&fact.text).map_err(|reason| (!is_unlisted(&reason)).then_some(reason)) {
            let Some(reason) = reason else { continue };
            let message = || format!("{}: {reason}", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

fn listed(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::LicenseId) {
        // Some tools put exceptions there, which the schema of CycloneDX allows.
        if !is_listed(&fact.text) && spdx::exception_id(&fact.text).is_none() {
            findings
                .add(|| examined.raw.place(fact), || format!("{} is not on the list", Quoted(&fact.text)));
        }
    }
    for fact in examined.raw.of(Kind::Expression) {
        if parsed(&fact.text).is_err_and(|reason| is_unlisted(&reason)) {
            let message = || format!("{} names what is not on the list", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

fn deprecated(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::LicenseId) {
        if is_deprecated(&fact.text) {
            findings.add(|| examined.raw.place(fact), || format!("{} is deprecated", Quoted(&fact.text)));
        }
    }
    for fact in examined.raw.of(Kind::Expression).filter(|fact| fact.text.len() <= MAX_BYTES) {
        // By words, for `GPL-2.0+` is an identifier of its own, which the parser takes for `GPL-2.0` and a plus.
        if let Some(old) = words(&fact.text).find(|word| is_deprecated(word)) {
            findings.add(|| examined.raw.place(fact), || format!("{} is deprecated", Quoted(old)));
        }
    }
}

/// Whether a licence is on the list by this name. The list has a plus in names of the old GNU licences alone.
fn is_listed(id: &str) -> bool {
    spdx::license_id(id).is_some_and(|known| known.name == id || known.is_gnu() && known.is_deprecated())
}

fn is_deprecated(id: &str) -> bool {
    spdx::license_id(id).is_some_and(spdx::LicenseId::is_deprecated)
        || spdx::exception_id(id).is_some_and(spdx::ExceptionId::is_deprecated)
}

/// The words of an expression.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    let separates = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
    expression.split(separates).filter(|word| !word.is_empty())
}

fn text(examined: &Examined<'_>, findings: &mut Findings) {
    if examined.is_cyclonedx() {
        return;
    }
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    for fact in examined.raw.of(Kind::License) {
        let has_text = fact.beside.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !has_text {
            let message = || format!("{} is defined without a text", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        }
        known.insert(&fact.text, has_text);
    }
    for fact in examined.raw.of(Kind::Expression) {
        for id in words(&fact.text).filter(|word| word.starts_with("LicenseRef-")) {
            if !known.contains_key(id.trim_end_matches('+')) {
                findings.add(|| examined.raw.place(fact), || format!("{} is not defined", Quoted(id)));
            }
        }
    }
}

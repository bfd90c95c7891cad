//! Rules about what a document says of itself: its identity, its times, its authors.

use crate::{
    document::{Timestamp, syntax::is_mail, timestamp::TimestampError},
    validate::{
        Examined, Findings, Quoted, Rule,
        Severity::{Error, Warning},
        raw::Kind,
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "serial-form",
        severity: Error,
        says: "`serialNumber` is `urn:uuid:` and a UUID in lower-case hex (CycloneDX)",
        mend: "write a UUID of RFC 4122 in its canonical form",
        check: serial_form,
    },
    Rule {
        id: "serial-missing",
        severity: Warning,
        says: "a document has a `serialNumber`, so that others can refer to it (CycloneDX)",
        mend: "add `serialNumber`",
        check: serial_missing,
    },
    Rule {
        id: "namespace-form",
        severity: Error,
        says: "`documentNamespace` is an absolute address without `#` (SPDX 2)",
        mend: "give the document an address of its own, as `https://HOST/spdx/NAME/UUID`",
        check: namespace_form,
    },
    Rule {
        id: "data-license",
        severity: Error,
        says: "`dataLicense` is CC0-1.0 (SPDX 2)",
        mend: "write `CC0-1.0`, which SPDX demands",
        check: data_license,
    },
    Rule {
        id: "timestamp-form",
        severity: Error,
        says: "a time is one of RFC 3339; in SPDX in UTC, with `Z`, to the second",
        mend: "write `2024-02-29T12:00:00Z`",
        check: timestamp_form,
    },
    Rule {
        id: "creator-form",
        severity: Error,
        says: "a creator is `Tool: …`, `Person: …` or `Organization: …`, a supplier or originator one of the latter \
               two (SPDX 2)",
        mend: "put the kind before the name; a mail address follows the name in parentheses",
        check: creator_form,
    },
    Rule {
        id: "mail-form",
        severity: Warning,
        says: "a mail address is one",
        mend: "correct the address, or leave it out",
        check: mail_form,
    },
];

fn serial_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Serial).filter(|fact| !is_serial(&fact.text)) {
        findings.add(|| examined.raw.place(fact), || format!("{} is no serial number", Quoted(&fact.text)));
    }
}

fn is_serial(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    let groups: Vec<&str> = uuid.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn serial_missing(examined: &Examined<'_>, findings: &mut Findings) {
    if examined.is_cyclonedx() && examined.raw.of(Kind::Serial).next().is_none() {
        findings.add(|| "serialNumber".to_owned(), || "there is none".to_owned());
    }
}

fn namespace_form(examined: &Examined<'_>, findings: &mut Findings) {
    let mut namespaces = examined.raw.of(Kind::Namespace).peekable();
    if examined.is_spdx2() && namespaces.peek().is_none() {
        findings.add(|| "documentNamespace".to_owned(), || "there is none".to_owned());
    }
    for fact in namespaces.filter(|fact| !is_namespace(&fact.text)) {
        findings.add(|| examined.raw.place(fact), || format!("{} is no namespace", Quoted(&fact.text)));
    }
}

/// Whether `text` is an absolute URI of RFC 3986 without a fragment.
fn is_namespace(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let of_rest = |byte: u8| byte.is_ascii_graphic() && !b"#<>\"{}|\\^`".contains(&byte);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(of_scheme)
        && !rest.is_empty()
        && rest.bytes().all(of_rest)
}

fn data_license(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::DataLicense).filter(|fact| fact.text != "CC0-1.0") {
        findings.add(|| examined.raw.place(fact), || format!("it is {}", Quoted(&fact.text)));
    }
}

fn timestamp_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Timestamp) {
        // A time before 1970 is odd, but of the right form.
        let is_time = !matches!(fact.text.parse::<Timestamp>(), Err(TimestampError::Form(_)));
        let separated = fact.text.as_bytes().get(10).is_some_and(u8::is_ascii_alphabetic);
        let plain = fact.text.len() == "2024-02-29T12:00:00Z".len() && fact.text.ends_with('Z');
        if !is_time || !separated {
            findings.add(|| examined.raw.place(fact), || format!("{} is no time", Quoted(&fact.text)));
        } else if !plain && !examined.is_cyclonedx() {
            let message = || format!("{} has a fraction of a second, or an offset", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

fn creator_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Actor) {
        let of_document = matches!(fact.field, "creators" | "Creator");
        let named = |kind: &str| fact.text.strip_prefix(kind).is_some_and(|name| !name.trim().is_empty());
        let valid = named("Person: ") || named("Organization: ") || of_document && named("Tool: ");
        if !valid {
            let message = || format!("{} does not say who or what that is", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        } else if fact.text.ends_with('>') && fact.text.contains('<') {
            let message =
                || format!("in {} the mail address does not stand in parentheses", Quoted(&fact.text));
            findings.add(|| examined.raw.place(fact), message);
        }
    }
}

fn mail_form(examined: &Examined<'_>, findings: &mut Findings) {
    for fact in examined.raw.of(Kind::Mail).filter(|fact| !is_mail(&fact.text)) {
        findings.add(|| examined.raw.place(fact), || format!("{} is no mail address", Quoted(&fact.text)));
    }
    for fact in examined.raw.of(Kind::Actor) {
        let Some(mail) = fact.text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) else { continue };
        if mail.1.contains('@') && !is_mail(mail.1) {
            findings.add(|| examined.raw.place(fact), || format!("{} is no mail address", Quoted(mail.1)));
        }
    }
}

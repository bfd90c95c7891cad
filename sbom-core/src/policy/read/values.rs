//! Times, spans, texts to match, and other values that several parts of a policy have.

#![expect(clippy::needless_pass_by_value, reason = "a field is a node and its path: as light as a reference")]

use super::{
    PolicyFault,
    fields::{Field, Reader, nearest},
};
use crate::{
    attest::identity::{Pattern, PatternError},
    policy::{
        model::{Source, Unmatched},
        yaml::Value,
    },
    timestamp::Timestamp,
};

pub(super) const MATCHER: &[&str] = &["exact", "glob", "regex"];

pub(super) const UNMATCHED: &[(&str, Unmatched)] =
    &[("deny", Unmatched::Deny), ("warn", Unmatched::Warn), ("allow", Unmatched::Allow)];

const DAY: u64 = 86_400;

/// How a text becomes a pattern.
type Parse = fn(&str) -> Result<Pattern, PatternError>;

/// A moment: a date begins with its first second.
pub(super) fn first_moment(reader: &mut Reader, field: Field<'_>) -> Option<Timestamp> {
    reader.parsed(&field, |text| moment(text, "T00:00:00Z"))
}

/// A moment: a date ends with its last second.
pub(super) fn last_moment(reader: &mut Reader, field: Field<'_>) -> Option<Timestamp> {
    reader.parsed(&field, |text| moment(text, "T23:59:59Z"))
}

fn moment(text: &str, of_date: &str) -> Result<Timestamp, String> {
    let whole = if text.len() == 10 { format!("{text}{of_date}") } else { text.to_owned() };
    let problem = "expected a date as in 2027-01-31, or a time as in 2027-01-31T12:00:00Z";
    whole.parse().map_err(|_error: crate::timestamp::TimestampError| problem.to_owned())
}

/// A span of time in seconds: `30d`, `12h`.
pub(super) fn span(reader: &mut Reader, field: Field<'_>) -> Option<u64> {
    reader.parsed(&field, |text| {
        seconds(text).ok_or("expected a number and a unit: s, m, h, d or w, as in 30d")
    })
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A text to match: as it is, a pattern if there is a `*` in it, or a mapping that says how.
pub(super) fn matcher(reader: &mut Reader, field: &Field<'_>) -> Option<Pattern> {
    if !matches!(field.node.value, Value::Map(_)) {
        return reader.parsed(field, |text| {
            if text.contains('*') { Pattern::glob(text) } else { Pattern::exact(text) }
        });
    }
    let fields = reader.map(field.node, &field.path, MATCHER)?;
    let ways: [(&str, Parse); 3] =
        [("exact", Pattern::exact), ("glob", Pattern::glob), ("regex", Pattern::regex)];
    let mut given = ways.iter().filter_map(|(key, parse)| Some((fields.get(key)?, parse)));
    let (first, second) = (given.next(), given.next());
    if let (Some((field, parse)), None) = (first, second) {
        return reader.parsed(&field, parse);
    }
    fields.combination(reader, "exactly one of exact, glob and regex must be there");
    None
}

/// Where something lies: a file, `env://NAME`, or a text that is its content.
pub(super) fn source(reader: &mut Reader, field: &Field<'_>, is_content: fn(&str) -> bool) -> Option<Source> {
    reader.parsed(field, |text| match text.strip_prefix("env://") {
        Some("") => Err("the name of the variable is missing"),
        Some(name) => Ok(Source::Environment(name.to_owned())),
        None if is_content(text.trim_start()) => Ok(Source::Inline(text.to_owned())),
        None if text.is_empty() || text.contains('\n') => {
            Err("expected a file, env://NAME, or the content itself")
        }
        None => Ok(Source::File(text.to_owned())),
    })
}

/// Names of signers, of which there must be some, each once.
pub(super) fn signers(reader: &mut Reader, field: Field<'_>, known: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in reader.some_of(field) {
        let Some(name) = reader.text(&field) else { continue };
        if known.iter().any(|signer| signer == name) {
            if !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
            continue;
        }
        let suggestion = nearest(name, known.iter().map(String::as_str));
        reader.fault(&field, PolicyFault::NoSuchSigner { name: name.to_owned(), suggestion });
    }
    names
}

/// A whole number that is at least 1.
pub(super) fn count(reader: &mut Reader, field: Field<'_>) -> Option<usize> {
    reader.parsed(&field, |text| {
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|number| *number >= 1).ok_or("expected a whole number from 1")
    })
}

/// Each entry of a list, read by `parse`; a list that is there must have some.
pub(in crate::policy) fn each<T, E: std::fmt::Display>(
    reader: &mut Reader,
    field: Field<'_>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Vec<T> {
    reader.some_of(field).iter().filter_map(|field| reader.parsed(field, &parse)).collect()
}

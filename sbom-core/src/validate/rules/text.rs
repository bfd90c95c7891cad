//! Rules about the text as a whole: it follows its format.

use crate::validate::{Examined, Findings, Quoted, Rule, Severity::Error};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "readable",
        severity: Error,
        says: "the text follows its format",
        mend: "correct the text at the place that is named",
        check: readable,
    },
    Rule {
        id: "schema",
        severity: Error,
        says: "the official JSON schema of the format and version accepts the document",
        mend: "correct the value at the place that is named; the schema says what may stand there",
        check: schema,
    },
    Rule {
        id: "duplicate-key",
        severity: Error,
        says: "an object has a key once",
        mend: "keep one of the values; readers disagree on which of them counts",
        check: duplicate_key,
    },
];

fn readable(examined: &Examined<'_>, findings: &mut Findings) {
    match (examined.input.read, examined.input.tree) {
        (Err(error), _) => findings.add(String::new, || error.to_string()),
        (Ok(_), Some(Err(error))) => findings.add(String::new, || error.to_string()),
        _ => {}
    }
}

fn schema(examined: &Examined<'_>, findings: &mut Findings) {
    for violation in examined.input.violations {
        findings.add(|| violation.place.clone(), || violation.message.clone());
    }
}

fn duplicate_key(examined: &Examined<'_>, findings: &mut Findings) {
    for place in examined.input.tree.and_then(Result::ok).into_iter().flat_map(|tree| &tree.doubled) {
        let key = place.rsplit('.').next().unwrap_or_default();
        findings.add(|| place.clone(), || format!("the key {} is there more than once", Quoted(key)));
    }
}

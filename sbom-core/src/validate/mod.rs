//! Documents → what is wrong with them: a table of rules, each a pure function over what a document states.
//!
//! A rule sees the document three times: as text that was flattened into facts, as the tree that JSON is, and
//! as the model that a reader made of it. Official schemas are not part of this library; what they object to
//! is handed in as [`Violation`]s and becomes findings like any other.

use std::fmt;

use crate::document::{
    model::Document,
    read::{Plain, Read, ReadError, Syntax},
};

mod raw;
mod rules;
#[cfg(test)]
mod tests;
mod tree;

use raw::Raw;
pub use tree::{Tree, TreeError};

/// Findings of one rule that are listed one by one; beyond it they are counted.
const LISTED: usize = 1000;
/// Characters of a text of the document that a message repeats.
const QUOTED: usize = 100;

/// A rule about documents.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name, in kebab case.
    pub id: &'static str,
    /// What breaking it means.
    pub severity: Severity,
    /// What it says, as a sentence about valid documents.
    pub says: &'static str,
    /// How to mend what breaks it.
    pub mend: &'static str,
    check: fn(&Examined<'_>, &mut Findings),
}

/// What breaking a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is not valid.
    Error,
    /// The document is valid, but says less than it could, or a program is known to misread it.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something that a schema objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place in the document, as a JSON pointer; empty for the whole of it.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

/// A document to judge.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its text.
    pub plain: &'a Plain<'a>,
    /// The tree that it is, or why it is none; none for formats that are not JSON.
    pub tree: Option<Result<&'a Tree, &'a TreeError>>,
    /// What the reader made of it.
    pub read: Result<&'a Read, &'a ReadError>,
    /// The name of its file without folders, if it has one.
    pub file_name: Option<&'a str>,
    /// What the official schema objects to; empty if it was not asked.
    pub violations: &'a [Violation],
}

/// A rule that a document breaks.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The rule.
    pub rule: &'static Rule,
    /// How often.
    pub count: u64,
    /// Where and how, in the order of the document; the first thousand.
    pub findings: Vec<Finding>,
}

/// One place at which a document breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, in the document's own terms; empty for the whole of it.
    pub place: String,
    /// What is wrong there.
    pub message: String,
}

/// Every rule, in the order of reports.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().copied().flatten()
}

/// Judges a document: the rules that it breaks, in their order.
pub fn validate(input: &Input<'_>) -> Vec<Broken> {
    let examined = Examined::new(input);
    rules()
        .filter_map(|rule| {
            let mut findings = Findings::default();
            (rule.check)(&examined, &mut findings);
            let broken = Broken { rule, count: findings.count, findings: findings.listed };
            Some(broken).filter(|broken| broken.count > 0)
        })
        .collect()
}

/// A document as rules see it.
#[derive(Debug)]
struct Examined<'a> {
    input: Input<'a>,
    raw: Raw<'a>,
    /// The model, if the document could be read.
    document: Option<&'a Document>,
    syntax: Syntax,
}

impl<'a> Examined<'a> {
    fn new(input: &Input<'a>) -> Self {
        let syntax = input.plain.syntax;
        let tree = input.tree.and_then(Result::ok).map(|tree| &tree.value);
        let raw = match (syntax, tree) {
            (Syntax::CycloneDxJson, Some(tree)) => raw::cyclonedx_json(tree),
            (Syntax::SpdxJson, Some(tree)) => raw::spdx2_json(tree),
            (Syntax::SpdxJsonLd, Some(tree)) => raw::spdx3_json(tree),
            (Syntax::CycloneDxXml, _) => raw::cyclonedx_xml(&input.plain.text),
            (Syntax::SpdxTagValue, _) => raw::spdx2_tag_value(&input.plain.text),
            _ => Raw::default(),
        };
        Self { input: *input, raw, document: input.read.ok().map(|read| &read.document), syntax }
    }

    fn is_cyclonedx(&self) -> bool {
        matches!(self.syntax, Syntax::CycloneDxJson | Syntax::CycloneDxXml)
    }

    fn is_spdx2(&self) -> bool {
        matches!(self.syntax, Syntax::SpdxJson | Syntax::SpdxTagValue)
    }
}

/// What one rule finds.
#[derive(Debug, Default)]
struct Findings {
    listed: Vec<Finding>,
    count: u64,
}

impl Findings {
    /// Adds a finding; the texts are made only if it is listed.
    fn add(&mut self, place: impl FnOnce() -> String, message: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if self.listed.len() < LISTED {
            self.listed.push(Finding { place: place(), message: message() });
        }
    }
}

/// A text of the document in a message: in quotes, escaped, cut.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED) {
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

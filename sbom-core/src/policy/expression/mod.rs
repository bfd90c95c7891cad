//! Conditions on a predicate: a part of CEL, the Common Expression Language.
//!
//! What is there: `predicate`, `predicateType`, `image.name`, `image.repository`, `image.tag`, `image.digest`; members
//! (`a.b`, `a["b"]`, `a[0]`), texts, whole numbers, `true`, `false`, `null`, lists; `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`,
//! `&&`, `||`, `!`; `startsWith`, `endsWith`, `contains`, `matches`, `size`, `has(a.b)`; `all`, `exists` over lists. They mean what
//! they mean in CEL: there is no truth but `true`, a member that is missing is an error, and `&&` and `||` hold in
//! spite of an error if the other side decides. What is not there is an error when the policy is read.
//!
//! It is the project's own because no crate of CEL bounds what a condition costs: of those for Rust one builds
//! its parser with ANTLR, whose memory grows exponentially with short texts. Here steps and depth are counted.
//!
//! Source: the CEL specification, `doc/langdef.md`.

mod evaluate;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

pub use evaluate::{ConditionError, Scope};
pub use parse::ExpressionError;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Term,
}

// Numbers in it are whole, so that each equals itself.
impl Eq for Expression {}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Literal(serde_json::Value),
    List(Vec<Term>),
    Name(String),
    Member(Box<Term>, String),
    Index(Box<Term>, Box<Term>),
    Not(Box<Term>),
    And(Box<Term>, Box<Term>),
    Or(Box<Term>, Box<Term>),
    Compare(Comparison, Box<Term>, Box<Term>),
    Call(Function, Box<Term>, Box<Term>),
    Matches(Box<Term>, Pattern),
    Size(Box<Term>),
    Has(Box<Term>, String),
    Over { all: bool, list: Box<Term>, name: String, condition: Box<Term> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    StartsWith,
    EndsWith,
    Contains,
}

/// A regular expression that is compiled once.
#[derive(Debug, Clone)]
struct Pattern(regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Expression {
    /// Reads a condition.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.to_owned(), root: parse::parse(text)? })
    }

    /// Whether it holds.
    ///
    /// ```
    /// use sbom_core::policy::expression::{Expression, Scope};
    /// let condition = Expression::parse("predicate.ref.startsWith('refs/tags/')")?;
    /// let predicate = serde_json::json!({"ref": "refs/tags/v1"});
    /// let scope = Scope::of(&[("predicate", &predicate)]);
    /// assert_eq!(condition.holds(&scope), Ok(true));
    /// # Ok::<(), sbom_core::policy::expression::ExpressionError>(())
    /// ```
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, ConditionError> {
        evaluate::holds(&self.root, scope)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

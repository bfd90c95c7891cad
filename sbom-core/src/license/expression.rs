//! A licence field as people write it → a canonical SPDX expression.

use std::collections::BTreeSet;

use super::{CustomLicense, Licensing, by_id, custom, names};

/// A field longer than this is a text, not an expression.
const MAX_BYTES: usize = 64 << 10;
/// Parentheses nested deeper than this make no expression that anyone meant.
const MAX_DEPTH: usize = 64;

/// Reads a licence field: an SPDX expression, or what packages write in place of one.
///
/// Identifiers and operators come out as SPDX spells them, deprecated identifiers as what replaced them. A list
/// without operators is a conjunction if each word of it names a licence, as in old Alpine packages. A part that
/// is unknown becomes a `LicenseRef-…` in its place; where the grammar fails the whole field becomes one.
///
/// ```
/// use sbom_core::license::declare;
/// assert_eq!(declare("gpl-2.0+ or (mit and Apache 2.0)").expression.unwrap(), "GPL-2.0-or-later OR (MIT AND Apache-2.0)");
/// assert!(declare("free for birds").expression.unwrap().starts_with("LicenseRef-free-for-birds-"));
/// ```
pub fn declare(text: &str) -> Licensing {
    let text = text.trim();
    if text.is_empty() {
        return Licensing::default();
    }
    if text.len() > MAX_BYTES {
        return custom(text, text).into();
    }
    if let Some(expression) = parse(text, References::Checked) {
        let mut licenses = BTreeSet::new();
        expression.collect_custom(&mut licenses);
        return Licensing { expression: Some(expression.write(false)), custom: by_id(licenses) };
    }
    custom(text, text).into()
}

/// The one spelling of all expressions that say the same: identifiers in their own case, operands sorted, no
/// superfluous parentheses. What is no expression, or names what is on no list, stays as it is.
///
/// ```
/// use sbom_core::license::canonical;
/// assert_eq!(canonical("mit or (ISC and Apache-2.0)"), "MIT OR (Apache-2.0 AND ISC)");
/// assert_eq!(canonical("LicenseRef-b AND LicenseRef-a"), "LicenseRef-a AND LicenseRef-b");
/// ```
pub fn canonical(text: &str) -> String {
    let parsed = if text.len() > MAX_BYTES { None } else { parse(text, References::Kept) };
    let mut unlisted = BTreeSet::new();
    let sorted = parsed.map(Expr::sorted).filter(|expression| {
        expression.collect_custom(&mut unlisted);
        unlisted.is_empty()
    });
    sorted.map_or_else(|| text.to_owned(), |expression| expression.write(false))
}

/// The meaning of an expression; every operator has at least two operands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Expr {
    Known(String),
    Custom(CustomLicense),
    All(Vec<Expr>),
    Any(Vec<Expr>),
}

impl Expr {
    /// Conjunction (`all`) or disjunction of `terms`, flat and without repetition, in the order given.
    fn of(all: bool, terms: Vec<Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for term in terms {
            match (term, all) {
                (Self::All(inner), true) | (Self::Any(inner), false) => flat.extend(inner),
                (term, _) => flat.push(term),
            }
        }
        let mut seen = BTreeSet::new();
        flat.retain(|term| seen.insert(term.clone()));
        if flat.len() > 1 {
            return Some(if all { Self::All(flat) } else { Self::Any(flat) });
        }
        flat.pop()
    }

    /// With all operands in one order.
    fn sorted(self) -> Self {
        let sort = |terms: Vec<Self>| {
            let mut terms: Vec<Self> = terms.into_iter().map(Self::sorted).collect();
            terms.sort();
            terms
        };
        match self {
            Self::All(terms) => Self::All(sort(terms)),
            Self::Any(terms) => Self::Any(sort(terms)),
            term => term,
        }
    }

    fn collect_custom(&self, into: &mut BTreeSet<CustomLicense>) {
        match self {
            Self::Known(_) => {}
            Self::Custom(license) => {
                into.insert(license.clone());
            }
            Self::All(terms) | Self::Any(terms) => {
                for term in terms {
                    term.collect_custom(into);
                }
            }
        }
    }

    /// Readers disagree on precedence, so operators within others stand in parentheses.
    fn write(&self, nested: bool) -> String {
        let (terms, operator) = match self {
            Self::Known(id) => return id.clone(),
            Self::Custom(license) => return license.id.clone(),
            Self::All(terms) => (terms, " AND "),
            Self::Any(terms) => (terms, " OR "),
        };
        let joined = terms.iter().map(|term| term.write(true)).collect::<Vec<_>>().join(operator);
        if nested { format!("({joined})") } else { joined }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    And,
    Or,
    With,
    Word(&'a str),
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: usize,
    /// Whether all operators are upper-case, as no prose is.
    strict: bool,
    known: usize,
    /// Unknown parts of more than one word.
    phrases: usize,
    references: References,
}

/// What becomes of a `LicenseRef-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum References {
    /// It stays as it is: its text is known elsewhere.
    Kept,
    /// It becomes a licence of its own, whose text is its name.
    Checked,
}

/// None where the grammar fails, and where "and" and "or" turn out to be part of a sentence.
fn parse(text: &str, references: References) -> Option<Expr> {
    let (tokens, strict) = tokens(text);
    let mut parser = Parser { tokens, next: 0, depth: 0, strict, known: 0, phrases: 0, references };
    let operators = parser.tokens.iter().any(|token| !matches!(token, Token::Word(_)));
    let expression = parser.any()?;
    let sentence = operators && !parser.strict && (parser.known == 0 || parser.phrases > 0);
    (parser.peek().is_none() && !sentence).then_some(expression)
}

fn tokens(text: &str) -> (Vec<Token<'_>>, bool) {
    let spaced: Vec<&str> = text.split_whitespace().collect();
    let mut tokens = Vec::new();
    let mut strict = true;
    for (index, word) in spaced.iter().enumerate() {
        let mut rest = *word;
        while let Some(at) = rest.find(['(', ')']) {
            let (before, after) = rest.split_at_checked(at).unwrap_or_default();
            if !before.is_empty() {
                tokens.push(operator(before, None, &mut strict));
            }
            tokens.push(if after.starts_with('(') { Token::Open } else { Token::Close });
            rest = after.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            tokens.push(operator(rest, spaced.get(index + 1).copied(), &mut strict));
        }
    }
    (tokens, strict)
}

/// `following` tells the "or" of "or later" from the operator.
fn operator<'a>(word: &'a str, following: Option<&str>, strict: &mut bool) -> Token<'a> {
    let token = match word.to_ascii_lowercase().as_str() {
        "and" | "&" | "&&" => Token::And,
        "with" => Token::With,
        "or" | "|" | "||" => {
            let following = following.unwrap_or_default().to_ascii_lowercase();
            if ["later", "newer", "greater", "any"].iter().any(|word| following.starts_with(word)) {
                return Token::Word(word);
            }
            Token::Or
        }
        _ => return Token::Word(word),
    };
    *strict &= !word.bytes().any(|byte| byte.is_ascii_lowercase());
    token
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn eat(&mut self, token: Token<'a>) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<Expr> {
        let mut terms = vec![self.all()?];
        while self.eat(Token::Or) {
            terms.push(self.all()?);
        }
        Expr::of(false, terms)
    }

    fn all(&mut self) -> Option<Expr> {
        let mut terms = vec![self.term()?];
        while self.eat(Token::And) {
            terms.push(self.term()?);
        }
        Expr::of(true, terms)
    }

    fn term(&mut self) -> Option<Expr> {
        if self.eat(Token::Open) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return None;
            }
            let inner = self.any()?;
            self.depth -= 1;
            return self.eat(Token::Close).then_some(inner);
        }
        let words = self.words()?;
        if self.eat(Token::With) {
            let exception = self.words()?;
            return Some(self.with(&words, &exception));
        }
        Some(self.named(&words))
    }

    /// The words up to the next operator or parenthesis; none if there are none.
    fn words(&mut self) -> Option<Vec<&'a str>> {
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            words.push(word);
            self.next += 1;
        }
        (!words.is_empty()).then_some(words)
    }

    fn with(&mut self, words: &[&str], exception: &[&str]) -> Expr {
        let joined = exception.join("-");
        let license = names::license(&words.join(" ")).filter(|id| !id.contains(' '));
        if let (Some(license), Some(exception)) = (license, names::exception(&joined)) {
            self.known += 1;
            return Expr::Known(format!("{license} WITH {exception}"));
        }
        if exception.len() > 1 || words.len() > 1 {
            self.phrases += 1;
        }
        let text = format!("{} WITH {}", words.join(" "), exception.join(" "));
        Expr::Custom(custom(&text, &text))
    }

    /// A licence by its name of one or more words, else a list of licences, else one that is unknown.
    fn named(&mut self, words: &[&str]) -> Expr {
        let text = words.join(" ");
        let is_reference = text.starts_with("LicenseRef-") || text.starts_with("DocumentRef-");
        if self.references == References::Kept && is_reference && words.len() == 1 {
            self.known += 1;
            return Expr::Known(text);
        }
        if let Some(expr) = named_license(&text) {
            self.known += 1;
            return expr;
        }
        let list: Vec<&str> =
            words.iter().flat_map(|word| word.split([',', ';'])).filter(|word| !word.is_empty()).collect();
        if list.len() > 1 {
            let parts: Option<Vec<Expr>> = list.iter().map(|word| named_license(word)).collect();
            if let Some(all) = parts.and_then(|parts| Expr::of(true, parts)) {
                self.known += 1;
                return all;
            }
        } else if text.contains('/') {
            let parts: Option<Vec<Expr>> = text.split('/').map(named_license).collect();
            if let Some(any) = parts.and_then(|parts| Expr::of(false, parts)) {
                self.known += 1;
                return any;
            }
        }
        self.phrases += usize::from(words.len() > 1);
        Expr::Custom(custom(&text, &text))
    }
}

fn named_license(name: &str) -> Option<Expr> {
    if let Some(id) = names::license(name) {
        return Some(Expr::Known(id));
    }
    if let Some(family) = names::family(name) {
        return Some(Expr::Custom(custom(family, family)));
    }
    reference(name).map(Expr::Custom)
}

/// A reference that the package itself makes keeps its identifier, unless it looks like one of ours: those are
/// bound to a text.
fn reference(name: &str) -> Option<CustomLicense> {
    let tail = name.strip_prefix("LicenseRef-")?;
    if tail.is_empty()
        || !tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    {
        return None;
    }
    let hash = tail.rsplit('-').next().unwrap_or_default();
    let ours = hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if ours {
        return Some(custom(tail, name));
    }
    Some(CustomLicense { id: name.to_owned(), name: tail.to_owned(), text: name.into() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `#` in `expected` stands for the hash of a `LicenseRef-`.
    fn check(text: &str, expected: &str) {
        let declared = declare(text);
        let mut expression = declared.expression.unwrap_or_default();
        for license in &declared.custom {
            let (head, _) = license.id.rsplit_once('-').unwrap();
            expression = expression.replace(&license.id, &format!("{head}-#"));
        }
        assert_eq!(expression, expected, "{text}");
    }

    #[test]
    fn expressions_keep_their_structure() {
        check("MIT AND (BSD-3-Clause OR GPL-2.0-only)", "MIT AND (BSD-3-Clause OR GPL-2.0-only)");
        check("MIT OR Apache-2.0 AND ISC", "MIT OR (Apache-2.0 AND ISC)");
        check("(MIT)", "MIT");
        check("((MIT OR (ISC)))", "MIT OR ISC");
        check("MIT and MIT", "MIT");
        check("mit or isc", "MIT OR ISC");
        check("GPL-2.0", "GPL-2.0-only");
        check("GPL-2.0+ WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0");
        check("Apache-2.0 with LLVM exception", "Apache-2.0 WITH LLVM-exception");
        check("MIT/Apache-2.0", "MIT OR Apache-2.0");
        check("MIT | ISC", "MIT OR ISC");
        check("", "");
    }

    #[test]
    fn lists_of_old_packages_are_conjunctions() {
        check("MIT BSD GPL2+", "MIT AND LicenseRef-BSD-# AND GPL-2.0-or-later");
        check("MPL-2.0 GPL-2.0-or-later", "MPL-2.0 AND GPL-2.0-or-later");
        check("GPL-2.0 GPL-3.0", "GPL-2.0-only AND GPL-3.0-only");
        check("GPL-2.0, LGPL-2.1", "GPL-2.0-only AND LGPL-2.1-only");
    }

    #[test]
    fn unknown_words_are_never_split() {
        check("custom licence", "LicenseRef-custom-licence-#");
        check("free for birds", "LicenseRef-free-for-birds-#");
        check("custom:xyz", "LicenseRef-custom-xyz-#");
        check("Foo and Bar", "LicenseRef-Foo-and-Bar-#");
        check("MIT and some other thing", "LicenseRef-MIT-and-some-other-thing-#");
        check("MIT (see COPYING)", "LicenseRef-MIT-see-COPYING-#");
        check("MIT AND", "LicenseRef-MIT-AND-#");
        check(") MIT (", "LicenseRef-MIT-#");
        assert_eq!(&*declare("free for  birds").custom[0].text, "free for birds");
    }

    #[test]
    fn unknown_parts_leave_the_rest_in_place() {
        check("MIT AND Foo-1.0", "MIT AND LicenseRef-Foo-1.0-#");
        check("MIT and foo", "MIT AND LicenseRef-foo-#");
        check(
            "MIT AND (custom OR Some Own Thing)",
            "MIT AND (LicenseRef-custom-# OR LicenseRef-Some-Own-Thing-#)",
        );
        check("GPL-2.0 WITH my-exception", "LicenseRef-GPL-2.0-WITH-my-exception-#");
        check("MIT AND public-domain", "MIT AND LicenseRef-public-domain-#");
        assert_eq!(declare("Public Domain"), declare("public-domain"));
    }

    #[test]
    fn a_reference_of_the_package_keeps_its_name_unless_it_imitates_ours() {
        let declared = declare("MIT AND LicenseRef-Own");
        assert_eq!(declared.expression.unwrap(), "MIT AND LicenseRef-Own");
        assert_eq!(declared.custom[0].name, "Own");
        let ours = custom("x", "x").id;
        assert_ne!(declare(&ours).expression.unwrap(), ours);
    }

    #[test]
    fn what_says_the_same_has_one_spelling() {
        for (text, expected) in [
            ("GPL-2.0+ AND MIT", "GPL-2.0-or-later AND MIT"),
            ("((MIT) and GPL-2.0-or-later)", "GPL-2.0-or-later AND MIT"),
            ("(MIT OR ISC) AND Zlib", "Zlib AND (ISC OR MIT)"),
            ("MIT OR LicenseRef-a-36cec8084ec5", "LicenseRef-a-36cec8084ec5 OR MIT"),
            ("who knows", "who knows"),
            ("MIT AND strange", "MIT AND strange"),
            ("", ""),
        ] {
            assert_eq!(canonical(text), expected);
            assert_eq!(canonical(expected), expected);
        }
    }

    #[test]
    fn hostile_fields_become_one_reference() {
        let deep = "(".repeat(30_000) + "MIT" + &")".repeat(30_000);
        check(&deep, "LicenseRef-MIT-#");
        let long = "MIT AND ".repeat(10_000) + "MIT";
        assert!(declare(&long).expression.unwrap().starts_with("LicenseRef-MIT-AND-"));
    }

    proptest! {
        #[test]
        fn every_expression_is_valid(text in proptest::collection::vec(prop_oneof![
            Just("MIT".to_owned()), Just("GPL-2.0+".to_owned()), Just("AND".to_owned()), Just("or".to_owned()),
            Just("(".to_owned()), Just(")".to_owned()), Just("WITH".to_owned()), Just("Classpath-exception-2.0".to_owned()),
            Just("LicenseRef-a".to_owned()), Just("/".to_owned()), Just("+".to_owned()), "\\PC{0,8}",
        ], 0..12), glue in prop_oneof![Just(" "), Just("")]) {
            let text = text.join(glue);
            let declared = declare(&text);
            if let Some(expression) = &declared.expression {
                prop_assert!(spdx::Expression::parse(expression).is_ok(), "{} -> {}", text, expression);
                for license in &declared.custom {
                    prop_assert!(expression.contains(&license.id));
                }
                let twice = super::super::all_of([declared.clone(), declare("MIT OR ISC"), declare("Zlib")]);
                prop_assert!(spdx::Expression::parse(twice.expression.as_deref().unwrap()).is_ok());
            } else {
                prop_assert!(text.trim().is_empty());
            }
        }
    }
}

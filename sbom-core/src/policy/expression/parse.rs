//! The text of a condition → its terms, by recursive descent within a depth.

use serde_json::Value;

use super::{Comparison, Function, Pattern, Term};

/// Bytes of a condition.
const MAX_BYTES: usize = 16 << 10;
/// Terms in one another.
const MAX_DEPTH: usize = 48;
/// Bytes that a compiled regular expression may take.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Names that stand for something outside of `all` and `exists`.
const NAMES: &[&str] = &["predicate", "predicateType", "image"];

/// A text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// Something else should stand there.
    #[error("at character {at}: expected {expected}")]
    Expected {
        /// Where, from 1.
        at: usize,
        /// What.
        expected: &'static str,
    },
    /// A name that stands for nothing.
    #[error("{0:?} stands for nothing here; there are predicate, predicateType and image")]
    Name(String),
    /// A function that there is not.
    #[error(
        "there is no function {0:?}; there are startsWith, endsWith, contains, matches, size, has, all, exists"
    )]
    Function(String),
    /// Not a regular expression, or one too large.
    #[error("{0}")]
    Regex(String),
    /// It is too long, or nested too deep.
    #[error("a condition has at most {MAX_BYTES} bytes, and {MAX_DEPTH} terms in one another")]
    Size,
}

type Result<T> = std::result::Result<T, ExpressionError>;

/// Reads a condition.
pub(super) fn parse(text: &str) -> Result<Term> {
    if text.len() > MAX_BYTES {
        return Err(ExpressionError::Size);
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, names: Vec::new() };
    let term = parser.or()?;
    if parser.next < tokens.len() {
        return Err(parser.expected("an operator or the end"));
    }
    Ok(term)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(i64),
    Sign(&'static str),
}

const SIGNS: &[&str] =
    &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ".", ",", "-"];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let token = if first.is_ascii_digit() || first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = after;
            if first.is_ascii_digit() {
                let number = word
                    .parse()
                    .map_err(|_error| ExpressionError::Expected { at, expected: "a whole number" })?;
                Token::Number(number)
            } else {
                Token::Word(word.to_owned())
            }
        } else if matches!(first, '"' | '\'') {
            let (string, after) = string(rest, first)
                .ok_or(ExpressionError::Expected { at, expected: "the end of the text" })?;
            rest = after;
            Token::Text(string)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign =
                sign.ok_or(ExpressionError::Expected { at, expected: "a name, a value or an operator" })?;
            rest = rest.strip_prefix(sign).unwrap_or_default();
            Token::Sign(sign)
        };
        tokens.push((at, token));
    }
}

/// The text that begins with `quote`, and what follows it.
fn string(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((out, text.get(at + c.len_utf8()..)?)),
            '\\' => out.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                c @ ('\\' | '"' | '\'' | '`' | '?') => c,
                _ => return None,
            }),
            '\n' => return None,
            c => out.push(c),
        }
    }
    None
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    depth: usize,
    /// Names that `all` and `exists` give.
    names: Vec<String>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str, expected: &'static str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let last = self.tokens.last().map_or(1, |(at, _)| at + 1);
        ExpressionError::Expected { at: self.tokens.get(self.next).map_or(last, |(at, _)| *at), expected }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpressionError::Size);
        }
        let term = read(self);
        self.depth -= 1;
        term
    }

    fn or(&mut self) -> Result<Term> {
        self.deeper(|parser| {
            let mut terms = vec![parser.and()?];
            while parser.eat("||") {
                terms.push(parser.and()?);
            }
            Ok(balanced(terms, Term::Or))
        })
    }

    fn and(&mut self) -> Result<Term> {
        let mut terms = vec![self.comparison()?];
        while self.eat("&&") {
            terms.push(self.comparison()?);
        }
        Ok(balanced(terms, Term::And))
    }

    fn comparison(&mut self) -> Result<Term> {
        let left = self.unary()?;
        let comparison = match self.peek() {
            Some(Token::Sign("==")) => Comparison::Equal,
            Some(Token::Sign("!=")) => Comparison::NotEqual,
            Some(Token::Sign("<=")) => Comparison::AtMost,
            Some(Token::Sign(">=")) => Comparison::AtLeast,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Word(word)) if word == "in" => Comparison::In,
            _ => return Ok(left),
        };
        self.next += 1;
        let right = self.unary()?;
        Ok(Term::Compare(comparison, Box::new(left), Box::new(right)))
    }

    fn unary(&mut self) -> Result<Term> {
        if self.eat("!") {
            return self.deeper(|parser| Ok(Term::Not(Box::new(parser.unary()?))));
        }
        if self.eat("-") {
            let Some(Token::Number(number)) = self.peek() else {
                return Err(self.expected("a whole number"));
            };
            let negative = Term::Literal(Value::from(number.saturating_neg()));
            self.next += 1;
            return Ok(negative);
        }
        let mut term = self.primary()?;
        let mut members = 0_usize;
        loop {
            members += 1;
            if members > MAX_DEPTH {
                return Err(ExpressionError::Size);
            }
            if self.eat(".") {
                let name = self.word()?;
                term = if self.eat("(") {
                    self.method(term, &name)?
                } else {
                    Term::Member(Box::new(term), name)
                };
            } else if self.eat("[") {
                let index = self.or()?;
                self.expect("]", "]")?;
                term = Term::Index(Box::new(term), Box::new(index));
            } else {
                return Ok(term);
            }
        }
    }

    fn primary(&mut self) -> Result<Term> {
        if self.eat("(") {
            let term = self.or()?;
            self.expect(")", ")")?;
            return Ok(term);
        }
        if self.eat("[") {
            return self.list();
        }
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.next += 1;
                Ok(Term::Literal(Value::from(text)))
            }
            Some(Token::Number(number)) => {
                self.next += 1;
                Ok(Term::Literal(Value::from(number)))
            }
            Some(Token::Word(word)) => {
                self.next += 1;
                self.named(word)
            }
            _ => Err(self.expected("a name or a value")),
        }
    }

    fn list(&mut self) -> Result<Term> {
        let mut terms = Vec::new();
        while !self.eat("]") {
            terms.push(self.or()?);
            if !self.eat(",") {
                self.expect("]", ", or ]")?;
                break;
            }
        }
        Ok(Term::List(terms))
    }

    fn named(&mut self, word: String) -> Result<Term> {
        match word.as_str() {
            "true" => return Ok(Term::Literal(Value::Bool(true))),
            "false" => return Ok(Term::Literal(Value::Bool(false))),
            "null" => return Ok(Term::Literal(Value::Null)),
            _ => {}
        }
        if self.eat("(") {
            return self.function(word);
        }
        if NAMES.contains(&word.as_str()) || self.names.contains(&word) {
            return Ok(Term::Name(word));
        }
        Err(ExpressionError::Name(word))
    }

    fn function(&mut self, name: String) -> Result<Term> {
        let argument = match name.as_str() {
            "size" | "has" => self.or()?,
            _ => return Err(ExpressionError::Function(name)),
        };
        self.expect(")", ")")?;
        match (name.as_str(), argument) {
            ("has", Term::Member(of, member)) => Ok(Term::Has(of, member)),
            ("has", _) => Err(self.expected("a member, as in has(a.b)")),
            (_, argument) => Ok(Term::Size(Box::new(argument))),
        }
    }

    fn method(&mut self, of: Term, name: &str) -> Result<Term> {
        let of = Box::new(of);
        let function = match name {
            "startsWith" => Function::StartsWith,
            "endsWith" => Function::EndsWith,
            "contains" => Function::Contains,
            "size" => {
                self.expect(")", ")")?;
                return Ok(Term::Size(of));
            }
            "matches" => {
                let Some(Token::Text(text)) = self.peek().cloned() else {
                    return Err(self.expected("a text"));
                };
                self.next += 1;
                self.expect(")", ")")?;
                return Ok(Term::Matches(of, pattern(&text)?));
            }
            "all" | "exists" => return self.over(of, name == "all"),
            _ => return Err(ExpressionError::Function(name.to_owned())),
        };
        let argument = self.or()?;
        self.expect(")", ")")?;
        Ok(Term::Call(function, of, Box::new(argument)))
    }

    fn over(&mut self, list: Box<Term>, all: bool) -> Result<Term> {
        let name = self.word()?;
        self.expect(",", ",")?;
        self.names.push(name.clone());
        let condition = self.or();
        self.names.pop();
        self.expect(")", ")")?;
        Ok(Term::Over { all, list, name, condition: Box::new(condition?) })
    }

    fn word(&mut self) -> Result<String> {
        let Some(Token::Word(word)) = self.peek().cloned() else { return Err(self.expected("a name")) };
        self.next += 1;
        Ok(word)
    }
}

/// A chain of one operator as a tree that is not deep.
fn balanced(mut terms: Vec<Term>, join: fn(Box<Term>, Box<Term>) -> Term) -> Term {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => join(Box::new(left), Box::new(right)),
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().unwrap_or(Term::Literal(Value::Null))
}

fn pattern(text: &str) -> Result<Pattern> {
    let built = regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
    built.map(Pattern).map_err(|error| ExpressionError::Regex(error.to_string()))
}

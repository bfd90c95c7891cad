//! JSON of strangers, read in one pass without a tree: well-formed, within a depth, no name twice in an object, and where
//! the members of the outermost object lie.
//!
//! A name that is there twice is read one way by one tool and another way by the next, so signed JSON may not hold any.
//! Source: RFC 8259.

use std::{borrow::Cow, ops::Range};

/// How deep arrays and objects may be nested, as in `serde_json`.
const DEPTH: usize = 128;

/// Names compared one with another before sorting them is faster.
const FEW: usize = 8;

/// Text is not JSON that may be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not UTF-8.
    #[error("not UTF-8 at byte {offset}")]
    Utf8 {
        /// The first byte that is not.
        offset: usize,
    },
    /// The text is not JSON.
    #[error("not JSON at byte {offset}")]
    Syntax {
        /// Where it stops to be.
        offset: usize,
    },
    /// What was to be an object is something else.
    #[error("not a JSON object")]
    NotAnObject,
    /// An object holds a name twice.
    #[error("{name:?} is there twice in the object that ends at byte {offset}")]
    Duplicate {
        /// The name, cut to a length fit for a message.
        name: String,
        /// Where the object ends.
        offset: usize,
    },
    /// Arrays and objects are nested too deep.
    #[error("nested deeper than {DEPTH} levels at byte {offset}")]
    Depth {
        /// Where.
        offset: usize,
    },
}

/// What is known of an object after one pass over its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    members: Vec<(Cow<'a, str>, Range<usize>)>,
    values: u64,
}

impl<'a> Object<'a> {
    /// Reads `text`, which must be one object and white space around it.
    pub(crate) fn read(text: &'a [u8]) -> Result<Self, JsonError> {
        let text =
            std::str::from_utf8(text).map_err(|error| JsonError::Utf8 { offset: error.valid_up_to() })?;
        let mut scan = Scan { text, bytes: text.as_bytes(), at: 0, depth: 0, values: 0, names: Vec::new() };
        scan.space();
        if scan.peek() != Some(b'{') {
            return Err(if scan.peek().is_some() { JsonError::NotAnObject } else { scan.syntax() });
        }
        let mut members = Vec::new();
        scan.object(Some(&mut members))?;
        scan.space();
        if scan.peek().is_some() {
            return Err(scan.syntax());
        }
        Ok(Self { members, values: scan.values })
    }

    /// Where the value of a member lies in the text.
    pub(crate) fn range(&self, name: &str) -> Option<Range<usize>> {
        self.members.iter().find(|(found, _)| found == name).map(|(_, range)| range.clone())
    }

    /// How many values there are in all, the object itself among them.
    pub(crate) fn values(&self) -> u64 {
        self.values
    }
}

/// A name as it is written, without its quotes.
type Name<'a> = &'a str;

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    values: u64,
    /// The names of all objects that are open; each knows where its own begin.
    names: Vec<Name<'a>>,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax { offset: self.at }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH { Err(JsonError::Depth { offset: self.at }) } else { Ok(()) }
    }

    fn value(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'{') => return self.object(None),
            Some(b'[') => return self.array(),
            Some(b'"') => drop(self.string()?),
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            _ => self.number()?,
        }
        self.values += 1;
        Ok(())
    }

    fn object(
        &mut self,
        mut members: Option<&mut Vec<(Cow<'a, str>, Range<usize>)>>,
    ) -> Result<(), JsonError> {
        self.values += 1;
        self.enter()?;
        let first = self.names.len();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.names.push(name);
            self.space();
            self.expect(b':')?;
            self.space();
            let start = self.at;
            self.value()?;
            if let Some(members) = &mut members {
                members.push((decoded(name), start..self.at));
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.syntax()),
            }
            self.space();
        }
        self.at += 1;
        self.depth -= 1;
        self.unique_since(first)
    }

    fn array(&mut self) -> Result<(), JsonError> {
        self.values += 1;
        self.enter()?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.value()?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.syntax()),
            }
            self.space();
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// The names of the object that ends here leave the stack, if no two are the same.
    fn unique_since(&mut self, first: usize) -> Result<(), JsonError> {
        let names = self.names.get_mut(first..).unwrap_or_default();
        let twice = if names.iter().any(|name| name.contains('\\')) {
            let mut names: Vec<_> = names.iter().map(|name| decoded(name)).collect();
            names.sort_unstable();
            adjacent(&names).map(|name| name.clone().into_owned())
        } else if names.len() <= FEW {
            (1..names.len()).find_map(|n| {
                let (name, before) = names.get(..=n)?.split_last()?;
                before.contains(name).then(|| (*name).to_owned())
            })
        } else {
            // Their order means nothing any more: they are about to leave.
            names.sort_unstable();
            adjacent(names).map(|name| (*name).to_owned())
        };
        self.names.truncate(first);
        match twice {
            Some(name) => {
                Err(JsonError::Duplicate { name: name.chars().take(80).collect(), offset: self.at })
            }
            None => Ok(()),
        }
    }

    /// A string as it is written, without its quotes.
    fn string(&mut self) -> Result<&'a str, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..0x20) | None => return Err(self.syntax()),
                // Most of a document is the insides of strings: they are passed in one go.
                Some(_) => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
                    self.at += plain.unwrap_or(rest.len());
                }
            }
        }
        let text = self.text.get(start..self.at).ok_or_else(|| self.syntax())?;
        self.at += 1;
        Ok(text)
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                // Half of a pair means nothing alone; whoever reads it makes something else of it.
                if (0xdc00..0xe000).contains(&unit) {
                    return Err(self.syntax());
                }
                if (0xd800..0xdc00).contains(&unit) {
                    self.expect(b'\\')?;
                    if self.peek() != Some(b'u') || !(0xdc00..0xe000).contains(&self.unit()?) {
                        return Err(self.syntax());
                    }
                }
            }
            _ => return Err(self.syntax()),
        }
        Ok(())
    }

    /// `u` and four hex digits.
    fn unit(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at + 1..self.at + 5).ok_or_else(|| self.syntax())?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.syntax());
        }
        self.at += 5;
        u32::from_str_radix(digits, 16).ok().ok_or_else(|| self.syntax())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }
}

/// The first of two neighbours that are the same.
fn adjacent<T: PartialEq>(sorted: &[T]) -> Option<&T> {
    sorted.iter().zip(sorted.iter().skip(1)).find(|(left, right)| left == right).map(|(left, _)| left)
}

/// A string without its escapes. The scan has seen that they are right.
fn decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match Object::read(text.as_bytes()) {
            Ok(object) => format!("{} values", object.values()),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_at_any_depth_and_in_any_spelling() {
        check(r#"{"a":1,"b":2}"#, "3 values");
        check(r#"{"a":1,"a":2}"#, r#""a" is there twice in the object that ends at byte 13"#);
        check(r#"{"x":[{"a":1,"\u0061":2}]}"#, r#""a" is there twice in the object that ends at byte 24"#);
        check(r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#, "6 values");
        let many = |last: &str| {
            let names: Vec<_> = (0..100).map(|n| format!("\"n{n}\":0")).collect();
            format!("{{{},\"{last}\":0}}", names.join(","))
        };
        check(&many("n100"), "102 values");
        assert!(Object::read(many("n50").as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        check("[]", "not a JSON object");
        check("", "not JSON at byte 0");
        check("{} {}", "not JSON at byte 3");
        check(r#"{"a":1,}"#, "not JSON at byte 7");
        check("{\"a\":\"\n\"}", "not JSON at byte 6");
        check(r#"{"a":"\ud800"}"#, "not JSON at byte 12");
        check(r#"{"a":01}"#, "not JSON at byte 6");
        check(r#"{"a":NaN}"#, "not JSON at byte 5");
        assert_eq!(Object::read(b"{\"\xff\":1}"), Err(JsonError::Utf8 { offset: 2 }));
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(DEPTH - 1), "128 values");
        check(&nested(DEPTH), "nested deeper than 128 levels at byte 133");
    }

    #[test]
    fn members_lie_where_they_are_written() {
        let text = br#" {"a" : {"b": 1 } , "\u0063":[2]} "#;
        let object = Object::read(text).unwrap();
        assert_eq!(text.get(object.range("a").unwrap()), Some(&br#"{"b": 1 }"#[..]));
        assert_eq!(text.get(object.range("c").unwrap()), Some(&b"[2]"[..]));
        assert_eq!(object.range("b"), None);
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_json(text in r#"[{}\[\]",:0-9a\\u.eE+\- tn]{0,24}"#) {
            let text = format!("{{{text}}}");
            let ours = Object::read(text.as_bytes());
            let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok() || theirs.unwrap_err().to_string().contains("number out of range")),
                Err(JsonError::Duplicate { .. }) => {}
                Err(_) => prop_assert!(theirs.is_err()),
            }
        }
    }
}

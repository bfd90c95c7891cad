//! The members of one JSON object as they stand in the text, one after the other, without building any of them.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Deserializer, StreamDeserializer, de::StrRead};

use super::{ReadError, json_error};

/// Goes through the members of the JSON object that a text is.
pub(super) struct Members<'a> {
    text: &'a str,
    at: usize,
    first: bool,
}

/// The text is no object of JSON.
struct Broken;

/// One member: its name, and the text of its value.
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: &'a str,
}

impl<'a> Members<'a> {
    /// The members of `text`; none if it is no object.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let start = text.len() - text.trim_ascii_start().len();
        text.get(start..)?.starts_with('{').then_some(Self { text, at: start + 1, first: true })
    }

    /// The next member; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<Member<'a>>, ReadError> {
        // What fails here fails at the same place when the whole text is read, which then says where that is.
        self.step().map_err(|Broken| match serde_json::from_str::<IgnoredAny>(self.text) {
            Err(error) => json_error("JSON", &error),
            Ok(IgnoredAny) => ReadError::Syntax {
                format: "JSON",
                line: 1,
                column: 1,
                message: "not an object with names and values".to_owned(),
            },
        })
    }

    fn step(&mut self) -> Result<Option<Member<'a>>, Broken> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !self.first && !self.take(b',') {
            return Err(Broken);
        }
        self.first = false;
        let (Name(name), _) = self.value().ok_or(Broken)?;
        if !self.take(b':') {
            return Err(Broken);
        }
        let (IgnoredAny, value) = self.value().ok_or(Broken)?;
        Ok(Some(Member { name, value }))
    }

    /// What follows the object; there is something else only if the text is not one JSON value.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default().trim_ascii()
    }

    /// Passes over space, and over `punctuation` if that follows.
    fn take(&mut self, punctuation: u8) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_ascii_start().len();
        let follows = self.text.as_bytes().get(self.at) == Some(&punctuation);
        self.at += usize::from(follows);
        follows
    }

    fn value<T: Deserialize<'a>>(&mut self) -> Option<(T, &'a str)> {
        let rest = self.text.get(self.at..)?;
        let mut values: StreamDeserializer<'a, StrRead<'a>, T> = Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        let text = rest.get(..values.byte_offset())?;
        self.at += text.len();
        Some((value, text.trim_ascii()))
    }
}

impl Member<'_> {
    /// The value, if it is a text.
    pub(super) fn text(&self) -> Option<String> {
        serde_json::from_str(self.value).ok()
    }
}

#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Result<Vec<(String, String)>, ReadError> {
        let mut members = Members::of(text).unwrap();
        let mut all = Vec::new();
        while let Some(member) = members.next()? {
            all.push((member.name.into_owned(), member.value.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn members_are_given_as_they_stand() {
        let text = r#" { "a" : [1, {"b": "}"}] , "c\n":-1.5e3,"d":null, "e": "\"" } "#;
        let all = members(text).unwrap();
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(all, [("a", r#"[1, {"b": "}"}]"#), ("c\n", "-1.5e3"), ("d", "null"), ("e", r#""\"""#)]);
        assert_eq!(members("{}").unwrap(), []);
        assert!(Members::of("[1]").is_none());
    }

    #[test]
    fn errors_say_where() {
        for text in
            ["{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\" 1}", "{a:1}", "{\"a\":1 \"b\":2}"]
        {
            let error = members(&format!("\n{text}")).unwrap_err();
            assert!(matches!(error, ReadError::Syntax { line: 2, .. }), "{text}: {error}");
        }
    }

    #[test]
    fn nesting_of_any_depth_is_passed_over() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(members(&deep).unwrap().len(), 1);
    }
}

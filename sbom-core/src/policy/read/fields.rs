//! Mappings, lists and words of a policy, read so that each error says where it is and what was probably meant.

#![expect(clippy::needless_pass_by_value, reason = "a field is a node and its path: as light as a reference")]

use std::fmt::Display;

use super::{PolicyError, PolicyFault, error};
use crate::policy::yaml::{Node, Place, Value};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(in crate::policy) struct Reader {
    pub(in crate::policy) errors: Vec<PolicyError>,
}

/// A value, and the path that leads to it.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Field<'a> {
    pub(in crate::policy) node: &'a Node,
    pub(in crate::policy) path: String,
}

impl Field<'_> {
    /// The keys of a mapping; none of anything else.
    pub(in crate::policy) fn names(&self) -> Vec<String> {
        match &self.node.value {
            Value::Map(entries) => entries.iter().map(|(_, key, _)| key.clone()).collect(),
            _ => Vec::new(),
        }
    }
}

/// A mapping with known keys.
#[derive(Debug)]
pub(in crate::policy) struct Fields<'a> {
    place: Place,
    path: String,
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The value of `key`; a key that is followed by nothing is as good as none.
    pub(in crate::policy) fn get(&self, key: &str) -> Option<Field<'a>> {
        let (_, node) = self.entries.iter().find(|(name, node)| *name == key && !node.is_null())?;
        Some(Field { node, path: join(&self.path, key) })
    }

    /// The value of `key`, which must be there.
    pub(in crate::policy) fn required(&self, reader: &mut Reader, key: &'static str) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            reader.errors.push(error(self.place, &self.path, PolicyFault::Missing(key)));
        }
        field
    }

    /// The line where it begins.
    pub(in crate::policy) fn line(&self) -> usize {
        self.place.line
    }

    /// Says that its keys do not go together.
    pub(in crate::policy) fn combination(&self, reader: &mut Reader, problem: &'static str) {
        reader.errors.push(error(self.place, &self.path, PolicyFault::Combination(problem)));
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Reader {
    /// A mapping that has no other keys than `keys`.
    pub(in crate::policy) fn map<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        keys: &[&str],
    ) -> Option<Fields<'a>> {
        let Value::Map(entries) = &node.value else {
            self.form(node, path, "a mapping");
            return None;
        };
        for (place, key, _) in entries.iter().filter(|(_, key, _)| !keys.contains(&key.as_str())) {
            let suggestion = nearest(key, keys.iter().copied());
            let known = keys.join(", ");
            self.errors.push(error(
                *place,
                path,
                PolicyFault::UnknownKey { key: key.clone(), suggestion, known },
            ));
        }
        let entries = entries.iter().map(|(_, key, node)| (key.as_str(), node)).collect();
        Some(Fields { place: node.place, path: path.to_owned(), entries })
    }

    /// A mapping whose keys are names.
    pub(in crate::policy) fn entries<'a>(&mut self, field: &Field<'a>) -> Vec<(String, Field<'a>)> {
        let Value::Map(entries) = &field.node.value else {
            self.form(field.node, &field.path, "a mapping");
            return Vec::new();
        };
        let entry = |(_, key, node): &'a (Place, String, Node)| {
            (key.clone(), Field { node, path: join(&field.path, key) })
        };
        entries.iter().map(entry).collect()
    }

    /// The entries of a list.
    pub(in crate::policy) fn list<'a>(&mut self, field: Field<'a>) -> Vec<Field<'a>> {
        let Value::List(nodes) = &field.node.value else {
            self.form(field.node, &field.path, "a list");
            return Vec::new();
        };
        let entry =
            |(index, node): (usize, &'a Node)| Field { node, path: format!("{}[{index}]", field.path) };
        nodes.iter().enumerate().map(entry).collect()
    }

    /// The entries of a list that must have some.
    pub(in crate::policy) fn some_of<'a>(&mut self, field: Field<'a>) -> Vec<Field<'a>> {
        let at = field.clone();
        let entries = self.list(field);
        if entries.is_empty() && matches!(at.node.value, Value::List(_)) {
            self.fault(&at, PolicyFault::EmptyList);
        }
        entries
    }

    /// A text.
    pub(in crate::policy) fn text<'a>(&mut self, field: &Field<'a>) -> Option<&'a str> {
        let text = field.node.text();
        if text.is_none() {
            self.form(field.node, &field.path, "a text");
        }
        text
    }

    /// `true` or `false`.
    pub(in crate::policy) fn truth(&mut self, field: &Field<'_>) -> Option<bool> {
        let truth = field.node.truth();
        if truth.is_none() {
            self.form(field.node, &field.path, "true or false");
        }
        truth
    }

    /// A text that means something.
    pub(in crate::policy) fn parsed<T, E: Display>(
        &mut self,
        field: &Field<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                let text = text.chars().take(200).collect();
                self.fault(field, PolicyFault::Value { text, problem: problem.to_string() });
                None
            }
        }
    }

    /// One of a few words.
    pub(in crate::policy) fn word<T: Clone>(&mut self, field: Field<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(&field)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let names = || words.iter().map(|(word, _)| *word);
        let known = names().collect::<Vec<_>>().join(", ");
        let fault = PolicyFault::Word { word: text.to_owned(), known, suggestion: nearest(text, names()) };
        self.fault(&field, fault);
        None
    }

    /// Says that something is wrong with a value.
    pub(in crate::policy) fn fault(&mut self, field: &Field<'_>, fault: PolicyFault) {
        self.errors.push(error(field.node.place, &field.path, fault));
    }

    fn form(&mut self, node: &Node, path: &str, expected: &'static str) {
        let found = match &node.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Scalar { .. } if node.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("{:?}", text.chars().take(80).collect::<String>()),
        };
        self.errors.push(error(node.place, path, PolicyFault::Form { expected, found }));
    }
}

/// The word of `known` that `word` is probably meant to be: at most two letters from it, and at most half of them.
pub(in crate::policy) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = word.to_lowercase();
    let distances = known.map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate));
    let (distance, nearest) = distances.min()?;
    (distance <= 2 && distance * 2 <= nearest.chars().count()).then(|| nearest.to_owned())
}

/// Letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    // Names of no key are this long.
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX / 4;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, c) in a.chars().enumerate() {
        let mut previous = line;
        let mut left = line + 1;
        let mut next = vec![left];
        for (letter, above) in b.iter().zip(row.iter().skip(1)) {
            left = (previous + usize::from(*letter != c)).min(above + 1).min(left + 1);
            previous = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

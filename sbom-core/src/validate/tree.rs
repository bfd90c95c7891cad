//! JSON text → a tree, within a budget of memory, with the keys that an object has twice.
//!
//! A tree is what schemas are checked against. It costs many times the text: an object of one empty key is seven
//! bytes of text and more than six hundred of memory. So the cost is counted while the tree grows, and the tree is
//! given up before it is built beyond the bound.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::{Limit, LimitExceeded};

/// What one node of a map's tree takes; it holds up to eleven entries, and five at least once there are two.
const MAP_NODE: u64 = 640;
const ENTRIES_PER_NODE: u64 = 5;
/// What one value takes in an array, whose room doubles as it grows.
const ELEMENT: u64 = 64;
/// What a text takes beside its bytes.
const TEXT: u64 = 16;
/// Keys that occur twice, listed one by one.
const LISTED: usize = 1000;

/// A document of JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The document. Of a key that an object has twice, the last value.
    pub value: Value,
    /// How many values it has.
    pub values: u64,
    /// Where an object has a key twice, as `components[3].name`; not all, if there are very many.
    pub doubled: Vec<String>,
}

/// Why a text makes no tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It would take more memory than allowed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

impl Tree {
    /// Reads `bytes`; the tree must not take more memory than `memory`, in bytes.
    pub fn read(bytes: &[u8], memory: Limit) -> Result<Self, TreeError> {
        let mut state = State { memory, spent: 0, values: 0, doubled: Vec::new(), exceeded: None };
        let mut input = serde_json::Deserializer::from_slice(bytes);
        let value = Node(&mut state).deserialize(&mut input).and_then(|value| input.end().map(|()| value));
        match (value, state.exceeded) {
            (_, Some(exceeded)) => Err(exceeded.into()),
            (Err(error), None) => Err(error.into()),
            (Ok(value), None) => {
                let doubled = state.doubled.into_iter().map(|steps| shown(&steps)).collect();
                Ok(Self { value, values: state.values, doubled })
            }
        }
    }
}

struct State {
    memory: Limit,
    spent: u64,
    values: u64,
    /// The steps to each key that is there twice, the innermost first.
    doubled: Vec<Vec<Step>>,
    exceeded: Option<LimitExceeded>,
}

enum Step {
    Key(String),
    Index(usize),
}

impl State {
    fn spend<E: serde::de::Error>(&mut self, bytes: u64) -> Result<(), E> {
        self.spent = self.spent.saturating_add(bytes);
        self.memory.check(self.spent).map_err(|exceeded| {
            self.exceeded = Some(exceeded);
            E::custom(exceeded)
        })
    }

    /// Leads to what was found doubled since there were `known`.
    fn lead(&mut self, known: usize, step: impl Fn() -> Step) {
        for steps in self.doubled.iter_mut().skip(known) {
            steps.push(step());
        }
    }
}

/// `components[3].name` from steps whose innermost comes first.
fn shown(steps: &[Step]) -> String {
    steps.iter().rev().fold(String::new(), |mut text, step| {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
        text
    })
}

struct Node<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        self.0.values = self.0.values.saturating_add(1);
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.spend(TEXT.saturating_add(text.len() as u64))?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let state = self.0;
        let mut list = Vec::new();
        loop {
            let known = state.doubled.len();
            let Some(value) = access.next_element_seed(Node(state))? else { return Ok(Value::Array(list)) };
            state.lead(known, || Step::Index(list.len()));
            state.spend(ELEMENT)?;
            list.push(value);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let state = self.0;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if (map.len() as u64).is_multiple_of(ENTRIES_PER_NODE) {
                state.spend(MAP_NODE)?;
            }
            state.spend(TEXT.saturating_add(key.len() as u64))?;
            let known = state.doubled.len();
            let value = access.next_value_seed(Node(state))?;
            state.lead(known, || Step::Key(key.clone()));
            if map.contains_key(&key) && state.doubled.len() < LISTED {
                state.doubled.push(vec![Step::Key(key.clone())]);
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn read(text: &str) -> Result<Tree, TreeError> {
        Tree::read(text.as_bytes(), Limits::default().validate_memory)
    }

    #[test]
    fn a_tree_is_what_serde_json_makes_of_the_text() {
        for text in [
            "null",
            "[]",
            "{}",
            r#"{"a":[1,-2,3.5,true,null,"x\u00e9"],"b":{"c":{}}}"#,
            "18446744073709551615",
            "1e300",
        ] {
            assert_eq!(read(text).unwrap().value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        assert_eq!(read("[1,[2]]").unwrap().values, 4);
    }

    #[test]
    fn keys_that_are_there_twice_are_found_wherever_they_are() {
        let tree = read(r#"{"a":[{"x":1,"x":2},{"b":{"y":1,"z":1,"y":1}}],"a":0}"#).unwrap();
        assert_eq!(tree.doubled, ["a[0].x", "a[1].b.y", "a"]);
        assert_eq!(tree.value, serde_json::json!({"a": 0}));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in ["", "{", "[1,]", "{} {}", "nul", "\"\u{1}\"", "1e999", &"[".repeat(1000)] {
            assert!(matches!(read(text), Err(TreeError::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_tree_is_given_up_before_it_takes_more_than_allowed() {
        let mut limits = Limits::default();
        limits.set("validate-memory", 1 << 20);
        for value in ["{\"\":0}", "0", "[0]", "\"\"", "\"aaaaaaaaaaaaaaaa\""] {
            let text = format!("[{}0]", format!("{value},").repeat(20_000));
            let error = Tree::read(text.as_bytes(), limits.validate_memory).unwrap_err();
            assert!(error.to_string().contains("--limit validate-memory="), "{error}");
        }
    }

    #[test]
    fn very_many_doubled_keys_are_not_all_listed() {
        let text = format!("[{}0]", "{\"a\":0,\"a\":0},".repeat(5000));
        assert_eq!(read(&text).unwrap().doubled.len(), LISTED);
    }
}

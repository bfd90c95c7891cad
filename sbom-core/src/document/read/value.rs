//! JSON whose fields are not known beforehand: values that borrow from the document, and objects that give up their
//! fields one by one, so that what remains is what nobody asked for.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

use super::records::Text;

/// A value. Numbers and truth values are texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Value<'a> {
    #[default]
    Nothing,
    Text(Text<'a>),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// An object, in the order of the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object<'a>(Vec<(Text<'a>, Value<'a>)>);

impl<'a> Object<'a> {
    /// Takes the value of `key` out. Of several, the first; the others remain.
    pub(super) fn take(&mut self, key: &str) -> Value<'a> {
        let at = self.0.iter().position(|(name, _)| &**name == key);
        at.map_or(Value::Nothing, |at| self.0.remove(at).1)
    }

    /// Takes the text of `key` out; a value of another form remains.
    pub(super) fn text(&mut self, key: &str) -> Text<'a> {
        let at = self.0.iter().position(|(name, value)| &**name == key && matches!(value, Value::Text(_)));
        match at.map(|at| self.0.remove(at).1) {
            Some(Value::Text(text)) => text,
            _ => Text::default(),
        }
    }

    /// Takes the texts of `key` out: one or a list.
    pub(super) fn texts(&mut self, key: &str) -> Vec<Text<'a>> {
        let text = |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        self.take(key).into_list().into_iter().filter_map(text).collect()
    }

    /// Takes the objects of `key` out: one or a list.
    pub(super) fn objects(&mut self, key: &str) -> Vec<Object<'a>> {
        self.take(key).into_list().into_iter().filter_map(Value::into_object).collect()
    }

    /// Takes the object of `key` out; an empty one, if there is none.
    pub(super) fn object(&mut self, key: &str) -> Object<'a> {
        self.take(key).into_object().unwrap_or_default()
    }

    pub(super) fn push(&mut self, key: Text<'a>, value: Value<'a>) {
        self.0.push((key, value));
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| &**name == key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that nobody has taken and that say anything.
    pub(super) fn rest(self) -> impl Iterator<Item = (Text<'a>, Value<'a>)> {
        self.0.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

impl<'a> Value<'a> {
    /// A single value is a list of one.
    pub(super) fn into_list(self) -> Vec<Self> {
        match self {
            Self::Nothing => Vec::new(),
            Self::List(list) => list,
            one => vec![one],
        }
    }

    pub(super) fn into_object(self) -> Option<Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Object(object) => object.0.is_empty(),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_map(ValueVisitor)?;
        Ok(value.into_object().unwrap_or_default())
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nothing)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::from(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(text.to_owned().into())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text::from(if value { "true" } else { "false" })))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(value.to_string().into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(value.to_string().into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(value.to_string().into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = map.next_entry()? {
            object.push(entry);
        }
        Ok(Value::Object(Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_remains() {
        let text = r#"{"a":"1","b":["x",2,{"c":null}],"a":"2","d":{"e":[]},"f":[],"g":true}"#;
        let mut object: Object<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(&*object.text("a"), "1");
        assert_eq!(&*object.text("d"), "");
        let texts: Vec<String> = object.texts("b").iter().map(|text| text.to_string()).collect();
        assert_eq!(texts, ["x", "2"]);
        let rest: Vec<String> = object.rest().map(|(key, _)| key.to_string()).collect();
        assert_eq!(rest, ["a", "d", "g"]);
    }
}

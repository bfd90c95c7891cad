//! Records of JSON as readers take them in: texts that borrow from the document, records that count what they do
//! not know, and sequences handed on item by item.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Losses, ReadError, json_error};

/// A text of a document, borrowed from it where it stands there without escapes. Numbers and truth values count as
/// the text they are written as, since documents in the wild have them where a text belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text, if it says anything: SPDX writes `NOASSERTION` for what is not known.
    pub(super) fn known(&self) -> Option<&str> {
        Some(self.trim()).filter(|text| !matches!(*text, "" | "NOASSERTION" | "NONE"))
    }

    /// As [`Text::known`], owned.
    pub(super) fn into_known(self) -> Option<String> {
        self.known().map(str::to_owned)
    }

    /// The text, for as long as the document.
    pub(super) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(if value { "true" } else { "false" })))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Declares records of JSON. A field is given its keys; all are optional, and `null` is the same as nothing. Keys
/// that are not declared are kept by name in `unknown`, their values are not; those after `..` say nothing that is not
/// said elsewhere.
macro_rules! records {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident<$lt:lifetime> { $($field:ident: $type:ty = $key:literal,)+ $(.. $($passed:literal)+)? }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Default)]
        pub(in crate::document::read) struct $name<$lt> {
            $(pub(in crate::document::read) $field: $type,)+
            pub(in crate::document::read) unknown: Vec<$crate::document::read::records::Text<$lt>>,
        }

        impl<$lt> serde::Deserialize<$lt> for $name<$lt> {
            fn deserialize<D: serde::Deserializer<$lt>>(deserializer: D) -> Result<Self, D::Error> {
                struct RecordVisitor<$lt>(std::marker::PhantomData<&$lt ()>);
                impl<$lt> serde::de::Visitor<$lt> for RecordVisitor<$lt> {
                    type Value = $name<$lt>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<$lt>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        $(let mut $field: Option<Option<$type>> = None;)+
                        let mut unknown = Vec::new();
                        while let Some(key) = map.next_key::<$crate::document::read::records::Text<$lt>>()? {
                            match &*key {
                                $($key => {
                                    if $field.is_some() {
                                        return Err(serde::de::Error::duplicate_field($key));
                                    }
                                    $field = Some(map.next_value()?);
                                })+
                                $($($passed)|+ => $crate::document::read::records::skip(&mut map)?,)?
                                _ => {
                                    $crate::document::read::records::skip(&mut map)?;
                                    unknown.push(key);
                                }
                            }
                        }
                        Ok($name { $($field: $field.flatten().unwrap_or_default(),)+ unknown })
                    }
                }
                deserializer.deserialize_map(RecordVisitor(std::marker::PhantomData))
            }
        }
    )+ };
}
pub(super) use records;

/// A sequence that is handed on item by item. An error of `action` is kept in `failure` and ends the reading.
pub(super) struct Each<'f, T, F> {
    failure: &'f mut Option<ReadError>,
    action: F,
    item: PhantomData<T>,
}

impl<'f, T, F> Each<'f, T, F> {
    pub(super) fn new(failure: &'f mut Option<ReadError>, action: F) -> Self {
        Self { failure, action, item: PhantomData }
    }
}

impl<'de, T, F> DeserializeSeed<'de> for Each<'_, T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), ReadError>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T, F> Visitor<'de> for Each<'_, T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), ReadError>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<Option<T>>()? {
            let Some(item) = item else { continue };
            stop_at((self.action)(item), self.failure)?;
        }
        Ok(())
    }
}

/// Keeps an error of the reader in `failure`, since those of JSON carry no more than a text.
pub(super) fn stop_at<E: de::Error>(
    result: Result<(), ReadError>,
    failure: &mut Option<ReadError>,
) -> Result<(), E> {
    result.map_err(|error| {
        let message = E::custom(&error);
        *failure = Some(error);
        message
    })
}

/// Passes over the value of an entry.
pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads the one JSON value that `bytes` are. Nesting deeper than any document has is an error, not a crash.
pub(super) fn parse<'de, S: DeserializeSeed<'de>>(
    format: &'static str,
    bytes: &'de [u8],
    seed: S,
) -> Result<S::Value, ReadError> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| ReadError::Encoding { offset: error.valid_up_to() })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer);
    let whole = value.and_then(|value| deserializer.end().map(|()| value));
    whole.map_err(|error| json_error(format, &error))
}

/// Counts the fields of a record that have no place in the model, as `PLACE.FIELD`.
pub(super) fn lose(losses: &mut Losses, place: &str, fields: &[Text<'_>]) {
    for field in fields {
        losses.add(&format!("{place}{}", &**field));
    }
}

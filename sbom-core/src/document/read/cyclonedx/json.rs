//! CycloneDX as JSON: objects are read straight from the text, and each component becomes one of the model's before
//! the next is looked at.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    record::{Outcome, Record, Scope, Source, Text},
    records::{Bom, Component, Root},
    values::{Count, Scalar, Texts},
};
use crate::document::read::{ReadError, json_error, members::Name};

/// What errors call the format.
pub(super) const FORMAT: &str = "CycloneDX JSON";

/// Reads the whole of `text`.
pub(super) fn read(text: &str, scope: &mut Scope<'_>) -> Result<Bom, ReadError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let bom = Object::new(scope).deserialize(&mut json).and_then(|bom: Option<Bom>| json.end().map(|()| bom));
    match (bom, scope.failure.take()) {
        (_, Some(failure)) => Err(failure),
        (Ok(bom), None) => Ok(bom.unwrap_or_default()),
        (Err(error), None) => Err(json_error(FORMAT, &error)),
    }
}

/// A member of an object, whose value is still to be read.
struct Member<'s, 'a, 'de, A> {
    map: A,
    name: Cow<'de, str>,
    scope: &'s mut Scope<'a>,
}

impl<'de, A: MapAccess<'de>> Member<'_, '_, 'de, A> {
    /// Reads all members into `record`.
    fn read_into<T: Record>(mut self, record: &mut T) -> Result<(), A::Error> {
        while let Some(Name(name)) = self.map.next_key()? {
            self.name = name;
            let name = self.name.clone();
            if !record.member(&name, &mut self)? {
                let Count(times) = self.map.next_value()?;
                self.scope.lost.add(&self.name, times);
            }
        }
        Ok(())
    }

    fn twice(&self) -> A::Error {
        A::Error::custom(format_args!("{:?} stands there twice", self.name))
    }
}

impl<'de, A: MapAccess<'de>> Source for Member<'_, '_, 'de, A> {
    type Error = A::Error;

    fn mismatch(&mut self, wanted: &'static str) -> A::Error {
        A::Error::custom(format_args!("{:?} should be {wanted}", self.name))
    }

    fn text(&mut self, _: &'static str, into: &mut Option<String>) -> Result<(), A::Error> {
        if into.is_some() {
            return Err(self.twice());
        }
        *into = self.map.next_value()?;
        Ok(())
    }

    fn skip(&mut self, _: &'static str, (): &mut ()) -> Result<(), A::Error> {
        self.map.next_value().map(|IgnoredAny| ())
    }

    fn scalar(&mut self, _: &'static str, into: &mut Option<String>) -> Result<(), A::Error> {
        if into.is_some() {
            return Err(self.twice());
        }
        let Scalar(text) = self.map.next_value()?;
        *into = text;
        Ok(())
    }

    fn texts(&mut self, _: &'static str, into: &mut Vec<String>) -> Result<(), A::Error> {
        let Texts(texts) = self.map.next_value()?;
        if !into.is_empty() {
            return Err(self.twice());
        }
        *into = texts;
        Ok(())
    }

    fn refs(&mut self, name: &'static str, into: &mut Vec<String>) -> Result<(), A::Error> {
        self.texts(name, into)
    }

    fn record<T: Record>(&mut self, name: &'static str, into: &mut Option<T>) -> Result<(), A::Error> {
        if into.is_some() {
            return Err(self.twice());
        }
        self.scope.lost.enter(name, "");
        *into = self.map.next_value_seed(Object::new(self.scope))?;
        self.scope.lost.leave();
        Ok(())
    }

    fn list<T: Record>(&mut self, name: &'static str, into: &mut Vec<T>) -> Result<(), A::Error> {
        if !into.is_empty() {
            return Err(self.twice());
        }
        self.scope.lost.enter(name, "[]");
        self.map.next_value_seed(List {
            scope: self.scope,
            item: |_: &mut Scope<'_>, item: T| {
                into.push(item);
                Ok(())
            },
            of: PhantomData,
        })?;
        self.scope.lost.leave();
        Ok(())
    }

    fn each<T: Record>(&mut self, name: &'static str, into: &mut Vec<T>) -> Result<(), A::Error> {
        self.list(name, into)
    }

    fn stream<T: Record>(
        &mut self,
        name: &'static str,
        item: fn(&mut Scope<'_>, T) -> Outcome,
    ) -> Result<(), A::Error> {
        self.scope.lost.enter(name, "[]");
        self.map.next_value_seed(List { scope: self.scope, item, of: PhantomData })?;
        self.scope.lost.leave();
        Ok(())
    }

    fn components(&mut self, _: &'static str, within: &mut Option<usize>) -> Result<(), A::Error> {
        self.map.next_value_seed(Components { scope: self.scope, within: *within })
    }

    fn root(&mut self, _: &'static str, _: &mut Root) -> Result<(), A::Error> {
        self.scope.builder.enter_root().map_err(|error| fail(self.scope, error))?;
        self.map.next_value_seed(OneComponent { scope: self.scope, within: None })?;
        self.scope.builder.leave_root();
        Ok(())
    }
}

/// Keeps `error`, which the error that is returned cannot carry.
fn fail<E: Error>(scope: &mut Scope<'_>, error: ReadError) -> E {
    let message = E::custom(&error);
    scope.failure.get_or_insert(error);
    message
}

/// Reads an object; nothing from `null`.
struct Object<'s, 'a, T> {
    scope: &'s mut Scope<'a>,
    of: PhantomData<T>,
}

impl<'s, 'a, T> Object<'s, 'a, T> {
    fn new(scope: &'s mut Scope<'a>) -> Self {
        Self { scope, of: PhantomData }
    }
}

impl<'de, T: Record> DeserializeSeed<'de> for Object<'_, '_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Record> Visitor<'de> for Object<'_, '_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        let mut record = T::default();
        Member { map, name: Cow::Borrowed(""), scope: self.scope }.read_into(&mut record)?;
        Ok(Some(record))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        let Some(body) = T::BODY else {
            return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
        };
        let mut record = T::default();
        record.member(body, &mut Text::new(text.to_owned(), &|message| E::custom(message)))?;
        Ok(Some(record))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Option<T>, A::Error> {
        let Some(list) = T::LIST else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        };
        let mut record = T::default();
        record.member(list, &mut Items { seq, scope: self.scope, of: PhantomData })?;
        Ok(Some(record))
    }
}

/// A list that stands for an object.
struct Items<'s, 'a, 'de, A> {
    seq: A,
    scope: &'s mut Scope<'a>,
    of: PhantomData<&'de ()>,
}

impl<'de, A: SeqAccess<'de>> Source for Items<'_, '_, 'de, A> {
    type Error = A::Error;

    fn mismatch(&mut self, wanted: &'static str) -> A::Error {
        A::Error::custom(format_args!("a list where {wanted} belongs"))
    }

    fn text(&mut self, _: &'static str, _: &mut Option<String>) -> Result<(), A::Error> {
        Err(self.mismatch("a text"))
    }

    fn skip(&mut self, _: &'static str, (): &mut ()) -> Result<(), A::Error> {
        Err(self.mismatch("a text"))
    }

    fn each<T: Record>(&mut self, _: &'static str, into: &mut Vec<T>) -> Result<(), A::Error> {
        self.scope.lost.is_list();
        while let Some(item) = self.seq.next_element_seed(Object::new(self.scope))? {
            into.extend(item);
        }
        Ok(())
    }
}

/// Reads a list of objects, or one object, and hands each on.
struct List<'s, 'a, T, F> {
    scope: &'s mut Scope<'a>,
    item: F,
    of: PhantomData<T>,
}

impl<'de, T: Record, F: FnMut(&mut Scope<'_>, T) -> Outcome> DeserializeSeed<'de> for List<'_, '_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Record, F: FnMut(&mut Scope<'_>, T) -> Outcome> Visitor<'de> for List<'_, '_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element_seed(Object::new(self.scope))? {
            let Some(item) = item else { continue };
            (self.item)(self.scope, item).map_err(|error| fail(self.scope, error))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<(), A::Error> {
        let mut item = T::default();
        Member { map, name: Cow::Borrowed(""), scope: &mut *self.scope }.read_into(&mut item)?;
        (self.item)(self.scope, item).map_err(|error| fail(self.scope, error))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a list of components.
struct Components<'s, 'a> {
    scope: &'s mut Scope<'a>,
    within: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Components<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Components<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of components")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.scope.builder.enter_list().map_err(|error| fail(self.scope, error))?;
        while seq.next_element_seed(OneComponent { scope: self.scope, within: self.within })?.is_some() {}
        self.scope.builder.leave_list();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a component, and those within it.
struct OneComponent<'s, 'a> {
    scope: &'s mut Scope<'a>,
    within: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for OneComponent<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneComponent<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a component")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let scope = self.scope;
        let place = scope.lost.enter_components();
        let index = scope.builder.begin(self.within).map_err(|error| fail(scope, error))?;
        let mut component = Component { within: Some(index), ..Component::default() };
        Member { map, name: Cow::Borrowed(""), scope: &mut *scope }.read_into(&mut component)?;
        scope.component(index, component).map_err(|error| fail(scope, error))?;
        scope.lost.leave_components(place);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

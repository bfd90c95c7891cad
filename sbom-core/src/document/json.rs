//! JSON written as it is made: sequences from iterators, two spaces of indentation, LF, a newline at the end.

use std::{
    io::{self, Write},
    num::NonZeroUsize,
};

use serde::{Serialize, Serializer};

use self::writer::{Within, Writer};

mod blocks;
mod escape;
mod writer;

/// A sequence that is serialised from what the function yields, item by item.
pub(super) struct Seq<F>(pub(super) F);

impl<F, I> Serialize for Seq<F>
where
    F: Fn() -> I,
    I: IntoIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// An object that is serialised from the names and values that the function yields, one by one.
pub(super) struct Map<F>(pub(super) F);

impl<F, I, K, V> Serialize for Map<F>
where
    F: Fn() -> I,
    I: IntoIterator<Item = (K, V)>,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map((self.0)())
    }
}

/// Writes `document` and a newline.
pub(super) fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(out);
    document.serialize(&mut writer)?;
    writer.finish()
}

/// Writes an object whose members are what `add` adds, and a newline; its long arrays by `jobs` threads.
pub(super) fn write_object(
    jobs: NonZeroUsize,
    out: &mut dyn Write,
    add: impl FnOnce(&mut Object<'_, '_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = Writer::new(out);
    let mut object = Object { members: writer.object(), jobs };
    add(&mut object)?;
    object.members.finish()?;
    writer.finish()
}

/// An object that is written member by member.
pub(super) struct Object<'a, 'w> {
    members: Within<'a, 'w>,
    jobs: NonZeroUsize,
}

impl Object<'_, '_> {
    /// Adds a member.
    pub(super) fn add(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        Ok(self.members.field(key, value)?)
    }

    /// Adds a member that is an array of what `make` gives for the numbers below `count`: by several threads, where there
    /// are many.
    pub(super) fn add_each<T: Serialize>(
        &mut self,
        key: &str,
        count: usize,
        make: impl Fn(usize) -> Option<T> + Sync,
    ) -> io::Result<()> {
        Ok(self.members.array(self.jobs, key, count, &make)?)
    }
}

/// A record on one line, for a property or annotation. Records are structs of texts and numbers, which cannot
/// fail to serialise.
pub(super) fn line(record: &impl Serialize) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

//! JSON written as it is made: sequences from iterators, two spaces of indentation, LF, a newline at the end.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use self::writer::Writer;

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

/// A record on one line, for a property or annotation. Records are structs of texts and numbers, which cannot
/// fail to serialise.
pub(super) fn line(record: &impl Serialize) -> String {
    serde_json::to_string(record).unwrap_or_default()
}

//! A serialiser of JSON with two spaces of indentation. Sources: RFC 8259; the layout is that of `serde_json`'s pretty
//! formatter, with which every value is compared in tests.

use std::{
    fmt::{self, Display},
    io::{self, Write},
    num::NonZeroUsize,
};

use serde::ser::{self, Serialize, Serializer};

use super::{blocks, escape};

#[cfg(test)]
mod tests;

/// Bytes that are collected before they are handed on.
const COLLECTED: usize = 1 << 16;
const SPACES: &[u8] = &[b' '; 64];
/// Items of a long array that one thread writes at a time.
const BLOCK: usize = 64;

/// Serialises values, and hands on their bytes.
pub(super) struct Writer<'w> {
    out: &'w mut dyn Write,
    buffer: Vec<u8>,
    depth: usize,
}

/// A value cannot be written.
#[derive(Debug)]
pub(super) struct WriteError(io::Error);

impl<'w> Writer<'w> {
    pub(super) fn new(out: &'w mut dyn Write) -> Self {
        Self { out, buffer: Vec::with_capacity(COLLECTED + COLLECTED / 4), depth: 0 }
    }

    /// Ends the text with a newline and hands on what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.buffer.push(b'\n');
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }

    /// Begins an object.
    pub(super) fn object(&mut self) -> Within<'_, 'w> {
        Within::new(self, b'{', b"}")
    }

    fn text(&mut self, text: &str) -> Result<(), WriteError> {
        self.buffer.push(b'"');
        escape::put(text, &mut self.buffer);
        self.buffer.push(b'"');
        self.hand_on()
    }

    fn display(&mut self, value: impl Display) -> Result<(), WriteError> {
        write!(self.buffer, "{value}").map_err(WriteError)
    }

    fn line(&mut self) {
        self.buffer.push(b'\n');
        let mut left = self.depth * 2;
        while left > 0 {
            let spaces = SPACES.get(..left).unwrap_or(SPACES);
            self.buffer.extend_from_slice(spaces);
            left -= spaces.len();
        }
    }

    fn hand_on(&mut self) -> Result<(), WriteError> {
        if self.buffer.len() >= COLLECTED {
            self.out.write_all(&self.buffer).map_err(WriteError)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// What is within brackets or braces.
pub(super) struct Within<'a, 'w> {
    writer: &'a mut Writer<'w>,
    is_empty: bool,
    /// What closes it: the bracket, and that of an object around it, for a variant that has content.
    close: &'static [u8],
}

impl<'a, 'w> Within<'a, 'w> {
    fn new(writer: &'a mut Writer<'w>, open: u8, close: &'static [u8]) -> Self {
        writer.buffer.push(open);
        writer.depth += 1;
        Self { writer, is_empty: true, close }
    }

    /// The content of `variant`, in an object of its own.
    fn of_variant(
        writer: &'a mut Writer<'w>,
        variant: &'static str,
        open: u8,
        close: &'static [u8],
    ) -> Result<Self, WriteError> {
        let Within { writer, .. } = Within::new(writer, b'{', b"}").key(variant)?;
        Ok(Self::new(writer, open, close))
    }

    fn next(&mut self) {
        if !self.is_empty {
            self.writer.buffer.push(b',');
        }
        self.is_empty = false;
        self.writer.line();
    }

    fn key(mut self, key: &str) -> Result<Self, WriteError> {
        self.add_key(key)?;
        Ok(self)
    }

    fn add_key(&mut self, key: &str) -> Result<(), WriteError> {
        self.next();
        self.writer.text(key)?;
        self.writer.buffer.extend_from_slice(b": ");
        Ok(())
    }

    fn close(self) -> Result<(), WriteError> {
        let mut is_empty = self.is_empty;
        for &close in self.close {
            self.writer.depth -= 1;
            if !is_empty {
                self.writer.line();
            }
            self.writer.buffer.push(close);
            is_empty = false;
        }
        self.writer.hand_on()
    }
}

impl<'a, 'w> Serializer for &'a mut Writer<'w> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Within<'a, 'w>;
    type SerializeTuple = Within<'a, 'w>;
    type SerializeTupleStruct = Within<'a, 'w>;
    type SerializeTupleVariant = Within<'a, 'w>;
    type SerializeMap = Within<'a, 'w>;
    type SerializeStruct = Within<'a, 'w>;
    type SerializeStructVariant = Within<'a, 'w>;

    fn serialize_bool(self, value: bool) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_i128(self, value: i128) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), WriteError> {
        self.display(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), WriteError> {
        serde_json::to_writer(&mut self.buffer, &value).map_err(|error| WriteError(error.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<(), WriteError> {
        serde_json::to_writer(&mut self.buffer, &value).map_err(|error| WriteError(error.into()))
    }

    fn serialize_char(self, value: char) -> Result<(), WriteError> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), WriteError> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), WriteError> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), WriteError> {
        self.buffer.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), WriteError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), WriteError> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), WriteError> {
        let mut object = Within::new(self, b'{', b"}");
        object.add_key(variant)?;
        value.serialize(&mut *object.writer)?;
        object.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Within<'a, 'w>, WriteError> {
        Ok(Within::new(self, b'[', b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Within<'a, 'w>, WriteError> {
        Ok(Within::new(self, b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Within<'a, 'w>, WriteError> {
        Ok(Within::new(self, b'[', b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Within<'a, 'w>, WriteError> {
        Within::of_variant(self, variant, b'[', b"]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Within<'a, 'w>, WriteError> {
        Ok(Within::new(self, b'{', b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Within<'a, 'w>, WriteError> {
        Ok(Within::new(self, b'{', b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Within<'a, 'w>, WriteError> {
        Within::of_variant(self, variant, b'{', b"}}")
    }
}

impl Within<'_, '_> {
    /// Closes it.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.close()
    }

    /// Adds a member that is an array of what `make` gives for the numbers below `count`, written by so many threads.
    pub(super) fn array<T: Serialize>(
        &mut self,
        jobs: NonZeroUsize,
        key: &str,
        count: usize,
        make: &(dyn Fn(usize) -> Option<T> + Sync),
    ) -> Result<(), WriteError> {
        self.add_key(key)?;
        let mut array = Within::new(&mut *self.writer, b'[', b"]");
        let depth = array.writer.depth;
        let blocks = count.div_ceil(BLOCK);
        let block = |block: usize| {
            let from = block.saturating_mul(BLOCK);
            let numbers = from..from.saturating_add(BLOCK).min(count);
            array_part(depth, numbers.filter_map(make))
        };
        blocks::in_order(blocks, blocks::threads(jobs, blocks), &block, |part| array.part(&part))?;
        array.close()
    }

    /// Adds items that were written by [`array_part`].
    fn part(&mut self, part: &[u8]) -> Result<(), WriteError> {
        let Some((_, without_comma)) = part.split_first() else { return Ok(()) };
        let part = if self.is_empty { without_comma } else { part };
        self.is_empty = false;
        self.writer.buffer.extend_from_slice(part);
        self.writer.hand_on()
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    /// Adds a member.
    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), WriteError> {
        self.add_key(key)?;
        value.serialize(&mut *self.writer)
    }
}

/// Items of an array that lies so deep, each with a comma before it.
fn array_part<T: Serialize>(depth: usize, items: impl Iterator<Item = T>) -> Result<Vec<u8>, WriteError> {
    let mut part = Vec::new();
    let mut writer = Writer { depth, ..Writer::new(&mut part) };
    let mut array = Within { writer: &mut writer, is_empty: false, close: b"" };
    for item in items {
        array.item(&item)?;
    }
    let rest = writer.buffer;
    if part.is_empty() {
        return Ok(rest);
    }
    part.extend_from_slice(&rest);
    Ok(part)
}

/// Implements what has items, or fields with keys, by the method of [`Within`] that writes one.
macro_rules! compound {
    ($($of:ident: $method:ident($($key:ident)?) => $own:ident;)*) => {$(
        impl ser::$of for Within<'_, '_> {
            type Ok = ();
            type Error = WriteError;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($key: &'static str,)?
                value: &T,
            ) -> Result<(), WriteError> {
                self.$own($($key,)? value)
            }

            fn end(self) -> Result<(), WriteError> {
                self.close()
            }
        }
    )*};
}

compound! {
    SerializeSeq: serialize_element() => item;
    SerializeTuple: serialize_element() => item;
    SerializeTupleStruct: serialize_field() => item;
    SerializeTupleVariant: serialize_field() => item;
    SerializeStruct: serialize_field(key) => field;
    SerializeStructVariant: serialize_field(key) => field;
}

impl ser::SerializeMap for Within<'_, '_> {
    type Ok = ();
    type Error = WriteError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), WriteError> {
        self.next();
        let before = self.writer.buffer.len();
        key.serialize(&mut *self.writer)?;
        // A text is handed on at once only if it is long, so that its first byte may be gone.
        if self.writer.buffer.get(before).is_some_and(|&first| first != b'"') {
            return Err(ser::Error::custom("the key of an object is no text"));
        }
        self.writer.buffer.extend_from_slice(b": ");
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WriteError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), WriteError> {
        self.close()
    }
}

impl Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WriteError {}

impl ser::Error for WriteError {
    fn custom<T: Display>(message: T) -> Self {
        Self(io::Error::other(message.to_string()))
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        error.0
    }
}

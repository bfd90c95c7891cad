//! How numbers, texts and collections are written into an entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::codec::{Malformed, Reader, Record, Writer};

impl Record for bool {
    fn put(&self, out: &mut Writer) {
        out.byte(u8::from(*self));
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Record for u32 {
    fn put(&self, out: &mut Writer) {
        out.number(u64::from(*self));
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::try_from(input.number()?).or(Err(Malformed))
    }
}

impl Record for u8 {
    fn put(&self, out: &mut Writer) {
        out.byte(*self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.byte()
    }
}

impl Record for u64 {
    fn put(&self, out: &mut Writer) {
        out.number(*self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.number()
    }
}

impl Record for usize {
    fn put(&self, out: &mut Writer) {
        out.length(*self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.size()
    }
}

impl<const N: usize> Record for [u8; N] {
    fn put(&self, out: &mut Writer) {
        out.exactly(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.exactly()
    }
}

impl Record for String {
    fn put(&self, out: &mut Writer) {
        out.bytes(self.as_bytes());
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.str().map(Self::from)
    }
}

impl Record for Box<str> {
    fn put(&self, out: &mut Writer) {
        out.bytes(self.as_bytes());
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.str().map(Self::from)
    }
}

impl Record for Arc<str> {
    fn put(&self, out: &mut Writer) {
        out.text(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.text()
    }
}

impl Record for Arc<[u8]> {
    fn put(&self, out: &mut Writer) {
        out.bytes(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.bytes().map(Self::from)
    }
}

impl Record for Box<[u8]> {
    fn put(&self, out: &mut Writer) {
        out.bytes(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.bytes().map(Self::from)
    }
}

impl<T: Record> Record for Box<T> {
    fn put(&self, out: &mut Writer) {
        (**self).put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.nested().map(Self::new)
    }
}

impl<T: Record> Record for Arc<T> {
    fn put(&self, out: &mut Writer) {
        (**self).put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        T::take(input).map(Self::new)
    }
}

impl<T: Record> Record for Option<T> {
    fn put(&self, out: &mut Writer) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        if bool::take(input)? { T::take(input).map(Some) } else { Ok(None) }
    }
}

impl<T: Record> Record for Vec<T> {
    fn put(&self, out: &mut Writer) {
        out.length(self.len());
        for item in self {
            item.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.list(T::take)
    }
}

impl<T: Record + Ord> Record for BTreeSet<T> {
    fn put(&self, out: &mut Writer) {
        out.length(self.len());
        for item in self {
            item.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.list(T::take).map(Self::from_iter)
    }
}

impl<K: Record + Ord, V: Record> Record for BTreeMap<K, V> {
    fn put(&self, out: &mut Writer) {
        out.length(self.len());
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.list(<(K, V)>::take).map(Self::from_iter)
    }
}

impl<A: Record, B: Record> Record for (A, B) {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok((A::take(input)?, B::take(input)?))
    }
}

//! Paths in little space: of each only what it does not have in common with the beginning of the path before it. And the
//! numbers that this takes: seven bits a byte, the lowest first, in as few bytes as they need; the highest bit says that
//! more follow. So one list has one form.

use super::{ImagePath, stays_normal};

/// Puts `path` behind `before`.
pub(crate) fn put_path(out: &mut Vec<u8>, before: &[u8], path: &[u8]) {
    let shared = before.iter().zip(path).take_while(|(before, now)| before == now).count();
    put_number(out, shared);
    put_bytes(out, path.get(shared..).unwrap_or_default());
}

/// Takes a path that lies behind that in `path`, and leaves it there. Gives how many bytes both have in common; none if
/// none is whole.
pub(crate) fn take_path(packed: &mut &[u8], path: &mut Vec<u8>) -> Option<usize> {
    let shared = take_number(packed).filter(|shared| *shared <= path.len())?;
    let rest = take_bytes(packed)?;
    path.truncate(shared);
    path.extend_from_slice(rest);
    Some(shared)
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

pub(crate) fn take_bytes<'p>(packed: &mut &'p [u8]) -> Option<&'p [u8]> {
    let length = take_number(packed)?;
    let (bytes, rest) = packed.split_at_checked(length)?;
    *packed = rest;
    Some(bytes)
}

#[inline]
pub(crate) fn take_number(packed: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_long(packed)?).ok()
}

pub(crate) fn put_number(out: &mut Vec<u8>, number: usize) {
    put_long(out, number as u64);
}

#[inline]
pub(crate) fn take_long(packed: &mut &[u8]) -> Option<u64> {
    match packed.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *packed = rest;
            Some(byte.into())
        }
        _ => take_several(packed),
    }
}

fn take_several(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = packed.split_first()?;
        *packed = rest;
        let bits = u64::from(byte & 0x7f);
        number |= bits << shift;
        if number >> shift != bits {
            return None;
        }
        if byte < 0x80 {
            let is_shortest = bits > 0 || shift == 0;
            return is_shortest.then_some(number);
        }
    }
    None
}

pub(crate) fn put_long(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low & 0x7f
}

/// Paths in any order, packed.
///
/// ```
/// use sbom_core::image_path::{ImagePath, PathList};
/// let paths: PathList = ["usr/bin/a", "usr/bin/b"].map(ImagePath::from).into_iter().collect();
/// assert_eq!(paths.iter().map(|path| path.to_string()).collect::<Vec<_>>(), ["/usr/bin/a", "/usr/bin/b"]);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PathList {
    count: usize,
    /// Of all paths as they come out.
    bytes: usize,
    packed: Box<[u8]>,
}

impl PathList {
    /// Those of `paths`, each of which is one as it stands.
    pub(crate) fn of_normal<P: AsRef<[u8]>>(paths: impl IntoIterator<Item = P>) -> Self {
        let mut packed = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        let mut before: Option<P> = None;
        for path in paths {
            put_path(&mut packed, before.as_ref().map_or(&[], P::as_ref), path.as_ref());
            count += 1;
            bytes += path.as_ref().len();
            before = Some(path);
        }
        Self { count, bytes, packed: packed.into() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of all of them as they come out.
    pub fn path_bytes(&self) -> usize {
        self.bytes
    }

    /// The paths, each in memory of its own.
    pub fn iter(&self) -> impl Iterator<Item = ImagePath> {
        let (mut packed, mut path) = (&*self.packed, Vec::new());
        std::iter::from_fn(move || {
            take_path(&mut packed, &mut path)?;
            Some(ImagePath::of_normal(&path))
        })
    }

    /// The list as it is kept.
    pub(crate) fn as_packed(&self) -> &[u8] {
        &self.packed
    }

    /// A list that was kept; none if it is of a form that no list has, or its paths come to more bytes than are left in
    /// `path_bytes`.
    pub(crate) fn of_packed(packed: &[u8], path_bytes: &mut usize) -> Option<Self> {
        let (mut rest, mut path, mut before) = (packed, Vec::new(), Vec::new());
        let (mut count, mut bytes) = (0, 0_usize);
        while !rest.is_empty() {
            let shared = take_path(&mut rest, &mut path)?;
            *path_bytes = path_bytes.checked_sub(path.len())?;
            bytes += path.len();
            // What both have in common is shared, all of it.
            let is_all = before.get(shared).is_none_or(|other| path.get(shared) != Some(other));
            if !is_all || !stays_normal(&path, shared) {
                return None;
            }
            before.truncate(shared);
            before.extend_from_slice(path.get(shared..)?);
            count += 1;
        }
        Some(Self { count, bytes, packed: packed.into() })
    }
}

impl FromIterator<ImagePath> for PathList {
    fn from_iter<I: IntoIterator<Item = ImagePath>>(paths: I) -> Self {
        Self::of_normal(paths)
    }
}

impl std::fmt::Debug for PathList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(paths: &[&str]) -> PathList {
        paths.iter().map(|path| ImagePath::from(*path)).collect()
    }

    #[test]
    fn beginnings_are_shared() {
        let list = list(&["usr/bin/a", "usr/bin/b", "usr"]);
        assert_eq!(list.as_packed(), b"\0\x09usr/bin/a\x08\x01b\x03\0");
        assert_eq!((list.len(), list.path_bytes()), (3, 21));
    }

    #[test]
    fn what_no_list_has_is_not_read() {
        let bytes = list(&["a", "ab"]);
        assert_eq!(PathList::of_packed(bytes.as_packed(), &mut 3), Some(bytes.clone()));
        assert_eq!(PathList::of_packed(bytes.as_packed(), &mut 2), None);
        for packed in
            [&b"\0"[..], b"\0\x02a", b"\x01\x01a", b"\0\x02/a", b"\0\x01a\0\x02ab", b"\0\x01a\x81\0\0"]
        {
            assert_eq!(PathList::of_packed(packed, &mut 1000), None, "{packed:?}");
        }
    }

    proptest! {
        #[test]
        fn paths_come_out_as_they_went_in(paths in proptest::collection::vec("[ab/.]{0,12}", 0..40)) {
            let paths: Vec<_> = paths.iter().map(|path| ImagePath::from(path.as_str())).collect();
            let list: PathList = paths.iter().cloned().collect();
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), paths);
            prop_assert_eq!(PathList::of_packed(list.as_packed(), &mut 1000), Some(list.clone()));
        }
    }
}

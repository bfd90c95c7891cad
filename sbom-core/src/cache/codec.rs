//! Values ↔ bytes, for entries of the cache: numbers of variable length, strings, and paths that share their beginnings.
//!
//! A reader believes nothing: lengths are checked against the bytes that are there before anything is made for them,
//! so that no bytes make it panic, recurse without end, or take more memory than a fixed multiple of their number.

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::{
    bom::OwnedFiles,
    image_path::{
        ImagePath, PathList,
        packed::{put_long, put_path, take_long, take_path},
    },
};

/// Bytes that no writer of this version wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry does not follow its own format")]
pub(super) struct Malformed;

/// Of paths as they come out, bytes for each byte of the entry; those of real layers take three to six.
const PATH_BYTES: usize = 32;
/// Room that is made for a list before its items are seen.
const ROOM: usize = 1024;
/// Values nested in values of their own type; real ones are one deep.
const DEPTH: u32 = 8;

/// What can be written into an entry and read back.
pub(super) trait Record: Sized {
    /// Writes the value.
    fn put(&self, out: &mut Writer);
    /// Reads a value.
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// Collects the bytes of an entry, as long as they are no more than they may be.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    most: usize,
    /// The path written last.
    path: Vec<u8>,
    /// Bytes of all paths as they come out.
    path_bytes: usize,
    /// Texts that are written once, by their number.
    texts: HashMap<Arc<str>, u64>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::within(usize::MAX)
    }
}

impl Writer {
    /// Collects at most so many bytes.
    pub(super) fn within(most: usize) -> Self {
        Self { bytes: Vec::new(), most, path: Vec::new(), path_bytes: 0, texts: HashMap::new() }
    }

    /// All that was written; none if it was too much, or a reader would refuse it.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let is_read = self.path_bytes <= self.bytes.len().saturating_mul(PATH_BYTES);
        (is_read && self.bytes.len() <= self.most).then_some(self.bytes)
    }

    /// All that was written, not to be read again.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.exactly(&[byte]);
    }

    pub(super) fn number(&mut self, number: u64) {
        if self.has_room() {
            put_long(&mut self.bytes, number);
        }
    }

    pub(super) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.exactly(bytes);
    }

    /// Nothing, and nothing any more, if it is too much.
    pub(super) fn exactly(&mut self, bytes: &[u8]) {
        if self.most.saturating_sub(self.bytes.len()) < bytes.len() {
            self.most = 0;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// How many bytes it has in common with the path before it, and the others.
    pub(super) fn path(&mut self, path: &ImagePath) {
        let path = path.as_bytes();
        if self.has_room() {
            put_path(&mut self.bytes, &self.path, path);
        }
        self.path.clear();
        self.path.extend_from_slice(path);
        self.path_bytes = self.path_bytes.saturating_add(path.len());
    }

    /// Whether it is not too much yet; one number or path beyond it is told when all is written.
    fn has_room(&self) -> bool {
        self.bytes.len() <= self.most
    }

    /// That a text comes out once more than it is written; it counts as paths do.
    pub(super) fn repeats(&mut self, text: &str) {
        self.path_bytes = self.path_bytes.saturating_add(text.len());
    }

    /// As they are kept.
    pub(super) fn owned_files(&mut self, files: &OwnedFiles) {
        self.bytes(files.as_packed());
        self.path_bytes = self.path_bytes.saturating_add(files.path_bytes());
    }

    /// As they are kept.
    pub(super) fn path_list(&mut self, paths: &PathList) {
        self.bytes(paths.as_packed());
        self.path_bytes = self.path_bytes.saturating_add(paths.path_bytes());
    }

    /// A text that may come more than once: its number, and the text itself the first time.
    pub(super) fn text(&mut self, text: &Arc<str>) {
        let next = self.texts.len() as u64;
        let number = *self.texts.entry(Arc::clone(text)).or_insert(next);
        self.number(number);
        if number == next {
            self.bytes(text.as_bytes());
        }
    }
}

/// The body of an entry, of which long values may keep parts as they lie there.
#[derive(Debug, Clone)]
pub(super) struct Body<'a> {
    pub(super) entry: &'a Arc<Vec<u8>>,
    /// Where it lies in the entry.
    pub(super) at: Range<usize>,
}

impl<'a> Body<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.entry.get(self.at.clone()).unwrap_or_default()
    }
}

/// Takes the bytes of an entry apart.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// What the bytes are the end of, where parts of it may be kept.
    body: Option<Body<'a>>,
    /// The path read last,
    last_path: ImagePath,
    /// and its bytes.
    path: Vec<u8>,
    /// Bytes that paths may still come to.
    path_bytes: usize,
    texts: Vec<Arc<str>>,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let path_bytes = bytes.len().saturating_mul(PATH_BYTES);
        Self {
            bytes,
            body: None,
            last_path: ImagePath::root(),
            path: Vec::new(),
            path_bytes,
            texts: Vec::new(),
            depth: 0,
        }
    }

    /// A reader of `body` that keeps parts of it.
    pub(super) fn within(body: &Body<'a>) -> Self {
        Self { body: Some(body.clone()), ..Self::new(body.bytes()) }
    }

    /// That nothing is left.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.bytes.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// Bytes that were not read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.bytes.split_first().ok_or(Malformed)?;
        self.bytes = rest;
        Ok(*first)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        take_long(&mut self.bytes).ok_or(Malformed)
    }

    pub(super) fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).or(Err(Malformed))
    }

    /// A number of items, each of which takes a byte at least.
    pub(super) fn length(&mut self) -> Result<usize, Malformed> {
        let length = self.size()?;
        if length <= self.bytes.len() { Ok(length) } else { Err(Malformed) }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.length()?;
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(bytes)
    }

    pub(super) fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.bytes.split_first_chunk().ok_or(Malformed)?;
        self.bytes = rest;
        Ok(*bytes)
    }

    pub(super) fn str(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).or(Err(Malformed))
    }

    pub(super) fn path(&mut self) -> Result<ImagePath, Malformed> {
        let before = self.path.len();
        let shared = take_path(&mut self.bytes, &mut self.path).ok_or(Malformed)?;
        self.path_bytes = self.path_bytes.checked_sub(self.path.len()).ok_or(Malformed)?;
        // The same path again is shared.
        if shared < before || shared < self.path.len() {
            // Any other form of a path is none that a writer was given.
            self.last_path = ImagePath::continued(&self.path, shared).ok_or(Malformed)?;
        }
        Ok(self.last_path.clone())
    }

    /// That a text comes out once more than it is there.
    pub(super) fn repeats(&mut self, text: &str) -> Result<(), Malformed> {
        self.path_bytes = self.path_bytes.checked_sub(text.len()).ok_or(Malformed)?;
        Ok(())
    }

    pub(super) fn owned_files(&mut self) -> Result<OwnedFiles, Malformed> {
        let packed = self.bytes()?;
        let files = match &self.body {
            Some(Body { entry, at }) => {
                let end = at.end.checked_sub(self.bytes.len()).ok_or(Malformed)?;
                let begin = end.checked_sub(packed.len()).ok_or(Malformed)?;
                OwnedFiles::of_packed(entry, begin..end, &mut self.path_bytes)
            }
            None => OwnedFiles::of_packed(&Arc::new(packed.to_vec()), 0..packed.len(), &mut self.path_bytes),
        };
        files.ok_or(Malformed)
    }

    pub(super) fn path_list(&mut self) -> Result<PathList, Malformed> {
        PathList::of_packed(self.bytes()?, &mut self.path_bytes).ok_or(Malformed)
    }

    pub(super) fn text(&mut self) -> Result<Arc<str>, Malformed> {
        let number = self.size()?;
        if let Some(text) = self.texts.get(number) {
            return Ok(Arc::clone(text));
        }
        if number != self.texts.len() {
            return Err(Malformed);
        }
        let text: Arc<str> = self.str()?.into();
        self.texts.push(Arc::clone(&text));
        Ok(text)
    }

    /// Reads a value that lies in one of its own type.
    pub(super) fn nested<T: Record>(&mut self) -> Result<T, Malformed> {
        if self.depth == DEPTH {
            return Err(Malformed);
        }
        self.depth += 1;
        let value = T::take(self);
        self.depth -= 1;
        value
    }

    /// Reads as many values as are said to be there.
    pub(super) fn list<T>(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let length = self.length()?;
        // All at once, if the room is no more than what is left to be read.
        let room = self.bytes.len().checked_div(size_of::<T>()).unwrap_or(ROOM);
        let mut list = Vec::with_capacity(length.min(room.max(ROOM)));
        for _ in 0..length {
            list.push(take(self)?);
        }
        // Lists stay in memory until the bill is written.
        list.shrink_to_fit();
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<T: PartialEq + std::fmt::Debug>(
        put: impl Fn(&mut Writer),
        take: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
        expected: T,
    ) {
        let mut writer = Writer::default();
        put(&mut writer);
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        assert_eq!(take(&mut reader), Ok(expected));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn numbers_of_every_length_are_read_back() {
        for number in (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1]).chain([u64::MAX]) {
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method is not general enough"
            )]
            check(|out| out.number(number), |input| input.number(), number);
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_malformed() {
        let mut bytes = [0xff; 10];
        bytes[9] = 1;
        assert_eq!(Reader::new(&bytes).number(), Ok(u64::MAX));
        bytes[9] = 2;
        assert_eq!(Reader::new(&bytes).number(), Err(Malformed));
        assert_eq!(Reader::new(&[0x80; 20]).number(), Err(Malformed));
    }

    #[test]
    fn a_length_beyond_the_bytes_is_malformed() {
        for bytes in [&[5, 1, 2][..], &[0xff, 0xff, 0xff, 0xff, 0x7f, 1], &[]] {
            assert_eq!(Reader::new(bytes).bytes(), Err(Malformed));
            assert_eq!(Reader::new(bytes).list(Reader::byte), Err(Malformed));
        }
    }

    #[test]
    fn a_path_that_no_writer_was_given_is_malformed() {
        for path in ["/a", "a//b", "../a", "a/."] {
            let mut writer = Writer::default();
            writer.number(0);
            writer.bytes(path.as_bytes());
            assert_eq!(Reader::new(&writer.bytes).path(), Err(Malformed), "{path}");
        }
        assert_eq!(Reader::new(&[3, 0]).path(), Err(Malformed));
    }

    #[test]
    fn a_path_that_comes_again_is_shared() {
        let paths = ["", "a/b", "a/b", "a"].map(ImagePath::from);
        let mut writer = Writer::default();
        for path in &paths {
            writer.path(path);
        }
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        let read = paths.clone().map(|_| reader.path().unwrap());
        assert_eq!(read, paths);
        assert_eq!(read[1].as_bytes().as_ptr(), read[2].as_bytes().as_ptr());
    }

    #[test]
    fn more_than_may_be_is_not_collected() {
        for (length, fits) in [(100, true), (101, false), (1 << 20, false)] {
            let mut writer = Writer::within(102);
            writer.bytes(&vec![7; length]);
            assert!(writer.bytes.capacity() < 1024);
            writer.byte(1);
            assert_eq!(writer.finish().is_some(), fits, "{length}");
        }
    }

    #[test]
    fn paths_that_swell_are_malformed() {
        let mut writer = Writer::default();
        writer.path(&ImagePath::new(&[b'a'; 4000]));
        for _ in 0..100_000 {
            writer.path(&ImagePath::new(&[b'a'; 4000]));
        }
        let mut reader = Reader::new(&writer.bytes);
        let read = (0..100_001).try_for_each(|_| reader.path().map(drop));
        assert_eq!(read, Err(Malformed));
        assert_eq!(writer.finish(), None);
    }

    #[test]
    fn a_text_that_comes_again_is_shared() {
        let text: Arc<str> = "some licence".into();
        let mut writer = Writer::default();
        writer.text(&text);
        writer.text(&"other".into());
        writer.text(&text);
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        let texts: Vec<_> = (0..3).map(|_| reader.text().unwrap()).collect();
        assert_eq!(*texts[0], *text);
        assert!(Arc::ptr_eq(&texts[0], &texts[2]));
        assert_eq!(Reader::new(&[1, 0]).text(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn paths_are_read_back(paths in proptest::collection::vec("[ab/.]{0,12}", 0..40)) {
            let paths: Vec<_> = paths.iter().map(|path| ImagePath::from(path.as_str())).collect();
            check(
                |out| {
                    out.length(paths.len());
                    for path in &paths {
                        out.path(path);
                    }
                },
                |input| input.list(Reader::path),
                paths.clone(),
            );
        }
    }
}

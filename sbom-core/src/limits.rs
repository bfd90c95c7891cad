//! Every bound on what an input may make this library read, keep or repeat, in one place.
//!
//! A bound has a unit, a default and a reason. Where one is hit the error names it, so that
//! `--limit NAME=VALUE` raises exactly that bound and nothing else.

use std::{
    io::{self, Read},
    sync::{Condvar, Mutex, PoisonError},
};

/// Declares the bounds once: the struct, its defaults, and the table that the command line and the docs use.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kebab:literal = $default:expr, $unit:ident;)+) => {
        /// The bounds of one scan. `Limits::default()` suits images of any ordinary size.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: Limit,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: Limit { name: $kebab, value: $default, unit: Unit::$unit },)+ }
            }
        }

        impl Limits {
            /// Every bound with the reason for it, in the order of declaration.
            pub fn all(&self) -> Vec<(Limit, &'static str)> {
                vec![$((self.$name, concat!($($doc),+).trim_ascii()),)+]
            }

            /// Sets the bound called `name` (as in `file-bytes`); `false` if there is none of that name.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $($kebab => self.$name.value = value,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

impl Limits {
    /// Accepts that `stored` bytes gave `unpacked` ones so far. The ratio counts beyond the first gigabyte: an archive of
    /// a few empty files has a high one.
    pub fn check_unpacked(&self, unpacked: u64, stored: u64) -> Result<(), LimitExceeded> {
        self.unpacked_bytes.check(unpacked)?;
        self.compression_ratio.check(unpacked.saturating_sub(GIB) / stored.max(1))
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

limits! {
    /// A manifest or index; registries refuse larger ones.
    manifest_bytes: "manifest-bytes" = 4 * MIB, Bytes;
    /// An image configuration.
    config_bytes: "config-bytes" = 16 * MIB, Bytes;
    /// A registry's answer that is not a blob: tokens, errors, lists.
    response_bytes: "response-bytes" = 4 * MIB, Bytes;
    /// Indexes nested in one another.
    index_depth: "index-depth" = 8, Count;
    /// Manifests looked at in one subject, over all its indexes.
    manifests: "manifests" = 4096, Count;
    /// Layers of one image.
    layers: "layers" = 1024, Count;
    /// A layer as stored.
    layer_bytes: "layer-bytes" = 64 * GIB, Bytes;
    /// A layer once decompressed.
    unpacked_bytes: "unpacked-bytes" = 256 * GIB, Bytes;
    /// Decompressed bytes per stored byte, beyond the first gigabyte of a layer.
    compression_ratio: "compression-ratio" = 200, Count;
    /// Entries of one layer, archive or folder.
    entries: "entries" = 5_000_000, Count;
    /// Files, directories and links of an image at one time, while its layers are laid over one another; of a stream, those of
    /// all its members, where a gap counts as four.
    image_entries: "image-entries" = 5_000_000, Count;
    /// Paths and link targets held in memory at one time: those of a layer while it is read, and those of what the layers
    /// below come to. Two million files have about 200 MiB.
    names_bytes: "names-bytes" = GIB, Bytes;
    /// What layers gave that are read before those below them, about, as it lies in memory. Beyond it the lowest layer
    /// alone is read; beyond a quarter of it no other is begun.
    unfolded_bytes: "unfolded-bytes" = 256 * MIB, Bytes;
    /// Members of an archive that images travel in; of a layer, see `entries`.
    archive_members: "archive-members" = 100_000, Count;
    /// A path or link target; Linux accepts no longer one.
    path_bytes: "path-bytes" = 4 * KIB, Bytes;
    /// Directories that one path leads through.
    path_depth: "path-depth" = 256, Count;
    /// Extended headers of one archive entry.
    header_bytes: "header-bytes" = MIB, Bytes;
    /// One database or metadata file.
    file_bytes: "file-bytes" = 128 * MIB, Bytes;
    /// All database and metadata files of one scan, both as they are stored and as they are unpacked, and the lists of what
    /// programs were built from.
    captured_bytes: "captured-bytes" = 2 * GIB, Bytes;
    /// An executable kept whole; of a larger one only the parts that hold build information, and the names of
    /// libraries, are kept.
    executable_bytes: "executable-bytes" = 20 * MIB, Bytes;
    /// The parts kept of one large executable.
    executable_parts_bytes: "executable-parts-bytes" = 32 * MIB, Bytes;
    /// Files held in memory at one time, over all threads.
    memory_bytes: "memory-bytes" = 160 * MIB, Bytes;
    /// What unpacking holds at one time, over all threads: 128 MiB for each zstd-compressed layer, which may want to look
    /// back that far, and tables and chunks of layers that are read in part. One layer has its turn in any case.
    window_bytes: "window-bytes" = 512 * MIB, Bytes;
    /// Build information inflated from one executable.
    inflated_bytes: "inflated-bytes" = 8 * MIB, Bytes;
    /// Packages of one database or executable; all of Debian has 60 000.
    packages: "packages" = 250_000, Count;
    /// Packages, modules, crates, and what else programs list (settings of their build, libraries), in all versions of all
    /// databases and executables of one scan. A hard link to a file, and a layer that is there again, count as often as
    /// they are there.
    records: "records" = 1_000_000, Count;
    /// What components take over from files that speak of many of them: paths, licence texts, sources.
    copied_bytes: "copied-bytes" = 256 * MIB, Bytes;
    /// Licence texts of one scan that are compared with the SPDX list, each once; all of Debian's for 700 packages are
    /// 3 MiB.
    license_bytes: "license-bytes" = 16 * MIB, Bytes;
    /// Relations that the packages of one database name, and edges that they become.
    edges: "edges" = 1_000_000, Count;
    /// Symbolic links followed for one path; Linux follows 40.
    link_hops: "link-hops" = 40, Count;
    /// Targets of the symbolic links followed for all paths of one scan.
    link_bytes: "link-bytes" = 64 * MIB, Bytes;
    /// Bytes that are read more than once because several links lead to a file, each of which matters.
    further_names_bytes: "further-names-bytes" = 16 * MIB, Bytes;
    /// A document that is read: an SBOM of 100 000 components has about 150 MiB.
    document_bytes: "document-bytes" = 512 * MIB, Bytes;
    /// Components of a document that is read, files among them.
    document_components: "document-components" = 1_000_000, Count;
    /// Relationships of a document that is read.
    document_relationships: "document-relationships" = 10_000_000, Count;
    /// Components, elements or envelopes nested in one another in a document that is read.
    document_depth: "document-depth" = 64, Count;
    /// A document that is checked against a schema, for which all of it becomes a tree.
    validate_bytes: "validate-bytes" = 128 * MIB, Bytes;
    /// The tree of a document that is checked; that of 100 MiB of CycloneDX takes about 1 GiB.
    validate_memory: "validate-memory" = 2 * GIB, Bytes;
    /// One attestation: a bundle or an envelope. Real ones carry SBOMs of up to about 40 MiB.
    attestation_bytes: "attestation-bytes" = 64 * MIB, Bytes;
    /// Values in the JSON of one statement; an SBOM of 10 MiB has about 300 000. Those of some transparency logs become
    /// a tree.
    statement_values: "statement-values" = 3_000_000, Count;
    /// All attestations of one image, which are held in memory at one time.
    attestations_bytes: "attestations-bytes" = 256 * MIB, Bytes;
    /// Requests made to find the attestations of one image.
    attestation_requests: "attestation-requests" = 2048, Count;
    /// Seconds spent on finding the attestations of one image.
    attestation_seconds: "attestation-seconds" = 120, Seconds;
    /// Signatures held against keys over all attestations of one image; of more than a MiB each further one counts as one
    /// more. Ten platforms with bills of 10 MiB, looked at by index and image for five keys, take 1000.
    signature_checks: "signature-checks" = 16_384, Count;
    /// A key, as PEM: a private RSA key of 8192 bits, encrypted, takes 12 KiB.
    key_bytes: "key-bytes" = 32 * KIB, Bytes;
    /// Attempts at one request to a registry.
    attempts: "attempts" = 5, Count;
    /// Redirects followed for one request to a registry.
    redirects: "redirects" = 10, Count;
    /// Manifests of attestations fetched for one subject, out of those that are of a type that is wanted.
    referrers: "referrers" = 256, Count;
    /// Entries in a registry's list of what refers to one subject, whatever it is.
    referrers_listed: "referrers-listed" = 10_000, Count;
    /// All pages of a registry's list of what refers to one subject.
    referrers_bytes: "referrers-bytes" = 16 * MIB, Bytes;
    /// Pages of a registry's list of what refers to one subject; they may be empty and still lead on.
    referrer_pages: "referrer-pages" = 64, Count;
    /// Files that a bill lists; those behind them in the order of paths are counted.
    files: "files" = 1_000_000, Count;
    /// Paths and link targets of the files that a bill lists.
    file_names_bytes: "file-names-bytes" = 256 * MIB, Bytes;
    /// Holes of the sparse files of one layer; an archive holds them for nothing, but whoever reads them spends time.
    hole_bytes: "hole-bytes" = 4 * GIB, Bytes;
    /// A layer's table of contents as stored; unpacked it may have ten times as much as this limit.
    toc_bytes: "toc-bytes" = 32 * MIB, Bytes;
    /// One chunk of a file in a layer that is read in part, which is held in memory until it is proved.
    chunk_bytes: "chunk-bytes" = 32 * MIB, Bytes;
    /// Requests for parts of one layer; beyond it larger parts are asked for, and in the end the whole.
    range_requests: "range-requests" = 2048, Count;
    /// Gaps held and listed one by one: the first by layer, path and place in the file. Beyond it they are counted.
    gaps: "gaps" = 10_000, Count;
}

/// What a bound counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Time.
    Seconds,
}

/// One bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// As in `--limit NAME=VALUE`.
    pub name: &'static str,
    /// The largest value that is accepted.
    pub value: u64,
    /// What `value` counts.
    pub unit: Unit,
}

impl Limit {
    /// Accepts `found` if it is within the bound.
    pub fn check(self, found: u64) -> Result<(), LimitExceeded> {
        if found <= self.value { Ok(()) } else { Err(LimitExceeded { limit: self }) }
    }

    /// The bound as a length in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.value).unwrap_or(usize::MAX)
    }
}

/// An input asks for more than a bound allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} {}; if this input is to be trusted, raise it with --limit {}=VALUE",
    .limit.value, match .limit.unit { Unit::Bytes => "bytes", Unit::Count => "in number", Unit::Seconds => "seconds" }, .limit.name)]
pub struct LimitExceeded {
    /// The bound that was hit.
    pub limit: Limit,
}

/// A bounded read failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There are more bytes than allowed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// Reads `reader` to its end into memory, or fails as soon as `limit` is passed.
pub fn read_capped(reader: impl Read, limit: Limit) -> Result<Vec<u8>, ReadError> {
    read_capped_sized(reader, 0, limit)
}

/// The same where `size` bytes are announced. Room is made for them at once, as far as 16 MiB: what is announced need
/// not come.
pub fn read_capped_sized(reader: impl Read, size: u64, limit: Limit) -> Result<Vec<u8>, ReadError> {
    let room = size.min(limit.value.saturating_add(1)).min(16 << 20);
    let mut bytes = Vec::with_capacity(passing_room(usize::try_from(room).unwrap_or_default()));
    #[expect(clippy::disallowed_methods, reason = "this is the bounded form that the ban points to")]
    reader.take(limit.value.saturating_add(1)).read_to_end(&mut bytes)?;
    limit.check(bytes.len() as u64)?;
    Ok(bytes)
}

/// How much room to ask for where `length` bytes are held for a moment, so that they are given back to the system as soon
/// as they are dropped. glibc keeps up to twice of the largest piece that was ever freed, unless that was longer than
/// 32 MiB: without the detour a scan of large programs holds a third more memory than it ever uses at a time. Room that
/// nobody writes to takes no memory.
pub fn passing_room(length: usize) -> usize {
    const LARGE: usize = 2 << 20;
    const ROOM: usize = 33 << 20;
    if length < LARGE { length } else { length.max(ROOM) }
}

/// Reads until `buffer` is full or `reader` ends; gives how far it got.
pub fn read_full(reader: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Memory shared by threads: a taker waits until what it asks for is free.
///
/// Whether something is kept never depends on who came first, only when.
#[derive(Debug)]
pub struct Budget {
    total: u64,
    free: Mutex<u64>,
    returned: Condvar,
}

impl Budget {
    /// A budget of `total` bytes, at least one: of nothing everybody could take as much as they want.
    pub fn new(total: u64) -> Self {
        let total = total.max(1);
        Self { total, free: Mutex::new(total), returned: Condvar::new() }
    }

    /// Takes `bytes`, waiting until they are free. More than the whole budget counts as the whole budget,
    /// so a single large taker proceeds alone. A thread must hold at most one
    /// share of a budget at a time, and take those of several budgets in the same order as all others.
    pub fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        Share { budget: self, bytes }
    }
}

/// Part of a [`Budget`], returned when dropped.
#[derive(Debug)]
pub struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_exactly_the_limit_is_read() {
        let mut limits = Limits::default();
        assert!(limits.set("file-bytes", 3));
        assert_eq!(read_capped(&b"abc"[..], limits.file_bytes).unwrap(), b"abc");
        let error = read_capped(&b"abcd"[..], limits.file_bytes).unwrap_err();
        assert!(error.to_string().contains("--limit file-bytes="), "{error}");
    }

    #[test]
    fn an_endless_reader_ends_at_the_limit() {
        let mut limits = Limits::default();
        limits.set("file-bytes", 1000);
        assert!(matches!(read_capped(io::repeat(0), limits.file_bytes), Err(ReadError::Limit(_))));
    }

    #[test]
    fn the_ratio_counts_beyond_the_first_gigabyte() {
        let limits = Limits::default();
        let unpacked = |stored: u64, beyond: u64| limits.check_unpacked(GIB + beyond, stored).is_ok();
        assert!(unpacked(1, 0) && unpacked(0, 200) && unpacked(1000, 200_999));
        assert!(!unpacked(0, 201) && !unpacked(1, 201) && !unpacked(1000, 201_000));
        assert!(limits.check_unpacked(257 * GIB, 100 * GIB).is_err());
    }

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        let mut limits = Limits::default();
        for (limit, reason) in Limits::default().all() {
            assert!(limits.set(limit.name, 7), "{}", limit.name);
            assert!(!reason.is_empty());
        }
        assert!(limits.all().iter().all(|(limit, _)| limit.value == 7));
        assert!(!limits.set("no-such-limit", 7));
    }

    #[test]
    fn a_budget_of_nothing_still_lets_one_at_a_time_proceed() {
        let budget = Budget::new(0);
        let held = budget.take(5);
        assert_eq!(held.bytes, 1);
        assert_eq!(*budget.free.lock().unwrap(), 0);
    }

    #[test]
    fn a_share_larger_than_the_budget_is_granted_alone() {
        let budget = Budget::new(10);
        drop(budget.take(1000));
        let half = budget.take(5);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(budget.take(10)));
            drop(half);
            waiting.join().unwrap();
        });
    }
}

//! Archives that can be read only once, from front to back: standard input, or what a container engine exports.
//!
//! Which members are layers is known only at the end, when the list of layers may come. So each member that
//! could be one is handed on as it passes, and what the reader made of it is kept by name. Nothing is written
//! to disk.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    sync::Arc,
};

use super::{
    Selection, Source, SourceError,
    docker_archive::{self, DockerImage, blob_digest},
    error::Part,
    files::Files,
    oci_layout::{Choice, blob_name},
    tar_members::{Member, MemberKind, Members},
    unpack::{Format, HEAD, unpack},
};
use crate::{
    digest::{Algorithm, Digest, DigestReader},
    image_path::ImagePath,
    limits::{Limits, read_capped},
    oci::{LayerDescriptor, Subject, manifest::is_foreign_layer},
};

/// An image archive that is read once.
pub struct StreamArchive<'a> {
    members: Members<Box<dyn Read + Send + 'a>>,
    place: String,
    name: String,
    limits: Limits,
}

/// A member that may be a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMember {
    /// Its name in the archive.
    pub name: ImagePath,
    /// Its length, as stored.
    pub size: u64,
    /// The digest that its name is, which its stored bytes are held against.
    pub digest: Option<Digest>,
}

/// All that has passed: what was made of the members that may be layers, and the lists that name them.
#[derive(Debug)]
pub struct StreamContents<T> {
    passed: Arc<Passed>,
    name: String,
    results: Vec<T>,
    limits: Limits,
}

/// The images of a stream, and what was made of its members.
#[derive(Debug)]
pub struct StreamImages<T> {
    /// The images that were wanted.
    pub images: Vec<StreamImage>,
    /// What was made of each member, in the order of the archive. Members that are no layer of a wanted image
    /// are among them, and a member that is a layer of two images stands here once.
    pub results: Vec<T>,
}

/// One image of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamImage {
    /// What it is.
    pub subject: Subject,
    /// For each layer of the subject its place in [`StreamImages::results`].
    pub layers: Vec<usize>,
}

impl<'a> StreamArchive<'a> {
    /// An archive from `reader`, which may be compressed with gzip or zstd. `place` is how messages call it,
    /// `name` how the subject is called if the archive knows no better.
    pub fn new(
        reader: impl Read + Send + 'a,
        place: &str,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, SourceError> {
        let reader = unpack(Box::new(reader), limits)
            .map_err(|source| SourceError::Stream { from: place.to_owned(), source })?;
        let members = Members::new(reader, place, limits);
        Ok(Self { members, place: place.to_owned(), name: name.to_owned(), limits: limits.clone() })
    }

    /// Reads the archive to its end. Each member that by its first bytes may be a layer (a tar archive, gzip or
    /// zstd) is given to `on_layer` as stored.
    ///
    /// A failure of `on_layer` ends the reading: where only a layer of a wanted image should count, it belongs
    /// into `T`. Members that are named by a digest are checked against it, whatever `on_layer` leaves unread.
    pub fn read<T, E: From<SourceError>>(
        mut self,
        on_layer: &mut dyn FnMut(&StreamMember, &mut (dyn Read + Send)) -> Result<T, E>,
    ) -> Result<StreamContents<T>, E> {
        let mut passed = Passed {
            place: self.place.clone(),
            members: BTreeMap::new(),
            links: self.limits.link_hops.value,
        };
        let mut results = Vec::new();
        let mut kept = 0_u64;
        while let Some(Member { name, kind, size, .. }) = self.members.next()? {
            let Some(name) = name else { continue };
            match kind {
                MemberKind::Link(target) => _ = passed.members.insert(name, Passing::Link(target)),
                MemberKind::HardLink(target) => {
                    // What the target is now, whatever takes its place later.
                    match passed.members.get(&target).and_then(Passing::again) {
                        Some(again) => _ = passed.members.insert(name, again),
                        None => _ = passed.members.remove(&name),
                    }
                }
                // It takes the place of what had its name before, and is nothing to read.
                MemberKind::Other => _ = passed.members.remove(&name),
                MemberKind::File => {
                    let digest = blob_digest(&String::from_utf8_lossy(name.as_bytes()));
                    let member = StreamMember { name: name.clone(), size, digest };
                    let what = self.file(&member, &mut kept, &mut results, on_layer)?;
                    passed.members.insert(name, what);
                }
            }
        }
        self.members.finish()?;
        Ok(StreamContents { passed: Arc::new(passed), name: self.name, results, limits: self.limits })
    }

    fn file<T, E: From<SourceError>>(
        &mut self,
        member: &StreamMember,
        kept: &mut u64,
        results: &mut Vec<T>,
        on_layer: &mut dyn FnMut(&StreamMember, &mut (dyn Read + Send)) -> Result<T, E>,
    ) -> Result<Passing, E> {
        let broken =
            |source| SourceError::Stream { from: format!("{} in {}", member.name, self.place), source };
        let mut head = Vec::new();
        #[expect(clippy::disallowed_methods, reason = "bounded by take")]
        self.members.content().take(HEAD as u64).read_to_end(&mut head).map_err(broken)?;
        let algorithm = member.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let format = Format::of(&head);
        let mut content = DigestReader::new(head.as_slice().chain(self.members.content()), algorithm);
        let passing = match format {
            Format::Json
                if member.size <= self.limits.config_bytes.value.max(self.limits.manifest_bytes.value) =>
            {
                *kept = kept.saturating_add(member.size);
                let what = || format!("lists and configurations in {}", self.place);
                let limit = |source| SourceError::Limit { what: what(), source };
                self.limits.memory_bytes.check(*kept).map_err(limit)?;
                let json = read_capped(&mut content, self.limits.memory_bytes);
                Passing::Json(json.map_err(|error| SourceError::read_from(what(), error))?.into())
            }
            Format::Json | Format::Other => return Ok(Passing::Unread(member.size)),
            Format::Gzip | Format::Zstd | Format::Tar => {
                results.push(on_layer(member, &mut content)?);
                Passing::Layer { size: member.size, result: results.len().saturating_sub(1) }
            }
        };
        if let Some(expected) = member.digest.clone() {
            io::copy(&mut content, &mut io::sink()).map_err(broken)?;
            let (found, _) = content.finish();
            if found != expected {
                return Err(SourceError::DigestMismatch { what: Part::Blob, expected, found }.into());
            }
        }
        Ok(passing)
    }
}

impl fmt::Debug for StreamArchive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamArchive").field("place", &self.place).finish_non_exhaustive()
    }
}

impl<T> StreamContents<T> {
    /// Says which members are the layers of which image.
    pub fn finish(self, choice: &Choice, selection: &Selection) -> Result<StreamImages<T>, SourceError> {
        let files: Arc<dyn Files> = Arc::clone(&self.passed) as _;
        let found = docker_archive::open_files(files, &self.name, choice, selection, &self.limits)?;
        let images = found.iter().map(|image| self.passed.image(image)).collect::<Result<_, _>>()?;
        Ok(StreamImages { images, results: self.results })
    }
}

/// What is kept of the members that have passed.
#[derive(Debug)]
struct Passed {
    place: String,
    members: BTreeMap<ImagePath, Passing>,
    links: u64,
}

#[derive(Debug)]
enum Passing {
    /// A list or configuration, as a whole.
    Json(Arc<[u8]>),
    /// Something that may be a layer.
    Layer {
        size: u64,
        result: usize,
    },
    Link(ImagePath),
    /// Something of this length that cannot be part of an image.
    Unread(u64),
}

impl Passing {
    /// The same under another name; none of a link.
    fn again(&self) -> Option<Self> {
        match self {
            Self::Json(bytes) => Some(Self::Json(Arc::clone(bytes))),
            Self::Layer { size, result } => Some(Self::Layer { size: *size, result: *result }),
            Self::Unread(size) => Some(Self::Unread(*size)),
            Self::Link(_) => None,
        }
    }

    /// Whether both are one layer.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Layer { result: one, .. }, Self::Layer { result: other, .. }) => one == other,
            _ => false,
        }
    }
}

impl Passed {
    fn find(&self, name: &str) -> Option<&Passing> {
        let mut name = &ImagePath::from(name);
        for _ in 0..=self.links {
            match self.members.get(name)? {
                Passing::Link(target) => name = target,
                found => return Some(found),
            }
        }
        None
    }

    fn image(&self, image: &DockerImage) -> Result<StreamImage, SourceError> {
        let subject = image.subject().clone();
        let layers = subject.layers.iter().map(|layer| self.layer(image, layer)).collect::<Result<_, _>>()?;
        Ok(StreamImage { subject, layers })
    }

    fn layer(&self, image: &DockerImage, layer: &LayerDescriptor) -> Result<usize, SourceError> {
        let place = || self.place.clone();
        let name = match (image, &layer.digest) {
            (DockerImage::Saved(saved), _) => saved.members().get(layer.index).cloned(),
            (DockerImage::Layout(_), digest) => digest.as_ref().map(blob_name),
        };
        let name = name.unwrap_or_default();
        match (self.find(&name), &layer.digest) {
            (Some(Passing::Layer { result, .. }), _) => Ok(*result),
            (None, Some(digest)) if is_foreign_layer(&layer.media_type) => {
                Err(SourceError::ForeignLayer { digest: digest.clone(), place: place() })
            }
            (None, Some(digest)) => Err(SourceError::BlobMissing { digest: digest.clone(), place: place() }),
            (None, None) => Err(SourceError::MemberMissing { place: place(), member: name }),
            (Some(_), _) => Err(SourceError::NotALayer { place: place(), member: name }),
        }
    }
}

impl Files for Passed {
    fn place(&self) -> &str {
        &self.place
    }

    fn size(&self, name: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.find(name).map(|passing| match passing {
            Passing::Json(bytes) => bytes.len() as u64,
            Passing::Layer { size, .. } | Passing::Unread(size) => *size,
            Passing::Link(_) => 0,
        }))
    }

    fn are_same(&self, one: &str, other: &str) -> bool {
        let same = |other| self.find(one).is_some_and(|found| found.is_same(other));
        ImagePath::from(one) == ImagePath::from(other) || self.find(other).is_some_and(same)
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError> {
        match self.find(name) {
            None => Ok(None),
            Some(Passing::Json(bytes)) => Ok(Some(Box::new(io::Cursor::new(Arc::clone(bytes))))),
            Some(_) => {
                let from = format!("{name} in {}", self.place);
                let source =
                    io::Error::new(io::ErrorKind::InvalidData, "it is not JSON, or too large for what it is");
                Err(SourceError::Stream { from, source })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sbomctl_testkit::{
        Compression, DockerArchive, Image, ImageBuilder, Layout, TarBuilder, blob_path, compress, index,
    };

    use super::*;

    type Results = Vec<(String, u64)>;

    fn image(content: &str, tag: &str) -> Image {
        ImageBuilder::new()
            .layer(|l| l.file("base", "same"))
            .layer(|l| l.file("a", content).compression(Compression::Zstd))
            .layer(|l| l.file("base", "same"))
            .tag(tag)
            .build()
    }

    /// What was made of each layer of the only image: its digest and length, as stored.
    fn read(archive: Vec<u8>, choice: &Choice) -> Result<(Subject, Results), SourceError> {
        let stream =
            StreamArchive::new(io::Cursor::new(archive), "standard input", "stdin", &Limits::default())?;
        let contents = stream.read::<_, SourceError>(&mut |_, reader| {
            let mut reader = DigestReader::new(reader, Algorithm::Sha256);
            io::copy(&mut reader, &mut io::sink()).unwrap();
            let (digest, size) = reader.finish();
            Ok((digest.to_string(), size))
        })?;
        let images = contents.finish(choice, &Selection::Default("linux/amd64".parse().unwrap()))?;
        let [image] = images.images.as_slice() else { panic!("{:?}", images.images) };
        let results = image.layers.iter().map(|&index| images.results[index].clone()).collect();
        Ok((image.subject.clone(), results))
    }

    fn read_one(archive: Vec<u8>) -> Result<(Subject, Results), SourceError> {
        read(archive, &Choice::Only)
    }

    fn stored(image: &Image) -> Results {
        image.layers.iter().map(|l| (l.blob.digest.clone(), l.blob.bytes.len() as u64)).collect()
    }

    #[test]
    fn every_form_gives_its_layers_in_order() {
        let built = image("1", "example.org/app:1");
        for archive in [built.oci_archive(), built.docker_archive(DockerArchive::New)] {
            let (subject, results) = read_one(archive).unwrap();
            assert_eq!(results, stored(&built));
            assert_eq!(subject.name, "example.org/app");
        }
        let (subject, results) = read_one(built.docker_archive(DockerArchive::Old)).unwrap();
        let tars = built.layers.iter().map(|l| (l.diff_id.clone(), l.tar.len() as u64));
        assert_eq!(results, tars.collect::<Vec<_>>());
        assert_eq!(subject.layers.len(), 3);
    }

    #[test]
    fn a_stream_tells_the_same_as_a_file() {
        let built = image("1", "example.org/app:1");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        for form in [DockerArchive::Old, DockerArchive::New] {
            let archive = form.archive(std::slice::from_ref(&built));
            std::fs::write(&path, &archive).unwrap();
            let files =
                docker_archive::open(&path, &Choice::Only, &Selection::All, &Limits::default()).unwrap();
            assert_eq!(files[0].subject(), &read_one(archive).unwrap().0, "{form:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn damage_is_an_error_or_harmless_and_never_a_panic(
            changes in proptest::collection::vec((0..100_000_usize, 0..=255_u8), 1..8),
            form in 0..3,
        ) {
            let built = image("1", "app:1");
            let mut archive = match form {
                0 => built.oci_archive(),
                1 => built.docker_archive(DockerArchive::Old),
                _ => compress(&built.oci_archive(), Compression::Gzip),
            };
            let length = archive.len();
            for (at, byte) in changes {
                archive[at % length] = byte;
            }
            let read = read_one(archive);
            if let (Ok((_, results)), true) = (read, form != 1) {
                proptest::prop_assert_eq!(results, stored(&built));
            }
        }
    }

    #[test]
    fn a_compressed_stream_is_unpacked() {
        let built = image("1", "app:1");
        for form in [Compression::Gzip, Compression::GzipMultiMember, Compression::Zstd] {
            let (_, results) = read_one(compress(&built.oci_archive(), form)).unwrap();
            assert_eq!(results, stored(&built), "{form:?}");
        }
    }

    #[test]
    fn one_of_several_images_is_chosen_at_the_end() {
        let images = [image("1", "app:1"), image("2", "app:2")];
        for form in [DockerArchive::Old, DockerArchive::New] {
            let archive = form.archive(&images);
            assert!(matches!(read_one(archive.clone()), Err(SourceError::SeveralImages { .. })));
            let (subject, results) = read(archive, &Choice::Named("app:2".to_owned())).unwrap();
            assert_eq!(subject.tag.as_deref(), Some("2"));
            assert_eq!(results, read_one(form.archive(&images[1..])).unwrap().1);
        }
    }

    #[test]
    fn the_platform_is_chosen_as_elsewhere() {
        let other = ImageBuilder::new().layer(|l| l.file("a", "arm")).platform("linux/arm64").build();
        let built = image("1", "app:1");
        let archive = Layout::new([index([other.root(), built.root()])]).archive();
        assert_eq!(read_one(archive).unwrap().1, stored(&built));
    }

    #[test]
    fn a_layer_that_is_not_what_its_name_says_is_refused_even_if_nobody_reads_it() {
        let built = image("1", "app:1");
        let forged = compress(b"something else", Compression::Gzip);
        let archive = Layout::new([built.root()]).replace(&built.layers[0].blob.digest, forged).archive();
        let stream =
            StreamArchive::new(archive.as_slice(), "standard input", "stdin", &Limits::default()).unwrap();
        let error = stream.read::<(), SourceError>(&mut |_, _| Ok(())).unwrap_err();
        assert!(matches!(error, SourceError::DigestMismatch { .. }), "{error}");
    }

    #[test]
    fn layers_that_are_missing_or_no_archives_are_named() {
        let built = image("1", "app:1");
        let archive = Layout::new([built.root()]).remove(&built.layers[1].blob.digest).archive();
        assert!(matches!(read_one(archive), Err(SourceError::BlobMissing { .. })));
        let odd = ImageBuilder::new().layer(|l| l.stored("neither tar nor gzip")).build();
        let error = read_one(odd.oci_archive()).unwrap_err();
        assert!(
            matches!(&error, SourceError::NotALayer { member, .. } if member.contains("blobs/")),
            "{error}"
        );
    }

    #[test]
    fn a_failing_reader_of_layers_ends_the_reading() {
        let archive = image("1", "app:1").oci_archive();
        let stream =
            StreamArchive::new(archive.as_slice(), "standard input", "stdin", &Limits::default()).unwrap();
        let error = stream.read::<(), SourceError>(&mut |member, _| {
            Err(SourceError::NoImage { place: member.name.to_string() })
        });
        assert!(matches!(error, Err(SourceError::NoImage { .. })));
    }

    #[test]
    fn what_is_no_image_archive_is_refused() {
        let tar = TarBuilder::new().file("a", "x").build();
        assert!(matches!(read_one(tar), Err(SourceError::NotAnImage { .. })));
        assert!(matches!(read_one(Vec::new()), Err(SourceError::NotAnImage { .. })));
        assert!(matches!(read_one(b"text".repeat(500)), Err(SourceError::Archive { .. })));
    }

    #[test]
    fn a_cut_stream_is_an_error() {
        let archive = image("1", "app:1").oci_archive();
        let member = 512 * 4 + 10;
        assert!(matches!(
            read_one(archive[..member].to_vec()),
            Err(SourceError::Truncated { .. } | SourceError::Stream { .. })
        ));
        let zipped = compress(&archive, Compression::Gzip);
        // Even if only the checksum at the very end is missing.
        for cut in [zipped.len() / 2, 4] {
            assert!(read_one(zipped[..zipped.len() - cut].to_vec()).is_err(), "{cut}");
        }
    }

    #[test]
    fn lists_are_kept_within_bounds() {
        let built = image("1", "app:1");
        let mut limits = Limits::default();
        limits.set("memory-bytes", 100);
        let archive = built.oci_archive();
        let stream = StreamArchive::new(archive.as_slice(), "standard input", "stdin", &limits).unwrap();
        let error = stream.read::<(), SourceError>(&mut |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("--limit memory-bytes="), "{error}");
        // A bill of materials among the blobs may be larger than any list; nobody asks for it.
        let mut layout = Layout::new([built.root()]);
        let bill = format!("{{{}}}", " ".repeat(17 << 20)).into_bytes();
        layout.files.insert(blob_path(&sbomctl_testkit::digest(&bill)), bill);
        assert_eq!(read_one(layout.archive()).unwrap().1, stored(&built));
    }
}

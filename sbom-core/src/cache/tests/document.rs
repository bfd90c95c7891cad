//! Documents: what is found is what was written of the same bill, about the same subject, to the same question.

use std::collections::BTreeSet;

use super::*;
use crate::{
    bom::Scope,
    cache::{
        codec::{Record as _, Writer},
        key::Keys,
    },
    document::{self, Document, Format, Inputs, stated::Stated},
    limits::Limits,
    oci::{Image, Platform, Proof, SubjectKind},
    scan::{KeptDocuments, Proved, scan_proved},
};

const FORMAT: Format = Format::Purls;

/// Asks for package URLs as `inputs` have them.
fn asked<'a>(inputs: &'a Inputs, stated: &'a Stated) -> Asked<'a> {
    Asked { format: FORMAT, inputs, stated }
}

fn usual<T>(ask: impl FnOnce(&Asked<'_>) -> T) -> T {
    ask(&asked(&Inputs::default(), &Stated::default()))
}

/// Scans, writes and keeps; gives what was written, and its gaps.
fn keep(source: &dyn Source, options: &Options) -> Option<(Vec<u8>, Vec<document::model::Gap>)> {
    let (bom, proved) = scan_proved(source, options, &Silent).unwrap();
    let document = Document::of(bom);
    let mut text = Vec::new();
    let write = |proved: Proved<'_>| usual(|asked| proved.write(asked, &document, &mut text));
    proved.map(write)?.unwrap();
    Some((text, document.gaps))
}

/// What is found, with its gaps.
fn found(source: &dyn Source, options: &Options) -> Option<(Vec<u8>, Vec<document::model::Gap>)> {
    let kept = usual(|asked| KeptDocuments::of(source, options)?.find(asked))?;
    Some((text(&kept), kept.gaps))
}

fn text(kept: &KeptDocument) -> Vec<u8> {
    let [one, several] = [ONE, SEVERAL].map(|jobs| {
        let mut text = Vec::new();
        kept.write(jobs, &mut text).unwrap();
        text
    });
    assert!(one == several);
    one
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const SEVERAL: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);

/// A name of so many bytes that do not repeat themselves.
fn name(seed: u8, length: usize) -> String {
    let digests = (0_u64..).map(|n| Digest::of(&[&[seed][..], &n.to_le_bytes()].concat()).hex().to_owned());
    digests.take(length / 64).collect()
}

impl Kept {
    /// The files of all documents, sorted.
    fn documents(&self) -> Vec<PathBuf> {
        self.files("document")
    }
}

#[test]
fn what_was_written_is_found_with_its_gaps_and_counted() {
    let (kept, image) = (Kept::new(), image());
    let first = options(Some(kept.cache()));
    assert_eq!(found(&image, &first), None);
    let written = keep(&image, &first).unwrap();
    assert!(written.0.starts_with(b"pkg:") && !written.1.is_empty());
    assert_eq!(first.cache.as_ref().unwrap().counts(), Counts { hits: 0, misses: 4, damaged: 0 });
    for file in kept.entries().into_iter().chain(kept.bills()) {
        fs::remove_file(file).unwrap();
    }
    image.opened();
    let second = options(Some(kept.cache()));
    assert_eq!((found(&image, &second), image.opened()), (Some(written), 0));
    assert_eq!(second.cache.as_ref().unwrap().counts(), Counts { hits: 1, misses: 0, damaged: 0 });
}

#[test]
fn what_a_document_was_made_of_stays_in_use_with_it() {
    let (kept, image) = (Kept::new(), image());
    keep(&image, &options(Some(kept.cache())));
    let files: Vec<_> = [kept.entries(), kept.bills(), kept.documents()].concat();
    assert_eq!(files.len(), 4);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for file in &files {
        fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    let now = Timestamp::from_unix(90_000).unwrap();
    assert!(found(&image, &options(Some(LayerCache::new(&kept.path(), DEFAULT_BYTES, now)))).is_some());
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), system_time(now), "{}", file.display());
    }
}

#[test]
fn what_decides_a_bill_decides_its_documents() {
    let (kept, image) = (Kept::new(), image());
    keep(&image, &options(Some(kept.cache())));
    let with = |change: &dyn Fn(&mut Options)| {
        let mut options = options(Some(kept.cache()));
        change(&mut options);
        found(&image, &options).is_some()
    };
    assert!(with(&|_| {}));
    assert!(with(&|options| options.jobs = NonZeroUsize::MIN));
    assert!(!with(&|options| options.bill.scope = Scope::AllLayers));
    assert!(!with(&|options| options.limits = {
        let mut limits = Limits::default();
        limits.set("document-bytes", 1 << 20);
        limits
    }));
    assert!(!with(&|options| drop(options.detectors.pop())));
    assert!(!with(&|options| options.partial = true));
    assert!(!with(&|options| options.cache = None));
    let other = Memory::new(image.layers.iter().rev().cloned().collect());
    assert_eq!(found(&other, &options(Some(kept.cache()))), None);
}

#[test]
fn nothing_is_kept_of_what_no_digest_proved() {
    let kept = Kept::new();
    let mut unnamed = Memory::new(vec![base()]);
    unnamed.subject.layers[0].digest = None;
    assert_eq!(keep(&unnamed, &options(Some(kept.cache()))), None);
    let in_part = Options { partial: true, ..options(Some(kept.cache())) };
    assert_eq!(keep(&image(), &in_part), None);
    assert_eq!(keep(&image(), &options(None)), None);
    assert_eq!(kept.documents(), Vec::<PathBuf>::new());

    // What was read in part keeps what it found in whole layers, which counts wherever they lie.
    let kept = Kept::new();
    let folder = tempfile::tempdir().unwrap();
    let source = AFolder(image().subject, folder.path().to_owned());
    assert_eq!(keep(&source, &options(Some(kept.cache()))), None);
    assert_eq!(kept.documents(), Vec::<PathBuf>::new());
}

#[test]
fn a_document_that_nobody_took_is_not_kept() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (kept, image) = (Kept::new(), image());
    let options = options(Some(kept.cache()));
    let (bom, proved) = scan_proved(&image, &options, &Silent).unwrap();
    let document = Document::of(bom);
    assert!(usual(|asked| proved.unwrap().write(asked, &document, &mut Full)).is_err());
    assert_eq!(kept.documents(), Vec::<PathBuf>::new());
    assert_eq!(Contents::of(&kept.path()).unwrap().unfinished, 0);
    assert_eq!(options.cache.unwrap().fault(), None);
}

#[test]
fn what_cannot_be_kept_is_written_all_the_same() {
    let image = image();
    let expected = keep(&image, &options(Some(Kept::new().cache())));
    let broken: [crate::cache::folder::WriteAll; 2] = [
        |file, bytes| file.write_all(&bytes[..bytes.len() / 2]).and(Err(io::ErrorKind::StorageFull.into())),
        |_, _| Err(io::ErrorKind::NotFound.into()),
    ];
    for (write, is_fault) in broken.into_iter().zip([true, false]) {
        let kept = Kept::new();
        let folder = Folder::writing_with(&kept.path(), write);
        let options = options(Some(LayerCache::with(folder, DEFAULT_BYTES, Timestamp::UNKNOWN)));
        let written = keep(&image, &options);
        assert_eq!(written, expected);
        assert_eq!(options.cache.unwrap().fault().is_some(), is_fault);
        assert_eq!(kept.documents(), Vec::<PathBuf>::new());
        assert_eq!(Contents::of(&kept.path()).unwrap().unfinished, 0);
    }
}

#[test]
fn a_document_that_is_too_long_is_not_kept() {
    let kept = Kept::new();
    let most = 8 << 10;
    // Hex takes half of its length.
    for (length, is_kept) in [(12 << 10, true), (20 << 10, false)] {
        let database = format!("P:{}\nV:1\nA:x\n\n", name(0, length));
        let image = Memory::new(vec![archive(&[("lib/apk/db/installed", database.as_bytes())])]);
        let cache = LayerCache::new(&kept.path(), most * ENTRY_PART, Timestamp::UNKNOWN);
        let options = options(Some(cache));
        let (written, _) = keep(&image, &options).unwrap();
        assert!(written.len() > length && written.len() < 3 * length);
        assert_eq!(found(&image, &options).is_some(), is_kept, "{length}");
        assert_eq!(Contents::of(&kept.path()).unwrap().unfinished, 0);
    }
}

#[test]
fn room_is_made_for_documents_as_well() {
    let kept = Kept::new();
    let most = 40 << 10;
    for n in 0..8_u8 {
        let database = format!("P:{}\nV:1\nA:x\n\n", name(n, 6 << 10));
        let image = Memory::new(vec![archive(&[("lib/apk/db/installed", database.as_bytes())])]);
        keep(&image, &options(Some(LayerCache::new(&kept.path(), most, Timestamp::UNKNOWN)))).unwrap();
        assert!(Contents::of(&kept.path()).unwrap().bytes <= most, "{n}");
    }
    assert!(!kept.documents().is_empty());
}

#[test]
fn gaps_are_read_back_and_what_is_behind_them_is_the_text() {
    let gap = document::model::Gap {
        kind: "limit".into(),
        message: "too much".into(),
        layer: Some(3),
        diff_id: Some("sha256:1".into()),
        path: Some("/a".into()),
        offset: Some(u64::MAX),
        detector: None,
    };
    for text in [&b""[..], b"text"] {
        let mut out = Writer::default();
        codec::Record::put(&(vec![gap.clone()], 7_u64), &mut out);
        let compressed = zstd::encode_all(text, 1).unwrap();
        let length = (text.len() as u64).to_le_bytes();
        let entry = Arc::new([b"head", &out.into_bytes()[..], &compressed, &length].concat());
        let read = crate::cache::document::read(&Body { entry: &entry, at: 4..entry.len() }).unwrap();
        assert_eq!(
            (&self::text(&read)[..], &read.gaps[..], read.gaps_not_listed),
            (text, &[gap.clone()][..], 7)
        );
        let cut = crate::cache::document::read(&Body { entry: &entry, at: 4..entry.len() - 1 }).unwrap();
        assert!(cut.write(ONE, &mut Vec::new()).is_err());
        assert!(crate::cache::document::read(&Body { entry: &entry, at: 4..9 }).is_err());
    }
}

/// An image of which everything is known.
fn subject() -> Subject {
    let digest = |text: &str| Some(Digest::of(text.as_bytes()));
    let image = Image {
        manifest_digest: digest("manifest"),
        manifest_sha512: digest("sha512"),
        index_digest: digest("index"),
        config_digest: digest("config"),
        platform: Platform {
            os: "linux".into(),
            architecture: "arm".into(),
            variant: Some("v7".into()),
            os_version: Some("1".into()),
        },
        created: Some("2024-02-29T12:00:00Z".into()),
        labels: [("a".into(), "b".into())].into(),
        repository: Some("r".into()),
        tags: vec!["t".into()],
    };
    let layer = LayerDescriptor {
        index: 0,
        digest: digest("layer"),
        size: Some(1),
        diff_id: digest("diff"),
        media_type: "m".into(),
        created_by: Some("RUN".into()),
        partial: Some(Proof::Nothing),
    };
    Subject {
        kind: SubjectKind::Image(Box::new(image)),
        name: "n".into(),
        tag: Some("t".into()),
        layers: vec![layer],
    }
}

fn image_of(subject: &mut Subject) -> &mut Image {
    match &mut subject.kind {
        SubjectKind::Image(image) => image,
        _ => panic!("it is an image"),
    }
}

/// One key for each change of what decides a document, and that without one.
#[test]
fn whatever_decides_a_document_changes_its_key() {
    let keys = Keys::new(&[("a", 0)], false, &Limits::default());
    let bill = Key::new([7; 32]);
    let (inputs, stated) = (Inputs::default(), Stated::default());
    let mut all = vec![keys.document(&bill, &subject(), &asked(&inputs, &stated))];
    all.push(keys.document(&Key::new([8; 32]), &subject(), &asked(&inputs, &stated)));

    let subjects: &[fn(&mut Subject)] = &[
        |subject| subject.name.push('x'),
        |subject| subject.tag = None,
        |subject| subject.kind = SubjectKind::Folder,
        |subject| subject.kind = SubjectKind::File(Digest::of(b"x")),
        |subject| subject.layers.push(LayerDescriptor::default()),
        |subject| subject.layers[0].index = 1,
        |subject| subject.layers[0].digest = None,
        |subject| subject.layers[0].size = None,
        |subject| subject.layers[0].diff_id = None,
        |subject| subject.layers[0].media_type.push('x'),
        |subject| subject.layers[0].created_by = None,
        |subject| subject.layers[0].partial = None,
        |subject| image_of(subject).manifest_digest = None,
        |subject| image_of(subject).manifest_sha512 = None,
        |subject| image_of(subject).index_digest = None,
        |subject| image_of(subject).config_digest = None,
        |subject| image_of(subject).platform.os.push('x'),
        |subject| image_of(subject).platform.architecture.push('x'),
        |subject| image_of(subject).platform.variant = None,
        |subject| image_of(subject).platform.os_version = None,
        |subject| image_of(subject).created = None,
        |subject| drop(image_of(subject).labels.insert("a".into(), "c".into())),
        |subject| drop(image_of(subject).labels.insert("b".into(), "b".into())),
        |subject| image_of(subject).repository = None,
        |subject| image_of(subject).tags.push("t".into()),
    ];
    for change in subjects {
        let mut subject = subject();
        change(&mut subject);
        all.push(keys.document(&bill, &subject, &asked(&inputs, &stated)));
    }
    let texts: &[fn(&mut Inputs)] = &[
        |inputs| inputs.timestamp = Timestamp::from_unix(1).unwrap(),
        |inputs| inputs.tool.name.push('x'),
        |inputs| inputs.tool.version.push('x'),
        |inputs| inputs.options_fingerprint.push('x'),
        |inputs| inputs.columns = Some(80),
        |inputs| inputs.columns = Some(81),
        |inputs| inputs.snapshot.sha.push('x'),
        |inputs| inputs.snapshot.reference.push('x'),
        |inputs| inputs.snapshot.job.push('x'),
        |inputs| inputs.snapshot.correlator.push('x'),
    ];
    for change in texts {
        let mut inputs = inputs.clone();
        change(&mut inputs);
        all.push(keys.document(&bill, &subject(), &asked(&inputs, &stated)));
    }
    let facts: &[fn(&mut Stated)] = &[
        |stated| stated.subject.name = Some("x".into()),
        |stated| stated.subject.version = Some("x".into()),
        |stated| stated.document.authors.push(document::stated::StatedParty::Text("x".into())),
        |stated| stated.document.lifecycle = Some("x".into()),
    ];
    for change in facts {
        let mut stated = stated.clone();
        change(&mut stated);
        all.push(keys.document(&bill, &subject(), &asked(&inputs, &stated)));
    }
    for format in Format::ALL.iter().filter(|format| **format != FORMAT) {
        let asked = Asked { format: *format, ..asked(&inputs, &stated) };
        all.push(keys.document(&bill, &subject(), &asked));
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let other = Inputs { jobs: NonZeroUsize::new(77).unwrap(), ..inputs.clone() };
    assert_eq!(keys.document(&bill, &subject(), &asked(&other, &stated)), all[0]);
}

/// An entry of a compressed text, of which it says that it has so many bytes.
fn entry_of(text: &[u8], length: u64) -> KeptDocument {
    let mut head = Writer::within(100);
    Vec::<document::model::Gap>::new().put(&mut head);
    0_u64.put(&mut head);
    let entry = Arc::new([&head.finish().unwrap(), text, &length.to_le_bytes()].concat());
    crate::cache::document::read(&Body { entry: &entry, at: 0..entry.len() }).unwrap()
}

#[test]
fn a_text_of_another_length_than_the_entry_says_is_no_document() {
    let text = zstd::encode_all(&b"pkg:a/b\n"[..], 1).unwrap();
    let written = |text: &[u8], length: u64| {
        let mut out = Vec::new();
        entry_of(text, length).write(SEVERAL, &mut out).map(|()| out).map_err(|error| error.kind())
    };
    assert_eq!(written(&text, 8).unwrap(), b"pkg:a/b\n");
    let cases = [(&text[..], 7), (&text, 9), (&text[..5], 8), (b"", 8), (b"not compressed", 8)];
    for (text, length) in cases {
        assert_eq!(written(text, length), Err(io::ErrorKind::InvalidData), "{length}");
        assert_eq!(written(text, length | 1 << 20), Err(io::ErrorKind::InvalidData), "{length}");
    }
}

#[test]
fn a_long_text_is_written_whole_by_any_number_of_jobs() {
    struct Full(usize);
    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let expected = name(7, 3 << 20).into_bytes();
    let kept = entry_of(&zstd::encode_all(&expected[..], 1).unwrap(), expected.len() as u64);
    assert!(text(&kept) == expected);
    for jobs in [ONE, SEVERAL] {
        for room in [0, 1 << 20, expected.len() - 1] {
            let error = kept.write(jobs, &mut Full(room)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
        kept.write(jobs, &mut Full(expected.len())).unwrap();
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let entry = Arc::new(bytes);
        if let Ok(read) = crate::cache::document::read(&Body { entry: &entry, at: 0..entry.len() }) {
            drop(read.write(ONE, &mut io::sink()));
        }
    }
}

//! Scans by parts of layers in memory: what the parts turn out to be decides what the bill says of them.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
};

use sbomctl_testkit::{Compression, ImageBuilder, Layer, LayerBuilder};

use super::*;
use crate::{
    bom::Bom,
    digest::Digest,
    layer::partial::RandomAccess,
    scan::{Options, scan},
    source::{LayerBytes, SourceError, testing::Memory},
};

const FORMS: [Compression; 3] =
    [Compression::None, Compression::Estargz(1 << 20), Compression::ZstdChunked(64 << 10)];

/// Layers in memory whose parts are given as often as is said, and then otherwise.
#[derive(Debug)]
struct Parted {
    memory: Memory,
    forms: Vec<Option<Form>>,
    /// How often the parts of a layer are opened before they are `then`.
    good: usize,
    then: Then,
    opened: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Good,
    Refused,
    Damaged,
    Gone,
}

#[derive(Debug)]
struct Blob {
    bytes: Vec<u8>,
    then: Then,
}

impl RandomAccess for Blob {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let at = |at: u64| usize::try_from(at).unwrap();
        let part = &self.bytes[at(range.start)..at(range.end)];
        match self.then {
            Then::Refused => Err(io::Error::other("no ranges today")),
            Then::Damaged => Ok(part.iter().map(|byte| byte ^ 1).collect()),
            Then::Good | Then::Gone => Ok(part.to_vec()),
        }
    }
}

impl Parted {
    fn new(layers: &[Layer], good: usize, then: Then) -> Self {
        let form =
            |layer: &Layer| Form::of(&layer.blob.media_type, &layer.annotations.iter().cloned().collect());
        Self {
            memory: Memory::new(layers.iter().map(|layer| layer.blob.bytes.clone()).collect()),
            forms: layers.iter().map(form).collect(),
            good,
            then,
            opened: AtomicUsize::new(0),
        }
    }
}

impl Source for Parted {
    fn subject(&self) -> &Subject {
        self.memory.subject()
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        self.memory.open(layer)
    }

    fn open_parts(&self, layer: &LayerDescriptor) -> Option<(Box<dyn RandomAccess>, Form)> {
        let is_good = self.opened.fetch_add(1, Ordering::Relaxed) < self.good;
        let then = if is_good { Then::Good } else { self.then };
        if matches!(then, Then::Gone) {
            return None;
        }
        let bytes = self.memory.layers[layer.index].clone();
        Some((Box::new(Blob { bytes, then }), self.forms[layer.index].clone()?))
    }
}

#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn begin(&self, _: &LayerDescriptor) {}
    fn advance(&self, _: &LayerDescriptor, _: u64) {}
    fn end(&self, _: &LayerDescriptor) {}
    fn note(&self, _: &LayerDescriptor, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// The bill, and what was noted.
fn scan_parts(source: &Parted, partial: bool) -> (Bom, Vec<String>) {
    let notes = Notes::default();
    let bom = scan(source, &Options { partial, ..Options::default() }, &notes).unwrap();
    (bom, notes.0.into_inner().unwrap())
}

fn proofs(bom: &Bom) -> Vec<Option<Proof>> {
    bom.subject.layers.iter().map(|layer| layer.partial).collect()
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(length as usize).collect()
}

fn layers(build: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Vec<Layer> {
    ImageBuilder::new().layer(build).build().layers
}

/// A database that is wanted only because a link in the second layer leads to it.
fn behind_a_link(form: Compression) -> Vec<Layer> {
    let image = ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
                .file("srv/large.bin", noise(400_000))
                .file("data/packages", "P:musl\nV:1-r0\nA:x86_64\n\n")
                .compression(form)
        })
        .layer(|l| l.symlink("lib/apk/db/installed", "/data/packages"));
    image.build().layers
}

#[test]
fn parts_that_are_refused_when_a_link_leads_back_to_them_leave_nothing_in_the_bill() {
    for form in FORMS {
        let layers = behind_a_link(form);
        let (whole, _) = scan_parts(&Parted::new(&layers, 0, Then::Good), false);
        assert!(whole.components.iter().any(|component| component.name == "musl"));
        let (in_part, notes) = scan_parts(&Parted::new(&layers, 0, Then::Good), true);
        assert!(proofs(&in_part)[0].is_some() && notes.is_empty(), "{notes:?}");
        for then in [Then::Refused, Then::Damaged, Then::Gone] {
            let (found, notes) = scan_parts(&Parted::new(&layers, 1, then), true);
            assert_eq!(found, whole, "{form:?}, {then:?}");
            assert!(notes.len() == 1 && notes[0].contains("so all layers are read whole"), "{notes:?}");
        }
    }
}

#[test]
fn a_plain_layer_that_was_fetched_to_its_end_is_proved_by_its_digest() {
    let layers = layers(|mut l| {
        for n in 0..30 {
            l = l.file(format!("srv/{n}"), noise(30_000));
        }
        l.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n").compression(Compression::None)
    });
    let source = Parted::new(&layers, 1, Then::Good);
    let (found, notes) = scan_parts(&source, true);
    assert_eq!((proofs(&found), notes.len(), source.memory.opened()), (vec![None], 0, 0));
    assert_eq!(found, scan_parts(&source, false).0);
}

#[test]
fn a_plain_layer_of_which_something_was_left_out_is_not_proved() {
    for at_end in [false, true] {
        let mut layers = layers(|l| {
            let l = l.file("a", noise(130_000));
            if at_end { l } else { l.file("b", noise(400_000)) }.compression(Compression::None)
        });
        if at_end {
            layers[0].blob.bytes.resize(600_000, 0);
        }
        let (found, _) = scan_parts(&Parted::new(&layers, 1, Then::Good), true);
        assert_eq!(proofs(&found), [Some(Proof::Nothing)]);
    }
}

#[test]
fn a_plain_layer_with_other_bytes_than_its_digest_says_is_read_whole() {
    let layers =
        layers(|l| l.file("a", noise(100_000)).file("b", noise(100_000)).compression(Compression::None));
    let mut source = Parted::new(&layers, 1, Then::Good);
    source.memory.subject.layers[0].digest = Some(Digest::of(b"other"));
    let notes = Notes::default();
    let error = scan(&source, &Options { partial: true, ..Options::default() }, &notes).unwrap_err();
    assert!(matches!(error, ScanError::Digest { .. }), "{error}");
    assert_eq!(notes.0.into_inner().unwrap().len(), 1);
}

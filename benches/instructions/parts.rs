//! The parts: what is measured, and on what.

use std::{
    error::Error,
    io::{self, Read, Write as _},
    num::NonZeroUsize,
};

use sbom_core::{
    bom::{
        assemble::{Options, assemble},
        overlay::{LayerContent, Overlay},
    },
    detect::{Captured, Detector, FileMeta, Findings, HEAD_BYTES, Want, builtin},
    document::{Document, Format, Inputs, read, write},
    image_path::ImagePath,
    layer::{
        Entry, EntryKind, EntrySink, LayerError,
        decompress::Decompressor,
        needles::Needles,
        retain::{Content, retain_executable},
        walk::walk,
    },
    license::text::recognise,
    limits::Limits,
    oci::{Subject, SubjectKind},
};

use crate::{
    big_document::big_document,
    counted, executables,
    inputs::{self, File},
};

/// How many results there were, none if it was not run.
type Outcome = Result<u64, Box<dyn Error>>;

/// One thing that is measured.
pub(crate) struct Part {
    /// How it is called in the baseline.
    pub(crate) name: String,
    /// Makes the input, and does it, counted.
    pub(crate) run: Box<dyn Fn() -> Outcome>,
}

/// All of them: every detector and every format that there is among them.
pub(crate) fn parts() -> Vec<Part> {
    let mut parts = vec![
        part("walk", || walked(&inputs::archive(4000)?)),
        part("walk-gzip", || walked(&gzip(&inputs::archive(1000)?)?)),
        part("walk-zstd", || walked(&zstd::encode_all(&inputs::archive(1000)?[..], 3)?)),
        part("overlay", overlaid),
        part("wants", || Ok(wanted())),
        part("retain-executable", retained),
        part("bill-apk", || assembled("apk")),
        part("bill-dpkg", || assembled("dpkg")),
        part("license-texts", || Ok(compared())),
    ];
    for detector in builtin::detectors() {
        let id = detector.id();
        parts.push(part(format!("detect-{id}"), move || detected(id)));
    }
    for &format in Format::ALL {
        parts.push(part(format!("write-{format}"), move || written(format)));
    }
    for format in
        ["cyclonedx-json@1.6", "cyclonedx-xml@1.6", "spdx-json@2.3", "spdx-json@3.0", "spdx-tag-value@2.3"]
    {
        parts.push(part(format!("read-{format}"), move || read_back(format.parse()?)));
    }
    parts
}

fn part(name: impl Into<String>, run: impl Fn() -> Outcome + 'static) -> Part {
    Part { name: name.into(), run: Box::new(run) }
}

/// Takes entries and leaves their content.
struct Skip(u64);

impl EntrySink for Skip {
    fn entry(&mut self, _: Entry, _: &mut dyn Read) -> Result<(), LayerError> {
        self.0 += 1;
        Ok(())
    }

    fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
}

fn walked(stored: &[u8]) -> Outcome {
    let limits = Limits::default();
    let mut sink = Skip(0);
    let outcome = counted(|| -> Result<(), Box<dyn Error>> {
        walk(Decompressor::new(stored)?, &limits, &mut sink)?;
        Ok(())
    });
    outcome.transpose()?;
    Ok(sink.0)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn overlaid() -> Outcome {
    let limits = Limits::default();
    let layers: Vec<LayerContent> = (0..4).map(|layer| inputs::layer(layer, 5000)).collect();
    let mut overlay = Overlay::new(&limits);
    let folded = counted(|| layers.into_iter().try_for_each(|layer| overlay.fold(layer)));
    folded.transpose()?;
    Ok(overlay.file_count() as u64)
}

/// The index of the list is made as well, as in every scan.
fn compared() -> u64 {
    let names = ["Apache-2.0", "BSD-3-Clause", "BSD-4-Clause-UC", "ISC", "MIT", "X11", "Zlib"];
    let known = names.iter().filter_map(|name| spdx::license_id(name));
    let texts: Vec<String> =
        known.map(|license| format!("Copyright 2001 A. Author\n\n{}", license.text())).collect();
    counted(|| texts.iter().filter_map(|text| recognise(text)).count() as u64).unwrap_or_default()
}

fn wanted() -> u64 {
    let detectors = builtin::detectors();
    let files: Vec<(ImagePath, &[u8])> = inputs::paths(5000)
        .into_iter()
        .zip([&b"\x7fELF\x02\x01\x01"[..], b"#!/bin/sh\n", b"\x1f\x8b\x08", b"text"].into_iter().cycle())
        .collect();
    let count = counted(|| {
        let wants = |detector: &dyn Detector, path: &ImagePath, head: &[u8]| {
            detector.wants(&FileMeta { path, size: 4096, mode: 0o755, head }) != Want::Nothing
        };
        let by = |(path, head): &(ImagePath, &[u8])| {
            detectors.iter().filter(|detector| wants(detector.as_ref(), path, head)).count() as u64
        };
        files.iter().map(by).sum::<u64>()
    });
    count.unwrap_or(0)
}

fn retained() -> Outcome {
    let detectors = builtin::detectors();
    let needles = Needles::new(detectors.iter().flat_map(|detector| detector.needles()).copied());
    let program = [executables::go(300, 3 << 20), executables::code(1 << 20)].concat();
    let mut limits = Limits::default();
    limits.set("executable-bytes", 1 << 20);
    limits.set("executable-parts-bytes", 2 << 20);
    let size = program.len() as u64;
    let content = counted(|| retain_executable(&mut &program[..], size, &needles, &limits)).transpose()?;
    Ok(content.map_or(0, |content| content.parts().count() as u64))
}

fn detected(id: &str) -> Outcome {
    let (files, detector) = (files(inputs::of_detector(id)?), detector(id)?);
    if files.is_empty() {
        return Err(
            "there is no input for this detector: give it one in benches/instructions/inputs.rs".into()
        );
    }
    let limits = Limits::default();
    let findings = counted(|| {
        let mut findings = Findings::default();
        for (path, content) in &files {
            look(detector.as_ref(), path, content, &limits, &mut findings);
        }
        findings
    });
    Ok(findings.map_or(0, |findings| (findings.found.len() + findings.gaps.len()) as u64))
}

/// What a scan does with each file: asks, and lets it be read.
fn look(detector: &dyn Detector, path: &ImagePath, content: &Content, limits: &Limits, out: &mut Findings) {
    let head = content.run_at(0, HEAD_BYTES as u64);
    let file = FileMeta { path, size: content.size(), mode: 0o755, head };
    if detector.wants(&file) == Want::Nothing {
        return;
    }
    let captured = Captured { path, size: content.size(), mode: 0o755, content, limits };
    if let Err(gap) = detector.detect(&captured, out) {
        out.gaps.push(gap);
    }
}

fn detector(id: &str) -> Result<Box<dyn Detector>, String> {
    let found = builtin::detectors().into_iter().find(|detector| detector.id() == id);
    found.ok_or_else(|| format!("there is no detector {id}"))
}

fn files(files: Vec<File>) -> Vec<(ImagePath, Content)> {
    files.into_iter().map(|(path, bytes)| (ImagePath::from(path.as_str()), Content::new(bytes))).collect()
}

/// The bill of one layer with what the detector `id` finds.
fn assembled(id: &str) -> Outcome {
    let limits = Limits::default();
    let mut layer = LayerContent::default();
    for name in ["os-release", id] {
        let detector = detector(name)?;
        for (path, content) in files(inputs::of_detector(name)?) {
            let mut findings = Findings::default();
            look(detector.as_ref(), &path, &content, &limits, &mut findings);
            layer.findings.push((layer.entries.len(), findings.found));
            layer.entries.push(&Entry { path, kind: EntryKind::File, mode: 0o644, size: content.size() });
        }
    }
    let mut overlay = Overlay::new(&limits);
    overlay.fold(layer)?;
    let subject =
        Subject { kind: SubjectKind::Folder, name: "app".to_owned(), tag: None, layers: Vec::new() };
    let document = counted(|| Document::of(assemble(subject, overlay, &Options::default(), &limits)));
    Ok(document.map_or(0, |document| document.components.len() as u64))
}

fn written(format: Format) -> Outcome {
    let document = big_document(300);
    let mut out = Vec::new();
    // What other threads do is not counted.
    let inputs = Inputs { jobs: NonZeroUsize::MIN, ..Inputs::default() };
    counted(|| write(&document, format, &inputs, &mut out)).transpose()?;
    Ok(out.len() as u64)
}

fn read_back(format: Format) -> Outcome {
    let mut text = Vec::new();
    write(&big_document(300), format, &Inputs::default(), &mut text)?;
    let read = counted(|| read::read(&text, &Limits::default())).transpose()?;
    Ok(read.map_or(0, |read| read.document.components.len() as u64))
}

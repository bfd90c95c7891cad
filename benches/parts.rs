//! Parts of a scan, each alone: the walk of an archive, the overlay, and detectors over databases of a known size.

use std::io::{self, Read};

use big_document::big_document;
use divan::{Bencher, black_box, counter::BytesCount, counter::ItemsCount};
use sbom_core::{
    bom::overlay::{LayerContent, Overlay},
    detect::{Captured, Findings, builtin},
    document::{Inputs, write},
    image_path::ImagePath,
    layer::{Entry, EntryKind, EntrySink, LayerError, decompress::Decompressor, retain::Content, walk::walk},
    limits::Limits,
};
use sbomctl_testkit::{Compression, TarBuilder, compress};

mod big_document;

fn main() {
    divan::main();
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

fn archive_of_files(count: usize, size: usize) -> Vec<u8> {
    let content: Vec<u8> = (0..=60).cycle().take(size).collect();
    let mut archive = TarBuilder::new();
    for file in 0..count {
        archive = archive.file(format!("usr/share/{}/file-{file}", file % 100), &content);
    }
    archive.build()
}

#[divan::bench]
fn walk_20_000_empty_files(bencher: Bencher<'_, '_>) {
    let archive = archive_of_files(20_000, 0);
    bencher.counter(ItemsCount::new(20_000_usize)).bench(|| {
        let mut sink = Skip(0);
        walk(&archive[..], &Limits::default(), &mut sink).ok();
        black_box(sink.0)
    });
}

#[divan::bench(args = [Compression::None, Compression::Gzip, Compression::Zstd])]
fn walk_64_mb(bencher: Bencher<'_, '_>, compression: Compression) {
    let archive = archive_of_files(1000, 64 << 10);
    let stored = compress(&archive, compression);
    bencher.counter(BytesCount::new(archive.len())).bench(|| {
        let mut sink = Skip(0);
        Decompressor::new(&stored[..]).map(|layer| walk(layer, &Limits::default(), &mut sink).ok()).ok();
        black_box(sink.0)
    });
}

#[divan::bench]
fn overlay_of_four_layers_of_20_000_files(bencher: Bencher<'_, '_>) {
    let layer = |layer: usize| LayerContent {
        entries: (0..20_000)
            .map(|file| Entry {
                path: ImagePath::from(format!("usr/share/{}/{layer}/file-{file}", file % 100).as_str()),
                kind: if file % 50 == 0 { EntryKind::Whiteout } else { EntryKind::File },
                mode: 0o644,
                size: 0,
            })
            .collect(),
        ..LayerContent::default()
    };
    let limits = Limits::default();
    bencher.counter(ItemsCount::new(80_000_usize)).with_inputs(|| [0, 1, 1, 0].map(layer)).bench_values(
        |layers| {
            let mut overlay = Overlay::new(&limits);
            for layer in layers {
                overlay.fold(layer).ok();
            }
            black_box(overlay.file_count())
        },
    );
}

fn detect(bencher: Bencher<'_, '_>, path: &str, bytes: Vec<u8>) {
    let path = ImagePath::from(path);
    let limits = Limits::default();
    let size = bytes.len() as u64;
    let content = Content::new(bytes);
    let detectors = builtin::detectors();
    bencher.counter(BytesCount::new(size)).bench(|| {
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
        let mut findings = Findings::default();
        for detector in &detectors {
            detector.detect(&file, &mut findings).ok();
        }
        black_box(findings.found.len())
    });
}

#[divan::bench]
fn apk_database_of_2_000_packages(bencher: Bencher<'_, '_>) {
    let database: String = (0..2000)
        .map(|n| {
            format!(
                "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:package-{n}\nV:1.2.{n}-r0\nA:x86_64\nL:MIT AND GPL-2.0-or-later\n\
                 D:so:libc.musl-x86_64.so.1 package-{}\np:so:lib{n}.so.1=1.{n}\nF:usr/lib\nR:lib{n}.so.1\n\
                 Z:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\n\n",
                n / 2
            )
        })
        .collect();
    detect(bencher, "lib/apk/db/installed", database.into_bytes());
}

#[divan::bench]
fn dpkg_database_of_2_000_packages(bencher: Bencher<'_, '_>) {
    let database: String = (0..2000)
        .map(|n| {
            format!(
                "Package: package-{n}\nStatus: install ok installed\nVersion: 1:2.{n}-1+b1\nArchitecture: amd64\n\
                 Source: source-{n} (2.{n}-1)\nDepends: libc6 (>= 2.36), package-{} | other:any\n\
                 Maintainer: Someone <someone@example.org>\nDescription: a package\n of several lines\n\n",
                n / 2
            )
        })
        .collect();
    detect(bencher, "var/lib/dpkg/status", database.into_bytes());
}

#[divan::bench(args = ["cyclonedx-json", "cyclonedx-json@1.4", "cyclonedx-xml", "spdx-json", "csv"])]
fn document_of_10_000_components(bencher: Bencher<'_, '_>, format: &str) {
    let document = big_document(10_000);
    let Ok(format) = format.parse() else { return };
    bencher.counter(ItemsCount::new(10_000_usize)).bench(|| {
        write(&document, format, &Inputs::default(), &mut io::sink()).ok();
    });
}

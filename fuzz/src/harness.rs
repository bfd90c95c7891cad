//! What each fuzz target does with its input. Also run, over the kept inputs, by the ordinary tests.

use std::io::{self, Read};

use sbom_core::{
    bom::overlay::{LayerContent, Overlay},
    detect::{Captured, Findings, builtin},
    image_path::ImagePath,
    layer::{Entry, EntrySink, LayerError, decompress::Decompressor, retain::Content, walk::walk},
    limits::Limits,
};

/// A target's name and what it does with its input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("layer", layer),
    ("os_release", |bytes| detect("os-release", "etc/os-release", bytes)),
    ("apk", |bytes| detect("apk", "lib/apk/db/installed", bytes)),
    ("dpkg_status", |bytes| detect("dpkg", "var/lib/dpkg/status", bytes)),
    ("dpkg_list", |bytes| detect("dpkg", "var/lib/dpkg/info/a.list", bytes)),
    ("dpkg_md5sums", |bytes| detect("dpkg", "var/lib/dpkg/info/a.md5sums", bytes)),
    ("copyright", |bytes| detect("copyright", "usr/share/doc/a/copyright", bytes)),
    ("go_binary", |bytes| detect("go-binary", "bin/a", bytes)),
    ("rust_binary", |bytes| detect("rust-binary", "bin/a", bytes)),
    ("license", |bytes| drop(sbom_core::license::declare(&String::from_utf8_lossy(bytes)))),
    ("reference", |bytes| {
        drop(String::from_utf8_lossy(bytes).parse::<sbom_core::oci::reference::Reference>());
    }),
];

fn detect(id: &str, path: &str, bytes: &[u8]) {
    let limits = Limits::default();
    let path = ImagePath::from(path);
    let content = Content::new(bytes.to_vec());
    let file =
        Captured { path: &path, size: bytes.len() as u64, mode: 0o644, content: &content, limits: &limits };
    for detector in builtin::detectors().iter().filter(|detector| detector.id() == id) {
        let mut findings = Findings::default();
        // A gap is a fine answer; what counts is that there is one.
        drop(detector.detect(&file, &mut findings));
    }
}

fn layer(bytes: &[u8]) {
    struct Keep(LayerContent);
    impl EntrySink for Keep {
        fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            self.0.entries.push(entry);
            let mut head = [0; 64];
            drop(content.read(&mut head));
            Ok(())
        }
        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }
    let mut limits = Limits::default();
    limits.set("entries", 10_000);
    let Ok(reader) = Decompressor::new(bytes) else { return };
    let mut sink = Keep(LayerContent::default());
    drop(walk(reader.take(64 << 20), &limits, &mut sink));
    // A limit that is hit is a fine answer.
    _ = Overlay::new(&limits).fold(sink.0);
}

//! What each fuzz target does with its input. Also run, over the kept inputs, by the ordinary tests.

use std::{
    fmt::{Debug, Display},
    io::{self, Cursor, Read},
    num::NonZeroUsize,
    ops::Range,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use sbom_core::{
    attest::{
        Signed,
        envelope::Envelope,
        identity::{Pattern, SubjectPattern},
        key::{PrivateKey, PublicKey},
        statement::{self, Statement},
        trust::{Root, Trust},
        verify::{Artifact, Demand, Need, Revoked, verify, verify_message},
    },
    bom::{
        Bom, FileScope,
        overlay::{LayerContent, Overlay},
    },
    cache,
    detect::{Captured, Findings, builtin},
    digest::Digest,
    document::{self, Document, Format, Inputs, Timestamp, Tool},
    image_path::ImagePath,
    layer::{
        Entry, EntrySink, LayerError,
        decompress::Decompressor,
        partial::{self, Form, Position, RandomAccess, Reading},
        retain::Content,
        walk::walk,
    },
    license::{self, debian::Licenses},
    limits::{Budget, Limits},
    oci::{LayerDescriptor, Platform, Subject, SubjectKind, config::Config, manifest, reference::Reference},
    purl::Purl,
    scan,
    source::{Choice, LayerBytes, Locator, Selection, Source, SourceError, StreamArchive},
};
use sbom_inflate::{Beside, GzipReader, ZlibReader};

/// A target's name and what it does with its input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    // Containers of other files.
    ("layer", layer),
    ("layer_parts", layer_parts),
    ("deflate", deflate),
    ("archive", archive),
    ("image", image),
    ("manifest", manifest),
    // Databases of packages.
    ("os_release", |bytes| detect("os-release", &["etc/os-release"], bytes)),
    ("apk", |bytes| detect("apk", &["lib/apk/db/installed"], bytes)),
    ("apk_lists", |bytes| detect("apk", &["etc/apk/world", "etc/apk/repositories"], bytes)),
    ("apk_sbom", |bytes| detect("apk", &["var/lib/db/sbom/a-1-r0.spdx.json"], bytes)),
    ("dpkg_status", |bytes| detect("dpkg", &["var/lib/dpkg/status", "usr/lib/opkg/status"], bytes)),
    ("dpkg_list", |bytes| detect("dpkg", &["var/lib/dpkg/info/a.list", "usr/lib/opkg/info/a.list"], bytes)),
    ("dpkg_md5sums", |bytes| detect("dpkg", &["var/lib/dpkg/info/a.md5sums"], bytes)),
    ("dpkg_lines", |bytes| {
        detect(
            "dpkg",
            &["var/lib/dpkg/info/a.conffiles", "var/lib/dpkg/diversions", "var/lib/dpkg/arch"],
            bytes,
        );
    }),
    ("apt", |bytes| {
        let lists = ["var/lib/apt/lists/a_Packages", "var/lib/apt/lists/a_Release"];
        detect("dpkg", &[lists[0], lists[1], "var/lib/apt/extended_states"], bytes);
    }),
    ("ubuntu", |bytes| {
        detect("dpkg", &["usr/share/snappy/dpkg.yaml", "var/lib/ubuntu-advantage/status.json"], bytes);
        detect("dpkg", &["var/lib/chisel/manifest.wall"], &zstd_frame(bytes));
    }),
    ("copyright", |bytes| detect("copyright", &["usr/share/doc/a/copyright"], bytes)),
    // Programs.
    ("go_binary", |bytes| detect("go-binary", &["bin/a"], bytes)),
    ("go_modules", |bytes| detect("go-binary", &["bin/a"], &go_program(bytes))),
    ("rust_binary", |bytes| detect("rust-binary", &["bin/a"], bytes)),
    ("rust_audit", |bytes| detect("rust-binary", &["bin/a"], &rust_program(bytes))),
    // Documents.
    ("document_read", document_read),
    // Attestations.
    ("bundle", bundle),
    ("statement", statement),
    // Results that were kept.
    ("cache_entry", cache_entry),
    // Keys.
    ("key", key),
    // Texts.
    ("license", licenses),
    ("debian_license", debian_license),
    ("reference", |bytes| {
        same_again::<Reference>(bytes);
        drop(Locator::parse(&String::from_utf8_lossy(bytes), &Limits::default()));
    }),
    ("purl", same_again::<Purl>),
    ("timestamp", |bytes| {
        same_again::<Timestamp>(bytes);
        same_again::<Digest>(bytes);
        drop(String::from_utf8_lossy(bytes).parse::<Platform>());
    }),
];

/// Reads `bytes` as the file at each of `paths`. A gap is a fine answer; what counts is that there is one.
fn detect(id: &str, paths: &[&str], bytes: &[u8]) {
    let limits = Limits::default();
    let content = Content::new(bytes.to_vec());
    for path in paths.iter().copied().map(ImagePath::from) {
        let size = bytes.len() as u64;
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits: &limits };
        for detector in builtin::detectors().iter().filter(|detector| detector.id() == id) {
            let mut findings = Findings::default();
            drop(detector.detect(&file, &mut findings));
        }
    }
}

/// An attestation, as a bundle, as an envelope, and as an envelope's annotations, verified for a key that signed none. What
/// is read as an envelope is written and read again.
fn bundle(bytes: &[u8]) {
    let mut limits = small_limits();
    limits.set("statement-values", 10_000);
    drop(verify(&Signed::Bundle(bytes.to_vec()), &DEMAND, &limits));
    drop(verify_message(bytes, Artifact::Digest, &DEMAND, &limits));
    if let Ok(envelope) = Envelope::read(bytes) {
        assert_eq!(Envelope::read(&envelope.write()).as_ref(), Ok(&envelope));
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let names = ["certificate", "chain", "bundle", "rfc3161timestamp"];
    let annotations = names.map(|name| (format!("dev.sigstore.cosign/{name}"), text.clone()));
    let envelope =
        br#"{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":""}]}"#;
    for annotation in annotations {
        let annotations = [annotation].into();
        drop(verify(&Signed::Envelope { bytes: envelope.to_vec(), annotations }, &DEMAND, &limits));
    }
    drop(Root::from_json(bytes, None));
}

/// Made once: reading a trusted root takes longer than all the rest.
static DEMAND: LazyLock<Demand> = LazyLock::new(demand);

/// Nobody who has signed anything, by key and by identity.
#[expect(clippy::expect_used, reason = "none of it depends on the input")]
fn demand() -> Demand {
    let key = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let root = Arc::new(Root::embedded().expect("what comes with the library"));
    let any = || Pattern::regex(".*").expect("an expression");
    let signers = vec![
        Trust::key(PublicKey::from_pem(key).expect("a key")),
        Trust::identity(any(), SubjectPattern::new(any()), root),
    ];
    Demand {
        subject: Digest::of(b""),
        predicate: None,
        signers,
        log: Need::BySigner,
        time: Need::BySigner,
        revoked: Revoked::default(),
        now: Timestamp::UNKNOWN,
    }
}

/// A statement. What it says is said again, and then reads the same.
#[expect(clippy::expect_used, reason = "what was read can be written, and read again")]
fn statement(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(read) = Statement::read(bytes.to_vec(), &limits) else { return };
    let written = statement::write(read.subjects(), read.predicate_type(), read.predicate());
    let again = Statement::read(written.expect("it was read"), &limits).expect("it was written");
    assert_eq!((again.subjects(), again.predicate()), (read.subjects(), read.predicate()));
}

fn layer(bytes: &[u8]) {
    struct Keep(LayerContent);
    impl EntrySink for Keep {
        fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            self.0.entries.push(&entry);
            let mut head = [0; 64];
            drop(content.read(&mut head));
            Ok(())
        }
        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }
    let limits = small_limits();
    for bytes in [bytes.to_vec(), with_checksums(bytes)] {
        let Ok(reader) = Decompressor::new(bytes.as_slice()) else { continue };
        let mut sink = Keep(LayerContent::default());
        drop(walk(reader.take(64 << 20), &limits, &mut sink));
        // A bound that was hit is a fine answer too.
        let _ = Overlay::new(&limits).fold(sink.0);
    }
}

/// Hashes the same blocks all the time beside what it reads.
struct Hashing<R> {
    reader: GzipReader<R>,
    state: [u32; 8],
}

impl<R: io::BufRead> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut blocks = Blocks(self.state);
        let count = self.reader.read_beside(buffer, &mut blocks);
        self.state = blocks.0;
        count
    }
}

struct Blocks([u32; 8]);

impl Beside for Blocks {
    fn blocks(&mut self) -> &[[u8; 64]] {
        &[[7; 64]; 21]
    }

    fn state(&self) -> [u32; 8] {
        self.0
    }

    fn hashed(&mut self, count: usize, state: [u32; 8]) -> bool {
        assert!(count <= 21);
        self.0 = state;
        true
    }
}

/// A member of a gzip file behind its header: read at once, by pieces, with something hashed beside, and by zlib-rs.
fn deflate(bytes: &[u8]) {
    const MOST: usize = 16 << 20;
    fn read(mut reader: impl Read, piece: usize) -> (Vec<u8>, Option<io::ErrorKind>) {
        let (mut all, mut buffer) = (Vec::new(), vec![0; piece]);
        while all.len() < MOST {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&buffer[..count]),
                Err(error) => return (all, Some(error.kind())),
            }
        }
        all.truncate(MOST);
        (all, None)
    }
    let stored = [b"\x1f\x8b\x08\0\0\0\0\0\0\xff", bytes].concat();
    let (inflated, fault) = read(GzipReader::new(&stored[..]), MOST);
    let by_pieces = GzipReader::new(io::BufReader::with_capacity(40, &stored[..]));
    assert_eq!(read(by_pieces, 333), (inflated.clone(), fault));
    let hashing = Hashing { reader: GzipReader::new(&stored[..]), state: [0; 8] };
    assert_eq!(read(hashing, MOST), (inflated.clone(), fault));
    let (expected, error) = read(flate2::bufread::MultiGzDecoder::new(&stored[..]), MOST);
    assert!(inflated.starts_with(&expected));
    assert_eq!(fault.is_some(), error.is_some());
    let zlib = [b"\x78\x9c", bytes].concat();
    let (again, _) = read(ZlibReader::new(&zlib[..]), MOST);
    assert!(inflated.starts_with(&again));
}

/// The blocks of an archive, each with the checksum of a good header: a change that misses it would only ever be refused.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block.iter().any(|&byte| byte != 0)) {
        let mut sum = 8 * u32::from(b' ');
        for (at, byte) in block.iter().enumerate() {
            sum += if (148..156).contains(&at) { 0 } else { u32::from(*byte) };
        }
        for (slot, digit) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
            *slot = digit;
        }
    }
    bytes
}

/// The members of an archive of images, whatever form it has.
fn archive(bytes: &[u8]) {
    let options = scan::Options { limits: small_limits(), ..scan::Options::default() };
    let Ok(stream) = StreamArchive::new(bytes, "fuzz.tar", "fuzz", &options.limits) else { return };
    let Ok(bills) = scan::scan_stream(stream, &Choice::Position(0), &Selection::All, &options, &scan::Silent)
    else {
        return;
    };
    bills.iter().for_each(write_all);
}

/// A whole image, written as text: a line `@f PATH` begins a file, whose content are the lines up to the next
/// that begins with `@`; `@s PATH TARGET` is a symbolic and `@h PATH TARGET` a hard link, `@d PATH` a directory,
/// `@l` begins the next layer.
fn image(bytes: &[u8]) {
    let mut layers: Vec<Vec<u8>> = vec![Vec::new()];
    for part in bytes
        .split_inclusive(|&byte| byte == b'\n')
        .collect::<Vec<_>>()
        .chunk_by(|_, line| !line.starts_with(b"@"))
    {
        let Some((head, content)) = part.split_first() else { continue };
        let mut words = head.trim_ascii().split(|&byte| byte == b' ');
        let (what, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let target = words.next().unwrap_or_default();
        let Some(layer) = layers.last_mut() else { continue };
        match what {
            b"@f" => put_entry(layer, path, b'0', b"", &content.concat()),
            b"@h" => put_entry(layer, path, b'1', target, b""),
            b"@s" => put_entry(layer, path, b'2', target, b""),
            b"@d" => put_entry(layer, path, b'5', b"", b""),
            b"@l" if layers.len() < 8 => layers.push(Vec::new()),
            _ => {}
        }
    }
    let descriptor = |index| LayerDescriptor { index, ..LayerDescriptor::default() };
    let descriptors = (0..layers.len()).map(descriptor).collect();
    let subject = Subject { kind: SubjectKind::Folder, name: "fuzz".into(), tag: None, layers: descriptors };
    let source = Memory { subject, layers };
    let mut options =
        scan::Options { limits: small_limits(), jobs: NonZeroUsize::MIN, ..scan::Options::default() };
    options.bill.files = FileScope::All;
    if let Ok(bom) = scan::scan(&source, &options, &scan::Silent) {
        assert!(bom.files.is_sorted_by(|a, b| a.path < b.path));
        for component in &bom.components {
            drop(bom.contents(component));
        }
        write_all(&bom);
    }
}

fn manifest(bytes: &[u8]) {
    drop(manifest::Document::parse(bytes, ""));
    drop(manifest::parse_referrers(bytes));
    if let Ok(config) = Config::parse(bytes) {
        config.created_by(0);
    }
}

/// The body of an entry of the cache. What is read is written so that it reads the same.
fn cache_entry(bytes: &[u8]) {
    if let Some(written) = cache::rewritten(bytes) {
        assert_eq!(cache::rewritten(&written).as_ref(), Some(&written));
    }
}

/// A key as PEM, or what is within its block. No password opens it: what it would take to try is bounded elsewhere.
fn key(bytes: &[u8]) {
    let locked = || Err(io::Error::other("no password"));
    for key in [PublicKey::from_pem(bytes), PublicKey::from_spki(bytes)].into_iter().flatten() {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes()).ok().as_ref(), Some(&key));
        assert!(key.verify(bytes, bytes).is_err());
    }
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"] {
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", base64(bytes));
        drop(PrivateKey::read(pem.as_bytes(), &mut { locked }));
    }
    let Ok(key) = PrivateKey::read(bytes, &mut { locked }) else { return };
    let plain = key.to_pkcs8_pem().unwrap_or_default();
    let again = PrivateKey::read(plain.as_bytes(), &mut { locked }).ok();
    assert_eq!(again.as_ref().map(PrivateKey::public), Some(key.public()));
}

/// `bytes` in base64.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let at = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            out.push(if digit > three.len() { '=' } else { char::from(DIGITS[at]) });
        }
    }
    out
}

fn licenses(bytes: &[u8]) {
    let declared = license::declare(&String::from_utf8_lossy(bytes));
    if let Some(expression) = &declared.expression {
        // What was declared is declarable.
        assert!(license::declare(expression).expression.is_some());
    }
    drop(license::all_of([declared.clone(), declared]));
}

fn debian_license(bytes: &[u8]) {
    let mut licenses = Licenses::default();
    for synopsis in String::from_utf8_lossy(bytes).lines() {
        licenses.add_synopsis(synopsis, &mut str::to_owned);
    }
    if let Some(expression) = licenses.finish().expression {
        assert!(license::declare(&expression).expression.is_some());
    }
}

/// What can be read is the same once it was written and read again.
fn same_again<T: FromStr + Display + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(read) = String::from_utf8_lossy(bytes).parse::<T>() else { return };
    let written = read.to_string();
    assert_eq!(written.parse::<T>().ok(), Some(read), "{written}");
}

fn small_limits() -> Limits {
    let mut limits = Limits::default();
    for (name, value) in [("entries", 10_000), ("archive-members", 1000), ("unpacked-bytes", 64 << 20)] {
        limits.set(name, value);
    }
    limits
}

fn write_all(bom: &Bom) {
    write_document(&Document::of(bom.clone()));
}

fn write_document(document: &Document) {
    let Ok(timestamp) = Timestamp::from_unix(0) else { return };
    let tool = Tool { name: "fuzz".into(), version: "1".into() };
    let inputs = Inputs { timestamp, tool, columns: Some(80), ..Inputs::default() };
    for &format in Format::ALL {
        drop(document::write(document, format, &inputs, &mut io::sink()));
    }
}

/// A document of any format, in whatever wrapping: it is read the same again, is in its one order, and can be written.
fn document_read(bytes: &[u8]) {
    let limits = small_limits();
    let Ok(first) = document::read::read(bytes, &limits) else { return };
    assert_eq!(document::read::read(bytes, &limits).ok().as_ref(), Some(&first));
    let mut ordered = first.document.clone();
    ordered.normalise();
    assert_eq!(ordered, first.document);
    write_document(&first.document);
}

/// Layers in memory.
#[derive(Debug)]
struct Memory {
    subject: Subject,
    layers: Vec<Vec<u8>>,
}

impl Source for Memory {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn open(&self, layer: &LayerDescriptor) -> Result<LayerBytes, SourceError> {
        let bytes = self.layers.get(layer.index).cloned().unwrap_or_default();
        Ok(LayerBytes::Archive(Box::new(Cursor::new(bytes))))
    }
}

/// Appends an entry to the tar archive `out`; `kind` is its type flag. Names are cut to what a header holds.
pub(crate) fn put_entry(out: &mut Vec<u8>, path: &[u8], kind: u8, target: &[u8], content: &[u8]) {
    let mut header = [0_u8; 512];
    let size = format!("{:011o}\0", content.len());
    let fields: [(usize, &[u8]); 6] = [
        (0, path.get(..100).unwrap_or(path)),
        (100, b"0000644\0"),
        (124, size.as_bytes()),
        (156, &[kind]),
        (157, target.get(..100).unwrap_or(target)),
        (257, b"ustar\x0000"),
    ];
    header[148..156].fill(b' ');
    for (at, field) in fields {
        header[at..at + field.len()].copy_from_slice(field);
    }
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend(header);
    out.extend(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// The input as a table of contents that the manifest names, in front of which it lies itself in the place of the files,
/// and as the other forms.
fn layer_parts(bytes: &[u8]) {
    #[derive(Debug)]
    struct Memory(Vec<u8>);
    impl RandomAccess for Memory {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }
        fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
            let part = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let found = self.0.get(part(range.start)..part(range.end));
            found.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        }
    }
    struct Read64(u64);
    impl EntrySink for Read64 {
        fn entry(&mut self, entry: Entry, content: &mut dyn Read) -> Result<(), LayerError> {
            let count = io::copy(&mut content.take(64 << 20), &mut io::sink());
            // What was not refused is as long as was said.
            if let Ok(count) = count {
                assert!(count == entry.size.min(64 << 20), "{count} bytes of {}", entry.size);
                self.0 += 1;
            }
            Ok(())
        }
        fn unreadable(&mut self, _: ImagePath, _: &io::Error) {}
    }
    let limits = small_limits();
    let table = zstd_frame(bytes);
    let (offset, unpacked) = (bytes.len() as u64, bytes.len() as u64);
    let position = Position { offset, length: table.len() as u64, unpacked };
    let forms = [
        (Form::ZstdChunked(Digest::of(&table), position), [bytes, &table].concat()),
        (Form::Estargz(Digest::of(b"")), bytes.to_vec()),
        (Form::Plain, bytes.to_vec()),
    ];
    for (form, stored) in forms {
        let digest = Digest::of(&stored);
        let reading =
            Reading { digest: Some(&digest), limits: &limits, memory: &Budget::new(1), report: &|_| {} };
        drop(partial::walk(&Memory(stored), &form, &reading, &mut Read64(0)));
    }
}

/// `bytes` as zstd stores what it cannot compress.
fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for block in bytes.chunks(1 << 16) {
        out.extend((u32::try_from(block.len()).unwrap_or(0) << 3).to_le_bytes().into_iter().take(3));
        out.extend(block);
    }
    out.extend(b"\x01\0\0");
    out
}

/// `bytes` as zlib stores what it cannot compress.
pub(crate) fn zlib_stream(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\x78\x01".to_vec();
    for block in bytes.chunks(60_000) {
        let length = u16::try_from(block.len()).unwrap_or(0);
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(b"\x01\0\0\xff\xff");
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// `bytes` after their length, as WebAssembly and Go write it.
pub(crate) fn counted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
    out.extend(bytes);
    out
}

/// What Go writes before and after the modules.
const MODULES_BEGIN: &[u8; 16] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const MODULES_END: &[u8; 16] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

/// A WebAssembly module whose data is Go's build information with `modules` in it.
fn go_program(modules: &[u8]) -> Vec<u8> {
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    info.extend(counted(b"go1.22.1"));
    info.extend(counted(&[MODULES_BEGIN.as_slice(), modules, b"\n", MODULES_END].concat()));
    [b"\0asm\x01\0\0\0\x0b".as_slice(), &counted(&info)].concat()
}

/// A WebAssembly module with the list of crates `list`.
fn rust_program(list: &[u8]) -> Vec<u8> {
    let section = [counted(b".dep-v0"), zlib_stream(list)].concat();
    [b"\0asm\x01\0\0\0\x00".as_slice(), &counted(&section)].concat()
}

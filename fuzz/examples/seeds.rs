//! Writes the seeds that are not text, into `corpus`: `cargo run --example seeds`, from this folder.

#[path = "../../sbom-core/src/detect/executable/testing.rs"]
#[allow(dead_code, reason = "the tests of sbom-core use more of it")]
mod executable;
#[path = "../src/harness.rs"]
#[allow(dead_code, reason = "only what writes formats is used here")]
mod harness;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use executable::{AMD64, CPU_AMD64, CPU_ARM64, Shape, archive, elf, fat, macho, pe, wasm, xcoff};
use harness::{counted, zlib_stream};
use sbomctl_testkit::{Compression, DockerArchive, EntryType, ImageBuilder, TarBuilder, compress};

const MODULES: &[u8] =
    b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6path\texample.org/a\n\
    mod\texample.org/a\tv1.2.3\t\ndep\texample.org/b\tv1.0.0\th1:b=\nbuild\tGOOS=linux\n\
    \xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
const CRATES: &[u8] = br#"{"packages":[
    {"name":"a","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
    {"name":"b","version":"0.2.0","source":"crates.io"}],"format":1}"#;
const COMMENT: &[u8] = b"GCC: (GNU) 13\0rustc version 1.95.0 (59807616e 2026-04-14)\0";
const SOURCE: &[u8] = b"/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/regex-1.10.2/src/lib.rs";

fn main() -> io::Result<()> {
    go()?;
    rust()?;
    layers()?;
    archives()
}

fn seed(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

fn go() -> io::Result<()> {
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.resize(32, 0);
    info.extend(counted(b"go1.22.1"));
    info.extend(counted(MODULES));
    seed("go_binary", "elf", elf(AMD64, &[(".text", b"code"), (".go.buildinfo", &info)]))?;
    seed("go_binary", "elf-32-big", elf(Shape { wide: false, big: true }, &[(".data", &info)]))?;
    let slice = |cpu| (cpu, macho(cpu, &[("__go_buildinfo", &info)]));
    let mut fat = fat(&[slice(CPU_AMD64), slice(CPU_ARM64)]);
    fat.truncate(9 << 10);
    seed("go_binary", "fat", fat)?;
    seed("go_binary", "pe", pe(&[(".data", &info)]))?;
    seed("go_binary", "xcoff", xcoff(&[(".data", &info)]))?;
    seed("go_binary", "wasm", wasm(&info, &[]))?;
    seed("go_binary", "archive", archive(&[elf(AMD64, &[(".go.buildinfo", &info)])]))
}

fn rust() -> io::Result<()> {
    let list = zlib_stream(CRATES);
    seed("rust_binary", "elf", elf(AMD64, &[(".dep-v0", &list), (".comment", COMMENT)]))?;
    seed("rust_binary", "elf-without-list", elf(AMD64, &[(".rodata", SOURCE), (".comment", COMMENT)]))?;
    seed("rust_binary", "macho", macho(CPU_ARM64, &[(".dep-v0", &list)]))?;
    seed("rust_binary", "pe", pe(&[(".dep-v0", &list)]))?;
    seed("rust_binary", "wasm", wasm(b"data", &[(".dep-v0", &list)]))
}

fn layers() -> io::Result<()> {
    let tree = TarBuilder::new()
        .dir("usr/lib")
        .file("usr/lib/a", "content")
        .symlink("lib", "usr/lib")
        .hardlink("usr/lib/b", "usr/lib/a")
        .whiteout("usr/lib/c")
        .opaque("etc")
        .file("lib/d", "x")
        .build();
    seed("layer", "tree.gz", compress(&tree, Compression::Gzip))?;
    // What follows the header of a member: codes of its own, the fixed ones, and no codes.
    for (name, content, level) in
        [("own-codes", &tree[..], 9), ("fixed-codes", b"a, a, a, a", 9), ("stored", b"sbom", 0)]
    {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        member.write_all(content)?;
        seed("deflate", name, member.finish()?.split_off(10))?;
    }
    seed("layer", "tree.zst", compress(&tree, Compression::Zstd))?;
    seed("layer", "tree", tree)?;
    let records: [(&str, &[u8]); 5] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", b"4096"),
        ("size", b"513"),
    ];
    let mut map = b"1\n0\n1\n".to_vec();
    map.resize(513, 0);
    let sparse = TarBuilder::new().pax_name("long/".repeat(30), "x").pax(records).file("sparse", map).build();
    seed("layer", "pax", sparse)?;
    let pairs: String = (0..5).map(|run| format!("{:011o}\0{:011o}\0", run * 2, 1)).collect();
    let (first, rest) = pairs.split_at(4 * 24);
    let gnu = TarBuilder::new()
        .entry(EntryType::XGlobalHeader, b"g", b"", b"10 path=g\n")
        .entry(EntryType::GNULongLink, b"k", b"", b"usr/lib\0rest")
        .entry(EntryType::GNULongName, b"l", b"", b"lib\0")
        .field(257, [0; 8])
        .symlink("x", "y")
        .field(124, "00000002000\0")
        .entry(EntryType::GNUSparse, b"sparse", b"", b"")
        .field(124, "00000000005\0")
        .field(386, first)
        .field(482, [1])
        .field(483, "00000000012\0")
        .raw([rest.as_bytes(), &[0; 512 - 24]].concat())
        .raw([&b"abcde"[..], &[0; 507]].concat())
        .file("b", "")
        .field(257, b"ustar\x0000")
        .field(345, "prefix")
        .build();
    seed("layer", "gnu", gnu)
}

fn archives() -> io::Result<()> {
    let image = ImageBuilder::new()
        .layer(|l| l.compression(Compression::None).file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n"))
        .tag("a:1")
        .build();
    seed("archive", "docker-old", image.docker_archive(DockerArchive::Old))?;
    seed("archive", "docker-new.gz", compress(&image.docker_archive(DockerArchive::New), Compression::Gzip))?;
    seed("archive", "oci", image.oci_archive())
}

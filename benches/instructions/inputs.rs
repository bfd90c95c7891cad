//! What the parts work on: an archive, layers, and the files that each detector reads.

use std::io;

use sbom_core::{
    bom::overlay::LayerContent,
    image_path::ImagePath,
    layer::{Entry, EntryKind},
};

use crate::executables;

/// Path and content of a file.
pub(crate) type File = (String, Vec<u8>);

/// Text as various as that of real files, so that it compresses as they do.
pub(crate) fn text(length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "layer", " of ", "an ", "image", "\n", "that ", "holds ", "what ", "0x7f", "is ", "there, ",
        "usr/lib/",
    ];
    let words = executables::code(length);
    let mut text: Vec<u8> = Vec::with_capacity(length + 8);
    for byte in words {
        text.extend(
            WORDS.iter().cycle().nth(usize::from(byte) % 32).into_iter().flat_map(|word| word.bytes()),
        );
        if text.len() >= length {
            break;
        }
    }
    text.truncate(length);
    text
}

/// An archive of `count` files of up to 4 KiB, with folders, links and names too long for a header.
pub(crate) fn archive(count: usize) -> io::Result<Vec<u8>> {
    let content = text(4096);
    let mut builder = tar::Builder::new(Vec::new());
    for file in 0..count {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        if file % 20 == 0 {
            header.set_entry_type(tar::EntryType::Directory);
            builder.append_data(&mut header, format!("usr/share/{}", file / 20), io::empty())?;
        }
        let deep = if file % 25 == 0 { "a-folder-whose-name-is-long/".repeat(5) } else { String::new() };
        let path = format!("usr/share/{}/{deep}file-{file}", file / 20);
        if file % 10 == 0 {
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, path, "../target")?;
            continue;
        }
        let size = file * 37 % content.len();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(size as u64);
        builder.append_data(&mut header, path, content.get(..size).unwrap_or_default())?;
    }
    builder.into_inner()
}

/// The entries of layer `layer` of four: `count` files, of which some lie where a lower layer has one, and some hide one.
pub(crate) fn layer(layer: usize, count: usize) -> LayerContent {
    let entries = (0..count).map(|file| {
        let (kind, below) = match file % 50 {
            0 if layer > 0 => (EntryKind::Whiteout, layer - 1),
            1 => (EntryKind::Symlink(b"../target".as_slice().into()), layer),
            2 if layer > 0 && file % 1000 == 2 => (EntryKind::OpaqueDirectory, layer - 1),
            3..=12 => (EntryKind::File, 0),
            _ => (EntryKind::File, layer),
        };
        let folder = format!("usr/share/{}/{below}", file % 100);
        let path = if kind == EntryKind::OpaqueDirectory { folder } else { format!("{folder}/file-{file}") };
        Entry { path: ImagePath::from(path.as_str()), kind, mode: 0o644, size: 0 }
    });
    LayerContent { entries: entries.collect(), ..LayerContent::default() }
}

/// The files that the detector `id` is measured with; none if nobody has thought of it.
pub(crate) fn of_detector(id: &str) -> io::Result<Vec<File>> {
    let file = |path: &str, content: Vec<u8>| vec![(path.to_owned(), content)];
    Ok(match id {
        "os-release" => {
            let text = "NAME=\"Demo Linux\"\nID=demo\nID_LIKE=\"debian\"\nVERSION_ID=\"1.0\"\nPRETTY_NAME='Demo Linux 1.0'\nHOME_URL=\"https://demo.example/\"\n";
            file(
                "etc/os-release",
                format!("{text}{}", "VARIANT=\"one of \\\"many\\\"\"\n".repeat(200)).into_bytes(),
            )
        }
        "apk" => file("lib/apk/db/installed", apk_database(1000).into_bytes()),
        "dpkg" => {
            let list = |n: usize| -> String {
                (0..40).map(|at| format!("/usr/share/doc/package-{n}/file-{at}\n")).collect()
            };
            let sums = |n: usize| -> String {
                (0..30)
                    .map(|at| {
                        format!("d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/package-{n}/file-{at}\n")
                    })
                    .collect()
            };
            let mut files = file("var/lib/dpkg/status", dpkg_database(1000).into_bytes());
            for n in 0..100 {
                files.push((format!("var/lib/dpkg/info/package-{n}.list"), list(n).into_bytes()));
                files.push((format!("var/lib/dpkg/info/package-{n}.md5sums"), sums(n).into_bytes()));
            }
            files
        }
        "copyright" => (0..100)
            .flat_map(|n| {
                [
                    (format!("usr/share/doc/package-{n}/copyright"), machine_readable(n).into_bytes()),
                    (format!("usr/share/doc/prose-{n}/copyright"), PROSE.as_bytes().to_vec()),
                ]
            })
            .collect(),
        "go-binary" => file("usr/bin/app", executables::go(300, 2 << 20)),
        "rust-binary" => vec![
            ("usr/bin/listed".to_owned(), executables::rust_with_list(300, 1 << 20)?),
            ("usr/bin/unlisted".to_owned(), executables::rust_with_paths(300, 1 << 20)),
        ],
        "embedded-sbom" => file("var/lib/db/sbom/demo.spdx.json", text(64 << 10)),
        "unread" => file("var/lib/rpm/rpmdb.sqlite", text(64 << 10)),
        _ => Vec::new(),
    })
}

/// Paths as they lie in an image, of which nearly none says anything about software.
pub(crate) fn paths(count: usize) -> Vec<ImagePath> {
    let path = |n: usize| match n % 8 {
        0 => format!("usr/lib/python3/dist-packages/package_{n}/__init__.py"),
        1 => format!("usr/share/doc/package-{n}/changelog.gz"),
        2 => format!("usr/share/doc/package-{n}/copyright"),
        3 => format!("usr/lib/x86_64-linux-gnu/lib{n}.so.1"),
        4 => format!("usr/share/locale/{n}/LC_MESSAGES/app.mo"),
        5 => format!("srv/app/node_modules/module-{n}/package.json"),
        6 => format!("var/lib/dpkg/info/package-{n}.list"),
        _ => format!("usr/share/zoneinfo/{n}"),
    };
    (0..count).map(|n| ImagePath::from(path(n).as_str())).collect()
}

fn apk_database(count: usize) -> String {
    let package = |n: usize| {
        format!(
            "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:package-{n}\nV:1.2.{n}-r0\nA:x86_64\nL:MIT AND GPL-2.0-or-later\nT:what it is for\n\
             o:origin-{}\nD:so:libc.musl-x86_64.so.1 package-{}\np:so:lib{n}.so.1=1.{n}\nF:usr/lib\nR:lib{n}.so.1\n\
             Z:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\n\n",
            n / 3,
            n / 2
        )
    };
    (0..count).map(package).collect()
}

fn dpkg_database(count: usize) -> String {
    let package = |n: usize| {
        format!(
            "Package: package-{n}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: {n}\n\
             Maintainer: Team {} <team@example.org>\nArchitecture: amd64\nMulti-Arch: same\nSource: source-{} (2.{n}-1)\n\
             Version: 1:2.{n}-1+b1\nDepends: libc6 (>= 2.36), package-{} | other:any\nDescription: a package\n of several lines\n\
             Homepage: https://example.org/{n}\n\n",
            n % 50,
            n / 3,
            n / 2
        )
    };
    (0..count).map(package).collect()
}

fn machine_readable(n: usize) -> String {
    let files: String = (0..20)
        .map(|at| {
            format!(
                "\nFiles: src/{at}/*\nCopyright: 20{:02} Author {at}\nLicense: {}\n",
                n % 25,
                ["Expat", "GPL-2+", "Apache-2.0"].get(at % 3).unwrap_or(&"Expat")
            )
        })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: package-{n}\n\
         Source: https://example.org/{n}\n{files}\nLicense: GPL-2+\n On Debian systems see /usr/share/common-licenses/GPL-2.\n"
    )
}

const PROSE: &str = "\
This package was put together by Someone <someone@example.org>.

The sources are at https://example.org/demo. Copyright 2001 to 2020 by its authors.

The program may be copied and changed under the terms of the GNU General Public License, version 2 or (at your option)
any later version. On Debian systems the text is in /usr/share/common-licenses/GPL-2. The library may be copied under
the GNU Lesser General Public License, see /usr/share/common-licenses/LGPL-2.1.
";

//! Whatever headers come one after the other: held against the rules in their shortest form.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sbomctl_testkit::{EntryType, TarBuilder};

use super::tests::entries;

/// One header.
#[derive(Debug, Clone)]
enum Part {
    Records(Vec<(&'static str, &'static str)>),
    Global,
    Name(&'static str),
    Link(&'static str),
    Entry { flag: u8, name: &'static str, target: &'static str, prefix: &'static str, size: usize },
}

const NAMES: [&str; 6] = ["", "a", "b/c", "d/", "lib/apk/db/installed", "/x"];

fn part() -> impl Strategy<Value = Part> {
    let name = || prop::sample::select(&NAMES[..]);
    let record = prop_oneof![
        (Just("path"), name()),
        (Just("linkpath"), name()),
        (Just("size"), prop::sample::select(vec!["", "0", "3", "600"])),
        (Just("GNU.sparse.name"), name()),
        (Just("comment"), name()),
    ];
    let flags = prop::sample::select(b"0\x001234567V".to_vec());
    prop_oneof![
        2 => prop::collection::vec(record, 0..4).prop_map(Part::Records),
        1 => Just(Part::Global),
        2 => name().prop_map(Part::Name),
        2 => name().prop_map(Part::Link),
        4 => (flags, name(), name(), name(), 0..700_usize).prop_map(|(flag, name, target, prefix, size)| {
            Part::Entry { flag, name, target, prefix, size }
        }),
    ]
}

/// The parts as an archive, and what it holds.
fn build(parts: &[Part]) -> (Vec<u8>, Vec<String>) {
    let mut archive = TarBuilder::new();
    let mut expected = Vec::new();
    let mut records: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut long_name, mut long_link) = ("", "");
    for part in parts {
        match part {
            Part::Records(list) => {
                archive = archive.pax(list.iter().map(|(key, value)| (*key, value.as_bytes())));
                records = list.iter().copied().collect();
            }
            Part::Global => {
                archive = archive.entry(EntryType::XGlobalHeader, b"h", b"", b"10 path=g\n");
                expected.push("Global h or g".to_owned());
                (records, long_name, long_link) = (BTreeMap::new(), "", "");
            }
            Part::Name(name) => {
                archive = archive.entry(EntryType::GNULongName, b"l", b"", name.as_bytes());
                long_name = name;
            }
            Part::Link(link) => {
                archive = archive.entry(EntryType::GNULongLink, b"k", b"", link.as_bytes());
                long_link = link;
            }
            Part::Entry { flag, name, target, prefix, size } => {
                let first =
                    |texts: [&str; 3]| texts.into_iter().find(|text| !text.is_empty()).map(str::to_owned);
                let of = |key| records.get(key).copied().unwrap_or_default();
                let full = if prefix.is_empty() { (*name).to_owned() } else { format!("{prefix}/{name}") };
                let name_found = first([long_name, of("path"), &full]).unwrap_or_default();
                let target_found = first([long_link, of("linkpath"), target]);
                let size_found = of("size").parse().unwrap_or(*size);
                let kind = match flag {
                    0 if name_found.ends_with('/') => "Directory",
                    0 | b'0' | b'7' => "File",
                    b'1' => "HardLink",
                    b'2' => "Symlink",
                    b'5' => "Directory",
                    b'3' | b'4' | b'6' => "Special",
                    _ => "Unknown",
                };
                let has_content = matches!(kind, "File" | "Unknown");
                let size_found = if has_content { size_found } else { 0 };
                archive = archive
                    .file(name, "")
                    .field(156, [*flag])
                    .field(157, target)
                    .field(124, format!("{size:011o}\0"))
                    .field(257, b"ustar\x0000")
                    .field(345, prefix)
                    .raw(vec![b'c'; size_found])
                    .raw(vec![0; size_found.next_multiple_of(512) - size_found]);
                let arrow = target_found.map_or_else(String::new, |target| format!(" -> {target}"));
                expected.push(format!("{kind} {name_found}{arrow} {size_found}"));
                (records, long_name, long_link) = (BTreeMap::new(), "", "");
            }
        }
    }
    (archive.build(), expected)
}

proptest! {
    #[test]
    fn any_headers_are_read_by_the_rules(parts in prop::collection::vec(part(), 0..12)) {
        let (archive, expected) = build(&parts);
        prop_assert_eq!(entries(&archive), expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 512..4096), flag in prop::sample::select(b"0\x0012345LKxgSV".to_vec())) {
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes[156] = flag;
        bytes[124..136].copy_from_slice(b"00000001001\0");
        let archive = TarBuilder::new().file("", "").edit(|block| block.copy_from_slice(&bytes[..512]));
        entries(&archive.without_end().raw(&bytes[512..]).build());
    }
}

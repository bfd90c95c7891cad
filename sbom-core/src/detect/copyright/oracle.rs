//! How well licence texts are recognised, measured on real copyright files: where a machine-readable one names a
//! licence of the SPDX list and repeats its text, both must agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::super::dpkg::stanza::Stanzas;
use crate::{
    license::{Licensing, all_of, conclude, debian::Licenses, declare, text::recognise},
    limits::{Limits, read_capped},
};

/// Fewer words are a reference, not a text.
const MIN_WORDS: usize = 25;

#[derive(Default)]
struct Figures {
    texts: usize,
    right: usize,
    partly: usize,
    wrong: BTreeMap<(String, String), Vec<PathBuf>>,
    unread: BTreeMap<String, usize>,
}

/// Set `SBOMCTL_COPYRIGHTS` to a folder of `PACKAGE/copyright`, such as `/usr/share/doc` of a Debian, and run it with
/// `--ignored --nocapture` for the figures.
#[test]
#[ignore = "measures the folder that SBOMCTL_COPYRIGHTS names"]
fn texts_are_what_debian_calls_them() {
    let mut figures = Figures::default();
    let mut seen = BTreeSet::new();
    for file in files() {
        let bytes = read_capped(std::fs::File::open(&file).unwrap(), Limits::default().file_bytes).unwrap();
        for stanza in Stanzas::new(&bytes) {
            let Some(license) = stanza.get("License") else { continue };
            let text = super::machine_readable::text(license);
            let mut declared = Licenses::default();
            declared.add_synopsis(&license.first_line(), &mut |name| name.to_owned());
            let declared = declared.finish();
            let named = declared.expression.filter(|_| declared.custom.is_empty());
            let Some(named) = named.filter(|_| text.split_whitespace().count() >= MIN_WORDS) else {
                continue;
            };
            if seen.insert((named.clone(), text.clone())) {
                figures.add(&named, &text, &file);
            }
        }
    }
    figures.print();
}

/// How many packages end up with what, declared and concluded. Run as the other one; with `SBOMCTL_SAMPLE=60` it also
/// prints so many conclusions, spread evenly over all, to be checked by reading.
#[test]
#[ignore = "measures the folder that SBOMCTL_COPYRIGHTS names"]
fn packages_have_licences() {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut conclusions = Vec::new();
    for file in files() {
        let bytes = read_capped(std::fs::File::open(&file).unwrap(), Limits::default().file_bytes).unwrap();
        let package = file.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let copyright = super::tests::detect(&format!("usr/share/doc/{package}/copyright"), bytes).0;
        let declared = copyright.map(|copyright| copyright.licenses).unwrap_or_default();
        let concluded = conclude(&declared, |license| recognise(&license.text));
        let names = |licensing: &Licensing| {
            let expression = licensing.expression.clone().unwrap_or_default();
            let own = expression.matches("LicenseRef-").count();
            let all =
                expression.split([' ', '(', ')']).filter(|term| !matches!(*term, "" | "AND" | "OR")).count();
            (own, all)
        };
        let ((own, all), (left, read)) = (names(&declared), names(&concluded));
        let mut add = |what, counts: bool| *count.entry(what).or_default() += usize::from(counts);
        add("packages", true);
        add("without any licence", all == 0);
        add("declared: SPDX identifiers alone", own == 0 && all > 0);
        add("declared: LicenseRefs too", own > 0 && own < all);
        add("declared: LicenseRefs alone", own > 0 && own == all);
        add(
            "declared LicenseRefs alone, concluded: SPDX identifiers alone",
            own == all && read > 0 && left == 0,
        );
        add("declared LicenseRefs alone, concluded: LicenseRefs too", own == all && read > 0 && left > 0);
        add("declared LicenseRefs alone, concluded: nothing", own == all && own > 0 && read == 0);
        add("concluded: SPDX identifiers alone", read > 0 && left == 0);
        add("concluded: LicenseRefs too", left > 0);
        if let Some(expression) = concluded.expression {
            conclusions.push((package, declared.expression.unwrap_or_default(), expression));
        }
    }
    for (what, count) in count {
        eprintln!("{count:5} {what}");
    }
    #[expect(clippy::disallowed_methods, reason = "a setting of this measurement alone")]
    let sample =
        std::env::var("SBOMCTL_SAMPLE").ok().and_then(|sample| sample.parse().ok()).unwrap_or(0_usize);
    for index in 0..sample.min(conclusions.len()) {
        let (package, declared, concluded) = &conclusions[index * conclusions.len() / sample];
        eprintln!("{package}\n    declared  {declared}\n    concluded {concluded}");
    }
}

/// The copyright files to measure.
fn files() -> Vec<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the measured folder is the caller's, named for these tests alone"
    )]
    let folder = std::env::var_os("SBOMCTL_COPYRIGHTS").expect("SBOMCTL_COPYRIGHTS names a folder");
    let folders = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> =
        folders.map(|entry| entry.unwrap().path().join("copyright")).filter(|file| file.exists()).collect();
    files.sort();
    files
}

impl Figures {
    fn add(&mut self, named: &str, text: &str, file: &Path) {
        self.texts += 1;
        let Some(reading) = recognise(text) else {
            *self.unread.entry(named.to_owned()).or_default() += 1;
            return;
        };
        let all = all_of(reading.expressions.iter().map(|expression| declare(expression)));
        let all = all.expression.unwrap_or_default();
        let expected: BTreeSet<&str> = named.split(" OR ").collect();
        if all.split(" OR ").collect::<BTreeSet<_>>() != expected {
            self.wrong.entry((named.to_owned(), all)).or_default().push(file.to_owned());
        } else if reading.complete {
            self.right += 1;
        } else {
            self.partly += 1;
        }
    }

    fn print(&self) {
        let wrong: usize = self.wrong.values().map(Vec::len).sum();
        let unread: usize = self.unread.values().sum();
        eprintln!(
            "{} texts: {} as named, {} of them with more beside; {wrong} otherwise; {unread} not recognised",
            self.texts,
            self.right + self.partly,
            self.partly
        );
        for ((named, read), files) in &self.wrong {
            eprintln!("  {named} was read as {read}: {}", files.len());
            files.iter().take(3).for_each(|file| eprintln!("    {}", file.display()));
        }
        let mut unread: Vec<_> = self.unread.iter().collect();
        unread.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
        unread.iter().take(60).for_each(|(named, count)| eprintln!("  not recognised: {count} {named}"));
    }
}

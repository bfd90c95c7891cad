//! Reads the copyright files of Debian packages: what they declare about licences.

use sbom_inflate::GzipReader;

use super::{Captured, Detector, FileMeta, Finding, Findings, Gap, GapKind, Want, dpkg::Report, unpack};
use crate::{image_path::ImagePath, license::Licensing};

mod free_text;
mod machine_readable;
#[cfg(test)]
mod oracle;

/// Reads the copyright files of Debian packages.
#[derive(Debug, Clone, Copy)]
pub struct CopyrightDetector;

/// What a copyright file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copyright {
    /// How it says it.
    pub form: Form,
    /// All that it declares, at once.
    pub licenses: Licensing,
    /// The licences of parts of the source, in their order; empty in a free text.
    pub parts: Vec<LicensedPart>,
}

/// The form of a copyright file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The machine-readable format (DEP-5).
    MachineReadable,
    /// A text that refers to licences below `/usr/share/common-licenses`.
    References,
    /// A text that must be read by people: it is the licence.
    Text,
}

/// Files of the source under one licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicensedPart {
    /// The patterns of `Files`, joined by a blank: the first 500 characters, and ` …` if there are more. Large packages
    /// name thousands of files, which no bill repeats.
    pub patterns: String,
    /// Their licence.
    pub expression: String,
}

impl Copyright {
    /// Bytes that a component takes which has all of it.
    pub fn weight(&self) -> usize {
        let expression = self.licenses.expression.as_ref().map_or(0, String::len);
        let custom = self.licenses.custom.iter().map(|license| license.text.len() + license.name.len());
        let parts = self.parts.iter().map(|part| part.expression.len() + part.patterns.len());
        expression + custom.chain(parts).map(|bytes| bytes + 64).sum::<usize>()
    }
}

impl Detector for CopyrightDetector {
    fn id(&self) -> &'static str {
        "copyright"
    }

    fn wants(&self, file: &FileMeta<'_>) -> Want {
        if package_of(file.path).is_some() { Want::Whole } else { Want::Nothing }
    }

    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
        let Some(package) = package_of(file.path) else { return Ok(()) };
        let package = String::from_utf8_lossy(package);
        let bytes = file.bytes()?;
        let mut report = Report::new(&mut out.gaps, file.limits);
        let copyright = if file.path.file_name().ends_with(b".gz") {
            let text = unpack(GzipReader::new(bytes), file.limits, &mut out.taken)
                .map_err(|error| Gap::new(GapKind::Unreadable, format!("not gzip: {error}")))?;
            read(&text, &package, &mut report)
        } else {
            read(bytes, &package, &mut report)
        };
        out.found.extend(copyright.map(Finding::Copyright));
        Ok(())
    }
}

/// The name of the directory below `usr/share/doc` that the copyright file at `path` lies in.
fn package_of(path: &ImagePath) -> Option<&[u8]> {
    let mut parts = path.as_bytes().rsplit(|&byte| byte == b'/');
    matches!(parts.next()?, b"copyright" | b"copyright.gz").then_some(())?;
    let package = parts.next()?;
    let directory = [parts.next()?, parts.next()?, parts.next()?];
    (directory == [b"doc".as_slice(), b"share", b"usr"]).then_some(package)
}

/// Reads a copyright file; none if it is empty.
fn read(bytes: &[u8], package: &str, report: &mut Report<'_>) -> Option<Copyright> {
    if bytes.trim_ascii().is_empty() {
        return None;
    }
    Some(machine_readable::read(bytes, report).unwrap_or_else(|| free_text::read(bytes, package, report)))
}

/// Licence texts of one file: in all no longer than this, so that a text named many times does not multiply.
#[derive(Debug)]
struct Texts {
    left: usize,
    cut: bool,
}

impl Texts {
    fn new() -> Self {
        Self { left: 4 << 20, cut: false }
    }

    /// `text`, or `name` in its place once there are too many.
    fn take(&mut self, text: &str, name: &str) -> String {
        if text.trim().is_empty() {
            return name.to_owned();
        }
        let Some(left) = self.left.checked_sub(text.len()) else {
            self.cut = true;
            return name.to_owned();
        };
        self.left = left;
        text.to_owned()
    }

    fn finish(self, report: &mut Report<'_>) {
        if self.cut {
            report.gap(Gap::new(GapKind::Limit, "licence texts beyond 4 MiB were left out"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::{
        layer::retain::Content,
        limits::{Limits, read_capped},
    };

    pub(super) fn detect(path: &str, bytes: Vec<u8>) -> (Option<Copyright>, Vec<Gap>) {
        let findings = findings(path, bytes, &Limits::default()).unwrap();
        let mut found = findings.found.into_iter().map(|finding| match finding {
            Finding::Copyright(copyright) => copyright,
            other => panic!("{other:?}"),
        });
        (found.next(), findings.gaps)
    }

    fn findings(path: &str, bytes: Vec<u8>, limits: &Limits) -> Result<Findings, (Gap, u64)> {
        let path = ImagePath::from(path);
        let size = bytes.len() as u64;
        let meta = FileMeta { path: &path, size, mode: 0o644, head: &bytes };
        assert_eq!(CopyrightDetector.wants(&meta), Want::Whole);
        let content = Content::new(bytes);
        let file = Captured { path: &path, size, mode: 0o644, content: &content, limits };
        let mut findings = Findings::default();
        let read = CopyrightDetector.detect(&file, &mut findings);
        read.map_err(|gap| (gap, findings.taken)).map(|()| findings)
    }

    #[test]
    fn only_the_copyright_files_of_packages_are_wanted() {
        let wanted = |path: &str| package_of(&ImagePath::from(path)).is_some();
        assert!(wanted("usr/share/doc/libc6/copyright"));
        assert!(wanted("jail/usr/share/doc/libc6/copyright.gz"));
        assert!(!wanted("usr/share/doc/libc6/copyright.txt"));
        assert!(!wanted("usr/share/doc/copyright"));
        assert!(!wanted("usr/share/doc/a/b/copyright"));
    }

    #[test]
    fn a_compressed_file_is_read() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"see /usr/share/common-licenses/Apache-2.0").unwrap();
        let (copyright, _) = detect("usr/share/doc/a/copyright.gz", gz.finish().unwrap());
        assert_eq!(copyright.unwrap().licenses.expression.as_deref(), Some("Apache-2.0"));
    }

    #[test]
    fn what_is_unpacked_counts_even_if_it_is_too_much() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(&b"words ".repeat(50_000)).unwrap();
        let (path, bytes) = ("usr/share/doc/a/copyright.gz", gz.finish().unwrap());
        let mut limits = Limits::default();
        assert_eq!(findings(path, bytes.clone(), &limits).unwrap().taken, 300_000);
        limits.set("file-bytes", 200_000);
        assert_eq!(findings(path, bytes, &limits).unwrap_err().1, 200_001);
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(detect("usr/share/doc/a/copyright", b" \n".to_vec()).0, None);
    }

    #[test]
    fn real_files_are_read() {
        for (name, form, expression) in [
            ("libaudit-common", Form::MachineReadable, "GPL-2.0-only AND LGPL-2.1-only"),
            ("trilicense", Form::MachineReadable, "MPL-1.1 OR GPL-2.0-only OR LGPL-2.1-only"),
            // It writes out a dozen licences of parts of the library.
            (
                "libc6",
                Form::References,
                "LGPL-2.1-or-later AND GPL-2.0-or-later AND LicenseRef-copyright-of-libc6-f888d443f82b",
            ),
        ] {
            let Some(path) = sbomctl_testkit::shared(&format!("data/dpkg/copyright/{name}")) else { return };
            let file = std::fs::File::open(path).unwrap();
            let bytes = read_capped(file, Limits::default().file_bytes).unwrap();
            let (copyright, gaps) = detect(&format!("usr/share/doc/{name}/copyright"), bytes);
            let copyright = copyright.unwrap();
            assert_eq!(copyright.form, form, "{name}");
            assert_eq!(copyright.licenses.expression.as_deref(), Some(expression), "{name}");
            assert_eq!(gaps, [], "{name}");
        }
    }

    #[test]
    fn a_real_licence_agreement_is_kept_whole() {
        let Some(path) = sbomctl_testkit::shared("data/dpkg/copyright/cuda") else { return };
        let bytes = read_capped(std::fs::File::open(path).unwrap(), Limits::default().file_bytes).unwrap();
        let (copyright, _) = detect("usr/share/doc/cuda/copyright", bytes.clone());
        let copyright = copyright.unwrap();
        assert_eq!(copyright.form, Form::Text);
        assert_eq!(copyright.licenses.custom[0].text.as_bytes(), bytes);
    }
}

//! Reads apk's files.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads apk's files.
#[derive(Debug, Clone, Copy)]
pub struct ApkDetector;

impl Detector for ApkDetector {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn wants(&self, _file: &FileMeta<'_>) -> Want {
        Want::Nothing
    }

    fn detect(&self, _file: &Captured<'_>, _out: &mut Findings) -> Result<(), Gap> {
        Ok(())
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApkFile {}

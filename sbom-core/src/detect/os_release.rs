//! Reads the identity of an operating system.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads the identity of an operating system.
#[derive(Debug, Clone, Copy)]
pub struct OsReleaseDetector;

impl Detector for OsReleaseDetector {
    fn id(&self) -> &'static str {
        "os-release"
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
pub struct OsRelease {}

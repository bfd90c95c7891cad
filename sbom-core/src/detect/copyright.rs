//! Reads Debian copyright files.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads Debian copyright files.
#[derive(Debug, Clone, Copy)]
pub struct CopyrightDetector;

impl Detector for CopyrightDetector {
    fn id(&self) -> &'static str {
        "copyright"
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
pub struct Copyright {}

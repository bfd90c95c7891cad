//! Reads the files of dpkg, opkg and apt.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads the files of dpkg, opkg and apt.
#[derive(Debug, Clone, Copy)]
pub struct DpkgDetector;

impl Detector for DpkgDetector {
    fn id(&self) -> &'static str {
        "dpkg"
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
pub struct DpkgFile {}

//! Reads the build information of Go programs.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads the build information of Go programs.
#[derive(Debug, Clone, Copy)]
pub struct GoDetector;

impl Detector for GoDetector {
    fn id(&self) -> &'static str {
        "go-binary"
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
pub struct GoProgram {}

//! Reads the dependency information of Rust programs.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Reads the dependency information of Rust programs.
#[derive(Debug, Clone, Copy)]
pub struct RustDetector;

impl Detector for RustDetector {
    fn id(&self) -> &'static str {
        "rust-binary"
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
pub struct RustProgram {}

//! Knows inventories that this version does not read, and says so.

use super::{Captured, Detector, FileMeta, Findings, Gap, Want};

/// Knows inventories that this version does not read, and says so.
#[derive(Debug, Clone, Copy)]
pub struct UnreadDetector;

impl Detector for UnreadDetector {
    fn id(&self) -> &'static str {
        "unread"
    }

    fn wants(&self, _file: &FileMeta<'_>) -> Want {
        Want::Nothing
    }

    fn detect(&self, _file: &Captured<'_>, _out: &mut Findings) -> Result<(), Gap> {
        Ok(())
    }
}

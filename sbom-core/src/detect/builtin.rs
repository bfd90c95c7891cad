//! The detectors that come with this library, in the order in which they are asked.

use super::{
    Detector, apk::ApkDetector, copyright::CopyrightDetector, dpkg::DpkgDetector, embedded::EmbeddedDetector,
    go_binary::GoDetector, os_release::OsReleaseDetector, rust_binary::RustDetector, unread::UnreadDetector,
};

/// All of them.
pub fn detectors() -> Vec<Box<dyn Detector>> {
    vec![
        Box::new(OsReleaseDetector),
        Box::new(ApkDetector),
        Box::new(DpkgDetector),
        Box::new(CopyrightDetector),
        Box::new(GoDetector),
        Box::new(RustDetector),
        Box::new(EmbeddedDetector),
        Box::new(UnreadDetector),
    ]
}

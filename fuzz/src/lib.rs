//! Fuzz targets: `cargo +nightly fuzz run TARGET`.

mod harness;

pub use harness::TARGETS;

/// Runs the target `name`.
pub fn run(name: &str, bytes: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(target, _)| *target == name) {
        target(bytes);
    }
}

//! Fuzz targets: `cargo +nightly fuzz run TARGET`.

mod harness;

pub use harness::{TARGETS, run};

//! Executable formats: what Go and Rust programs share.

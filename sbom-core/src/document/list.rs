//! Formats that are lists of components rather than whole bills: for spreadsheets, pull requests, pipes, GitHub.
//!
//! They say less than CycloneDX and SPDX do, but nothing else.

pub mod csv;
pub mod github;
pub mod markdown;
pub mod purls;

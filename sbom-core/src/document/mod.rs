//! A bill → the bytes of a document.

pub mod cyclonedx;
pub mod spdx;
pub mod table;

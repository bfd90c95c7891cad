//! SPDX → the model: JSON of 2.2 and 2.3, tag-value of 2.1 to 2.3, JSON-LD of 3.0.
//!
//! SPDX 2 is taken in as the same [statements](statements) from both of its forms, and what they mean is decided once, in
//! [`gather`]. SPDX 3 says things in other words, and shares with it the vocabulary and the licences.

mod annotation;
mod gather;
mod json;
mod licenses;
mod package;
mod statements;
mod tag_value;
#[cfg(test)]
mod tests;
mod v3;
pub(super) mod vocabulary;

use super::super::spdx::relationship;
pub(in crate::document) use json::read_json;
pub(super) use licenses::{Licenses, Whose};
pub(super) use package::{add_cpe, add_purl, property, reference};
pub(in crate::document) use tag_value::read_tag_value;
pub(in crate::document) use v3::read_3;

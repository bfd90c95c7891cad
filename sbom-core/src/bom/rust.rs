//! Components of rust.

use super::{assemble::Context, draft::Draft};

/// Adds what the files of rust say to the draft.
pub(super) fn assemble(_context: &Context<'_>, _draft: &mut Draft) {}

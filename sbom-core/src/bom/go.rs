//! Components of go.

use super::{assemble::Context, draft::Draft};

/// Adds what the files of go say to the draft.
pub(super) fn assemble(_context: &Context<'_>, _draft: &mut Draft) {}

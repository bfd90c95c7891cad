//! Components of dpkg.

use super::{assemble::Context, draft::Draft};

/// Adds what the files of dpkg say to the draft.
pub(super) fn assemble(_context: &Context<'_>, _draft: &mut Draft) {}

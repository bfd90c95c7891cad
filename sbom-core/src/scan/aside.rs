//! What lies aside to be done by whoever has time for it.

use super::texts::Texts;
use crate::digest::hashing::Hashings;

/// Work that nobody waits for before the end of its layer. All clones are of the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Aside {
    /// Stored bytes and large programs, to be hashed.
    pub(super) hashings: Hashings,
    /// Licence texts, to be compared.
    pub(super) texts: Texts,
}

impl Aside {
    /// Gives back the memory of what is no longer needed once all layers are read.
    pub(super) fn end_reading(&self) {
        self.hashings.give_back();
        self.texts.forget();
    }
}

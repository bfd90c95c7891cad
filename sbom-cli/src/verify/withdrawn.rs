//! What signers have withdrawn of an image, and whom that binds.

use std::collections::BTreeMap;

use sbom_core::{
    attach::revocation,
    attest::{
        statement::Statement,
        verify::{Signer, Withdrawal},
    },
    digest::Digest,
};

use super::Verdict;

/// What signers have withdrawn, and by which of them, by their places among those who are demanded. A record binds whatever
/// is said of the image, wherever the two lie: beside the index or beside one of its images.
#[derive(Debug, Default)]
pub(crate) struct Withdrawn {
    /// By what was withdrawn: who did it, and in which record.
    by: BTreeMap<Digest, BTreeMap<usize, Digest>>,
    /// What may withdraw something, and nobody knows what.
    unread: Vec<String>,
}

/// Whose words a record withdraws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// Those of everybody who is trusted: any of them stands for all.
    All,
    /// Those of its own signer, where signers are trusted with different things.
    ItsSigner,
}

impl Withdrawn {
    /// Takes down what a record withdraws. Whether it is one.
    pub(super) fn add(&mut self, withdrawal: &Withdrawal, is_called_record: bool) -> bool {
        let Withdrawal { digest, by, predicate } = withdrawal;
        let read = match predicate {
            Some(predicate) => revocation::read(predicate),
            None if is_called_record => None,
            None => return false,
        };
        let Some(withdrawn) = read else {
            self.miss(format!("{digest}: what it withdraws cannot be read"));
            return true;
        };
        for one in withdrawn {
            self.by.entry(one).or_default().extend(by.iter().map(|place| (*place, digest.clone())));
        }
        true
    }

    /// Takes down that something may have been withdrawn.
    pub(super) fn miss(&mut self, what: String) {
        if !self.unread.contains(&what) {
            self.unread.push(what);
        }
    }

    /// The record that withdraws a statement of these signers, found as `digest`, if there is one.
    pub(super) fn record_against(
        &self,
        digest: &Digest,
        statement: &Statement,
        signers: &[Signer],
        bound: Bound,
    ) -> Option<&Digest> {
        // What nobody has withdrawn need not be hashed to know that.
        if self.by.is_empty() {
            return None;
        }
        let names = [digest.clone(), statement.digest()];
        let mut records = names.iter().filter_map(|name| self.by.get(name));
        match bound {
            Bound::All => records.find_map(|by| by.values().next()),
            Bound::ItsSigner => {
                let places = || signers.iter().flat_map(|signer| &signer.trusted_as);
                records.find_map(|by| places().find_map(|place| by.get(place)))
            }
        }
    }

    /// The record of anybody trusted that withdraws the statement or bundle of this digest.
    pub(crate) fn record_of(&self, digest: &Digest) -> Option<&Digest> {
        self.by.get(digest)?.values().next()
    }

    /// What may withdraw something and was not read.
    pub(crate) fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Tells `verdict` of what was not read.
    pub(super) fn tell(&self, verdict: &mut Verdict) {
        verdict.withdrawals_missed |= !self.unread.is_empty();
        for what in &self.unread {
            if !verdict.incomplete.contains(what) {
                verdict.incomplete.push(what.clone());
            }
        }
    }
}

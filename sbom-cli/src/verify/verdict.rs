//! What became of one digest, and how the program ends by it.

use sbom_core::{
    attest::{
        statement::Statement,
        verify::{Reason, Refusal, Unproven, Verified},
    },
    digest::Digest,
    oci::Platform,
};

use crate::exit_code::Exit;

/// What became of one digest.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The subject as it was named.
    pub(super) given: String,
    /// The digest that attestations are about.
    pub(super) digest: Digest,
    /// Its platform, where every one is verified.
    pub(super) platform: Option<Platform>,
    /// What counts, the newest first.
    pub(super) verified: Vec<Verified<Statement>>,
    /// What does not, and why.
    pub(super) refused: Vec<(Digest, Refusal)>,
    /// What of that says something that may be held against the rest.
    pub(super) against: Vec<Unproven>,
    /// What is not signed at all.
    pub(super) unsigned: Vec<String>,
    /// What was odd.
    pub(super) notes: Vec<String>,
    /// What could not be looked at.
    pub(super) incomplete: Vec<String>,
    /// Whether records that withdraw what counts may be among that.
    pub(super) withdrawals_missed: bool,
    /// Whether summaries of verifications may be among it, which may say no.
    pub(super) summaries_missed: bool,
    /// What a new scan finds otherwise; none if there was no scan.
    pub(super) differences: Option<Vec<String>>,
    /// Whether that scan did not read all of the image.
    pub(super) is_unread: bool,
    /// Whether of an index some platform has nothing that counts.
    pub(super) is_uncovered: bool,
}

impl Verdict {
    /// A verdict on what nothing is known of yet.
    pub(super) fn new(given: &str, digest: Digest, platform: Option<Platform>) -> Self {
        Self {
            given: given.to_owned(),
            digest,
            platform,
            verified: Vec::new(),
            refused: Vec::new(),
            against: Vec::new(),
            unsigned: Vec::new(),
            notes: Vec::new(),
            incomplete: Vec::new(),
            withdrawals_missed: false,
            summaries_missed: false,
            differences: None,
            is_unread: false,
            is_uncovered: false,
        }
    }

    /// Takes down that something does not count that was verified.
    pub(super) fn refuse(&mut self, verified: &Verified<Statement>, reason: Reason, message: &str) {
        let refusal = Refusal { reason, message: message.to_owned(), checks: verified.checks().to_vec() };
        self.refused.push((verified.digest().clone(), refusal));
    }

    /// How the program ends by it.
    pub(super) fn exit(&self) -> Exit {
        match (&self.differences, self.verified.is_empty(), self.incomplete.is_empty()) {
            (Some(differences), ..) if !differences.is_empty() => Exit::No,
            (_, false, true) if self.is_uncovered => Exit::No,
            (_, false, _) if self.withdrawals_missed || self.is_unread || self.is_uncovered => {
                Exit::Environment
            }
            (_, false, _) => Exit::Done,
            (_, true, true) => Exit::No,
            (_, true, false) => Exit::Environment,
        }
    }

    /// Those of `verified` of which nobody can say which is the newest; one, if it is the newest without doubt.
    pub(super) fn newest<'a>(verified: &[&'a Verified<Statement>]) -> Vec<&'a Verified<Statement>> {
        let time = verified.first().and_then(|first| first.time().verified());
        // What has no proven time may be newer than all that have one.
        let as_new = |verified: &&&Verified<Statement>| {
            verified.time().verified().is_none() || verified.time().verified() == time
        };
        verified.iter().filter(as_new).copied().collect()
    }
}

/// A no outweighs what could not be read or decided, as there is nothing left to decide.
pub(super) fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let weight = |exit: &Exit| match exit {
        Exit::Done => 0,
        Exit::Environment => 1,
        Exit::No => 3,
        _ => 2,
    };
    exits.max_by_key(weight).unwrap_or(Exit::Environment)
}

//! What may withdraw something, beside digests of which nothing else is asked.

use std::collections::BTreeSet;

use sbom_core::{
    attach::{self, Spending, Stopwatch},
    attest::verify::Demand,
    digest::Digest,
    limits::Limits,
};

use super::{
    hearing::{Candidate, Hearing},
    withdrawn::Withdrawn,
};
use crate::{exit_code::Failure, place::Image};

/// What is called a record or nothing at all, by the digest beside which it lies.
#[derive(Default)]
pub(super) struct Records {
    found: Vec<(Digest, Vec<Candidate>)>,
    /// What may be a record and was not looked at.
    missed: Vec<String>,
}

impl Records {
    /// Looks for them beside each of `digests`.
    pub(super) fn beside<'a>(
        image: &Image,
        digests: impl IntoIterator<Item = &'a Digest>,
        spending: &mut Spending,
    ) -> Self {
        let mut records = Self::default();
        for digest in digests {
            let found = attach::find_records(&*image.store, digest, spending);
            if found.withdrawals_missed {
                records.missed.extend(found.incomplete.iter().map(ToString::to_string));
            }
            let candidates = found.attestations.into_iter().filter_map(Candidate::of);
            records.found.push((digest.clone(), candidates.collect()));
        }
        records
    }

    /// Has them heard with the rest.
    pub(super) fn join<'a>(&'a self, hearing: &mut Hearing<'a>, demand: &impl Fn(Digest) -> Demand) {
        for (digest, candidates) in &self.found {
            hearing.add(demand(digest.clone()), candidates);
        }
    }

    /// Says what was not looked at.
    pub(super) fn tell(self, withdrawn: &mut Withdrawn) {
        self.missed.into_iter().for_each(|what| withdrawn.miss(what));
    }
}

/// What those have withdrawn of an image who are trusted by `demand`, wherever it says so.
pub(crate) fn withdrawn(
    image: &Image,
    demand: &impl Fn(Digest) -> Demand,
    limits: &Limits,
) -> Result<Withdrawn, Failure> {
    let mut spending = Spending::new(limits, Box::new(Stopwatch::default()));
    let subjects: BTreeSet<Digest> = image.digests(limits)?;
    let records = Records::beside(image, &subjects, &mut spending);
    let mut hearing = Hearing::new(subjects.clone());
    records.join(&mut hearing, demand);
    let (_, mut withdrawn) = hearing.end(limits);
    records.tell(&mut withdrawn);
    Ok(withdrawn)
}

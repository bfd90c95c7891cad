//! Which attestations of an image count: all of them are verified before any of them does, since what lies beside one
//! digest may withdraw what lies beside another.

use std::collections::BTreeSet;

use sbom_core::{
    attach::{Attestation, Content, Found, revocation},
    attest::{
        Signed,
        predicate::PredicateType,
        statement::Statement,
        verify::{self, Demand, Reason, Refusal, Unproven, Verified, Withdrawing, Work, hear_within},
    },
    digest::Digest,
    limits::Limits,
};

use super::{
    Verdict, summaries,
    withdrawn::{Bound, Withdrawn},
};

/// Something signed that lies beside an image, or was given.
pub(super) struct Candidate {
    pub(super) digest: Digest,
    /// The type that those call it who put it there; nothing vouches for that.
    pub(super) hint: Option<String>,
    pub(super) signed: Signed,
}

/// All that is said of one image, wherever it lies.
pub(super) struct Hearing<'a> {
    withdrawing: Withdrawing,
    sides: Vec<(Demand, &'a [Candidate])>,
}

/// What became of what lies beside one digest, or was given for it.
pub(super) struct Heard {
    wants_records: bool,
    judged: Vec<Judged>,
}

struct Judged {
    digest: Digest,
    result: Result<Verified<Statement>, Refusal>,
    /// What it may say against others, if it does not count.
    against: Option<Unproven>,
    /// Whether it is a record of somebody who is trusted.
    is_record: bool,
    /// Whether it may be a summary of a verification, by what it is called.
    may_be_summary: bool,
}

impl Candidate {
    /// What somebody signed, of what was found.
    pub(super) fn of(attestation: Attestation) -> Option<Self> {
        let Attestation { digest, predicate_type: hint, content, .. } = attestation;
        match content {
            Content::Signed(signed) => Some(Self { digest, hint, signed }),
            Content::Unsigned(_) => None,
        }
    }

    /// Whether it is called a record that withdraws others.
    fn is_called_record(&self) -> bool {
        self.hint.as_deref() == Some(revocation::PREDICATE_TYPE)
    }

    /// By which candidates are verified, since there may be more than there is work for: records, what may be one, the others
    /// in the order in which they were found. What is small leaves work for more.
    fn turn(&self) -> (u8, usize) {
        let length = self.signed.bytes().len();
        match &self.hint {
            _ if self.is_called_record() => (0, length),
            None => (1, length),
            Some(_) => (2, 0),
        }
    }
}

impl<'a> Hearing<'a> {
    /// A hearing about an image that these digests name, as a whole or in part.
    pub(super) fn new(subjects: BTreeSet<Digest>) -> Self {
        let predicate = PredicateType::new(revocation::PREDICATE_TYPE);
        Self { withdrawing: Withdrawing { predicate, subjects }, sides: Vec::new() }
    }

    /// Adds what lies beside one digest, and what is demanded of it.
    pub(super) fn add(&mut self, demand: Demand, candidates: &'a [Candidate]) {
        self.sides.push((demand, candidates));
    }

    /// Verifies everything: what became of what was added, in that order, and what was withdrawn. One that does not count
    /// hides none that does.
    pub(super) fn end(self, limits: &Limits) -> (Vec<Heard>, Withdrawn) {
        let Self { withdrawing, sides } = self;
        let (mut work, mut withdrawn) = (Work::new(limits), Withdrawn::default());
        let places = sides.iter().enumerate().flat_map(|(side, (demand, candidates))| {
            candidates.iter().enumerate().map(move |(place, candidate)| ((side, place), demand, candidate))
        });
        let mut places: Vec<_> = places.collect();
        places.sort_by_key(|(_, _, candidate)| candidate.turn());
        let mut judged: Vec<((usize, usize), Judged)> = Vec::new();
        for (place, demand, candidate) in places {
            let verify::Heard { judged: result, withdrawal, against } =
                hear_within(&candidate.signed, demand, &withdrawing, limits, &mut work);
            let is_record = match (&withdrawal, &result) {
                (Some(withdrawal), _) => withdrawn.add(withdrawal, candidate.is_called_record()),
                // What was not judged may be a record, unless it is called something else: whoever calls it wrongly could as
                // well have left it out.
                (None, Err(refusal)) if refusal.reason == Reason::Limit && candidate.turn().0 < 2 => {
                    withdrawn.miss(format!("{}: {refusal}", candidate.digest));
                    false
                }
                _ => false,
            };
            let may_be_summary = summaries::may_be_one(candidate.hint.as_deref());
            let digest = candidate.digest.clone();
            judged.push((place, Judged { digest, result, against, is_record, may_be_summary }));
        }
        judged.sort_by_key(|(place, _)| *place);
        let wants_records = |demand: &Demand| {
            demand.predicate.as_ref().is_some_and(|wanted| wanted.matches(&withdrawing.predicate))
        };
        let mut heard: Vec<Heard> = sides
            .iter()
            .map(|(demand, _)| Heard { wants_records: wants_records(demand), judged: Vec::new() })
            .collect();
        for ((side, _), judged) in judged {
            if let Some(heard) = heard.get_mut(side) {
                heard.judged.push(judged);
            }
        }
        (heard, withdrawn)
    }
}

impl Heard {
    /// Takes down what became of each candidate. What was withdrawn does not count.
    pub(super) fn tell(self, withdrawn: &Withdrawn, bound: Bound, verdict: &mut Verdict) {
        for Judged { digest, result, against, is_record, may_be_summary } in self.judged {
            verdict.against.extend(against.filter(|it| {
                withdrawn.record_against(it.digest(), it.value(), it.signers(), bound).is_none()
            }));
            match result {
                // A record that withdraws something is no reason to let anything pass.
                _ if is_record && !self.wants_records => {
                    verdict.notes.push(format!("{digest} withdraws others"));
                }
                Ok(it) => match withdrawn.record_against(it.digest(), it.value(), it.signers(), bound) {
                    Some(record) => {
                        let message = format!("the record {record} withdraws it");
                        verdict.refuse(&it, Reason::Revoked, &message);
                    }
                    None => verdict.verified.push(it),
                },
                // What asks for too much was not judged.
                Err(refusal) if refusal.reason == Reason::Limit => {
                    verdict.missed.summaries |= may_be_summary;
                    verdict.incomplete.push(format!("{digest}: {refusal}"));
                }
                Err(refusal) => verdict.refused.push((digest, refusal)),
            }
        }
        verdict.verified.sort_by(|a, b| {
            let key = |verified: &Verified<Statement>| verified.time().verified();
            key(b).cmp(&key(a)).then_with(|| a.digest().cmp(b.digest()))
        });
    }

    /// The same where any of those who are trusted stands for all of them, and no policy judges what they say.
    pub(super) fn end(self, withdrawn: &Withdrawn, mut verdict: Verdict) -> Verdict {
        self.tell(withdrawn, Bound::All, &mut verdict);
        withdrawn.tell(&mut verdict);
        summaries::settle(&mut verdict);
        verdict
    }
}

/// Takes down what was found beside an image, and gives what of it somebody signed. What was not looked at matters only if it
/// may be of the type `wanted`.
pub(super) fn candidates(
    found: Found,
    wanted: Option<&PredicateType>,
    verdict: &mut Verdict,
) -> Vec<Candidate> {
    verdict.missed.withdrawals |= found.withdrawals_missed;
    verdict.notes.extend(found.notes.iter().map(ToString::to_string));
    for incomplete in &found.incomplete {
        verdict.missed.summaries |= summaries::may_be_one(incomplete.hint());
        let is_other = wanted
            .zip(incomplete.hint())
            .is_some_and(|(wanted, hint)| !wanted.matches(&PredicateType::new(hint)));
        let list = if is_other { &mut verdict.notes } else { &mut verdict.incomplete };
        list.push(incomplete.to_string());
    }
    let unsigned = found.attestations.iter().filter(|it| matches!(it.content, Content::Unsigned(_)));
    verdict.unsigned.extend(unsigned.map(|it| format!("{} {}", it.kind.name(), it.digest)));
    found.attestations.into_iter().filter_map(Candidate::of).collect()
}

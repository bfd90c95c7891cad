//! Records by which a signer takes back what was said. They are proven by less than what counts: a withdrawal that is passed
//! over lets something pass.

use std::collections::BTreeSet;

use super::{
    Demand, Need, Opened, Refusal, Verified, Work, log,
    record::{Failure, Record},
    signer::{self, Candidates},
    sigstore::Message,
};
use crate::{
    attest::{Signed, bundle::Bundle, predicate::PredicateType, statement::Statement},
    digest::Digest,
    limits::Limits,
};

/// Which statements are records that withdraw others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawing {
    /// The type of their predicates.
    pub predicate: PredicateType,
    /// What they are about: one of these at least.
    pub subjects: BTreeSet<Digest>,
}

/// A record that somebody who is trusted has signed. It is no [`Verified`]: neither log nor time need have been proven, and
/// nothing passes because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The digest of bundle or envelope as it was found.
    pub digest: Digest,
    /// Who withdraws, by their places among the demanded signers; one at least.
    pub by: BTreeSet<usize>,
    /// What it withdraws, in its own form; none if what was signed is not a statement that everybody reads alike. Then nothing
    /// says that it is a record, either.
    pub predicate: Option<Vec<u8>>,
}

/// Verifies one of several attestations as [`verify_within`](super::verify_within) does, and says what it withdraws: whatever
/// the demand asks of statements, their type, their subject, logs and time.
pub fn hear_within(
    signed: &Signed,
    demand: &Demand,
    withdrawing: &Withdrawing,
    limits: &Limits,
    work: &mut Work,
) -> (Result<Verified<Statement>, Refusal>, Option<Withdrawal>) {
    let mut withdrawal = None;
    let judged =
        super::judge(signed, demand, limits, work, |opened| withdrawal = read(opened, demand, withdrawing));
    (judged, withdrawal)
}

fn read(opened: &Opened, demand: &Demand, withdrawing: &Withdrawing) -> Option<Withdrawal> {
    let Opened { digest, bundle, message, candidates, statement } = opened;
    let (subject, predicate) = match statement {
        Err(_) => (None, None),
        Ok(statement) if withdrawing.predicate.matches(statement.predicate_type()) => {
            let subject = withdrawing.subjects.iter().find(|subject| statement.is_about(subject))?;
            if demand.revoked.attestations.contains(&statement.digest()) {
                return None;
            }
            (Some(subject), Some(statement.predicate().to_vec()))
        }
        Ok(_) => return None,
    };
    let demand = Demand { subject: subject.unwrap_or(&demand.subject).clone(), ..demand.clone() };
    // Whoever cannot be shown to have signed it withdraws nothing.
    let by = signers(bundle, candidates, Message::Bytes(message.as_bytes()), &demand).ok()?;
    (!by.is_empty()).then(|| Withdrawal { digest: digest.clone(), by, predicate })
}

/// Which of the demanded signers, by their places, have signed a record.
///
/// Less is proven than of what counts. It only takes away, and a record that had to be logged or stamped as what it
/// withdraws is would leave that standing. Of a key the signature is enough, of an identity what shows that it is one.
fn signers(
    bundle: &Bundle,
    candidates: &Candidates,
    message: Message<'_>,
    demand: &Demand,
) -> Result<BTreeSet<usize>, Failure> {
    signer::check_entries(bundle, demand)?;
    match candidates {
        Candidates::Keys(places) => Ok(places.iter().copied().collect()),
        Candidates::Certificate { leaf, read } => {
            log::check_shape(bundle)?;
            let demand = Demand { log: Need::Never, time: Need::BySigner, ..demand.clone() };
            let proven = signer::by_identity(bundle, leaf, read, message, &demand, &mut Record::default())?;
            Ok(proven.signers.into_iter().flat_map(|signer| signer.trusted_as).collect())
        }
    }
}

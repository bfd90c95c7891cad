//! Records by which a signer takes back what was said, and words that may speak against it. They are proven by less than what
//! counts: a withdrawal that is passed over lets something pass.

use std::collections::BTreeSet;

use super::{
    Demand, Need, Opened, Refusal, Signer, SignerId, Time, Verified, Work, log,
    record::{Failure, Record},
    replay,
    signer::{self, Candidates},
    sigstore::Message,
};
use crate::{
    attest::{
        Signed,
        predicate::{Family, PredicateType},
        statement::Statement,
        trust::Trust,
    },
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

/// What a trusted signer signed and what does not count, since not all is proven that is demanded of it. It is no
/// [`Verified`]: it may be held against what is said, and nothing passes because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven(Verified<Statement>);

impl Unproven {
    /// What was signed.
    pub fn value(&self) -> &Statement {
        self.0.value()
    }

    /// Who signed it: each trusted signer once, one at least.
    pub fn signers(&self) -> &[Signer] {
        self.0.signers()
    }

    /// The digest of bundle or envelope as it was found.
    pub fn digest(&self) -> &Digest {
        self.0.digest()
    }

    /// As if it counted, without a time and a place in a log.
    pub(crate) fn as_verified(&self) -> &Verified<Statement> {
        &self.0
    }
}

/// What became of one of several attestations.
#[derive(Debug)]
pub struct Heard {
    /// Whether it counts.
    pub judged: Result<Verified<Statement>, Refusal>,
    /// What it withdraws, whatever the demand asks of statements, their type, their subject, logs and time.
    pub withdrawal: Option<Withdrawal>,
    /// What it says if it is a summary of a verification or a VEX document that is demanded, and does not count for want of
    /// logs and time alone.
    pub against: Option<Unproven>,
}

/// Verifies one of several attestations as [`verify_within`](super::verify_within) does, and says what it withdraws and what it
/// may say against others.
pub fn hear_within(
    signed: &Signed,
    demand: &Demand,
    withdrawing: &Withdrawing,
    limits: &Limits,
    work: &mut Work,
) -> Heard {
    let (mut withdrawal, mut against) = (None, None);
    let judged = super::judge(signed, demand, limits, work, |opened| {
        withdrawal = read(opened, demand, withdrawing);
        against = read_against(opened, demand);
    });
    against = against.filter(|_| judged.is_err());
    Heard { judged, withdrawal, against }
}

fn read(opened: &Opened, demand: &Demand, withdrawing: &Withdrawing) -> Option<Withdrawal> {
    let (subject, predicate) = match &opened.statement {
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
    let by = signers(opened, &demand).ok()?;
    let by: BTreeSet<usize> = by.into_iter().flat_map(|signer| signer.trusted_as).collect();
    (!by.is_empty()).then(|| Withdrawal { digest: opened.digest.clone(), by, predicate })
}

/// What says no may not have to be logged or stamped as what says yes is: anybody can have an old yes stamped again.
fn read_against(opened: &Opened, demand: &Demand) -> Option<Unproven> {
    let statement = opened.statement.as_ref().ok()?;
    let family = statement.predicate_type().family();
    if !matches!(family, Some(Family::VerificationSummary | Family::OpenVex)) {
        return None;
    }
    super::check_content(statement, demand, &mut Record::default()).ok()?;
    let signers = signers(opened, demand).ok().filter(|signers| !signers.is_empty())?;
    Some(Unproven(Verified {
        value: statement.clone(),
        signers,
        time: Time::Unverified,
        places: Vec::new(),
        digest: opened.digest.clone(),
        signatures: replay::signatures(&opened.bundle),
        checks: Vec::new(),
    }))
}

/// Which of the demanded signers have signed what takes something away.
///
/// Less is proven than of what counts. It only takes away, and what had to be logged or stamped as what it takes away is would
/// leave that standing. Of a key the signature is enough, of an identity what shows that it is one.
fn signers(opened: &Opened, demand: &Demand) -> Result<Vec<Signer>, Failure> {
    let Opened { bundle, message, candidates, .. } = opened;
    signer::check_entries(bundle, demand)?;
    match candidates {
        Candidates::Keys(places) => {
            let mut signers = Vec::new();
            for place in places {
                if let Some(Trust::Key(trust)) = demand.signers.get(*place) {
                    signer::add(&mut signers, SignerId::Key { fingerprint: trust.key.fingerprint() }, *place);
                }
            }
            Ok(signers)
        }
        Candidates::Certificate { leaf, read } => {
            log::check_shape(bundle)?;
            let demand = Demand { log: Need::Never, time: Need::BySigner, ..demand.clone() };
            let message = Message::Bytes(message.as_bytes());
            let proven = signer::by_identity(bundle, leaf, read, message, &demand, &mut Record::default())?;
            Ok(proven.signers)
        }
    }
}

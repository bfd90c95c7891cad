//! What registries took as proof of who asks, for as long as it holds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ureq::http::HeaderValue;

use super::auth::Scope;

/// How long a proof must still hold to be used: it has to arrive, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);

/// A value for the header `Authorization`, and until when it is taken.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) header: HeaderValue,
    /// None if it holds for ever.
    until: Option<Instant>,
}

impl Proof {
    /// One that holds until it is refused, as a password does.
    pub(super) fn lasting(header: HeaderValue) -> Self {
        Self { header, until: None }
    }

    /// One that holds for `time` from now.
    pub(super) fn for_time(header: HeaderValue, time: Duration) -> Self {
        Self { header, until: Instant::now().checked_add(time) }
    }

    fn holds(&self) -> bool {
        self.until.is_none_or(|until| until.saturating_duration_since(Instant::now()) > MARGIN)
    }
}

/// The proofs that were taken, by what they are good for. A registry may refuse one at any time all the same.
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<BTreeMap<Scope, Proof>>);

impl Proofs {
    /// What is likely to be taken for `scope`.
    pub(super) fn find(&self, scope: &Scope) -> Option<HeaderValue> {
        self.lock().get(scope).filter(|proof| proof.holds()).map(|proof| proof.header.clone())
    }

    /// Keeps what was taken for `scope`.
    pub(super) fn keep(&self, scope: &Scope, proof: Proof) {
        self.lock().insert(scope.clone(), proof);
    }

    /// Forgets `refused`, unless another has come into its place since.
    pub(super) fn forget(&self, scope: &Scope, refused: &HeaderValue) {
        let mut proofs = self.lock();
        if proofs.get(scope).is_some_and(|proof| proof.header == refused) {
            proofs.remove(scope);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Scope, Proof>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::auth::Action, *};

    #[test]
    fn a_proof_is_kept_until_it_is_refused_or_about_to_end() {
        let scope = Scope::new(&"host.tld/x".parse().unwrap(), Action::Pull);
        let (proofs, header) = (Proofs::default(), HeaderValue::from_static);
        assert_eq!(proofs.find(&scope), None);
        proofs.keep(&scope, Proof::lasting(header("a")));
        assert_eq!(proofs.find(&scope), Some(header("a")));
        // Somebody else has got another one while the first was being refused.
        proofs.keep(&scope, Proof::for_time(header("b"), Duration::from_secs(3600)));
        proofs.forget(&scope, &header("a"));
        assert_eq!(proofs.find(&scope), Some(header("b")));
        proofs.forget(&scope, &header("b"));
        assert_eq!(proofs.find(&scope), None);
        proofs.keep(&scope, Proof::for_time(header("c"), MARGIN));
        assert_eq!(proofs.find(&scope), None);
        proofs.keep(&scope, Proof::for_time(header("d"), Duration::MAX));
        assert_eq!(proofs.find(&scope), Some(header("d")));
    }
}

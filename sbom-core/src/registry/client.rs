//! What every request of a client has in common: who asks, how often, and until when.

use std::sync::Arc;

use ureq::http::{HeaderName, HeaderValue, Method, header};

use super::{
    ClientConfig, Deadline, Fault, RegistryError,
    auth::{self, Scope},
    challenge::{self, Challenge},
    error::own_words,
    proofs::Proofs,
    retry::{Attempts, retry_after},
    url::Url,
    wire::{Answer, Ask, Payload, Wire},
};
use crate::oci::reference::Repository;

/// Proofs that one request is sent with, apart from what was known before. The first may be over when it arrives.
const FRESH_PROOFS: usize = 2;

/// A client of any number of registries. It is cheap to clone; its clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Deadline,
}

#[derive(Debug)]
struct Shared {
    config: ClientConfig,
    wire: Wire,
    proofs: Proofs,
}

/// Where a request goes: a path of the repository's registry, or what the registry itself named.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'a> {
    Path(&'a str),
    Named(&'a Url),
}

/// Which failures are worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// All that pass: doing it twice does no harm.
    Safe,
    /// Those after which it is certain that nothing was done.
    NothingDone,
}

impl Client {
    /// A client that keeps to `config`.
    pub fn new(config: ClientConfig) -> Result<Self, Fault> {
        let (wire, deadline) = (Wire::new(&config)?, config.deadline);
        Ok(Self { shared: Arc::new(Shared { config, wire, proofs: Proofs::default() }), deadline })
    }

    /// The same client for one operation, which must be done by `deadline` if that is earlier than what the
    /// client was made with.
    #[must_use]
    pub fn within(&self, deadline: Deadline) -> Self {
        Self { shared: Arc::clone(&self.shared), deadline: self.deadline.earlier(deadline) }
    }

    pub(super) fn config(&self) -> &ClientConfig {
        &self.shared.config
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.shared.wire
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// A request without headers and payload of its own.
    pub(super) fn ask(&self, method: Method) -> Ask<'static> {
        Ask {
            method,
            headers: Vec::new(),
            authorization: None,
            payload: Payload::None,
            time: self.config().time_for(0),
            deadline: self.deadline,
            stay: false,
        }
    }

    /// A request to read, with what is accepted.
    pub(super) fn get(&self, headers: Vec<(HeaderName, String)>) -> Ask<'static> {
        Ask { headers, ..self.ask(Method::GET) }
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.config().limits.attempts)
    }

    /// Waits before another attempt, or gives the fault back.
    pub(super) fn wait_after(&self, attempts: &mut Attempts, fault: Fault) -> Result<(), Fault> {
        attempts.wait_after(fault, &*self.config().sleep, self.deadline)
    }

    /// Does `once` until it succeeds or another attempt is of no use.
    pub(super) fn repeat<T>(
        &self,
        repeat: Repeat,
        mut once: impl FnMut() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut attempts = self.attempts();
        loop {
            match once() {
                Ok(value) => return Ok(value),
                Err(fault) if repeat == Repeat::NothingDone && fault.is_undecided() => return Err(fault),
                Err(fault) => self.wait_after(&mut attempts, fault)?,
            }
        }
    }

    /// Asks, and asks again after proving who does: an answer of success, or a fault.
    pub(super) fn send(&self, scope: &Scope, at: At<'_>, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let answer = self.authorized(scope, at, ask)?;
        if answer.is_success() { Ok(answer) } else { Err(self.refused(answer)) }
    }

    /// Like [`Self::send`], but gives whatever is answered, good or bad.
    pub(super) fn authorized(&self, scope: &Scope, at: At<'_>, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let (host, proofs) = (scope.repository.api_host(), &self.shared.proofs);
        let known = proofs.find(scope);
        let mut answer = self.once(host, at, ask, known.clone())?;
        if let Some(known) = known.filter(|_| self.is_unproved(&answer, host)) {
            proofs.forget(scope, &known);
        }
        for fresh in 0..FRESH_PROOFS {
            if !self.is_unproved(&answer, host) {
                break;
            }
            let demanded = answer.headers.get_all(header::WWW_AUTHENTICATE);
            let challenges = challenge::parse(demanded.iter().map(HeaderValue::as_bytes));
            if fresh > 0 && !challenges.iter().any(Challenge::is_about_token) {
                break;
            }
            drop(answer);
            let proof = auth::answer(self, scope, &self.wire().registry_url(host), &challenges)?;
            answer = self.once(host, at, ask, Some(proof.header.clone()))?;
            if !self.is_unproved(&answer, host) {
                proofs.keep(scope, proof);
            }
        }
        Ok(answer)
    }

    /// Whether the registry at `host` asks for proof. Only it may say where its credentials go; not a host that it sends
    /// us to.
    pub(super) fn is_unproved(&self, answer: &Answer, host: &str) -> bool {
        answer.status == 401 && answer.url.same_origin(&self.wire().registry_url(host))
    }

    fn once(
        &self,
        host: &str,
        at: At<'_>,
        ask: &Ask<'_>,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, Fault> {
        match at {
            At::Path(path) => self.wire().ask_registry(host, path, &Ask { authorization, ..ask.clone() }),
            At::Named(url) => {
                let own = url.same_origin(&self.wire().registry_url(host));
                let authorization = authorization.filter(|_| own);
                self.wire().ask(url, &Ask { authorization, ..ask.clone() })
            }
        }
    }

    /// What an answer says that is not the one wanted.
    pub(super) fn refused(&self, answer: Answer) -> Fault {
        let (status, host) = (answer.status, answer.url.authority().to_owned());
        let retry_after = retry_after(&answer.headers);
        let body = answer.into_bytes(self.config().limits.response_bytes);
        Fault::Status { host, status, message: own_words(&body.unwrap_or_default()), retry_after }
    }
}

/// An error about `what` in `repository`.
pub(super) fn error(repository: &Repository, what: String, fault: Fault) -> RegistryError {
    RegistryError { repository: repository.to_string(), what, fault }
}

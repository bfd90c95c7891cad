//! What can go wrong when signing without a key: which service, what it did, and what can be done about it.

use std::{fmt, io, time::Duration};

use super::{
    connection::ConnectionError,
    services::{Services, ServicesError},
    token::{Token, TokenError},
    tuf::TufError,
};

/// A service that signing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Fulcio, which certifies a key for an identity.
    Fulcio,
    /// Rekor, which logs signatures.
    Rekor,
    /// An RFC 3161 time-stamp authority.
    TimestampAuthority,
    /// The CI system, which vouches for its jobs with identity tokens.
    CiSystem,
    /// A TUF repository, which hands out roots of trust.
    TufRepository,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fulcio => "Fulcio",
            Self::Rekor => "Rekor",
            Self::TimestampAuthority => "the time-stamp authority",
            Self::CiSystem => "the CI system's token service",
            Self::TufRepository => "the TUF repository",
        })
    }
}

/// What a service did in place of its work. Texts of services are cut, and carry no token and no control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceFault {
    /// There was no answer: no connection, no TLS, or none in time.
    #[error("there is no answer: {reason}")]
    Unreachable {
        /// What the connection says.
        reason: String,
    },
    /// It answered with a status of failure.
    #[error("it answers with status {status}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// It answered with something that is no answer to what was asked.
    #[error("its answer cannot be used: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
}

/// Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeylessError {
    /// It is not clear which services to use.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// The identity token is of no use.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The services cannot be talked to like this.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A TUF repository gave no roots of trust.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// The statement is none.
    #[error("what is to be signed is no in-toto statement: {reason}")]
    Statement {
        /// What is wrong with it.
        reason: String,
    },
    /// The log takes no statements of this size. Nothing was sent.
    #[error(
        "the statement has {size} bytes, and {log} takes less than {limit}, as logs of Rekor v1 get all of it; logs of Rekor v2 get a digest, whatever the size"
    )]
    TooLarge {
        /// Bytes of the statement.
        size: usize,
        /// The log.
        log: String,
        /// Bytes that it takes.
        limit: usize,
    },
    /// A service did not do its work.
    #[error("{service} ({url}): {fault}{}", advice(*service, fault, *size))]
    Service {
        /// Which.
        service: Service,
        /// Where.
        url: String,
        /// What it did.
        fault: ServiceFault,
        /// Bytes of the statement that it was sent.
        size: usize,
    },
    /// All together took too long.
    #[error("signing took longer than {} s: a service answers too slowly, or needs more time", .limit.as_secs_f32())]
    Deadline {
        /// The time that there was.
        limit: Duration,
    },
    /// What the services gave does not verify against the trusted root.
    #[error(
        "the signature does not verify against the trusted root, so that nobody who trusts that root would take it: {reason}; the services and the trusted root must be of one deployment"
    )]
    Unverified {
        /// The check that failed.
        reason: String,
    },
    /// The bundle cannot be written.
    #[error("the bundle cannot be written: {reason}")]
    Unwritable {
        /// Why.
        reason: String,
    },
    /// A key could not be made, or did not sign.
    #[error("the key of this one signature: {reason}")]
    Key {
        /// What the library of cryptography says.
        reason: String,
    },
    /// The caller is itself a task of an asynchronous runtime, which this would block.
    #[error(
        "signing blocks its thread, which is one of an asynchronous runtime: call it from a thread of its own"
    )]
    InsideRuntime,
    /// The system gives no means to wait for the network.
    #[error("the network cannot be waited for: {0}")]
    Runtime(#[source] io::Error),
}

/// What can be done, as the end of a sentence.
fn advice(service: Service, fault: &ServiceFault, size: usize) -> &'static str {
    const LARGE: usize = 1 << 20;
    match (service, fault) {
        (Service::Fulcio, ServiceFault::Status { status: 400 | 401 | 403, .. }) => {
            "; is the token still valid, meant for the audience \"sigstore\", and from an issuer that this Fulcio takes?"
        }
        (Service::Rekor, ServiceFault::Status { status: 413, .. }) => {
            "; the statement is too large for this log, and would not be for one of Rekor v2"
        }
        (Service::Rekor, _) if size > LARGE => {
            "; logs of Rekor v1 may refuse large statements like this, and those of Rekor v2 do not"
        }
        (Service::CiSystem, ServiceFault::Status { status: 401 | 403, .. }) => {
            "; may this job request identity tokens?"
        }
        (_, ServiceFault::Unreachable { .. }) => "; is the address right, and is there a way to it?",
        (_, ServiceFault::Status { status: 429 | 500..=599, .. }) => "; try again later",
        (_, ServiceFault::Status { status: 404 | 405, .. } | ServiceFault::Answer { .. }) => {
            "; is this the address of such a service, and of the version that is spoken?"
        }
        _ => "",
    }
}

/// Whether the same again may well work: the service was too busy, or broken in a way that passes.
pub(super) fn is_passing(error: &sigstore_sign::Error) -> bool {
    use sigstore_sign::{Error, fulcio, rekor};
    let (Error::Fulcio(fulcio::Error::Status { status, .. })
    | Error::Rekor(rekor::Error::Status { status, .. })) = error
    else {
        return false;
    };
    matches!(status, 429 | 502..=504)
}

impl KeylessError {
    /// What `sigstore-sign` says, with the place of the service and without the token.
    pub(super) fn of_signing(
        error: sigstore_sign::Error,
        services: &Services,
        token: &Token,
        size: usize,
    ) -> Self {
        use sigstore_sign::{Error, fulcio, rekor, tsa};
        let clean = |text: String| quote(&text, token);
        let (service, fault) = match error {
            Error::Config(error) => return ServicesError::from(error).into(),
            Error::InvalidStatement(error) => return Self::Statement { reason: clean(error.to_string()) },
            Error::Fulcio(fulcio::Error::Signing(reason)) => return Self::Key { reason },
            Error::Crypto(error) => return Self::Key { reason: error.to_string() },
            Error::Fulcio(error) => (
                Service::Fulcio,
                match error {
                    fulcio::Error::Http(reason) => ServiceFault::Unreachable { reason: clean(reason) },
                    fulcio::Error::Status { status, message } => {
                        ServiceFault::Status { status, message: clean(message) }
                    }
                    other => ServiceFault::Answer { reason: clean(other.to_string()) },
                },
            ),
            Error::Rekor(error) => (
                Service::Rekor,
                match error {
                    rekor::Error::Http(reason) => ServiceFault::Unreachable { reason: clean(reason) },
                    rekor::Error::Status { status, message } => {
                        ServiceFault::Status { status, message: clean(message) }
                    }
                    other => ServiceFault::Answer { reason: clean(other.to_string()) },
                },
            ),
            Error::Tsa(error) => (
                Service::TimestampAuthority,
                match error {
                    tsa::Error::Http(reason) => timestamp_fault(&clean(reason)),
                    other => ServiceFault::Answer { reason: clean(other.to_string()) },
                },
            ),
            other => return Self::Unwritable { reason: clean(other.to_string()) },
        };
        Self::Service { service, url: services.url(service).to_owned(), fault, size }
    }
}

/// The client of time-stamp authorities tells a status in words alone.
fn timestamp_fault(reason: &str) -> ServiceFault {
    let status = reason.strip_prefix("TSA returned status ").and_then(|rest| rest.get(..3)?.parse().ok());
    match status {
        Some(status) => ServiceFault::Status { status, message: reason.to_owned() },
        None => ServiceFault::Unreachable { reason: reason.to_owned() },
    }
}

/// A service's own words: cut, on one line, and without the token, should it say that back.
pub(super) fn quote(text: &str, token: &Token) -> String {
    const CHARACTERS: usize = 400;
    let without = text.replace(token.secret(), "[token]");
    let printable: String = without
        .chars()
        .take(CHARACTERS)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let end = if without.chars().nth(CHARACTERS).is_some() { "…" } else { "" };
    format!("{}{end}", printable.trim())
}

//! Why a registry does not give what it was asked for, and what to do about it.

use std::{fmt, io, time::Duration};

use crate::{digest::Digest, image_path::escape_control, limits::LimitExceeded};

/// A registry does not give what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{what} of {repository}: {fault}")]
pub struct RegistryError {
    /// The repository, `HOST/PATH`.
    pub repository: String,
    /// What was asked for: a manifest or blob, by tag or digest.
    pub what: String,
    /// What went wrong.
    #[source]
    pub fault: Fault,
}

/// What went wrong in talking to a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be reached, or the connection broke.
    #[error("{host} cannot be reached: {source}")]
    Transport {
        /// The registry's host.
        host: String,
        /// What the network says.
        source: io::Error,
    },
    /// It took too long.
    #[error("no answer in time ({stage}); --timeout sets how long to wait")]
    Timeout {
        /// What was waited for.
        stage: &'static str,
    },
    /// It answered with an error.
    #[error("{host} answers {status}{message}{advice}", advice = advice(*.status, .host))]
    Status {
        /// The registry's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own code and message, escaped; empty or beginning with `, `.
        message: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// Its demand for authentication cannot be met.
    #[error("{host} asks for authentication that cannot be given: {reason}")]
    Authentication {
        /// The registry's host.
        host: String,
        /// Why.
        reason: &'static str,
    },
    /// Credentials are there but cannot be used.
    #[error(transparent)]
    Credentials(#[from] super::credentials::CredentialError),
    /// It sends elsewhere in a way that must not be followed.
    #[error("{host} redirects to {location:?}: {reason}")]
    Redirect {
        /// The registry's host.
        host: String,
        /// Where to, escaped.
        location: String,
        /// Why that is not followed.
        reason: &'static str,
    },
    /// The bytes are not those of the digest.
    #[error("its bytes hash to {found}, not to {expected}: they are damaged or forged")]
    Digest {
        /// The digest asked for or announced.
        expected: Digest,
        /// What the bytes hash to.
        found: Digest,
    },
    /// An answer does not follow the protocol.
    #[error("{host} breaks the protocol: {reason}")]
    Protocol {
        /// The registry's host.
        host: String,
        /// How.
        reason: &'static str,
    },
    /// A bound was hit.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// It failed again and again.
    #[error("{last} (after {attempts} attempts)")]
    Exhausted {
        /// How often it was tried.
        attempts: u64,
        /// The last failure.
        last: Box<Fault>,
    },
    /// A certificate of an authority that was named cannot be read.
    #[error("a certificate authority cannot be read: {reason}")]
    Certificate {
        /// Why.
        reason: String,
    },
}

impl Fault {
    /// Whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether nothing is wrong around us: what was asked for is not there, or is not what it should be.
    pub fn is_of_subject(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 404,
            Self::Digest { .. } | Self::Limit(_) => true,
            Self::Exhausted { last, .. } => last.is_of_subject(),
            _ => false,
        }
    }

    /// Whether the registry says that it does not have what it was asked for.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }

    pub(super) fn of_ureq(host: &str, error: ureq::Error) -> Self {
        let host = host.to_owned();
        match error {
            ureq::Error::Timeout(_) => Self::Timeout { stage: "connection" },
            ureq::Error::Io(source) if source.kind() == io::ErrorKind::TimedOut => {
                Self::Timeout { stage: "transfer" }
            }
            ureq::Error::Io(source) => Self::Transport { host, source },
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
                Self::Protocol { host, reason: "its answer is no HTTP, or too large" }
            }
            other => Self::Transport { host, source: io::Error::other(other) },
        }
    }
}

fn advice(status: u16, host: &str) -> impl fmt::Display {
    match status {
        401 | 403 => format!(": check that the image exists, and log in with `docker login {host}`"),
        404 => ": there is no such image; check its name and tag".to_owned(),
        429 => ": too many requests; log in for a higher limit, or wait".to_owned(),
        _ => String::new(),
    }
}

/// The first error that a registry's answer names, `, CODE: message`, fit for a message of ours.
pub(super) fn own_words(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        errors: Vec<Named>,
    }
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(Answer { errors }) = serde_json::from_slice(body) else { return String::new() };
    let Some(Named { code, message }) = errors.into_iter().next() else { return String::new() };
    let text: String =
        [code, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    if text.is_empty() {
        return text;
    }
    let text: String = escape_control(&text).chars().take(200).collect();
    format!(", {text}")
}

//! Why a registry does not give what it was asked for, and what to do about it.

use std::{fmt, io, time::Duration};

use super::pace::TooSlow;
use crate::{
    digest::Digest, image_path::escape_control, limits::LimitExceeded, oci::manifest::ManifestError,
};

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
    /// It broke off a transfer.
    #[error("{host} broke off the transfer")]
    BrokenOff {
        /// The registry's host.
        host: String,
    },
    /// It let an upload begin, and no longer takes what proved who asks.
    #[error("{refused}")]
    Expired {
        /// What it answers.
        refused: Box<Fault>,
    },
    /// Its certificate does not prove that it is the one asked for.
    #[error("the certificate of {host} is not trusted: {source}; --ca-cert adds an authority")]
    Untrusted {
        /// The registry's host.
        host: String,
        /// What is wrong with the certificate.
        source: Box<rustls::Error>,
    },
    /// TLS cannot be agreed on.
    #[error("{host} does not speak TLS: {source}")]
    Tls {
        /// The host asked.
        host: String,
        /// What went wrong.
        source: Box<rustls::Error>,
    },
    /// It would have to be asked without TLS.
    #[error("{host} is not asked over plain HTTP; --insecure would allow that")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// It took too long.
    #[error("no answer in time ({stage}); --timeout sets how long to wait")]
    Timeout {
        /// What was waited for.
        stage: &'static str,
    },
    /// The whole operation took too long.
    #[error("not done within the {} seconds that all of it may take", .time.as_secs_f64())]
    Deadline {
        /// How long it may take.
        time: Duration,
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
    /// There are more or fewer bytes than the manifest says.
    #[error("{expected} bytes are announced, {found} are there: it is damaged or forged")]
    Size {
        /// Bytes that the manifest announces.
        expected: u64,
        /// Bytes that the registry has; of more than announced, only one more may be counted.
        found: u64,
    },
    /// A part was asked for, and another given.
    #[error("asked for the bytes from {asked} to {last}, but got another range, {given:?}")]
    Range {
        /// The first byte asked for.
        asked: u64,
        /// The last byte asked for.
        last: u64,
        /// The part given: `Content-Range`, escaped and cut.
        given: String,
    },
    /// A part was asked for, and the whole given.
    #[error("{host} gives no parts")]
    NoParts {
        /// The registry's host, or where it sends us.
        host: String,
    },
    /// An answer does not follow the protocol.
    #[error("{host} breaks the protocol: {reason}")]
    Protocol {
        /// The registry's host.
        host: String,
        /// How.
        reason: &'static str,
    },
    /// What was to be replaced is not what it was.
    #[error("{host} has something newer than what was read before: someone else wrote in between")]
    Changed {
        /// The registry's host.
        host: String,
    },
    /// What is to be sent cannot be read.
    #[error("what is to be sent to the registry cannot be read: {source}")]
    Source {
        /// Why.
        source: io::Error,
    },
    /// A list of referrers is none.
    #[error("{host} gives something else than a list of referrers: {source}")]
    Referrers {
        /// The registry's host.
        host: String,
        /// What is wrong with it.
        source: Box<ManifestError>,
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
            Self::Transport { .. } | Self::BrokenOff { .. } | Self::Expired { .. } | Self::Timeout { .. } => {
                true
            }
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
            Self::Digest { .. } | Self::Size { .. } | Self::Limit(_) => true,
            Self::Exhausted { last, .. } => last.is_of_subject(),
            _ => false,
        }
    }

    /// Whether the registry says that it does not have what it was asked for.
    pub fn is_missing(&self) -> bool {
        self.status() == Some(404)
    }

    /// The HTTP status, if that is what went wrong.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Expired { refused: last } | Self::Exhausted { last, .. } => last.status(),
            _ => None,
        }
    }

    /// Whether the registry may have done what it was asked to, though it did not say so: only reading tells.
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Transport { .. }
            | Self::BrokenOff { .. }
            | Self::Timeout { .. }
            | Self::Deadline { .. }
            | Self::Protocol { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 500 | 502 | 504),
            Self::Exhausted { last, .. } => last.is_undecided(),
            _ => false,
        }
    }

    pub(super) fn of_ureq(host: &str, error: ureq::Error) -> Self {
        let host = host.to_owned();
        match error {
            ureq::Error::Timeout(stage) => Self::Timeout {
                stage: match stage {
                    ureq::Timeout::Connect | ureq::Timeout::Resolve => "connection",
                    ureq::Timeout::Global => "whole answer",
                    _ => "transfer",
                },
            },
            ureq::Error::Rustls(source) => Self::of_rustls(host, source),
            ureq::Error::Io(source) if source.kind() == io::ErrorKind::TimedOut => {
                let slow = matches!(source.get_ref(), Some(inner) if inner.is::<TooSlow>());
                Self::Timeout { stage: if slow { "transfer, of which too little comes" } else { "transfer" } }
            }
            ureq::Error::Io(source) => match source.downcast::<rustls::Error>() {
                Ok(source) => Self::of_rustls(host, source),
                Err(source) => Self::Transport { host, source },
            },
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
                Self::Protocol { host, reason: "its answer is no HTTP, or too large" }
            }
            other => Self::Transport { host, source: io::Error::other(other) },
        }
    }

    fn of_rustls(host: String, source: rustls::Error) -> Self {
        let source = Box::new(source);
        match *source {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Self::Untrusted { host, source }
            }
            _ => Self::Tls { host, source },
        }
    }
}

/// A body of `host` that could not be read to its end.
pub(super) fn broken(host: &str, source: io::Error) -> Fault {
    // What the layers below wrap into errors of reading keeps its kind.
    Fault::of_ureq(host, ureq::Error::from(source))
}

/// A text of someone else, fit for a message: cut, and without anything that acts on a terminal.
pub(super) fn quoted(text: &str) -> String {
    escape_control(text).chars().take(200).collect()
}

fn advice(status: u16, host: &str) -> impl fmt::Display {
    match status {
        401 | 403 => {
            format!(
                ": check that the image exists and that you may do this, or log in with `docker login {host}`"
            )
        }
        405 => ": the registry does not allow this".to_owned(),
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
    format!(", {}", quoted(&text))
}

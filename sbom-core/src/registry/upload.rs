//! Blobs put into a registry: in one piece, from memory or as a stream that can be opened again.
//!
//! Source: OCI distribution specification 1.1, "Pushing blobs" (POST then PUT, mounting from another repository).

use std::{
    fmt,
    io::{self, Read},
};

use ureq::http::{Method, header};

use super::{
    Client, Fault, RegistryError,
    auth::{Action, Scope},
    client::{At, Repeat, error},
    manifests::announced,
    wire::{Answer, Ask, Payload},
};
use crate::{
    digest::{Digest, Hasher},
    oci::reference::Repository,
};

/// How a blob came to be in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was there.
    Present,
    /// The registry took it over from another of its repositories.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Opens the bytes of a blob, from the first one, as often as it must be sent.
pub type Open<'a> = dyn Fn() -> io::Result<Box<dyn Read + Send>> + 'a;

impl Client {
    /// Whether the registry has the blob in this repository.
    pub fn has_blob(&self, repository: &Repository, digest: &Digest) -> Result<bool, RegistryError> {
        self.repeat(Repeat::Safe, || self.has_blob_once(repository, digest))
            .map_err(|fault| error(repository, format!("blob {digest}"), fault))
    }

    /// Puts `bytes`, which hash to `digest`, into the repository, unless they are there.
    pub fn put_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<Put, RegistryError> {
        let mut hasher = Hasher::new(digest.algorithm());
        hasher.update(bytes);
        let found = hasher.finish();
        if found != *digest {
            let fault = Fault::Digest { expected: digest.clone(), found };
            return Err(error(repository, format!("put blob {digest}"), fault));
        }
        let (payload, size) = (Payload::Bytes(bytes), bytes.len() as u64);
        self.put(repository, digest, &Sent { payload, size, from: None })
    }

    /// Puts a blob of `size` bytes into the repository, unless it is there. Where another repository of the same
    /// registry has it, `from`, the registry is asked to take it over. The bytes are hashed on their way: a blob that
    /// is not what it is said to be is never put.
    pub fn put_blob_from(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        from: Option<&Repository>,
        open: &Open<'_>,
    ) -> Result<Put, RegistryError> {
        let stream = Stream { digest, size, open };
        let from = from.filter(|from| from.host() == repository.host() && *from != repository);
        self.put(repository, digest, &Sent { payload: Payload::Stream(&stream), size, from })
    }

    fn put(&self, repository: &Repository, digest: &Digest, sent: &Sent<'_>) -> Result<Put, RegistryError> {
        let mut expired = false;
        // Every attempt begins with the question whether the blob is there: the last may have put it.
        let attempt = || {
            self.put_blob_once(repository, digest, sent).map_err(|fault| match fault {
                // What is refused twice did not expire.
                Fault::Expired { refused } if std::mem::replace(&mut expired, true) => *refused,
                fault => fault,
            })
        };
        self.repeat(Repeat::Safe, attempt)
            .map_err(|fault| error(repository, format!("put blob {digest}"), fault))
    }

    fn has_blob_once(&self, repository: &Repository, digest: &Digest) -> Result<bool, Fault> {
        let path = format!("/v2/{}/blobs/{digest}", repository.path());
        // A registry that sends us to its storage has the blob; storage often refuses this method.
        let ask = Ask { stay: true, ..self.ask(Method::HEAD) };
        let answer = self.authorized(&Scope::new(repository, Action::Pull), At::Path(&path), &ask)?;
        match answer.status {
            404 => Ok(false),
            _ if answer.is_success() || answer.is_redirect() => Ok(true),
            _ => Err(self.refused(answer)),
        }
    }

    fn put_blob_once(&self, repository: &Repository, digest: &Digest, sent: &Sent<'_>) -> Result<Put, Fault> {
        if self.has_blob_once(repository, digest)? {
            return Ok(Put::Present);
        }
        let (scope, begun) = match sent.from {
            None => self.begin(repository, None)?,
            Some(from) => match self.begin(repository, Some((digest, from))) {
                // Who may not read there may still write here.
                Err(fault) if matches!(fault.status(), Some(400..=405)) => self.begin(repository, None)?,
                begun => begun?,
            },
        };
        if sent.from.is_some() && begun.status == 201 {
            return Ok(Put::Mounted);
        }
        let location = begun.header("location").unwrap_or_default();
        let upload = begun.join(location)?.with_query(&[("digest", &digest.to_string())]);
        let headers = vec![(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let time = self.config().time_for(sent.size);
        let ask = Ask { headers, payload: sent.payload, time, ..self.ask(Method::PUT) };
        let answer = self.authorized(&scope, At::Named(&upload), &ask)?;
        if !answer.is_success() {
            let expired = self.is_unproved(&answer, repository.api_host());
            return Err(match self.refused(answer) {
                // The registry has forgotten what it had begun; it can be begun again.
                Fault::Status { status: 404, host, .. } => Fault::BrokenOff { host },
                // It has just taken the same for the beginning.
                refused if expired => Fault::Expired { refused: Box::new(refused) },
                refused => refused,
            });
        }
        match announced(&answer) {
            Some(found) if found.algorithm() == digest.algorithm() && found != *digest => {
                Err(Fault::Digest { expected: digest.clone(), found })
            }
            _ => Ok(Put::Uploaded),
        }
    }

    /// Begins an upload, or has the blob taken over. What goes on from there is within the same scope.
    fn begin(
        &self,
        repository: &Repository,
        mount: Option<(&Digest, &Repository)>,
    ) -> Result<(Scope, Answer), Fault> {
        let mut path = format!("/v2/{}/blobs/uploads/", repository.path());
        let mut scope = Scope::new(repository, Action::Push);
        if let Some((digest, from)) = mount {
            let query = super::url::form(&[("mount", &digest.to_string()), ("from", from.path())]);
            path = format!("{path}?{query}");
            scope.from = Some(from.clone());
        }
        let ask = Ask { payload: Payload::Bytes(&[]), ..self.ask(Method::POST) };
        let answer = self.send(&scope, At::Path(&path), &ask)?;
        Ok((scope, answer))
    }
}

/// What is put, and where else the registry may find it.
struct Sent<'a> {
    payload: Payload<'a>,
    size: u64,
    from: Option<&'a Repository>,
}

/// Bytes to send, which can be opened again for another attempt.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    digest: &'a Digest,
    size: u64,
    open: &'a Open<'a>,
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("digest", self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl<'a> Stream<'a> {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn start(&self) -> Result<Sending<'a>, Fault> {
        let inner = (self.open)().map_err(|source| Fault::Source { source })?;
        let hasher = Hasher::new(self.digest.algorithm());
        Ok(Sending { expected: self.digest, inner, left: self.size, hasher, failed: None })
    }
}

/// Hashes what is sent, and holds the last byte back until all of it is known to be right.
pub(super) struct Sending<'a> {
    expected: &'a Digest,
    inner: Box<dyn Read + Send>,
    left: u64,
    hasher: Hasher,
    failed: Option<Fault>,
}

impl Sending<'_> {
    /// Fails if what was sent is not what it was to be.
    pub(super) fn finish(self) -> Result<(), Fault> {
        self.failed.map_or(Ok(()), Err)
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let count = self.inner.read(buffer).map_err(|source| Fault::Source { source })?;
        if count == 0 && room > 0 {
            return Err(Fault::Source { source: io::ErrorKind::UnexpectedEof.into() });
        }
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.left = self.left.saturating_sub(count as u64);
        if self.left == 0 {
            let found = self.hasher.clone().finish();
            if found != *self.expected {
                return Err(Fault::Digest { expected: self.expected.clone(), found });
            }
        }
        Ok(count)
    }
}

impl Read for Sending<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(|fault| {
            self.failed = Some(fault);
            io::ErrorKind::InvalidInput.into()
        })
    }
}

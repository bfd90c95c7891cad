//! The bytes of a blob, as one stream: what breaks off is taken up again where it ended.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use ureq::{BodyReader, http::header};

use super::{Client, Fault, client::error, retry::Attempts};
use crate::{digest::Digest, oci::reference::Repository};

/// Streams a blob. Bytes once handed on are never taken back: a transfer goes on behind them or fails.
pub struct BlobReader {
    client: Arc<Client>,
    repository: Repository,
    digest: Digest,
    size: u64,
    at: u64,
    attempts: Attempts,
    body: Option<BodyReader<'static>>,
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("digest", &self.digest)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl BlobReader {
    /// Begins to fetch a blob that is announced to have `size` bytes.
    pub fn open(
        client: &Arc<Client>,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<Self, super::RegistryError> {
        let mut reader = Self {
            client: Arc::clone(client),
            repository: repository.clone(),
            digest: digest.clone(),
            size,
            at: 0,
            attempts: Attempts::new(client.config.limits.attempts),
            body: None,
        };
        reader.connect().map_err(|fault| error(repository, format!("blob {digest}"), fault))?;
        Ok(reader)
    }

    /// Connects, again and again if need be, so that the next byte read is the one at `self.at`.
    fn connect(&mut self) -> Result<(), Fault> {
        loop {
            match self.connect_once() {
                Ok(body) => {
                    self.body = Some(body);
                    return Ok(());
                }
                Err(fault) => self.attempts.wait_after(fault, &*self.client.config.sleep)?,
            }
        }
    }

    fn connect_once(&self) -> Result<BodyReader<'static>, Fault> {
        let host = self.repository.api_host();
        let path = format!("/v2/{}/blobs/{}", self.repository.path(), self.digest);
        if self.at == 0 {
            return Ok(self.client.get(&self.repository, &path, &[])?.into_body().into_reader());
        }
        let range = [(header::RANGE, format!("bytes={}-", self.at))];
        let response = self.client.get(&self.repository, &path, &range)?;
        let from = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let starts = from
            .and_then(|range| range.trim().strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
        let skip = match (response.status().as_u16(), starts) {
            (206, Some(start)) if start == self.at => 0,
            (206, _) => {
                let reason = "it answers with another range than was asked for";
                return Err(Fault::Protocol { host: host.to_owned(), reason });
            }
            // The whole blob once more: what has been handed on is passed over.
            _ => self.at,
        };
        let mut body = response.into_body().into_reader();
        let skipped = io::copy(&mut (&mut body).take(skip), &mut io::sink())
            .map_err(|source| Fault::of_ureq(host, ureq::Error::Io(source)))?;
        if skipped < skip {
            return Err(broken_off(host));
        }
        Ok(body)
    }
}

fn broken_off(host: &str) -> Fault {
    let source = io::Error::new(io::ErrorKind::UnexpectedEof, "the transfer broke off");
    Fault::Transport { host: host.to_owned(), source }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let host = self.repository.api_host();
            let fault = match self.body.as_mut().map(|body| body.read(buffer)) {
                Some(Ok(0)) if self.at < self.size => broken_off(host),
                Some(Ok(count)) => {
                    self.at = self.at.saturating_add(count as u64);
                    return Ok(count);
                }
                Some(Err(source)) => Fault::of_ureq(host, ureq::Error::Io(source)),
                None => broken_off(host),
            };
            self.body = None;
            // Once all announced bytes are there, a connection that breaks is of no consequence.
            if self.at >= self.size {
                return Ok(0);
            }
            let what = || format!("blob {} at byte {} of {}", self.digest, self.at, self.size);
            let failed = |fault| io::Error::other(error(&self.repository, what(), fault));
            self.attempts.wait_after(fault, &*self.client.config.sleep).map_err(failed)?;
            if let Err(fault) = self.connect() {
                let what = format!("blob {} at byte {} of {}", self.digest, self.at, self.size);
                return Err(io::Error::other(error(&self.repository, what, fault)));
            }
        }
    }
}

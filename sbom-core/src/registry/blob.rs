//! The bytes of a blob, as one stream: what breaks off is taken up again where it ended.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use ureq::{BodyReader, http::header};

use super::{
    Client, Fault, RegistryError,
    auth::{Action, Scope},
    client::{At, error},
    error::{broken, quoted},
    pace::Paced,
    retry::Attempts,
    wire::{Answer, Ask},
};
use crate::{digest::Digest, oci::reference::Repository};

/// Streams a blob of a known size. Bytes once handed on are never taken back: a transfer goes on behind them or
/// fails, within a [`RegistryError`]. Whether the bytes are right, their digest tells whoever reads them.
pub struct BlobReader {
    client: Client,
    repository: Repository,
    digest: Digest,
    size: u64,
    /// Bytes handed on.
    at: u64,
    attempts: Attempts,
    /// None after the connection broke.
    body: Option<Paced<BodyReader<'static>>>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Reading,
    /// All bytes are there and nothing follows them.
    Ended,
    /// What was reported, and is reported again to whoever reads on: decoders do.
    Failed(Arc<RegistryError>),
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
        client: &Client,
        repository: &Repository,
        digest: &Digest,
        size: u64,
    ) -> Result<Self, RegistryError> {
        let mut reader = Self {
            client: client.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            size,
            at: 0,
            attempts: client.attempts(),
            body: None,
            state: State::Reading,
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
                Err(fault) => self.client.wait_after(&mut self.attempts, fault)?,
            }
        }
    }

    fn connect_once(&self) -> Result<Paced<BodyReader<'static>>, Fault> {
        let path = format!("/v2/{}/blobs/{}", self.repository.path(), self.digest);
        let range = (self.at > 0).then(|| (header::RANGE, format!("bytes={}-", self.at)));
        let time = self.client.config().time_for(self.size.saturating_sub(self.at));
        let ask = Ask { time, ..self.client.get(range.into_iter().collect()) };
        let scope = Scope::new(&self.repository, Action::Pull);
        self.body_of(self.client.send(&scope, At::Path(&path), &ask)?)
    }

    /// The rest of the blob, from `self.at` on. A server that ignores ranges sends everything again.
    fn body_of(&self, answer: Answer) -> Result<Paced<BodyReader<'static>>, Fault> {
        let host = answer.url.authority().to_owned();
        let (first, length) = (if answer.status == 206 { self.at } else { 0 }, answer.length());
        if answer.status == 206 {
            self.check_range(&answer)?;
        }
        let expected = self.size.saturating_sub(first);
        if let Some(length) = length.filter(|length| *length != expected) {
            return Err(Fault::Size { expected: self.size, found: first.saturating_add(length) });
        }
        let mut body = answer.into_reader();
        let skip = self.at.saturating_sub(first);
        let skipped =
            io::copy(&mut (&mut body).take(skip), &mut io::sink()).map_err(|source| broken(&host, source))?;
        if skipped < skip { Err(Fault::BrokenOff { host }) } else { Ok(body) }
    }

    /// Fails unless `Content-Range` is what was asked for: `bytes 5-9/10` or `bytes 5-9/*`.
    fn check_range(&self, answer: &Answer) -> Result<(), Fault> {
        let last = self.size.saturating_sub(1);
        let given = answer.header("content-range").unwrap_or_default();
        let range = given.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
        let matches = range.is_some_and(|(range, total)| {
            range == format!("{}-{last}", self.at) && (total == "*" || total == self.size.to_string())
        });
        if matches && self.at > 0 {
            return Ok(());
        }
        Err(Fault::Range { asked: self.at, last, given: quoted(given) })
    }

    /// Reads on, over as many connections as it takes.
    fn advance(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let left = self.size.saturating_sub(self.at);
            let Some(body) = &mut self.body else {
                self.connect()?;
                continue;
            };
            if left == 0 {
                // Whatever goes wrong after the last byte, the bytes are complete.
                let more = matches!(body.read(&mut [0]), Ok(1..));
                self.state = State::Ended;
                self.body = None;
                let found = self.size.saturating_add(1);
                return if more { Err(Fault::Size { expected: self.size, found }) } else { Ok(0) };
            }
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let host = self.repository.api_host();
            let fault = match body.read(buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) => Fault::BrokenOff { host: host.to_owned() },
                Ok(count) => {
                    self.at = self.at.saturating_add(count as u64);
                    return Ok(count);
                }
                Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => match broken(host, source) {
                    // Inside a transfer this says more than that the host could not be reached.
                    Fault::Transport { host, .. } => Fault::BrokenOff { host },
                    fault => fault,
                },
            };
            self.body = None;
            self.client.deadline().cut(std::time::Duration::MAX)?;
            self.client.wait_after(&mut self.attempts, fault)?;
        }
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.state {
            State::Ended => return Ok(0),
            State::Failed(error) => return Err(io::Error::other(Arc::clone(error))),
            State::Reading if buffer.is_empty() => return Ok(0),
            State::Reading => {}
        }
        self.advance(buffer).map_err(|fault| {
            let what = format!("blob {} at byte {} of {}", self.digest, self.at, self.size);
            let error = Arc::new(error(&self.repository, what, fault));
            (self.state, self.body) = (State::Failed(Arc::clone(&error)), None);
            io::Error::other(error)
        })
    }
}

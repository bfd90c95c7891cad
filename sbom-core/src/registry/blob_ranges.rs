//! Parts of a blob, one request for each.

use std::{io::Read as _, ops::Range};

use ureq::http::header;

use super::{
    Client, Fault, RegistryError,
    auth::{Action, Scope},
    client::{At, Repeat, error},
    error::{broken, quoted},
    wire::{Answer, Ask},
};
use crate::{digest::Digest, oci::reference::Repository};

/// A blob of a known size, of which parts are fetched. Whether their bytes are right, nothing here can tell.
#[derive(Debug)]
pub struct BlobRanges {
    client: Client,
    repository: Repository,
    digest: Digest,
    size: u64,
}

impl BlobRanges {
    /// The blob, with nothing fetched from it yet.
    pub fn new(client: &Client, repository: &Repository, digest: &Digest, size: u64) -> Self {
        Self { client: client.clone(), repository: repository.clone(), digest: digest.clone(), size }
    }

    /// Its announced length.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of `range`, all of them: a registry that gives the whole, another part or fewer bytes has failed.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>, RegistryError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.client.repeat(Repeat::Safe, || self.read_once(&range)).map_err(|fault| {
            let what = format!("bytes {} to {} of blob {}", range.start, range.end, self.digest);
            error(&self.repository, what, fault)
        })
    }

    fn read_once(&self, range: &Range<u64>) -> Result<Vec<u8>, Fault> {
        let path = format!("/v2/{}/blobs/{}", self.repository.path(), self.digest);
        let last = range.end.saturating_sub(1);
        let length = range.end.saturating_sub(range.start);
        let headers = vec![(header::RANGE, format!("bytes={}-{last}", range.start))];
        let ask = Ask { time: self.client.config().time_for(length), ..self.client.get(headers) };
        let scope = Scope::new(&self.repository, Action::Pull);
        let answer = self.client.send(&scope, At::Path(&path), &ask)?;
        self.check(&answer, range)?;
        let host = answer.url.authority().to_owned();
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        let mut body = answer.into_reader().take(length.saturating_add(1));
        #[expect(clippy::disallowed_methods, reason = "bounded by take")]
        body.read_to_end(&mut bytes).map_err(|source| broken(&host, source))?;
        match bytes.len() as u64 {
            found if found == length => Ok(bytes),
            found if found < length => Err(Fault::BrokenOff { host }),
            found => Err(Fault::Size { expected: length, found }),
        }
    }

    /// Fails unless `answer` is the part asked for: `bytes 5-9/10` or `bytes 5-9/*`.
    fn check(&self, answer: &Answer, range: &Range<u64>) -> Result<(), Fault> {
        if answer.status != 206 {
            return Err(Fault::NoParts { host: answer.url.authority().to_owned() });
        }
        let last = range.end.saturating_sub(1);
        let given = answer.header("content-range").unwrap_or_default();
        let expected = format!("bytes {}-{last}/", range.start);
        let total = given.strip_prefix(&expected);
        if total.is_some_and(|total| total == "*" || total == self.size.to_string()) {
            return Ok(());
        }
        Err(Fault::Range { asked: range.start, last, given: quoted(given) })
    }
}

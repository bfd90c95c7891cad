//! Manifests and indexes: read, put in place and taken away, each checked against its digest.

use ureq::http::{Method, header};

use super::{
    Client, Fault, RegistryError,
    auth::{Action, Scope},
    client::{At, Repeat, error},
    wire::{Answer, Ask, Payload},
};
use crate::{
    digest::{Algorithm, Digest, Hasher},
    oci::{
        manifest::MANIFEST_TYPES,
        reference::{Repository, Target},
    },
};

/// The longest entity tag that is kept and sent back.
const ETAG_BYTES: usize = 1 << 10;

/// A manifest or index, as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The media type that the registry announced.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they hash to.
    pub digest: Digest,
    /// By what the registry knows this state of a tag, if it does.
    pub etag: Option<ETag>,
}

/// What a registry says of a manifest without giving it. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHead {
    /// The media type announced; empty if none is.
    pub media_type: String,
    /// The digest announced.
    pub digest: Option<Digest>,
    /// The length announced, in bytes.
    pub size: Option<u64>,
    /// By what the registry knows this state of a tag, if it does.
    pub etag: Option<ETag>,
}

/// What a registry says to a manifest that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What the bytes hash to; the registry has not announced anything else.
    pub digest: Digest,
    /// The subject that the registry has noted the manifest for, so that its list of referrers names it. A registry
    /// without such lists says nothing.
    pub subject: Option<Digest>,
}

/// An entity tag: a registry's name for the state of something. Source: RFC 9110 section 8.8.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The entity tag as it is sent, with its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(answer: &Answer) -> Option<Self> {
        Self::parse(answer.header("etag")?)
    }

    /// An entity tag as it is sent, with its quotes; none if it cannot be a condition for writing.
    pub fn parse(text: &str) -> Option<Self> {
        // A weak one cannot be a condition for writing.
        let quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
        (quoted && text.len() <= ETAG_BYTES).then(|| Self(text.to_owned()))
    }
}

impl Client {
    /// Fetches the manifest or index that `target` names. Asked for by digest, the bytes hash to it; asked for by
    /// tag, they hash to what the registry announces, if it announces anything.
    pub fn manifest(&self, repository: &Repository, target: &Target) -> Result<RawManifest, RegistryError> {
        self.repeat(Repeat::Safe, || self.manifest_once(repository, target))
            .map_err(|fault| error(repository, format!("manifest {target}"), fault))
    }

    /// What the registry says of the manifest that `target` names; none if it has none.
    pub fn head_manifest(
        &self,
        repository: &Repository,
        target: &Target,
    ) -> Result<Option<ManifestHead>, RegistryError> {
        let once = || {
            let ask = Ask { method: Method::HEAD, ..self.accepting() };
            let answer =
                self.send(&Scope::new(repository, Action::Pull), At::Path(&path(repository, target)), &ask);
            match answer {
                Ok(answer) => Ok(Some(ManifestHead {
                    media_type: media_type(&answer),
                    digest: announced(&answer),
                    size: answer.header("content-length").and_then(|size| size.parse().ok()),
                    etag: ETag::of(&answer),
                })),
                Err(fault) if fault.is_missing() => Ok(None),
                Err(fault) => Err(fault),
            }
        };
        self.repeat(Repeat::Safe, once)
            .map_err(|fault| error(repository, format!("manifest {target}"), fault))
    }

    /// Puts `bytes` in place under `target`. With a `condition`, only if what is there now is what the condition was
    /// read with; else it fails with [`Fault::Changed`].
    ///
    /// A tag is put again only if it is certain that nothing was done before: it could meanwhile be someone else's
    /// ([`Fault::is_undecided`]).
    pub fn put_manifest(
        &self,
        repository: &Repository,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        condition: Option<&ETag>,
    ) -> Result<Pushed, RegistryError> {
        let repeat = match target {
            Target::Digest(_) => Repeat::Safe,
            Target::Tag(_) => Repeat::NothingDone,
        };
        self.repeat(repeat, || self.put_once(repository, target, media_type, bytes, condition))
            .map_err(|fault| error(repository, format!("put manifest {target}"), fault))
    }

    /// Takes the manifest or tag away that `target` names. What is not there is an error.
    pub fn delete_manifest(&self, repository: &Repository, target: &Target) -> Result<(), RegistryError> {
        let mut tried = false;
        let once = || {
            let ask = self.ask(Method::DELETE);
            let scope = Scope::new(repository, Action::Delete);
            match self.send(&scope, At::Path(&path(repository, target)), &ask) {
                Ok(_) => Ok(()),
                // The attempt before was done, though its answer was lost.
                Err(fault) if tried && fault.is_missing() => Ok(()),
                Err(fault) => {
                    tried |= fault.is_undecided();
                    Err(fault)
                }
            }
        };
        self.repeat(Repeat::Safe, once)
            .map_err(|fault| error(repository, format!("delete manifest {target}"), fault))
    }

    fn accepting(&self) -> Ask<'static> {
        self.get(vec![(header::ACCEPT, MANIFEST_TYPES.join(", "))])
    }

    fn manifest_once(&self, repository: &Repository, target: &Target) -> Result<RawManifest, Fault> {
        let scope = Scope::new(repository, Action::Pull);
        let answer = self.send(&scope, At::Path(&path(repository, target)), &self.accepting())?;
        let (media_type, etag) = (media_type(&answer), ETag::of(&answer));
        let expected = match target {
            Target::Digest(digest) => Some(digest.clone()),
            Target::Tag(_) => announced(&answer),
        };
        let bytes = answer.into_bytes(self.config().limits.manifest_bytes)?;
        let digest = check_digest(&bytes, expected)?;
        Ok(RawManifest { media_type, bytes, digest, etag })
    }

    fn put_once(
        &self,
        repository: &Repository,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        condition: Option<&ETag>,
    ) -> Result<Pushed, Fault> {
        let named = match target {
            Target::Digest(digest) => Some(digest.clone()),
            Target::Tag(_) => None,
        };
        let own = check_digest(bytes, named)?;
        let mut headers = vec![(header::CONTENT_TYPE, media_type.to_owned())];
        headers.extend(condition.map(|etag| (header::IF_MATCH, etag.as_str().to_owned())));
        let time = self.config().time_for(bytes.len() as u64);
        let ask = Ask { headers, payload: Payload::Bytes(bytes), time, ..self.ask(Method::PUT) };
        let scope = Scope::new(repository, Action::Push);
        let answer = match self.send(&scope, At::Path(&path(repository, target)), &ask) {
            Err(Fault::Status { status: 412, host, .. }) => return Err(Fault::Changed { host }),
            answer => answer?,
        };
        let digest = check_digest(bytes, announced(&answer).or(Some(own)))?;
        let subject = answer.header("oci-subject").and_then(|digest| digest.parse().ok());
        Ok(Pushed { digest, subject })
    }
}

fn path(repository: &Repository, target: &Target) -> String {
    format!("/v2/{}/manifests/{target}", repository.path())
}

/// The media type announced, without parameters.
fn media_type(answer: &Answer) -> String {
    let text = answer.header("content-type").unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_owned()
}

/// The digest announced, if it is one that is known.
pub(super) fn announced(answer: &Answer) -> Option<Digest> {
    answer.header("docker-content-digest").and_then(|digest| digest.parse().ok())
}

/// What `bytes` hash to, which is `expected` if anything is.
fn check_digest(bytes: &[u8], expected: Option<Digest>) -> Result<Digest, Fault> {
    let mut hasher = Hasher::new(expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm));
    hasher.update(bytes);
    let found = hasher.finish();
    match expected {
        Some(expected) if expected != found => Err(Fault::Digest { expected, found }),
        _ => Ok(found),
    }
}

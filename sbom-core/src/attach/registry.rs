//! A repository of a registry as a place where attestations lie.

use std::io;

use super::store::{Open, Put, Referrers, Sink, Store, Tagged};
use crate::{
    digest::Digest,
    oci::{
        Descriptor,
        reference::{Repository, Tag, Target},
    },
    registry::{ETag, Fault, RegistryError},
    source::{SourceError, registry::RegistryStore},
};

impl Store for RegistryStore {
    fn place(&self) -> String {
        self.repository().to_string()
    }

    fn tagged(&self, tag: &Tag) -> Result<Option<Tagged>, SourceError> {
        let raw = match self.client().manifest(self.repository(), &Target::Tag(tag.clone())) {
            Ok(raw) => raw,
            Err(error) if error.fault.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(Tagged {
            descriptor: Descriptor::new(raw.media_type, raw.digest, raw.bytes.len() as u64),
            bytes: raw.bytes,
            state: raw.etag.map(|etag| etag.as_str().to_owned()),
        }))
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, SourceError> {
        Ok(match self.client().referrers(self.repository(), subject, None)? {
            crate::registry::Referrers::Unsupported => Referrers::Unsupported,
            crate::registry::Referrers::Api(listed) => {
                let unreadable = listed.unreadable.iter();
                let unreadable = unreadable.map(|(at, why)| format!("number {at} {why}")).collect();
                Referrers::Listed(listed.manifests, unreadable)
            }
        })
    }

    fn has_blob(&self, digest: &Digest) -> Result<bool, SourceError> {
        Ok(self.client().has_blob(self.repository(), digest)?)
    }

    fn as_repository(&self) -> Option<&Repository> {
        Some(self.repository())
    }
}

impl Sink for RegistryStore {
    fn put_blob(
        &self,
        descriptor: &Descriptor,
        from: Option<&Repository>,
        open: &Open<'_>,
    ) -> Result<(), SourceError> {
        let open = || open().map_err(io::Error::other);
        let repository = self.repository();
        self.client().put_blob_from(repository, &descriptor.digest, descriptor.size, from, &open)?;
        Ok(())
    }

    fn put_manifest(
        &self,
        target: &Target,
        media_type: &str,
        bytes: &[u8],
        state: Option<&str>,
    ) -> Result<Put, SourceError> {
        let condition = state.and_then(ETag::parse);
        let repository = self.repository();
        match self.client().put_manifest(repository, target, media_type, bytes, condition.as_ref()) {
            Ok(pushed) if pushed.subject.is_some() => Ok(Put::Listed),
            Ok(_) => Ok(Put::Done),
            Err(RegistryError { fault: Fault::Changed { .. }, .. }) => Ok(Put::Changed),
            Err(error) => Err(error.into()),
        }
    }

    fn delete_manifest(&self, digest: &Digest) -> Result<bool, SourceError> {
        let target = Target::Digest(digest.clone());
        match self.client().delete_manifest(self.repository(), &target) {
            Ok(()) => Ok(true),
            Err(error) if error.fault.is_missing() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

//! Images in registries.

use std::{io::Read, sync::Arc};

use super::{ContentStore, ImageSource, Naming, Selection, SourceError, image};
use crate::{
    digest::Digest,
    limits::Limits,
    oci::{
        Descriptor,
        reference::{Reference, Repository, Target},
    },
    registry::{Client, RegistryError, blob::BlobReader},
};

/// Opens the images that `reference` names. A tag is resolved once; everything after goes by digest.
pub fn open(
    client: &Arc<Client>,
    reference: &Reference,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    let repository = reference.repository().clone();
    let root = client.manifest(&repository, &reference.target())?;
    let descriptor = Descriptor::new(root.media_type.clone(), root.digest.clone(), root.bytes.len() as u64);
    let naming = Naming {
        name: repository.to_string(),
        tag: reference.tag().map(ToString::to_string),
        repository: Some(repository.to_string()),
        tags: Vec::new(),
    };
    let root = (root.digest, root.bytes);
    let store: Arc<dyn ContentStore> =
        Arc::new(RegistryStore { client: Arc::clone(client), repository, root });
    image::resolve(&store, &[descriptor], &naming, selection, limits)
}

/// One repository of a registry.
#[derive(Debug)]
struct RegistryStore {
    client: Arc<Client>,
    repository: Repository,
    /// What the reference led to, so that it is not fetched twice.
    root: (Digest, Vec<u8>),
}

impl ContentStore for RegistryStore {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        if descriptor.digest == self.root.0 {
            return Ok(self.root.1.clone());
        }
        let target = Target::Digest(descriptor.digest.clone());
        Ok(self.client.manifest(&self.repository, &target)?.bytes)
    }

    fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send>, SourceError> {
        match BlobReader::open(&self.client, &self.repository, digest, size) {
            Ok(reader) => Ok(Box::new(reader)),
            Err(error) if error.fault.is_missing() => {
                Err(SourceError::BlobMissing { digest: digest.clone(), place: self.repository.to_string() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl From<RegistryError> for SourceError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

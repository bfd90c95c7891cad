//! Images in registries.

use std::{
    io::{self, Read},
    ops::Range,
    sync::Arc,
};

use super::{ContentStore, ImageSource, Naming, Selection, SourceError, image};
use crate::{
    digest::Digest,
    layer::partial::RandomAccess,
    limits::Limits,
    oci::{
        Descriptor,
        reference::{Reference, Repository, Target},
    },
    registry::{BlobRanges, Client, RegistryError, blob::BlobReader},
};

/// Opens the images that `reference` names. A tag is resolved once; everything after goes by digest.
pub fn open(
    client: &Arc<Client>,
    reference: &Reference,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    let (store, descriptor) = RegistryStore::resolve(client, reference)?;
    let repository = store.repository.clone();
    let naming = Naming {
        name: repository.to_string(),
        tag: reference.tag().map(ToString::to_string),
        repository: Some(repository.to_string()),
        tags: Vec::new(),
    };
    let store: Arc<dyn ContentStore> = Arc::new(store);
    image::resolve(&store, &[descriptor], &naming, selection, limits)
}

/// One repository of a registry.
#[derive(Debug)]
pub struct RegistryStore {
    client: Arc<Client>,
    repository: Repository,
    /// What the reference led to, so that it is not fetched twice.
    root: Option<(Digest, Vec<u8>)>,
}

impl RegistryStore {
    /// The repository, with nothing fetched from it yet.
    pub fn new(client: &Arc<Client>, repository: Repository) -> Self {
        Self { client: Arc::clone(client), repository, root: None }
    }

    /// The repository that `reference` names, and what its tag or digest leads to now: asked once, so that whatever
    /// goes by the digest of the descriptor is about the same bytes.
    pub fn resolve(client: &Arc<Client>, reference: &Reference) -> Result<(Self, Descriptor), RegistryError> {
        let repository = reference.repository().clone();
        let root = client.manifest(&repository, &reference.target())?;
        let descriptor = Descriptor::new(root.media_type, root.digest.clone(), root.bytes.len() as u64);
        let root = Some((root.digest, root.bytes));
        Ok((Self { client: Arc::clone(client), repository, root }, descriptor))
    }

    /// The client that it is asked with.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Its name.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }
}

impl ContentStore for RegistryStore {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, SourceError> {
        if let Some((digest, bytes)) = &self.root
            && *digest == descriptor.digest
        {
            return Ok(bytes.clone());
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

    fn parts(&self, digest: &Digest, size: u64) -> Option<Box<dyn RandomAccess>> {
        Some(Box::new(BlobRanges::new(&self.client, &self.repository, digest, size)))
    }
}

impl RandomAccess for BlobRanges {
    fn size(&self) -> u64 {
        BlobRanges::size(self)
    }

    fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        BlobRanges::read(self, range).map_err(io::Error::other)
    }
}

impl From<RegistryError> for SourceError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(Box::new(error))
    }
}

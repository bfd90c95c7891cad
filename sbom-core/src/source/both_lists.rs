//! Archives that are OCI layouts and have a `manifest.json`: whether the two name the same images.
//!
//! Docker writes both since version 25, and containerd does. Which of them is read depends on the engine and its version.

use std::sync::Arc;

use super::{
    ImageSource, Selection, Source, SourceError,
    docker_archive::{Entry, missing, read_manifest},
    files::{Files, read},
    oci_layout::{self, Choice, blob_name, is_short_for},
};
use crate::{
    digest::{Algorithm, Digest, Hasher},
    limits::Limits,
    oci::{LayerDescriptor, SubjectKind},
};

/// Fails unless `manifest.json`, if there is one, names the `images` that were chosen of the layout beside it.
///
/// Of an image for several platforms containerd names only one there: another one must be asked for.
pub(super) fn compare(
    files: &Arc<dyn Files>,
    images: &[ImageSource],
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<(), SourceError> {
    if files.size("manifest.json")?.is_none() {
        return Ok(());
    }
    let entries = read_manifest(files.as_ref(), limits)?;
    let mut bytes = 0_u64;
    let mut named = Vec::new();
    for entry in &entries {
        let config = read(files.as_ref(), &entry.config, limits.config_bytes)?
            .ok_or_else(|| missing(files.as_ref(), &entry.config))?;
        bytes = bytes.saturating_add(config.len() as u64);
        let what = || format!("the configurations of {}", files.place());
        limits.memory_bytes.check(bytes).map_err(|source| SourceError::Limit { what: what(), source })?;
        named.push(Named {
            files: files.as_ref(),
            entry,
            digests: [Algorithm::Sha256, Algorithm::Sha512].map(|a| digest(a, &config)),
        });
    }
    let is_exact = |wanted: &String| entries.iter().any(|entry| entry.tags().contains(wanted));
    let meant = match choice {
        Choice::Only => named,
        Choice::Named(wanted) if is_exact(wanted) => {
            those_or_all(named, |named| named.entry.tags().contains(wanted))
        }
        Choice::Named(wanted) => {
            those_or_all(named, |named| named.entry.tags().iter().any(|tag| is_short_for(wanted, tag)))
        }
        Choice::Digest(_) | Choice::Position(_) => those_or_all(named, |named| named.is_of(images)),
    };
    let (chosen, others): (Vec<_>, Vec<_>) = meant.iter().partition(|named| named.is_of(images));
    let Some(other) = others.first() else { return Ok(()) };
    let [named, _] = other.digests.clone();
    let disagree = || SourceError::ListsDisagree { place: files.place().to_owned(), named: named.clone() };
    if chosen.is_empty() && !matches!(selection, Selection::Platform(_)) {
        return Err(disagree());
    }
    let all = oci_layout::open_files(Arc::clone(files), "", choice, &Selection::All, limits)
        .map_err(|_incomplete| disagree())?;
    if others.iter().all(|named| named.is_of(&all)) { Ok(()) } else { Err(disagree()) }
}

/// An image that `manifest.json` names, by what its configuration hashes to.
struct Named<'e> {
    files: &'e dyn Files,
    entry: &'e Entry,
    digests: [Digest; 2],
}

impl Named<'_> {
    /// Whether it is one of `images`: the same configuration, and the same layers. That a configuration and its layers belong
    /// together is looked at only by engines, when they unpack.
    fn is_of(&self, images: &[ImageSource]) -> bool {
        images.iter().any(|image| match &image.subject().kind {
            SubjectKind::Image(facts) => {
                facts.config_digest.as_ref().is_some_and(|digest| self.digests.contains(digest))
                    && self.has_layers(&image.subject().layers)
            }
            _ => false,
        })
    }

    /// Whether its layers are `layers`: each the member that is the blob of that digest.
    fn has_layers(&self, layers: &[LayerDescriptor]) -> bool {
        let listed = self.entry.layers();
        listed.len() == layers.len()
            && listed.iter().zip(layers).all(|(member, layer)| {
                layer.digest.as_ref().is_some_and(|digest| self.files.are_same(member, &blob_name(digest)))
            })
    }
}

/// Those of `named` of which `is_meant` is true, or all if it is true of none.
fn those_or_all<'e>(named: Vec<Named<'e>>, is_meant: impl Fn(&Named<'e>) -> bool) -> Vec<Named<'e>> {
    let (meant, others): (Vec<_>, Vec<_>) = named.into_iter().partition(is_meant);
    if meant.is_empty() { others } else { meant }
}

fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

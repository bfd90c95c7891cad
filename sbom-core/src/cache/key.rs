//! Under which key a result is kept: the digest of everything that decides it.

use std::{
    any::TypeId,
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use sha2::{Digest as _, Sha256};

use super::{
    codec::{Record as _, Writer},
    document::Asked,
    entry::FORMAT,
};
use crate::{
    bom::{FileScope, Scope, assemble::Options},
    digest::hex,
    image_path::ImagePath,
    limits::Limits,
    oci::{LayerDescriptor, Subject},
};

/// SHA-256 over what decides a result, and what it is the result of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    of: Of,
    digest: [u8; 32],
}

/// What a result is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// One layer.
    Layer,
    /// All layers of an image.
    Image,
    /// What was written of them.
    Document,
}

impl Key {
    #[cfg(test)]
    pub(super) const fn new(digest: [u8; 32]) -> Self {
        Self { of: Of::Layer, digest }
    }

    pub(super) fn of(&self) -> Of {
        self.of
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn hex(&self) -> Box<str> {
        hex(&self.digest)
    }
}

/// The files of a layer to read again: the path in the layer, and the paths under which they matter.
pub(crate) type Files = BTreeMap<ImagePath, BTreeSet<ImagePath>>;

/// What decides the results of all layers of a scan, beside the layers.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Sha256);

impl Keys {
    /// `detectors` are names and versions in their order; `hashed` says whether files are hashed. All limits count:
    /// which of them a detector asks is its own matter.
    pub(crate) fn new(detectors: &[(&'static str, u32)], hashed: bool, limits: &Limits) -> Self {
        let mut out = Writer::default();
        FORMAT.put(&mut out);
        out.bytes(env!("CARGO_PKG_VERSION").as_bytes());
        out.bytes(env!("SBOM_CORE_BUILD").as_bytes());
        build_of_this().put(&mut out);
        out.length(detectors.len());
        for (name, version) in detectors {
            out.bytes(name.as_bytes());
            version.put(&mut out);
        }
        hashed.put(&mut out);
        for (limit, _) in limits.all() {
            out.bytes(limit.name.as_bytes());
            limit.value.put(&mut out);
        }
        Self(Sha256::new_with_prefix(out.into_bytes()))
    }

    /// The key of a layer; none if nothing says which bytes it must have.
    pub(crate) fn layer(&self, layer: &LayerDescriptor) -> Option<Key> {
        let (proved, digest) = match (&layer.digest, &layer.diff_id) {
            (Some(stored), _) => (0, stored),
            (None, Some(unpacked)) => (1, unpacked),
            (None, None) => return None,
        };
        let mut out = Writer::default();
        out.byte(proved);
        digest.put(&mut out);
        layer.size.put(&mut out);
        out.bytes(layer.media_type.as_bytes());
        Some(self.key(Of::Layer, out))
    }

    /// The key of certain files of the layer `of`, read while `further` bytes could be read more than once.
    pub(crate) fn reread(&self, of: &Key, files: &Files, further: u64) -> Key {
        let mut out = Writer::default();
        out.byte(2);
        out.exactly(of.as_bytes());
        files.put(&mut out);
        further.put(&mut out);
        self.key(Of::Layer, out)
    }

    /// The key of the bill that `options` make of these layers, lowest first.
    pub(crate) fn bill(&self, layers: &[Key], options: &Options) -> Key {
        let Options { scope, files, distro, ignore_embedded } = options;
        let mut out = Writer::default();
        out.byte(3);
        out.length(layers.len());
        for layer in layers {
            out.exactly(layer.as_bytes());
        }
        out.byte(match scope {
            Scope::Squashed => 0,
            Scope::AllLayers => 1,
        });
        out.byte(match files {
            FileScope::None => 0,
            FileScope::Owned => 1,
            FileScope::All => 2,
        });
        distro.put(&mut out);
        ignore_embedded.put(&mut out);
        self.key(Of::Image, out)
    }

    /// The key of the document about `subject` that was made of `bill` and is what is `asked` for.
    pub(crate) fn document(&self, bill: &Key, subject: &Subject, asked: &Asked<'_>) -> Key {
        let mut out = Writer::default();
        out.byte(4);
        out.exactly(bill.as_bytes());
        subject.put(&mut out);
        asked.put(&mut out);
        self.key(Of::Document, out)
    }

    fn key(&self, of: Of, out: Writer) -> Key {
        Key { of, digest: self.0.clone().chain_update(out.into_bytes()).finalize().into() }
    }
}

/// Differs between builds with other versions of what the library depends on: cargo names a crate to the compiler by
/// those as well, and the compiler a type by its crate. Where the library is built outside of its workspace nothing else
/// tells.
fn build_of_this() -> u64 {
    let mut hasher = DefaultHasher::new();
    TypeId::of::<Keys>().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const DETECTORS: [(&str, u32); 2] = [("a", 0), ("b", 0)];

    fn keys(detectors: &[(&'static str, u32)], hashed: bool, limit: Option<&str>) -> Keys {
        let mut limits = Limits::default();
        if let Some(name) = limit {
            assert!(limits.set(name, 7));
        }
        Keys::new(detectors, hashed, &limits)
    }

    fn layer() -> LayerDescriptor {
        LayerDescriptor { digest: Some(Digest::of(b"1")), size: Some(1), ..LayerDescriptor::default() }
    }

    #[test]
    fn whatever_decides_a_result_changes_its_key() {
        let stored = layer();
        let usual = keys(&DETECTORS, false, None);
        let mut all = vec![usual.layer(&stored).unwrap()];
        let layers = [
            LayerDescriptor { digest: Some(Digest::of(b"2")), ..layer() },
            LayerDescriptor { size: Some(2), ..layer() },
            LayerDescriptor { size: None, ..layer() },
            LayerDescriptor { media_type: "x".into(), ..layer() },
            LayerDescriptor { digest: None, diff_id: Some(Digest::of(b"1")), ..layer() },
        ];
        all.extend(layers.iter().map(|layer| usual.layer(layer).unwrap()));
        let detectors: [&[(&'static str, u32)]; 4] =
            [&DETECTORS[..1], &[("b", 0), ("a", 0)], &[("a", 1), ("b", 0)], &[("a", 0), ("b", 0), ("c", 0)]];
        all.extend(detectors.iter().map(|detectors| keys(detectors, false, None).layer(&stored).unwrap()));
        all.push(keys(&DETECTORS, true, None).layer(&stored).unwrap());
        for (limit, _) in Limits::default().all() {
            all.push(keys(&DETECTORS, false, Some(limit.name)).layer(&stored).unwrap());
        }
        let different: BTreeSet<&Key> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn the_place_of_a_layer_in_its_image_does_not_count() {
        let keys = keys(&DETECTORS, false, None);
        let moved = LayerDescriptor {
            index: 7,
            created_by: Some("RUN".into()),
            diff_id: Some(Digest::of(b"3")),
            ..layer()
        };
        assert_eq!(keys.layer(&layer()), keys.layer(&moved));
    }

    #[test]
    fn a_layer_without_digest_has_no_key() {
        assert_eq!(keys(&DETECTORS, false, None).layer(&LayerDescriptor::default()), None);
    }

    #[test]
    fn what_is_read_again_depends_on_the_files_and_what_was_read_before() {
        let keys = keys(&DETECTORS, false, None);
        let of = keys.layer(&layer()).unwrap();
        let files =
            |names: &[&str]| -> Files { names.iter().map(|n| ((*n).into(), ["x".into()].into())).collect() };
        let all = [
            keys.reread(&of, &files(&["a"]), 1),
            keys.reread(&of, &files(&["a"]), 2),
            keys.reread(&of, &files(&["a", "b"]), 1),
            keys.reread(&of, &files(&["ab"]), 1),
            of,
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
    }
}

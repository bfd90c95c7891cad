//! What a referrer is, by the media types that descriptors, manifests and layers name.

use crate::oci::{Descriptor, manifest::Manifest};

/// Media type of a Sigstore bundle, as it is written today.
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Media type of a DSSE envelope, the layers of a `.att` manifest.
pub(super) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Media type of an in-toto statement.
pub(super) const STATEMENT: &str = "application/vnd.in-toto+json";
/// Media type of the empty object that stands where a manifest must have a configuration.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The empty object.
pub(super) const EMPTY_BYTES: &[u8] = b"{}";

/// What a referrer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A signed statement in a Sigstore bundle.
    Bundle,
    /// A signed statement in a DSSE envelope.
    Envelope,
    /// It does not say, or says what says nothing: its manifest decides.
    Unclear,
    /// A statement that nobody has signed.
    Statement,
    /// A bill of materials as it is, not signed.
    Sbom,
    /// A signature of the image itself.
    Signature,
}

impl Kind {
    /// What a media type stands for, of an artifact or of a layer.
    pub(super) fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if essence.starts_with("application/vnd.dev.sigstore.bundle") {
            return Self::Bundle;
        }
        match essence {
            ENVELOPE => Self::Envelope,
            STATEMENT => Self::Statement,
            "application/spdx+json"
            | "application/spdx+xml"
            | "text/spdx"
            | "text/spdx+json"
            | "text/spdx+xml"
            | "application/vnd.cyclonedx"
            | "application/vnd.cyclonedx+json"
            | "application/vnd.cyclonedx+xml"
            | "application/vnd.syft+json"
            | "application/vnd.spdx+json"
            | "sbom/example" => Self::Sbom,
            "application/vnd.dev.cosign.simplesigning.v1+json"
            | "application/vnd.dev.cosign.artifact.sig.v1+json"
            | "application/vnd.cncf.notary.signature" => Self::Signature,
            _ => Self::Unclear,
        }
    }

    /// What a descriptor in a list of referrers says of a manifest.
    ///
    /// Registries and clients write other things there than they should, in released versions the type of an empty
    /// configuration: only what is known to be something else is that.
    pub(super) fn of_descriptor(descriptor: &Descriptor) -> Self {
        descriptor.artifact_type.as_deref().map_or(Self::Unclear, Self::of)
    }

    /// What a manifest is: what it says, and where that says nothing, what its layers are.
    pub(super) fn of_manifest(manifest: &Manifest) -> Self {
        let of_layers = || {
            let kinds = manifest.layers.iter().map(|layer| Self::of(&layer.media_type));
            kinds.min_by_key(|kind| (*kind == Self::Unclear, *kind)).unwrap_or(Self::Unclear)
        };
        match manifest.artifact_type.as_deref().map_or(Self::Unclear, Self::of) {
            Self::Unclear => match Self::of(&manifest.config.media_type) {
                Self::Unclear => of_layers(),
                kind => kind,
            },
            kind => kind,
        }
    }

    /// How people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Envelope => "envelope",
            Self::Statement => "statement",
            Self::Sbom => "sbom",
            Self::Signature => "signature",
            Self::Unclear => "other",
        }
    }
}

/// The type that stands for a manifest in lists of referrers: its own, else its configuration's.
/// Source: OCI distribution specification 1.1, "Listing referrers".
pub(super) fn artifact_type(manifest: &Manifest) -> &str {
    manifest.artifact_type.as_deref().unwrap_or(&manifest.config.media_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::manifest::OCI_CONFIG;

    #[test]
    fn all_versions_of_bundles_are_bundles() {
        for media_type in [
            BUNDLE,
            "application/vnd.dev.sigstore.bundle+json;version=0.1",
            "application/vnd.dev.sigstore.bundle+json;version=0.3",
            "application/vnd.dev.sigstore.bundle.v0.4+json",
        ] {
            assert_eq!(Kind::of(media_type), Kind::Bundle, "{media_type}");
        }
    }

    #[test]
    fn what_says_nothing_is_left_to_the_manifest() {
        for media_type in ["", EMPTY, OCI_CONFIG, "application/octet-stream", "application/vnd.example"] {
            assert_eq!(Kind::of(media_type), Kind::Unclear, "{media_type}");
        }
    }
}

//! What each version of CycloneDX has: its fields, and the words of its vocabularies.

use crate::document::model::{ComponentKind, Hash, HashAlgorithm, ReferenceKind};

/// A version of CycloneDX that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CycloneDxVersion {
    /// 1.4, the oldest that is still asked for.
    V1_4,
    /// 1.5, the first to say how a component was found.
    V1_5,
    /// 1.6, which every consumer of CycloneDX reads today.
    V1_6,
    /// 1.7, the newest.
    V1_7,
}

/// A field that not every version has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Feature {
    /// `metadata.lifecycles`.
    Lifecycles,
    /// `metadata.tools.components` in place of a list of tools.
    ToolComponents,
    /// `evidence.identity` and `evidence.occurrences`.
    EvidenceOfIdentity,
    /// `license.properties`.
    LicenseProperties,
    /// `additionalContext` of an occurrence.
    OccurrenceContext,
    /// `manufacturer` and `authors` of a component in place of `author`, and `metadata.manufacturer`.
    Makers,
    /// `acknowledgement` of a licence or expression.
    Acknowledgement,
}

impl Feature {
    fn since(self) -> CycloneDxVersion {
        match self {
            Self::Lifecycles | Self::ToolComponents | Self::EvidenceOfIdentity | Self::LicenseProperties => {
                CycloneDxVersion::V1_5
            }
            Self::OccurrenceContext | Self::Makers | Self::Acknowledgement => CycloneDxVersion::V1_6,
        }
    }
}

impl CycloneDxVersion {
    /// As documents name it: `1.6`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }

    /// Where the JSON schema of this version is published.
    pub(super) fn schema(self) -> &'static str {
        match self {
            Self::V1_4 => "http://cyclonedx.org/schema/bom-1.4.schema.json",
            Self::V1_5 => "http://cyclonedx.org/schema/bom-1.5.schema.json",
            Self::V1_6 => "http://cyclonedx.org/schema/bom-1.6.schema.json",
            Self::V1_7 => "http://cyclonedx.org/schema/bom-1.7.schema.json",
        }
    }

    /// Whether documents of this version have `feature`.
    pub(super) fn has(self, feature: Feature) -> bool {
        self >= feature.since()
    }

    /// The word for `kind`, if there is one.
    pub(super) fn kind(self, kind: ComponentKind) -> Option<&'static str> {
        use ComponentKind as Kind;
        let since = match kind {
            Kind::Application
            | Kind::Framework
            | Kind::Library
            | Kind::Container
            | Kind::OperatingSystem
            | Kind::Device
            | Kind::Firmware
            | Kind::File => Self::V1_4,
            Kind::Platform | Kind::DeviceDriver | Kind::MachineLearningModel | Kind::Data => Self::V1_5,
            Kind::CryptographicAsset => Self::V1_6,
            Kind::Source | Kind::Archive | Kind::Install | Kind::Other => return None,
        };
        (self >= since).then(|| kind.name())
    }

    /// The word for `algorithm`, if there is one.
    pub(super) fn algorithm(self, algorithm: HashAlgorithm) -> Option<&'static str> {
        use HashAlgorithm as Alg;
        let since = match algorithm {
            Alg::Md5
            | Alg::Sha1
            | Alg::Sha256
            | Alg::Sha384
            | Alg::Sha512
            | Alg::Sha3_256
            | Alg::Sha3_384
            | Alg::Sha3_512
            | Alg::Blake2b256
            | Alg::Blake2b384
            | Alg::Blake2b512
            | Alg::Blake3 => Self::V1_4,
            Alg::Streebog256 | Alg::Streebog512 => Self::V1_7,
            Alg::Adler32 | Alg::Md2 | Alg::Md4 | Alg::Md6 | Alg::Sha224 => return None,
        };
        (self >= since).then(|| algorithm.name())
    }

    /// The word for the algorithm of `hash`, if there is one and the digest has a form that schemas allow.
    pub(super) fn hash(self, hash: &Hash) -> Option<&'static str> {
        let is_digest = matches!(hash.hex.len(), 32 | 40 | 64 | 96 | 128)
            && hash.hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.algorithm(hash.algorithm).filter(|_| is_digest)
    }

    /// The word for `kind`, if there is one.
    pub(super) fn reference(self, kind: ReferenceKind) -> Option<&'static str> {
        use ReferenceKind as Kind;
        let since = match kind {
            Kind::Vcs
            | Kind::IssueTracker
            | Kind::Website
            | Kind::Advisories
            | Kind::Bom
            | Kind::MailingList
            | Kind::Social
            | Kind::Chat
            | Kind::Documentation
            | Kind::Support
            | Kind::Distribution
            | Kind::License
            | Kind::BuildMeta
            | Kind::BuildSystem
            | Kind::ReleaseNotes
            | Kind::Other => Self::V1_4,
            Kind::SourceDistribution | Kind::ElectronicSignature | Kind::DigitalSignature | Kind::Rfc9116 => {
                Self::V1_6
            }
            Kind::Patent | Kind::PatentFamily | Kind::PatentAssertion | Kind::Citation => Self::V1_7,
            _ => Self::V1_5,
        };
        (self >= since).then(|| kind.name())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::BufReader};

    use serde_json::Value;

    use super::*;

    fn words<'a>(schema: &'a Value, path: &str) -> Vec<&'a str> {
        let mut words: Vec<&str> =
            schema.pointer(path).unwrap().as_array().unwrap().iter().filter_map(Value::as_str).collect();
        words.sort_unstable();
        words
    }

    fn sorted(words: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        let mut words: Vec<_> = words.collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn each_version_knows_the_words_of_its_schema() {
        for version in
            [CycloneDxVersion::V1_4, CycloneDxVersion::V1_5, CycloneDxVersion::V1_6, CycloneDxVersion::V1_7]
        {
            let name = format!("schemas/bom-{}.schema.json", version.as_str());
            let Some(path) = sbomctl_testkit::shared(&name) else { return };
            let schema: Value = serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap();
            assert_eq!(
                words(&schema, "/definitions/component/properties/type/enum"),
                sorted(ComponentKind::ALL.iter().filter_map(|&kind| version.kind(kind))),
            );
            assert_eq!(
                words(&schema, "/definitions/hash-alg/enum"),
                sorted(HashAlgorithm::ALL.iter().filter_map(|&algorithm| version.algorithm(algorithm))),
            );
            assert_eq!(
                words(&schema, "/definitions/externalReference/properties/type/enum"),
                sorted(ReferenceKind::ALL.iter().filter_map(|&kind| version.reference(kind))),
            );
        }
    }
}

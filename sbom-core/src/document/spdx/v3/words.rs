//! The words that SPDX 3 has for those of the model.

use crate::document::{
    model::{ComponentKind, HashAlgorithm, LifecyclePhase, ReferenceKind},
    spdx::vocabulary3::REFERENCES,
};

/// The primary purpose; none for what SPDX has no word for.
pub(super) fn purpose(kind: ComponentKind) -> Option<&'static str> {
    Some(match kind {
        ComponentKind::Application => "application",
        ComponentKind::Framework => "framework",
        ComponentKind::Library => "library",
        ComponentKind::Container => "container",
        ComponentKind::Platform => "platform",
        ComponentKind::OperatingSystem => "operatingSystem",
        ComponentKind::Device => "device",
        ComponentKind::DeviceDriver => "deviceDriver",
        ComponentKind::Firmware => "firmware",
        ComponentKind::File => "file",
        ComponentKind::MachineLearningModel => "model",
        ComponentKind::Data => "data",
        ComponentKind::Source => "source",
        ComponentKind::Archive => "archive",
        ComponentKind::Install => "install",
        ComponentKind::Other => "other",
        ComponentKind::CryptographicAsset => return None,
    })
}

/// A digest's algorithm; none for what SPDX has no word for.
pub(super) fn algorithm(algorithm: HashAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        HashAlgorithm::Adler32 => "adler32",
        HashAlgorithm::Md2 => "md2",
        HashAlgorithm::Md4 => "md4",
        HashAlgorithm::Md5 => "md5",
        HashAlgorithm::Md6 => "md6",
        HashAlgorithm::Sha1 => "sha1",
        HashAlgorithm::Sha224 => "sha224",
        HashAlgorithm::Sha256 => "sha256",
        HashAlgorithm::Sha384 => "sha384",
        HashAlgorithm::Sha512 => "sha512",
        HashAlgorithm::Sha3_256 => "sha3_256",
        HashAlgorithm::Sha3_384 => "sha3_384",
        HashAlgorithm::Sha3_512 => "sha3_512",
        HashAlgorithm::Blake2b256 => "blake2b256",
        HashAlgorithm::Blake2b384 => "blake2b384",
        HashAlgorithm::Blake2b512 => "blake2b512",
        HashAlgorithm::Blake3 => "blake3",
        HashAlgorithm::Streebog256 | HashAlgorithm::Streebog512 => return None,
    })
}

/// The type of bill that is made at this phase.
pub(super) fn sbom_type(phase: LifecyclePhase) -> Option<&'static str> {
    match phase {
        LifecyclePhase::Design => Some("design"),
        LifecyclePhase::PreBuild => Some("source"),
        LifecyclePhase::Build => Some("build"),
        LifecyclePhase::PostBuild => Some("analyzed"),
        LifecyclePhase::Operations => Some("deployed"),
        LifecyclePhase::Discovery | LifecyclePhase::Decommission => None,
    }
}

/// What a link leads to; none for what SPDX has no word for.
pub(super) fn reference(kind: ReferenceKind) -> Option<&'static str> {
    REFERENCES.iter().find(|(_, known)| *known == kind).map(|&(name, _)| name)
}

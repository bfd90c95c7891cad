//! The words that SPDX 2 has for those of the model, by version.

use super::Spdx2Version;
use crate::document::{
    model::{ComponentKind, HashAlgorithm, LifecyclePhase, Party, PartyKind},
    syntax,
};

/// The primary purpose of a package; none for what SPDX has no word for, and in 2.2, which does not know purposes.
pub(super) fn purpose(version: Spdx2Version, kind: ComponentKind) -> Option<&'static str> {
    if version == Spdx2Version::V2_2 {
        return None;
    }
    Some(match kind {
        ComponentKind::Application => "APPLICATION",
        ComponentKind::Framework => "FRAMEWORK",
        ComponentKind::Library => "LIBRARY",
        ComponentKind::Container => "CONTAINER",
        ComponentKind::OperatingSystem => "OPERATING_SYSTEM",
        ComponentKind::Device => "DEVICE",
        ComponentKind::Firmware => "FIRMWARE",
        ComponentKind::File => "FILE",
        ComponentKind::Source => "SOURCE",
        ComponentKind::Archive => "ARCHIVE",
        ComponentKind::Install => "INSTALL",
        ComponentKind::Other => "OTHER",
        ComponentKind::Platform
        | ComponentKind::DeviceDriver
        | ComponentKind::MachineLearningModel
        | ComponentKind::Data
        | ComponentKind::CryptographicAsset => return None,
    })
}

/// A digest's algorithm, if the version knows it.
pub(super) fn algorithm(version: Spdx2Version, algorithm: HashAlgorithm) -> Option<&'static str> {
    Some(match algorithm {
        HashAlgorithm::Md2 => "MD2",
        HashAlgorithm::Md4 => "MD4",
        HashAlgorithm::Md5 => "MD5",
        HashAlgorithm::Md6 => "MD6",
        HashAlgorithm::Sha1 => "SHA1",
        HashAlgorithm::Sha224 => "SHA224",
        HashAlgorithm::Sha256 => "SHA256",
        HashAlgorithm::Sha384 => "SHA384",
        HashAlgorithm::Sha512 => "SHA512",
        _ if version == Spdx2Version::V2_2 => return None,
        HashAlgorithm::Adler32 => "ADLER32",
        HashAlgorithm::Sha3_256 => "SHA3-256",
        HashAlgorithm::Sha3_384 => "SHA3-384",
        HashAlgorithm::Sha3_512 => "SHA3-512",
        HashAlgorithm::Blake2b256 => "BLAKE2b-256",
        HashAlgorithm::Blake2b384 => "BLAKE2b-384",
        HashAlgorithm::Blake2b512 => "BLAKE2b-512",
        HashAlgorithm::Blake3 => "BLAKE3",
        HashAlgorithm::Streebog256 | HashAlgorithm::Streebog512 => return None,
    })
}

/// The type of bill that is made at this phase, in the words of CISA.
pub(super) fn sbom_type(phase: LifecyclePhase) -> Option<&'static str> {
    match phase {
        LifecyclePhase::Design => Some("Design"),
        LifecyclePhase::PreBuild => Some("Source"),
        LifecyclePhase::Build => Some("Build"),
        LifecyclePhase::PostBuild => Some("Analyzed"),
        LifecyclePhase::Operations => Some("Deployed"),
        LifecyclePhase::Discovery | LifecyclePhase::Decommission => None,
    }
}

/// `Organization: NAME` or `Person: NAME (MAIL)`. Round brackets set off the mail address, so a name has others.
pub(super) fn party(party: &Party) -> Option<String> {
    let plain = |text: &str| syntax::one_line(text).replace('(', "[").replace(')', "]");
    let kind = match party.kind {
        PartyKind::Person => "Person",
        PartyKind::Organization => "Organization",
    };
    let name = plain(&party.name);
    let mail = party.email.as_deref().map(plain).filter(|mail| !mail.is_empty());
    match (name.is_empty(), mail) {
        (false, Some(mail)) => Some(format!("{kind}: {name} ({mail})")),
        (false, None) => Some(format!("{kind}: {name}")),
        (true, Some(mail)) => Some(format!("{kind}: {mail}")),
        (true, None) => None,
    }
}

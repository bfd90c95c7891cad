//! What can be asked of a component, by what it is.

use crate::document::model::ComponentKind;

/// What can be asked of a component of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table")]
pub struct Demand {
    /// A supplier or producer.
    pub producer: bool,
    /// A version.
    pub version: bool,
    /// A digest.
    pub hash: bool,
    /// A licence.
    pub license: bool,
    /// A file name, and what kind of file that is.
    pub file: bool,
    /// Files that it contains are its own.
    pub owns_files: bool,
}

impl Demand {
    /// What can be asked of a component of `kind`.
    ///
    /// A file is known by name and digest; who made it, its version and its licence are those of the package that
    /// it belongs to. An operating system is no artifact that a digest could be of, and its packages carry the licences.
    /// A device has no digest, and a cryptographic asset or a collection of data none of its own either.
    pub fn of(kind: ComponentKind) -> Self {
        let software =
            Self { producer: true, version: true, hash: true, license: true, file: true, owns_files: true };
        match kind {
            ComponentKind::File => Self {
                producer: false,
                version: false,
                hash: true,
                license: false,
                file: false,
                owns_files: false,
            },
            ComponentKind::OperatingSystem | ComponentKind::Platform => {
                Self { hash: false, license: false, file: false, owns_files: false, ..software }
            }
            ComponentKind::Device => Self { hash: false, license: false, file: false, ..software },
            ComponentKind::CryptographicAsset => Self {
                producer: false,
                version: false,
                hash: false,
                license: false,
                file: false,
                owns_files: false,
            },
            _ => software,
        }
    }
}

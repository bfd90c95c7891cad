//! Platforms of images, as `OS/ARCHITECTURE/VARIANT`.

/// A platform, as an image's configuration or a user names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, …: Go's names.
    pub architecture: String,
    /// `v8`, `v7`, …
    pub variant: Option<String>,
    /// The version of the operating system, which Windows images name.
    pub os_version: Option<String>,
}

#![doc = include_str!("../README.md")]

pub mod bom;
pub mod detect;
pub mod digest;
pub mod document;
pub mod image_path;
pub mod layer;
pub mod license;
pub mod limits;
pub mod oci;
pub mod purl;
#[cfg(feature = "registry")]
pub mod registry;
pub mod scan;
pub mod score;
pub mod source;
pub mod validate;

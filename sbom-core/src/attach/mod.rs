//! Attestations beside what they are about: found, put there, shown, copied, repaired, withdrawn.
//!
//! Attestations lie where images lie, in a repository of a registry or in an OCI layout: a [`Store`]. [`find()`] gives
//! all that say something about a digest, whichever way they were put there: as referrers (OCI 1.1), by way of the
//! tag that stands in for a registry's missing list, under cosign's `.att` tag, in an index beside the platforms.
//! Nothing that it gives is verified; `attest::verify` does that. [`attach()`] puts a signed statement there and does
//! not return before a reader would find it.
//!
//! What is wrong with one referrer is a [`Note`] and never hides the others. What keeps from looking at all of them is
//! told apart ([`Incomplete`]): nothing may be concluded then from what was not found.
//!
//! Sources: OCI distribution specification 1.1 (referrers, referrers tag schema), OCI image specification 1.1, cosign's
//! `SPEC.md` and `BUNDLE_SPEC.md`, `BuildKit`'s attestation storage.

pub mod archive;
pub mod copy;
pub mod document;
pub mod error;
pub mod find;
mod kind;
pub mod layout;
mod legacy;
mod listed;
pub mod put;
#[cfg(feature = "registry")]
pub mod registry;
pub mod repair;
pub mod revocation;
mod search;
pub mod spending;
pub mod store;
mod tag_update;
#[cfg(test)]
mod tests;
pub mod tree;

pub use self::{
    document::Annotations,
    error::AttachError,
    find::{Attestation, Content, Found, Incomplete, Note, Place, Reason, Wanted},
    kind::Kind,
    layout::{Layout, LayoutFolder},
    put::{Attached, Attachment, Listing, Settings, attach},
    search::{find, find_records},
    spending::{Clock, Spending, Stopwatch},
    store::{Sink, Store},
};

//! Attestations found and put, in a store that a test can make lie.

mod find;
mod layout;
mod memory;
mod put;
#[cfg(feature = "registry")]
mod registry;

use std::time::Duration;

use memory::Memory;

use super::{kind::BUNDLE, *};
use crate::{
    digest::Digest,
    limits::Limits,
    oci::{Descriptor, manifest::OCI_MANIFEST},
};

const SPDX: &str = "https://spdx.dev/Document";

/// A clock that is where it is put, and for which pauses take no time.
#[derive(Debug, Default)]
struct Still(Duration);

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        self.0
    }

    fn pause(&self, _: Duration) {}
}

/// An image's manifest, as far as it matters here.
fn image(store: &Memory) -> Descriptor {
    let bytes = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    store.keep(OCI_MANIFEST, bytes)
}

/// Something that looks like a bundle, different for each `text`.
fn bundle(text: &str) -> Vec<u8> {
    format!(
        r#"{{"mediaType":"{BUNDLE}","dsseEnvelope":{{"payload":"{text}","payloadType":"application/vnd.in-toto+json","signatures":[{{"sig":"AA=="}}]}}}}"#
    )
    .into_bytes()
}

fn attach_one(store: &Memory, subject: &Descriptor, text: &str) -> Result<Attached, AttachError> {
    let (bundle, subjects) = (bundle(text), [subject.clone()]);
    let attachment = Attachment { bundle: &bundle, predicate_type: SPDX, subjects: &subjects, created: None };
    let limits = Limits::default();
    let settings = Settings { clock: &Still::default(), seed: 0, also_legacy: false, limits: &limits };
    Ok(attach(store, &[attachment], &settings)?.remove(0))
}

fn find_all(store: &dyn Store, subject: &Digest) -> Found {
    find_within(store, subject, &Limits::default())
}

fn find_within(store: &dyn Store, subject: &Digest, limits: &Limits) -> Found {
    let mut spending = Spending::new(limits, Box::new(Still::default()));
    find(store, Wanted { subject, index: None, likely: &[SPDX.to_owned()] }, &mut spending)
}

/// `CODE ABOUT` of each note, the digests short.
fn notes(found: &Found) -> Vec<String> {
    found.notes.iter().map(|note| note.reason.code().to_owned()).collect()
}

fn codes(found: &Found) -> Vec<&'static str> {
    found.incomplete.iter().map(Incomplete::code).collect()
}

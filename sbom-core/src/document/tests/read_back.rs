//! What is written is read back as it was.

use super::{CYCLONEDX, samples, text};
use crate::{
    document::{Document, model::Header, read::read},
    limits::Limits,
    oci::LayerDescriptor,
};

#[test]
fn a_cyclonedx_document_is_read_as_it_was_written() {
    for (name, bom) in samples::all() {
        let mut written = Document::of(bom.clone());
        // Of a layer of which nothing is known, nothing is said.
        written
            .layers
            .retain(|layer| *layer != LayerDescriptor { index: layer.index, ..LayerDescriptor::default() });
        let read = read(text(&bom, CYCLONEDX, &samples::inputs()).as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read.format.to_string(), "CycloneDX 1.6 JSON", "{name}");
        assert!(read.losses.is_empty(), "{name}: {}", read.losses);
        let of_content = |document: Document| Document { header: Header::default(), ..document };
        assert_eq!(of_content(read.document), of_content(written), "{name}");
    }
}

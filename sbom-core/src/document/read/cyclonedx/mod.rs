//! Reads CycloneDX documents. Source: ECMA-424 and the schemas published with it, 1.0 to 1.7.

use super::{Context, ReadError, sniff::unrecognised};
use crate::document::model::Document;

/// Reads JSON of the versions 1.2 to 1.7.
pub(super) fn read_json(_text: &str, _context: &mut Context<'_>) -> Result<Document, ReadError> {
    Err(unrecognised("CycloneDX"))
}

/// Reads XML of the versions 1.0 to 1.7.
pub(super) fn read_xml(_text: &str, _context: &mut Context<'_>) -> Result<Document, ReadError> {
    Err(unrecognised("CycloneDX"))
}

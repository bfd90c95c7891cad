//! Package URLs, one a line, sorted and without repetition. What has none is not in the list: a line of anything
//! else would be taken for one.

use std::{
    collections::BTreeSet,
    io::{self, BufWriter, Write},
};

use crate::document::Document;

/// Writes the package URLs of all components but the subject.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let parts = document.components.iter().enumerate();
    let parts = parts.filter(|&(index, _)| document.root != Some(index));
    // What does not look like one may hold line feeds.
    let purls = parts.filter_map(|(_, component)| component.purl.as_deref());
    let purls: BTreeSet<&str> = purls.filter(|purl| !purl.contains(char::is_control)).collect();
    for purl in purls {
        writeln!(out, "{purl}")?;
    }
    out.flush()
}

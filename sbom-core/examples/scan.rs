//! Scans an image on this machine and writes what is in it as CycloneDX: `cargo run --example scan -- fixtures/demo`.
//! With a folder behind it, what was found in the layers is kept there for the next time.

use std::{error::Error, io, path::Path};

use sbom_core::{
    cache::{self, LayerCache},
    document,
    scan::{self, Options, Silent},
    source::{Selection, locator::open_local},
    timestamp::Timestamp,
};

fn main() -> Result<(), Box<dyn Error>> {
    let subject = std::env::args().nth(1).ok_or("usage: scan SUBJECT [CACHE]")?;
    let cache = std::env::args()
        .nth(2)
        .map(|folder| LayerCache::new(Path::new(&folder), cache::DEFAULT_BYTES, Timestamp::UNKNOWN));
    let options = Options { cache, ..Options::default() };
    for source in open_local(&subject, &Selection::All, &options.limits)? {
        let bom = scan::scan(&*source, &options, &Silent)?;
        let document = document::Document::of(bom);
        let inputs = document::Inputs::default();
        document::write(&document, "cyclonedx-json".parse()?, &inputs, &mut io::stdout().lock())?;
    }
    Ok(())
}

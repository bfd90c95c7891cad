//! Scans an image on this machine and writes what is in it as CycloneDX: `cargo run --example scan -- fixtures/demo`.

use std::{error::Error, io};

use sbom_core::{
    document,
    scan::{self, Options, Silent},
    source::{Selection, locator::open_local},
};

fn main() -> Result<(), Box<dyn Error>> {
    let subject = std::env::args().nth(1).ok_or("usage: scan SUBJECT")?;
    let options = Options::default();
    for source in open_local(&subject, &Selection::All, &options.limits)? {
        let bom = scan::scan(&*source, &options, &Silent)?;
        let document = document::Document::of(bom);
        let inputs = document::Inputs::default();
        document::write(&document, "cyclonedx-json".parse()?, &inputs, &mut io::stdout().lock())?;
    }
    Ok(())
}

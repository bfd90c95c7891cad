//! How long it takes to verify an attestation of an SBOM of 10 MB, and how much memory at its peak:
//! `cargo bench --bench attestations`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what the clock and the kernel measured is read and printed"
)]

use std::{error::Error, fs, io, time::Instant};

use big_document::big_document;
use sbom_core::{
    attest::{
        Signed, bundle,
        envelope::{Envelope, IN_TOTO, PreAuth, Signature},
        key::{KeyAlgorithm, PrivateKey, PublicKey},
        predicate::PredicateType,
        statement::{self, Subject},
        trust::Trust,
        verify::{Demand, Need, Revoked, verify},
    },
    digest::Digest,
    document::{Format, Inputs, write},
    limits::Limits,
    timestamp::Timestamp,
};

mod big_document;

const RUNS: u32 = 20;

/// Marks the process that measures memory, which has never held the document itself.
const CHILD: &str = "--verify";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        let file = |n: usize| fs::read(arguments.get(at + n).ok_or(io::ErrorKind::NotFound)?);
        return measure(file(1)?, &PublicKey::from_pem(&file(2)?)?);
    }
    let key = PrivateKey::generate(KeyAlgorithm::P256)?;
    let folder = tempfile::tempdir()?;
    let (bundle_file, key_file) = (folder.path().join("bundle.json"), folder.path().join("key.pub"));
    fs::write(&bundle_file, signed(&key)?)?;
    fs::write(&key_file, key.public().to_pem())?;
    let program = std::env::current_exe()?;
    let status = std::process::Command::new(program).arg(CHILD).arg(bundle_file).arg(key_file).status()?;
    if status.success() { Ok(()) } else { Err("the measurement failed".into()) }
}

/// The bundle of a statement that says an SBOM of a bit more than 10 MB.
fn signed(key: &PrivateKey) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut document = Vec::new();
    write(&big_document(5_300), "cyclonedx-json".parse::<Format>()?, &Inputs::default(), &mut document)?;
    println!("{} bytes of SBOM", document.len());
    let subject = Subject::new("", &Digest::of(b""));
    let payload = statement::write(&[subject], &PredicateType::new("https://cyclonedx.org/bom"), &document)?;
    let sig = key.sign(PreAuth::new(IN_TOTO, &payload).as_bytes())?;
    let signatures = vec![Signature { keyid: String::new(), sig }];
    let envelope = Envelope { payload_type: IN_TOTO.to_owned(), payload, signatures };
    Ok(bundle::of_key(&envelope, key.public()))
}

fn measure(bundle: Vec<u8>, key: &PublicKey) -> Result<(), Box<dyn Error>> {
    let demand = Demand {
        subject: Digest::of(b""),
        predicate: Some("cyclonedx".parse()?),
        signers: vec![Trust::key(key.clone())],
        log: Need::BySigner,
        time: Need::BySigner,
        revoked: Revoked::default(),
        now: Timestamp::UNKNOWN,
    };
    let (signed, limits) = (Signed::Bundle(bundle), Limits::default());
    let start = Instant::now();
    for _ in 0..RUNS {
        verify(&signed, &demand, &limits)?;
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0 / f64::from(RUNS);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    println!("{milliseconds:.1} ms for one, {peak} at the peak");
    Ok(())
}

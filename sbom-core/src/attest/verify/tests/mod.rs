//! The verification of attestations: a test per rule, and one per advisory that others had to write.

use std::collections::BTreeMap;

use super::*;
use crate::attest::{
    Signed,
    bundle::of_key,
    envelope::{Envelope, PreAuth, Signature},
    key::{KeyAlgorithm, PrivateKey},
    statement::{self, Subject},
    trust::{KeyTrust, Window},
};

mod advisories;
mod keyed;
mod keyless;
mod messages;
mod withdrawals;

/// 2026-01-15T12:00:00Z.
const NOW: u64 = 1_768_478_400;

fn artifact() -> Digest {
    Digest::of(b"artifact")
}

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn statement_of(kind: &str) -> Vec<u8> {
    let subject = Subject::new("artifact", &artifact());
    statement::write(&[subject], &PredicateType::new(kind), br#"{"a":[1,2]}"#).unwrap()
}

fn statement() -> Vec<u8> {
    statement_of("https://spdx.dev/Document")
}

fn demand(signers: Vec<Trust>) -> Demand {
    Demand {
        subject: artifact(),
        predicate: Some("spdxjson".parse().unwrap()),
        signers,
        log: Need::BySigner,
        time: Need::BySigner,
        revoked: Revoked::default(),
        now: now(),
    }
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::P256).unwrap()
}

fn trust(key: &PrivateKey) -> Trust {
    Trust::key(key.public().clone())
}

fn envelope(payload_type: &str, payload: &[u8], keys: &[&PrivateKey]) -> Envelope {
    let message = PreAuth::new(payload_type, payload);
    let signatures = keys.iter().map(|key| {
        let sig = key.sign(message.as_bytes()).unwrap();
        Signature { keyid: String::new(), sig }
    });
    Envelope {
        payload_type: payload_type.to_owned(),
        payload: payload.to_vec(),
        signatures: signatures.collect(),
    }
}

fn bundle(payload: &[u8], key: &PrivateKey) -> Signed {
    Signed::Bundle(of_key(&envelope(IN_TOTO, payload, &[key]), key.public()))
}

fn plain(envelope: &Envelope) -> Signed {
    Signed::Envelope { bytes: envelope.write(), annotations: BTreeMap::new() }
}

fn verify(signed: &Signed, demand: &Demand) -> Result<Verified<Statement>, Refusal> {
    super::verify(signed, demand, &Limits::default())
}

#[track_caller]
fn refused(signed: &Signed, demand: &Demand, reason: Reason) -> Refusal {
    let refusal = verify(signed, demand).expect_err("it counts");
    assert_eq!(refusal.reason, reason, "{refusal}");
    refusal
}

/// A bundle after a change of its text.
fn edited(signed: &Signed, from: &str, to: &str) -> Signed {
    let Signed::Bundle(bytes) = signed else { panic!("not a bundle") };
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    Signed::Bundle(text.replacen(from, to, 1).into_bytes())
}

/// `name` or, of a check that was not made, `name: why`.
fn shown(checks: &[Check]) -> Vec<String> {
    let show = |check: &Check| match &check.outcome {
        Outcome::Passed => check.name.to_owned(),
        Outcome::NotRun { why } => format!("{}: {why}", check.name),
    };
    checks.iter().map(show).collect()
}

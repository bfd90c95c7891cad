//! Evidence of logs and time stamp authorities, as far as the verifier of their signatures leaves it open: nothing twice,
//! nothing unproven, and every entry about this very signature.

use std::collections::BTreeSet;

use sha2::Digest as _;
use sigstore_trust_root::TransparencyLog;
use sigstore_types::Checkpoint;

use super::record::{Failure, Reason};
use crate::{
    attest::{
        base64,
        bundle::{Bundle, InclusionProof, LogEntry, Version},
        trust::Root,
    },
    timestamp::Timestamp,
};

/// Rekor 2 and its format of entries, which hold the digest of what was signed whatever its size.
pub(super) fn is_tiled(entry: &LogEntry) -> bool {
    entry.kind == "hashedrekord" && entry.kind_version == "0.0.2"
}

/// Nothing counts twice, and there is nothing without a proof that a log stands by it.
pub(super) fn check_shape(bundle: &Bundle) -> Result<(), Failure> {
    let mut places = BTreeSet::new();
    let mut bodies = BTreeSet::new();
    for entry in &bundle.log_entries {
        // One log under two indexes, or one body in one log, is one entry shown twice.
        let fresh = places.insert((&entry.log_id, entry.index)) & bodies.insert((&entry.log_id, &entry.body));
        if !fresh {
            return Err(Failure::new(Reason::Duplicate, format!("log entry {} is there twice", entry.index)));
        }
        if entry.proof.is_none() && (bundle.version > Version::V0_1 || entry.promise.is_none()) {
            let message = format!("log entry {} comes without a proof that it is in the log", entry.index);
            return Err(Failure::new(Reason::TlogMissing, message));
        }
        if let Some(proof) = &entry.proof {
            check_checkpoint(entry, proof)?;
        }
    }
    let mut stamps = BTreeSet::new();
    if !bundle.timestamps.iter().all(|stamp| stamps.insert(stamp)) {
        return Err(Failure::new(Reason::Duplicate, "a time stamp is there twice"));
    }
    Ok(())
}

/// The checkpoint is one of the entry's own log, over the tree of the proof.
fn check_checkpoint(entry: &LogEntry, proof: &InclusionProof) -> Result<(), Failure> {
    let invalid = |message: String| Failure::new(Reason::TlogInvalid, message);
    let checkpoint = Checkpoint::from_text(&proof.checkpoint).map_err(|error| {
        invalid(format!("the checkpoint of log entry {} cannot be read: {error}", entry.index))
    })?;
    // Logs of tiles repeat neither root nor size with authority: there the checkpoint alone counts.
    if !is_tiled(entry)
        && (checkpoint.tree_size() != proof.tree_size || checkpoint.root_hash().as_slice() != proof.root)
    {
        return Err(invalid(format!(
            "the proof of log entry {} is of another tree than its checkpoint",
            entry.index
        )));
    }
    let hint = entry.log_id.get(..4);
    if !checkpoint.signatures().iter().any(|signature| Some(signature.key_id.as_slice()) == hint) {
        let message =
            format!("the checkpoint of log entry {} is not signed by the log of the entry", entry.index);
        return Err(Failure::new(Reason::TlogInvalid, message));
    }
    Ok(())
}

/// Every entry is of a log that the root lists, and that was one at the time: of the signature, or of the verification where
/// nobody says when that was.
pub(super) fn check_logs(bundle: &Bundle, root: &Root, time: Timestamp) -> Result<(), Failure> {
    check_listed(bundle, root)?;
    match bundle.log_entries.iter().find(|entry| !is_current(entry, root, time)) {
        Some(entry) => Err(unknown(
            entry,
            "its log was not a trusted one at the time of the signature, as far as that is known",
        )),
        None => Ok(()),
    }
}

/// Every entry is of a log that the root lists, whenever that was one.
pub(super) fn check_listed(bundle: &Bundle, root: &Root) -> Result<(), Failure> {
    match bundle.log_entries.iter().find(|entry| listed(entry, root).is_none()) {
        Some(entry) => Err(unknown(entry, "the trusted root does not list its log")),
        None => Ok(()),
    }
}

/// Whether the root trusts the log of an entry at this time.
pub(super) fn is_current(entry: &LogEntry, root: &Root, time: Timestamp) -> bool {
    let Some(log) = listed(entry, root) else { return false };
    let Some(window) = log.public_key.valid_for else { return true };
    let time = i64::try_from(time.unix()).unwrap_or(i64::MAX);
    window.start.as_second() <= time && window.end.is_none_or(|end| time <= end.as_second())
}

fn listed<'r>(entry: &LogEntry, root: &'r Root) -> Option<&'r TransparencyLog> {
    root.listed().tlogs.iter().find(|log| log.log_id.key_id.as_bytes() == entry.log_id)
}

fn unknown(entry: &LogEntry, message: &str) -> Failure {
    Failure::new(Reason::TlogUnknown, format!("log entry {}: {message}", entry.index))
}

/// The leaves of logs of tiles are what this signature, over this message, with this certificate or key, makes them:
/// written anew and compared, so that nothing in them can say something else to another reader.
pub(super) fn check_leaves(bundle: &Bundle, message: &[u8], verifier: &Verifier<'_>) -> Result<(), Failure> {
    let digest = base64::encode(&sha2::Sha256::digest(message));
    check_leaves_of(bundle, &digest, verifier)
}

/// The same over a message of which only the SHA-256 digest is known, in base64.
pub(super) fn check_leaves_of(bundle: &Bundle, digest: &str, verifier: &Verifier<'_>) -> Result<(), Failure> {
    for entry in bundle.log_entries.iter().filter(|entry| is_tiled(entry)) {
        let mismatch = || {
            Failure::new(
                Reason::TlogMismatch,
                format!("log entry {} is about another signature", entry.index),
            )
        };
        let details = key_details(&entry.body).ok_or_else(mismatch)?;
        let (member, der) = match verifier {
            Verifier::Certificate(der) => ("x509Certificate", der),
            Verifier::Key(der) => ("publicKey", der),
        };
        let leaf = format!(
            "{{\"apiVersion\":\"0.0.2\",\"kind\":\"hashedrekord\",\"spec\":{{\"hashedRekordV002\":{{\
             \"data\":{{\"algorithm\":\"SHA2_256\",\"digest\":\"{digest}\"}},\
             \"signature\":{{\"content\":\"{}\",\"verifier\":{{\"keyDetails\":\"{details}\",\
             \"{member}\":{{\"rawBytes\":\"{}\"}}}}}}}}}}}}",
            base64::encode(bundle.signature()),
            base64::encode(der),
        );
        if leaf.as_bytes() != entry.body {
            return Err(mismatch());
        }
    }
    Ok(())
}

/// Hex digits as base64.
pub(super) fn base64_of_hex(hex: &str) -> String {
    let pairs = hex.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Vec<_> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    base64::encode(&bytes)
}

/// What an entry says that its signature was made with, in DER.
pub(super) enum Verifier<'a> {
    Certificate(&'a [u8]),
    Key(&'a [u8]),
}

/// How the log calls the kind of the key, which the verifier of signatures compares with the key.
fn key_details(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once("\"keyDetails\":\"")?;
    let (details, _) = rest.split_once('"')?;
    let is_name =
        details.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_name.then_some(details)
}

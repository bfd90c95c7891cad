//! Records that withdraw attestations: what they say, and how it is written.
//!
//! A record is an attestation like others, about the same subject, with a predicate of its own type:
//!
//! ```json
//! {"revoked":[{"statement":{"sha256":"…"},"bundle":{"sha256":"…"}}],"reason":"…","revokedAt":"2026-01-02T03:04:05Z"}
//! ```
//!
//! `statement` is the digest of the payload, which stays the same however often it is signed and wrapped; `bundle` is
//! the digest of the bytes that were attached. Whom a record binds is for a reader to say: for one who trusts its
//! signer, what it names is withdrawn.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::document::bytes_of;
use crate::{digest::Digest, timestamp::Timestamp};

/// Type of the predicate of such a record.
pub const PREDICATE_TYPE: &str = "https://github.com/sbomctl/sbomctl/revocation/v1";

/// An attestation that is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revoked {
    /// The digest of its payload, if it can be read.
    pub statement: Option<Digest>,
    /// The digest of its bytes as attached.
    pub bundle: Digest,
}

/// The predicate of a record that withdraws `revoked` for `reason`.
pub fn predicate(revoked: &[Revoked], reason: Option<&str>, at: Timestamp) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Record<'a> {
        revoked: Vec<serde_json::Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        revoked_at: String,
    }
    let set = |digest: &Digest| {
        let text = digest.to_string();
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        json!({ algorithm: hex })
    };
    let revoked = revoked.iter().map(|one| match &one.statement {
        Some(statement) => json!({ "statement": set(statement), "bundle": set(&one.bundle) }),
        None => json!({ "bundle": set(&one.bundle) }),
    });
    bytes_of(&Record { revoked: revoked.collect(), reason, revoked_at: at.to_string() })
}

/// The digests that a record withdraws, of statements and of bytes as attached. None if it is no such record, or if it names
/// something, or is about something, that is not understood here: nobody knows then what else it withdraws.
pub fn read(predicate: &[u8]) -> Option<BTreeSet<Digest>> {
    #[derive(Deserialize)]
    struct Record {
        revoked: Vec<Entry>,
    }
    // What else an entry says may be what it is about.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        statement: Option<BTreeMap<String, String>>,
        bundle: Option<BTreeMap<String, String>>,
    }
    // Attestations are known by this digest alone. What it is given beside others decides.
    let digest = |set: BTreeMap<String, String>| format!("sha256:{}", set.get("sha256")?).parse().ok();
    let record: Record = serde_json::from_slice(predicate).ok()?;
    let mut digests = BTreeSet::new();
    for Entry { statement, bundle } in record.revoked {
        if statement.is_none() && bundle.is_none() {
            return None;
        }
        // What is known by its statement need not be known by its bytes, too.
        let is_listed_otherwise = |set: &BTreeMap<String, String>| {
            let otherwise =
                |(name, hex): (&String, &String)| format!("{name}:{hex}").parse::<Digest>().is_ok();
            statement.is_some() && !set.is_empty() && set.iter().all(otherwise)
        };
        let bundle = bundle.filter(|set| set.contains_key("sha256") || !is_listed_otherwise(set));
        for set in [statement, bundle].into_iter().flatten() {
            digests.insert(digest(set)?);
        }
    }
    (!digests.is_empty()).then_some(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_statement_and_bundle() {
        let one = Revoked { statement: Some(Digest::of(b"s")), bundle: Digest::of(b"b") };
        let bytes = predicate(&[one], Some("wrong"), Timestamp::UNKNOWN);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["revoked"][0]["statement"]["sha256"], Digest::of(b"s").hex());
        assert_eq!(value["revoked"][0]["bundle"]["sha256"], Digest::of(b"b").hex());
        assert_eq!(value["reason"], "wrong");
        assert_eq!(value["revokedAt"], "1970-01-01T00:00:00Z");
        assert_eq!(read(&bytes), Some([Digest::of(b"s"), Digest::of(b"b")].into()));
    }

    #[test]
    fn a_record_is_understood_as_a_whole_or_not_at_all() {
        let (one, other) = (Digest::of(b"s"), Digest::of(b"b"));
        let good = json!({ "statement": { "sha256": one.hex() } });
        let check = |entries: serde_json::Value, expected: Option<BTreeSet<Digest>>| {
            let record = json!({ "revoked": entries }).to_string();
            assert_eq!(read(record.as_bytes()), expected, "{record}");
        };
        let known = json!({ "bundle": { "sha256": other.hex(), "gitoid": "x" } });
        check(json!([good, known]), Some([one.clone(), other].into()));
        let listed = json!({ "statement": { "sha256": one.hex() }, "bundle": { "sha512": "0".repeat(128) } });
        check(json!([listed]), Some([one.clone()].into()));
        for odd in [
            json!({ "statement": { "sha256": one.hex().to_uppercase() } }),
            json!({ "statement": { "sha256": one.hex() }, "bundle": { "sha256": "" } }),
            json!({ "statement": { "sha512": "0".repeat(128) } }),
            json!({ "attestation": { "sha256": one.hex() } }),
            json!({ "statement": { "sha256": one.hex() }, "certificate": { "sha256": one.hex() } }),
            json!({}),
            json!(one.to_string()),
        ] {
            check(json!([good, odd]), None);
        }
        check(json!([]), None);
        assert_eq!((read(b"{}"), read(b"no JSON")), (None, None));
    }
}

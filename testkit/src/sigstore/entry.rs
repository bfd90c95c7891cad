//! Entries of Rekor, of both versions: what they say, and how they are promised, proved and written.
//!
//! Sources: the schemas of sigstore/rekor (`dsse` 0.0.1, `hashedrekord` 0.0.1, `intoto` 0.0.2), `rekor/v2` of
//! sigstore/protobuf-specs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    hex,
    keys::{Key, pem},
    log::{Inclusion, Log, leaf},
    sha256,
};

/// An entry that a log has taken in.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: &'static str,
    pub(super) version: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) log: [u8; 32],
    pub(super) inclusion: Inclusion,
    /// Of version 1 alone: the time, and the promise that signs it.
    pub(super) promise: Option<(u64, Vec<u8>)>,
}

/// What an entry says.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) kind: &'static str,
    pub(super) version: &'static str,
    pub(super) body: Value,
}

/// `dsse` 0.0.1.
pub(super) fn dsse_v1(envelope: &[u8], payload: &[u8], signature: &str, verifier: &str) -> Statement {
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(&sha256(bytes))});
    let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
        "envelopeHash": hash(envelope),
        "payloadHash": hash(payload),
        "signatures": [{"signature": signature, "verifier": verifier}],
    }});
    Statement { kind: "dsse", version: "0.0.1", body }
}

/// `hashedrekord` 0.0.1.
pub(super) fn hashed_v1(digest: &str, signature: &str, verifier: &str) -> Statement {
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": digest}},
        "signature": {"content": signature, "publicKey": {"content": verifier}},
    }});
    Statement { kind: "hashedrekord", version: "0.0.1", body }
}

/// `intoto` 0.0.2, in which the signature is in Base64 twice.
pub(super) fn intoto_v1(envelope: &[u8], payload: &[u8], signature: &str, verifier: &str) -> Statement {
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(&sha256(bytes))});
    let body = json!({"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": {
        "envelope": {
            "payloadType": super::IN_TOTO,
            "signatures": [{"publicKey": verifier, "sig": STANDARD.encode(signature)}],
        },
        "hash": hash(envelope),
        "payloadHash": hash(payload),
    }}});
    Statement { kind: "intoto", version: "0.0.2", body }
}

/// `hashedrekord` 0.0.2 of logs of tiles.
pub(super) fn hashed_v2(digest: &str, signature: &str, verifier: &Value) -> Statement {
    let body = json!({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": {
        "data": {"algorithm": "SHA2_256", "digest": digest},
        "signature": {"content": signature, "verifier": verifier},
    }}});
    Statement { kind: "hashedrekord", version: "0.0.2", body }
}

/// `dsse` 0.0.2 of logs of tiles.
pub(super) fn dsse_v2(payload: &[u8], signature: &str, verifier: &Value) -> Statement {
    let digest = STANDARD.encode(sha256(payload));
    let body = json!({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
        "payloadHash": {"algorithm": "SHA2_256", "digest": digest},
        "signatures": [{"content": signature, "verifier": verifier}],
    }}});
    Statement { kind: "dsse", version: "0.0.2", body }
}

/// How an entry of version 1 names a certificate: Base64 of its PEM.
pub(super) fn verifier_v1(certificate: &[u8]) -> String {
    STANDARD.encode(pem("CERTIFICATE", certificate))
}

/// How an entry of version 2 names one.
pub(super) fn verifier_v2(certificate: &[u8]) -> Value {
    json!({
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": {"rawBytes": STANDARD.encode(certificate)},
    })
}

impl Entry {
    /// Takes a statement into a log, which promises it as of `time`, or not.
    pub(super) fn of(log: &Log, statement: &Statement, time: Option<u64>) -> Self {
        let body = canonical(&statement.body).into_bytes();
        let inclusion = log.append(&body);
        let mut entry = Self {
            kind: statement.kind,
            version: statement.version,
            body,
            log: log.id(),
            inclusion,
            promise: None,
        };
        entry.promise = time.map(|time| (time, log.key.sign(entry.promised(time).as_bytes())));
        entry
    }

    /// What a promise signs.
    fn promised(&self, time: u64) -> String {
        canonical(&json!({
            "body": STANDARD.encode(&self.body),
            "integratedTime": time,
            "logID": hex(&self.log),
            "logIndex": self.inclusion.index,
        }))
    }

    /// Proves the entry by another checkpoint: of its own log, but signed by `key`, over `root` and `size`.
    pub(super) fn recheckpoint(&mut self, log: &Log, size: usize, root: [u8; 32], key: &Key) {
        self.inclusion.checkpoint = log.checkpoint(size, &root, key);
    }

    /// As bundles carry it.
    pub(super) fn in_bundle(&self) -> Value {
        let hashes: Vec<String> = self.inclusion.hashes.iter().map(|hash| STANDARD.encode(hash)).collect();
        let mut entry = json!({
            "logIndex": self.inclusion.index.to_string(),
            "logId": {"keyId": STANDARD.encode(self.log)},
            "kindVersion": {"kind": self.kind, "version": self.version},
            "inclusionProof": {
                "logIndex": self.inclusion.index.to_string(),
                "rootHash": STANDARD.encode(self.inclusion.root),
                "treeSize": self.inclusion.size.to_string(),
                "hashes": hashes,
                "checkpoint": {"envelope": self.inclusion.checkpoint},
            },
            "canonicalizedBody": STANDARD.encode(&self.body),
        });
        if let (Some((time, promise)), Some(entry)) = (&self.promise, entry.as_object_mut()) {
            entry.insert("integratedTime".to_owned(), json!(time.to_string()));
            entry.insert(
                "inclusionPromise".to_owned(),
                json!({"signedEntryTimestamp": STANDARD.encode(promise)}),
            );
        }
        entry
    }

    /// As the API of version 1 answers it, and its identifier.
    pub(super) fn in_answer(&self) -> (String, Value) {
        let uuid = hex(&leaf(&self.body));
        let hashes: Vec<String> = self.inclusion.hashes.iter().map(|hash| hex(hash)).collect();
        let (time, promise) = self.promise.clone().unwrap_or_default();
        let entry = json!({
            "body": STANDARD.encode(&self.body),
            "integratedTime": time,
            "logID": hex(&self.log),
            "logIndex": self.inclusion.index,
            "verification": {
                "signedEntryTimestamp": STANDARD.encode(promise),
                "inclusionProof": {
                    "logIndex": self.inclusion.index,
                    "treeSize": self.inclusion.size,
                    "rootHash": hex(&self.inclusion.root),
                    "hashes": hashes,
                    "checkpoint": self.inclusion.checkpoint,
                },
            },
        });
        (uuid, entry)
    }

    /// As cosign keeps it beside envelopes of its older format.
    pub(super) fn in_annotation(&self) -> String {
        let (time, promise) = self.promise.clone().unwrap_or_default();
        json!({
            "SignedEntryTimestamp": STANDARD.encode(promise),
            "Payload": {
                "body": STANDARD.encode(&self.body),
                "integratedTime": time,
                "logIndex": self.inclusion.index,
                "logID": hex(&self.log),
            },
        })
        .to_string()
    }
}

/// JSON without spaces and with keys in order, as far as RFC 8785 matters here.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", json!(name), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

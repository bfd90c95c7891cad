//! A TUF repository that hands out the services' trusted root and signing configuration.
//!
//! Source: The Update Framework specification 1.0, with consistent snapshots, and one key for all roles.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    der, hex,
    keys::{Curve, Key, pem},
    sha256,
};

/// Files by their path in the repository.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The files of a repository with these targets, all of which end at `expires`.
pub(super) fn repository(targets: &[(&str, &str)], expires: u64) -> Files {
    let key = Key::generate(Curve::P256);
    let listed: BTreeMap<&str, Value> = targets
        .iter()
        .map(|(name, content)| {
            let hash = hex(&sha256(content.as_bytes()));
            (*name, json!({"length": content.len(), "hashes": {"sha256": hash}}))
        })
        .collect();
    let public = json!({
        "keytype": "ecdsa",
        "keyval": {"public": pem("PUBLIC KEY", &key.spki())},
        "scheme": "ecdsa-sha2-nistp256",
    });
    let id = hex(&sha256(canonical(&public).as_bytes()));
    let role = json!({"keyids": [id], "threshold": 1});
    let signed = |role: &str, mut content: Value| {
        if let Some(content) = content.as_object_mut() {
            content.insert("_type".to_owned(), json!(role));
            content.insert("spec_version".to_owned(), json!("1.0.31"));
            content.insert("version".to_owned(), json!(1));
            content.insert("expires".to_owned(), json!(der::rfc3339(expires)));
        }
        let signature = hex(&key.sign(canonical(&content).as_bytes()));
        json!({"signatures": [{"keyid": id, "sig": signature}], "signed": content}).to_string().into_bytes()
    };
    let root = json!({
        "consistent_snapshot": true,
        "keys": {(id.as_str()): public},
        "roles": {"root": role, "timestamp": role, "snapshot": role, "targets": role},
    });
    let mut files = Files::from([
        ("1.root.json".to_owned(), signed("root", root)),
        (
            "timestamp.json".to_owned(),
            signed("timestamp", json!({"meta": {"snapshot.json": {"version": 1}}})),
        ),
        ("1.snapshot.json".to_owned(), signed("snapshot", json!({"meta": {"targets.json": {"version": 1}}}))),
        ("1.targets.json".to_owned(), signed("targets", json!({"targets": listed}))),
    ]);
    for (name, content) in targets {
        let hash = hex(&sha256(content.as_bytes()));
        files.insert(format!("targets/{hash}.{name}"), content.as_bytes().to_vec());
    }
    files
}

/// Canonical JSON as TUF has it: no spaces, keys in order, and in texts nothing escaped but `"` and `\`.
fn canonical(value: &Value) -> String {
    let text = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> = members
                .into_iter()
                .map(|(name, value)| format!("{}:{}", text(name), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::String(content) => text(content),
        other => other.to_string(),
    }
}

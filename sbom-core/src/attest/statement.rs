//! in-toto statements: what is said, and about which digests.
//!
//! Source: in-toto attestation framework, `spec/v1/statement.md`, `resource_descriptor.md` and `digest_set.md`.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Range};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{JsonError, json::Object, predicate::PredicateType};
use crate::{
    digest::{Algorithm, Digest},
    limits::{LimitExceeded, Limits},
};

/// The type of statements as they are written, and of most that are read.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";

/// The type of statements before version 1, which say the same.
pub const STATEMENT_V0_1: &str = "https://in-toto.io/Statement/v0.1";

/// Subjects of one statement.
pub const MAX_SUBJECTS: usize = 1024;

/// Digests of one subject.
pub const MAX_DIGESTS: usize = 32;

/// A statement: its bytes, its subjects, and where in the bytes its predicate lies. A predicate may be an SBOM of many
/// megabytes, so it is checked and passed over, never made a tree.
///
/// A statement by itself proves nothing. Only a `verify::Verified<Statement>` was signed by somebody who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    payload: Vec<u8>,
    subjects: Vec<Subject>,
    predicate_type: PredicateType,
    predicate: Range<usize>,
}

/// One thing that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it was called, for people. It identifies nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its digests by algorithm; SHA-256 and its kin in lower-case hex.
    #[serde(rename = "digest", deserialize_with = "digests")]
    pub digests: BTreeMap<String, String>,
}

/// Bytes are not a statement, or cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The bytes are not one JSON object that everybody reads alike.
    #[error("the statement is {0}")]
    Json(JsonError),
    /// The predicate is not one JSON object that everybody reads alike.
    #[error("the predicate is {0}")]
    Predicate(JsonError),
    /// It is of a type that is not known.
    #[error("the statement is of type {0:?}, neither {STATEMENT_V1} nor v0.1")]
    Type(String),
    /// A member is missing or of the wrong shape.
    #[error("the statement's {member} is not as it must be: {problem}")]
    Member {
        /// Which.
        member: &'static str,
        /// Why.
        problem: String,
    },
    /// It is about nothing, or about too much.
    #[error("the statement has {0} subjects, of which there must be 1 to {MAX_SUBJECTS}")]
    Subjects(usize),
    /// The predicate holds too much.
    #[error("the statement holds {0}")]
    Limit(#[from] LimitExceeded),
}

impl Statement {
    /// Reads a statement in one pass. Members that in-toto does not know are ignored; a name that is there twice, at any
    /// depth, is refused.
    pub fn read(payload: Vec<u8>, limits: &Limits) -> Result<Self, StatementError> {
        let object = Object::read(&payload).map_err(StatementError::Json)?;
        limits.statement_values.check(object.values())?;
        let kind: Cow<'_, str> = member(&payload, &object, "_type")?;
        if kind != STATEMENT_V1 && kind != STATEMENT_V0_1 {
            return Err(StatementError::Type(kind.chars().take(160).collect()));
        }
        let subjects: Subjects = member(&payload, &object, "subject")?;
        let predicate_type: Cow<'_, str> = member(&payload, &object, "predicateType")?;
        if predicate_type.is_empty() {
            return Err(StatementError::Member { member: "predicateType", problem: "empty".to_owned() });
        }
        // Statement v1 lets a predicate be left out where its type says everything.
        let predicate = object.range("predicate").unwrap_or(0..0);
        if !predicate.is_empty() && payload.get(predicate.start) != Some(&b'{') {
            return Err(StatementError::Predicate(JsonError::NotAnObject));
        }
        let predicate_type = PredicateType::new(predicate_type);
        Ok(Self { subjects: subjects.0, predicate_type, predicate, payload })
    }

    /// The bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes that were signed, without the rest.
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The digest of the bytes that were signed: the same however often they are signed, wrapped and stored.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// What it is about, one at least.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// What kind of thing it says.
    pub fn predicate_type(&self) -> &PredicateType {
        &self.predicate_type
    }

    /// What it says: one JSON object, as it was signed.
    pub fn predicate(&self) -> &[u8] {
        self.payload.get(self.predicate.clone()).filter(|bytes| !bytes.is_empty()).unwrap_or(b"{}")
    }

    /// Whether it is about what hashes to `digest`: some subject has exactly this digest, of the same algorithm.
    pub fn is_about(&self, digest: &Digest) -> bool {
        let algorithm = match digest.algorithm() {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        };
        self.subjects
            .iter()
            .any(|subject| subject.digests.get(algorithm).is_some_and(|hex| hex == digest.hex()))
    }
}

impl Subject {
    /// A subject with one digest.
    pub fn new(name: impl Into<String>, digest: &Digest) -> Self {
        let text = digest.to_string();
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        Self { name: name.into(), digests: BTreeMap::from([(algorithm.to_owned(), hex.to_owned())]) }
    }
}

/// The bytes of a statement v1 that says `predicate`, one JSON object, word for word. The same arguments give the same
/// bytes.
///
/// ```
/// use sbom_core::{attest::{predicate::PredicateType, statement::{self, Subject}}, digest::Digest};
/// let subject = Subject::new("app", &Digest::of(b""));
/// let bytes = statement::write(&[subject], &"spdxjson".parse()?, br#"{ "spdxVersion": "SPDX-2.3" }"#)?;
/// assert!(bytes.starts_with(br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"#));
/// assert!(bytes.ends_with(br#""predicateType":"https://spdx.dev/Document","predicate":{ "spdxVersion": "SPDX-2.3" }}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(
    subjects: &[Subject],
    predicate_type: &PredicateType,
    predicate: &[u8],
) -> Result<Vec<u8>, StatementError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Head<'a> {
        #[serde(rename = "_type")]
        kind: &'static str,
        subject: &'a [Subject],
        predicate_type: &'a str,
    }
    Object::read(predicate).map_err(StatementError::Predicate)?;
    checked(subjects)?;
    let head = Head { kind: STATEMENT_V1, subject: subjects, predicate_type: predicate_type.uri() };
    // Strings alone: nothing here can fail to be written.
    let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
    bytes.pop();
    bytes.extend_from_slice(b",\"predicate\":");
    bytes.extend_from_slice(predicate.trim_ascii());
    bytes.push(b'}');
    Ok(bytes)
}

/// Subjects are as many as there may be, each with digests that are as they must be.
fn checked(subjects: &[Subject]) -> Result<(), StatementError> {
    if subjects.is_empty() || subjects.len() > MAX_SUBJECTS {
        return Err(StatementError::Subjects(subjects.len()));
    }
    for subject in subjects {
        check_digests(&subject.digests)
            .map_err(|problem| StatementError::Member { member: "subject", problem })?;
    }
    Ok(())
}

/// A member of the outermost object.
fn member<'a, T: Deserialize<'a>>(
    payload: &'a [u8],
    object: &Object<'_>,
    name: &'static str,
) -> Result<T, StatementError> {
    let wrong = |problem: String| StatementError::Member { member: name, problem };
    let range = object.range(name).ok_or_else(|| wrong("missing".to_owned()))?;
    let text = payload.get(range).unwrap_or_default();
    serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))
}

/// Subjects, refused as soon as there are too many of them.
struct Subjects(Vec<Subject>);

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Vec<Subject>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {MAX_SUBJECTS} subjects")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut subjects = Vec::new();
                while let Some(subject) = items.next_element()? {
                    if subjects.len() == MAX_SUBJECTS {
                        return Err(de::Error::invalid_length(MAX_SUBJECTS + 1, &self));
                    }
                    subjects.push(subject);
                }
                if subjects.is_empty() {
                    return Err(de::Error::invalid_length(0, &self));
                }
                Ok(subjects)
            }
        }
        deserializer.deserialize_seq(Visitor).map(Self)
    }
}

fn digests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "1 to {MAX_DIGESTS} digests")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut digests = BTreeMap::new();
            while let Some((algorithm, value)) = entries.next_entry()? {
                if digests.len() == MAX_DIGESTS {
                    return Err(de::Error::invalid_length(MAX_DIGESTS + 1, &self));
                }
                digests.insert(algorithm, value);
            }
            Ok(digests)
        }
    }
    let digests = deserializer.deserialize_map(Visitor)?;
    check_digests(&digests).map_err(de::Error::custom)?;
    Ok(digests)
}

fn check_digests(digests: &BTreeMap<String, String>) -> Result<(), String> {
    if digests.is_empty() || digests.len() > MAX_DIGESTS {
        return Err(format!("{} digests, of which there must be 1 to {MAX_DIGESTS}", digests.len()));
    }
    digests.iter().find(|(algorithm, value)| !is_digest(algorithm, value)).map_or(
        Ok(()),
        |(algorithm, value)| {
            let value: String = value.chars().take(160).collect();
            Err(format!("{value:?} is not a digest of {algorithm:?} in lower-case hex"))
        },
    )
}

/// Whether `value` is as an algorithm wants it. Of algorithms that in-toto does not write in hex nothing is known.
fn is_digest(algorithm: &str, value: &str) -> bool {
    let digits = match algorithm {
        "sha1" | "gitCommit" | "gitTree" | "gitBlob" | "gitTag" if value.len() != 64 => 40,
        "gitCommit" | "gitTree" | "gitBlob" | "gitTag" | "sha256" | "sha3_256" => 64,
        "sha224" | "sha3_224" => 56,
        "sha384" | "sha3_384" => 96,
        "sha512" | "sha3_512" => 128,
        "md5" => 32,
        "sha1" => return false,
        _ => return !value.is_empty(),
    };
    value.len() == digits && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(json: &str) -> Result<Statement, StatementError> {
        Statement::read(json.as_bytes().to_vec(), &Limits::default())
    }

    fn refused(json: &str, expected: &str) {
        let found = read(json).unwrap_err().to_string();
        assert!(found.contains(expected), "{json}\n{found}");
    }

    fn with(kind: &str, subject: &str, rest: &str) -> String {
        format!(
            r#"{{"_type":"{kind}","subject":{subject},"predicateType":"https://spdx.dev/Document"{rest}}}"#
        )
    }

    fn subject(digest: &str) -> String {
        format!(r#"[{{"digest":{digest}}}]"#)
    }

    fn good() -> String {
        subject(&format!(r#"{{"sha256":"{HEX}"}}"#))
    }

    #[test]
    fn both_versions_are_read_and_no_other() {
        for kind in [STATEMENT_V1, STATEMENT_V0_1] {
            let statement = read(&with(kind, &good(), r#","predicate":{ "a":1 },"more":2"#)).unwrap();
            assert_eq!(statement.predicate(), br#"{ "a":1 }"#);
            assert!(statement.is_about(&Digest::of(b"")));
            assert!(!statement.is_about(&Digest::of(b"a")));
        }
        for kind in ["https://in-toto.io/Statement/v2", "", "https://in-toto.io/Statement/v1/"] {
            refused(&with(kind, &good(), r#","predicate":{}"#), "the statement is of type");
        }
    }

    #[test]
    fn a_statement_about_nothing_or_too_much_is_refused() {
        refused(&with(STATEMENT_V1, "[]", ""), "expected 1 to 1024 subjects");
        let one = format!(r#"{{"digest":{{"sha256":"{HEX}"}}}}"#);
        let many = |n: usize| format!("[{}]", vec![one.as_str(); n].join(","));
        assert_eq!(read(&with(STATEMENT_V1, &many(1024), "")).unwrap().subjects().len(), 1024);
        refused(&with(STATEMENT_V1, &many(1025), ""), "expected 1 to 1024 subjects");
        refused(&with(STATEMENT_V1, &subject("{}"), ""), "0 digests");
        let digests: Vec<_> = (0..33).map(|n| format!("\"x{n}\":\"0\"")).collect();
        refused(&with(STATEMENT_V1, &subject(&format!("{{{}}}", digests.join(","))), ""), "1 to 32 digests");
    }

    #[test]
    fn digests_are_whole_and_in_lower_case() {
        for value in [HEX.to_uppercase().as_str(), HEX.get(1..).unwrap(), "", &format!("sha256:{HEX}")] {
            refused(
                &with(STATEMENT_V1, &subject(&format!(r#"{{"sha256":"{value}"}}"#)), ""),
                "is not a digest of",
            );
        }
        let other = subject(&format!(r#"{{"sha512":"{HEX}{HEX}","dirHash":"h1:+/8="}}"#));
        let statement = read(&with(STATEMENT_V1, &other, "")).unwrap();
        assert!(!statement.is_about(&Digest::of(b"")), "the same digits under another algorithm");
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_in_the_predicate_too() {
        refused(&with(STATEMENT_V1, &good(), r#","subject":[]"#), "there twice");
        refused(&with(STATEMENT_V1, &good(), r#","predicate":{"a":{"b":1,"b":2}}"#), "there twice");
    }

    #[test]
    fn members_of_the_wrong_shape_are_refused() {
        refused("[]", "not a JSON object");
        refused(r#"{"_type":"https://in-toto.io/Statement/v1"}"#, "subject is not as it must be: missing");
        refused(&with(STATEMENT_V1, &good(), r#","predicate":[]"#), "the predicate is not a JSON object");
        refused(&with(STATEMENT_V1, &good(), r#","predicate":null"#), "the predicate is not a JSON object");
        let untyped = with(STATEMENT_V1, &good(), "").replace("https://spdx.dev/Document", "");
        refused(&untyped, "predicateType is not as it must be: empty");
    }

    #[test]
    fn a_statement_without_a_predicate_says_an_empty_one() {
        assert_eq!(read(&with(STATEMENT_V1, &good(), "")).unwrap().predicate(), b"{}");
    }

    #[test]
    fn a_predicate_of_too_many_values_is_refused() {
        let mut limits = Limits::default();
        limits.set("statement-values", 10);
        let json = with(STATEMENT_V1, &good(), r#","predicate":{"a":[1,2,3,4,5,6]}"#);
        let error = Statement::read(json.into_bytes(), &limits).unwrap_err();
        assert!(error.to_string().contains("--limit statement-values"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_and_says_the_same() {
        let subjects = [Subject::new("a \"b\"", &Digest::of(b"")), Subject::new("", &Digest::of(b"x"))];
        let kind = "cyclonedx".parse().unwrap();
        let bytes = write(&subjects, &kind, b" {\"z\": [1.0, 2e3],\n\"a\":null}\n").unwrap();
        let statement = Statement::read(bytes.clone(), &Limits::default()).unwrap();
        assert_eq!(statement.subjects(), subjects);
        assert_eq!(statement.predicate_type(), &kind);
        assert_eq!(statement.predicate(), b"{\"z\": [1.0, 2e3],\n\"a\":null}");
        assert_eq!(write(&subjects, &kind, statement.predicate()).unwrap(), bytes);
    }

    #[test]
    fn what_could_not_be_read_is_not_written() {
        let subject = [Subject::new("", &Digest::of(b""))];
        let kind = PredicateType::new("https://example.org/a");
        assert!(matches!(write(&[], &kind, b"{}"), Err(StatementError::Subjects(0))));
        for predicate in ["", "[]", "{}{}", r#"{"a":1,"a":1}"#] {
            assert!(
                matches!(write(&subject, &kind, predicate.as_bytes()), Err(StatementError::Predicate(_))),
                "{predicate}"
            );
        }
    }
}

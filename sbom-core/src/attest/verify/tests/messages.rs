//! Signatures over artifacts themselves.

use std::sync::Arc;

use sbomctl_testkit::sigstore::{Content, Flaw, RekorApi, Signing, Sigstore, Subject as Name};

use super::*;
use crate::attest::{
    identity::{Pattern, SubjectPattern},
    trust::Root,
};

const FILE: &[u8] = b"artifact";

fn by() -> Signing {
    Signing::by(Name::Email("a@b.test".to_owned()), "https://issuer.test")
}

fn trusting(sigstore: &Sigstore) -> Demand {
    let root = Arc::new(Root::from_json(sigstore.trusted_root().as_bytes(), None).unwrap());
    let subject = SubjectPattern::new(Pattern::exact("a@b.test").unwrap());
    demand(vec![Trust::identity(Pattern::exact("https://issuer.test").unwrap(), subject, root)])
}

#[track_caller]
fn check(how: &Signing, artifact: Artifact<'_>, subject: &[u8], expected: Result<(), Reason>) {
    let sigstore = Sigstore::new();
    let bundle = sigstore.sign(Content::File(FILE), how).bundle();
    let demand = Demand { subject: Digest::of(subject), ..trusting(&sigstore) };
    let found = verify_message(bundle.as_bytes(), artifact, &demand, &Limits::default());
    let found = found.map(|verified| assert_eq!(verified.value().digest, Digest::of(subject)));
    assert_eq!(found.map_err(|refusal| refusal.reason), expected, "{how:?}");
}

#[test]
fn a_file_is_verified_by_its_bytes_or_its_digest() {
    for log in [RekorApi::V1, RekorApi::V2] {
        check(&by().logged(log), Artifact::Bytes(FILE), FILE, Ok(()));
        check(&by().logged(log), Artifact::Digest, FILE, Ok(()));
    }
}

#[test]
fn another_file_is_refused() {
    check(&by(), Artifact::Bytes(b"other"), b"other", Err(Reason::SubjectMismatch));
    check(&by(), Artifact::Bytes(b"other"), FILE, Err(Reason::SubjectMismatch));
    check(&by(), Artifact::Digest, b"other", Err(Reason::SubjectMismatch));
}

/// CVE-2022-36056 (GHSA-8gw7-4j42-w388) and GHSA-ccxc-vr6p-4858, of files.
#[test]
fn cve_2022_36056_an_entry_of_another_file_is_refused() {
    for log in [RekorApi::V1, RekorApi::V2] {
        for artifact in [Artifact::Bytes(FILE), Artifact::Digest] {
            check(&by().logged(log).with(Flaw::OtherEntry), artifact, FILE, Err(Reason::TlogMismatch));
            check(&by().logged(log).with(Flaw::OtherKey), artifact, FILE, Err(Reason::BadSignature));
        }
    }
}

#[test]
fn a_signature_over_a_file_states_nothing() {
    let sigstore = Sigstore::new();
    let demand = trusting(&sigstore);
    let file = sigstore.sign(Content::File(FILE), &by()).bundle();
    refused(&Signed::Bundle(file.into_bytes()), &demand, Reason::Unsupported);
    let statement = statement();
    let states = sigstore.sign(Content::Statement(&statement), &by()).bundle();
    let refusal =
        verify_message(states.as_bytes(), Artifact::Bytes(FILE), &demand, &Limits::default()).unwrap_err();
    assert_eq!(refusal.reason, Reason::Unsupported);
}

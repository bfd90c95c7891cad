//! Signatures of identities, with certificates, logs and time stamps: right, and wrong in every way that the services of
//! the test kit know.

use std::sync::Arc;

use sbomctl_testkit::sigstore::{Content, Flaw, Leaf, RekorApi, Signing, Sigstore, Subject as Name};

use super::*;
use crate::attest::{
    bundle::{Bundle, Material},
    identity::{Claim, Pattern, SubjectPattern},
    trust::{IdentityTrust, Root},
};

const ISSUER: &str = "https://issuer.test";
const WORKFLOW: &str = "https://git.test/acme/app/.github/workflows/release.yml@refs/tags/v1";
const LOGS: [RekorApi; 3] = [RekorApi::V1, RekorApi::V1InToto, RekorApi::V2];

fn by() -> Signing {
    Signing::by(Name::Uri(WORKFLOW.to_owned()), ISSUER)
}

fn root_of(sigstore: &Sigstore) -> Arc<Root> {
    Arc::new(Root::from_json(sigstore.trusted_root().as_bytes(), None).unwrap())
}

fn trusting(root: Arc<Root>) -> Demand {
    demand(vec![workflow(root)])
}

fn workflow(root: Arc<Root>) -> Trust {
    let subject = SubjectPattern::new(Pattern::exact(WORKFLOW).unwrap());
    Trust::identity(Pattern::exact(ISSUER).unwrap(), subject, root)
}

fn signed(sigstore: &Sigstore, how: &Signing) -> Signed {
    let statement = statement();
    Signed::Bundle(sigstore.sign(Content::Statement(&statement), how).bundle().into_bytes())
}

fn legacy(sigstore: &Sigstore, how: &Signing) -> Signed {
    let statement = statement();
    let (envelope, annotations) = sigstore.sign(Content::Statement(&statement), how).envelope();
    Signed::Envelope { bytes: envelope.into_bytes(), annotations }
}

/// In each log the first flaw that is found, or the same in all.
#[track_caller]
fn flawed(flaw: Flaw, reasons: [Reason; 3]) {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    for (log, reason) in LOGS.into_iter().zip(reasons) {
        let refusal =
            verify(&signed(&sigstore, &by().logged(log).with(flaw)), &demand).expect_err("it counts");
        assert_eq!(refusal.reason, reason, "{flaw:?} in {log:?}: {refusal}");
    }
}

#[test]
fn bundles_of_every_log_verify_and_say_what_was_checked() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    for log in LOGS {
        let verified = verify(&signed(&sigstore, &by().logged(log)), &demand).unwrap();
        let [signer] = verified.signers() else { panic!("{:?}", verified.signers()) };
        let SignerId::Identity { issuer, subject, .. } = &signer.id else { panic!("{signer:?}") };
        assert_eq!((issuer.as_str(), subject.name.as_str()), (ISSUER, WORKFLOW));
        let Time::Verified { at, source, not_before } = verified.time() else { panic!("no time") };
        assert_eq!((at.unix(), source), (sigstore.now(), TimeSource::TimestampAuthority));
        assert!(not_before.unwrap() <= at);
        assert_eq!(verified.log_places().len(), 1);
        let checks = shown(verified.checks());
        let made: Vec<_> = checks.iter().filter(|check| !check.contains(':')).map(String::as_str).collect();
        let expected = [
            "format",
            "payload-type",
            "signature",
            "statement",
            "subject",
            "predicate-type",
            "certificate-chain",
            "certificate-log",
            "log-entry",
            "log-inclusion",
            "time",
            "identity",
            "signer",
        ];
        assert_eq!(made, expected, "{log:?}");
    }
}

#[test]
fn the_older_format_verifies_by_promise_or_stamp() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    for log in [RekorApi::V1, RekorApi::V1InToto] {
        let verified = verify(&legacy(&sigstore, &by().logged(log)), &demand).unwrap();
        let checks = shown(verified.checks());
        assert!(
            checks.iter().any(|check| check.starts_with("log-inclusion: the log promised")),
            "{checks:?}"
        );
    }
    let without_stamp = Signing { stamped: false, ..by() };
    let verified = verify(&legacy(&sigstore, &without_stamp), &demand).unwrap();
    assert!(matches!(verified.time(), Time::Verified { source: TimeSource::Log, .. }));
    for (flaw, reason) in [
        (Flaw::ForgedSet, Reason::TlogInvalid),
        (Flaw::OtherLoggedTime, Reason::TlogInvalid),
        (Flaw::OtherEntry, Reason::TlogMismatch),
        (Flaw::EntryOfAnotherCertificate, Reason::TlogMismatch),
        (Flaw::OtherPayload, Reason::BadSignature),
        (Flaw::ForeignAuthority, Reason::Certificate),
    ] {
        refused(&legacy(&sigstore, &by().with(flaw)), &demand, reason);
    }
}

#[test]
fn annotations_that_make_no_sense_are_refused() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let Signed::Envelope { bytes, annotations } = legacy(&sigstore, &by()) else { panic!("no envelope") };
    for name in ["certificate", "bundle", "rfc3161timestamp"] {
        let mut annotations = annotations.clone();
        annotations.insert(format!("dev.sigstore.cosign/{name}"), "{".to_owned());
        refused(&Signed::Envelope { bytes: bytes.clone(), annotations }, &demand, Reason::Malformed);
    }
    let mut without = annotations;
    without.remove("dev.sigstore.cosign/bundle");
    refused(&Signed::Envelope { bytes, annotations: without }, &demand, Reason::TlogMissing);
}

#[test]
fn certificates_of_strangers_are_refused() {
    flawed(Flaw::ForeignAuthority, [Reason::Certificate; 3]);
    let sigstore = Sigstore::new();
    let other = trusting(root_of(&Sigstore::new()));
    assert!(verify(&signed(&sigstore, &by()), &other).is_err());
}

#[test]
fn the_promise_of_the_certificate_log_must_hold() {
    for flaw in [Flaw::NoPromise, Flaw::ForgedPromise, Flaw::PromiseOfAnother] {
        flawed(flaw, [Reason::Sct; 3]);
    }
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root_as(|root| drop(root.as_object_mut().unwrap().remove("ctlogs")));
    let demand = trusting(Arc::new(Root::from_json(root.as_bytes(), None).unwrap()));
    let verified = verify(&signed(&sigstore, &by().with(Flaw::NoPromise)), &demand).unwrap();
    let said = "certificate-log: the trusted root lists no log of certificates".to_owned();
    assert!(shown(verified.checks()).contains(&said));
}

#[test]
fn the_signature_is_one_of_the_certificates_key() {
    flawed(Flaw::OtherKey, [Reason::BadSignature; 3]);
    flawed(Flaw::OtherPayload, [Reason::BadSignature; 3]);
}

/// CVE-2022-23649, CVE-2022-36056 (GHSA-8gw7-4j42-w388), CVE-2026-22703 (GHSA-whqx-f9j3-ch6m), GHSA-ccxc-vr6p-4858: an
/// entry that is valid, and of something else.
#[test]
fn cve_2022_36056_and_its_kin_a_valid_entry_of_another_signature_is_refused() {
    flawed(Flaw::OtherEntry, [Reason::TlogMismatch; 3]);
    flawed(Flaw::EntryOfAnotherCertificate, [Reason::TlogMismatch; 3]);
}

#[test]
fn proof_and_checkpoint_must_hold_and_be_of_one_tree() {
    flawed(Flaw::OtherBody, [Reason::TlogInvalid; 3]);
    flawed(Flaw::ForgedCheckpoint, [Reason::TlogInvalid; 3]);
    flawed(Flaw::OtherRoot, [Reason::TlogInvalid; 3]);
    flawed(Flaw::RootsDiffer, [Reason::TlogInvalid; 3]);
    flawed(Flaw::OtherSize, [Reason::TlogInvalid; 3]);
    flawed(Flaw::OtherIndex, [Reason::TlogInvalid; 3]);
    flawed(Flaw::NoProof, [Reason::TlogMissing; 3]);
}

#[test]
fn the_promise_of_the_log_must_hold_where_it_is() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    for flaw in [Flaw::ForgedSet, Flaw::OtherLoggedTime] {
        refused(&signed(&sigstore, &by().with(flaw)), &demand, Reason::TlogInvalid);
    }
    assert!(
        verify(&signed(&sigstore, &by().with(Flaw::NoSet)), &demand).is_ok(),
        "a proof is more than a promise"
    );
}

#[test]
fn the_same_entry_twice_counts_for_nothing() {
    flawed(Flaw::EntryTwice, [Reason::Duplicate; 3]);
}

#[test]
fn a_stamp_must_be_over_the_signature_and_of_a_trusted_authority() {
    for flaw in [Flaw::StampOfAnother, Flaw::ForeignStamp, Flaw::OtherStampedTime] {
        flawed(flaw, [Reason::TimeInvalid; 3]);
    }
}

#[test]
fn somebody_must_say_when_it_was_signed() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let without = |how: Signing| signed(&sigstore, &Signing { stamped: false, ..how });
    assert!(verify(&without(by()), &demand).is_ok());
    refused(&without(by().with(Flaw::NoSet)), &demand, Reason::TimeMissing);
    refused(&without(by().logged(RekorApi::V2)), &demand, Reason::TimeMissing);
}

#[test]
fn every_time_lies_within_the_validity_of_the_certificate() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let late = sigstore.now() + 3600;
    for how in [
        Signing { stamped_at: Some(late), ..by() },
        Signing { stamped_at: Some(sigstore.now() - 3600), ..by() },
        Signing { logged_at: Some(late), ..by() },
        Signing { logged_at: Some(late), stamped: false, ..by() },
        Signing { stamped_at: Some(late), ..by().logged(RekorApi::V2) },
    ] {
        let refusal = verify(&signed(&sigstore, &how), &demand).expect_err("it counts");
        assert!(matches!(refusal.reason, Reason::Certificate | Reason::TimeOutside), "{refusal}");
    }
}

#[test]
fn authorities_and_logs_count_within_their_spans() {
    let sigstore = Sigstore::new();
    let ended = |list: &str, place: usize, in_key: bool| {
        let root = sigstore.trusted_root_as(|root| {
            let item = &mut root[list][place];
            let item = if in_key { &mut item["publicKey"] } else { item };
            item["validFor"]["end"] = "2021-01-01T00:00:00Z".into();
        });
        trusting(Arc::new(Root::from_json(root.as_bytes(), None).unwrap()))
    };
    let good = signed(&sigstore, &by());
    let tiled = signed(&sigstore, &by().logged(RekorApi::V2));
    refused(&good, &ended("certificateAuthorities", 0, false), Reason::Certificate);
    refused(&good, &ended("timestampAuthorities", 0, false), Reason::TimeInvalid);
    refused(&good, &ended("ctlogs", 0, true), Reason::Sct);
    assert!(verify(&good, &ended("tlogs", 0, true)).is_err());
    refused(&tiled, &ended("tlogs", 1, true), Reason::TlogUnknown);
    assert!(verify(&tiled, &ended("tlogs", 0, true)).is_ok(), "another log's end");
}

#[test]
fn a_log_that_the_root_does_not_list_is_unknown() {
    let sigstore = Sigstore::new();
    let root = sigstore.trusted_root_as(|root| drop(root["tlogs"].as_array_mut().unwrap().remove(1)));
    let demand = trusting(Arc::new(Root::from_json(root.as_bytes(), None).unwrap()));
    let refusal = verify(&signed(&sigstore, &by().logged(RekorApi::V2)), &demand).unwrap_err();
    assert!(matches!(refusal.reason, Reason::TlogUnknown | Reason::TlogInvalid), "{refusal}");
}

#[test]
fn without_a_log_only_what_needs_none_counts() {
    let sigstore = Sigstore::new();
    let unlogged = signed(&sigstore, &Signing { log: None, ..by() });
    let mut demand = trusting(root_of(&sigstore));
    refused(&unlogged, &demand, Reason::TlogMissing);
    demand.log = Need::Never;
    let verified = verify(&unlogged, &demand).unwrap();
    assert!(shown(verified.checks()).contains(&"log-inclusion: no transparency log has it".to_owned()));
    // A deployment without a log, as GitHub's for private repositories.
    let root = sigstore.trusted_root_as(|root| drop(root.as_object_mut().unwrap().remove("tlogs")));
    let mut demand = trusting(Arc::new(Root::from_json(root.as_bytes(), None).unwrap()));
    assert!(verify(&unlogged, &demand).is_ok());
    demand.log = Need::Always;
    refused(&unlogged, &demand, Reason::TlogMissing);
}

#[test]
fn issuer_and_subject_must_both_be_the_trusted_ones() {
    let sigstore = Sigstore::new();
    let root = root_of(&sigstore);
    let other = Signing::by(Name::Uri(format!("{WORKFLOW}x")), ISSUER);
    refused(&signed(&sigstore, &other), &trusting(root.clone()), Reason::SignerMismatch);
    let other = Signing::by(Name::Uri(WORKFLOW.to_owned()), "https://other.test");
    refused(&signed(&sigstore, &other), &trusting(root.clone()), Reason::SignerMismatch);
    // A name of the same letters in another form.
    for name in [Name::Email(WORKFLOW.to_owned()), Name::UserName(WORKFLOW.to_owned())] {
        refused(
            &signed(&sigstore, &Signing::by(name, ISSUER)),
            &trusting(root.clone()),
            Reason::SignerMismatch,
        );
    }
    let nobody = Signing { leaf: Leaf { subject: None, ..by().leaf }, ..by() };
    refused(&signed(&sigstore, &nobody), &trusting(root), Reason::SignerMismatch);
}

#[test]
fn names_of_every_form_are_trusted_in_their_own() {
    let sigstore = Sigstore::new();
    let root = root_of(&sigstore);
    let names = [
        ("a@b.test", Name::Email("a@b.test".to_owned())),
        ("a!b.test", Name::UserName("a!b.test".to_owned())),
    ];
    for (text, name) in names {
        let subject = SubjectPattern::new(Pattern::exact(text).unwrap());
        let trust = Trust::identity(Pattern::exact(ISSUER).unwrap(), subject, root.clone());
        assert!(
            verify(&signed(&sigstore, &Signing::by(name, ISSUER)), &demand(vec![trust])).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn the_older_issuer_counts_alone_and_may_not_disagree() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let with = |issuer: Option<&str>, legacy: Option<&str>| {
        let leaf =
            Leaf { issuer: issuer.map(str::to_owned), legacy_issuer: legacy.map(str::to_owned), ..by().leaf };
        signed(&sigstore, &Signing { leaf, ..by() })
    };
    assert!(verify(&with(None, Some(ISSUER)), &demand).is_ok());
    assert!(verify(&with(Some(ISSUER), None), &demand).is_ok());
    refused(&with(Some(ISSUER), Some("https://other.test")), &demand, Reason::Certificate);
    refused(&with(Some("https://other.test"), Some(ISSUER)), &demand, Reason::Certificate);
    refused(&with(None, None), &demand, Reason::Certificate);
}

#[test]
fn a_certificate_is_for_signing_code_and_no_authority() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let leaves = [
        Leaf { usages: vec!["1.3.6.1.5.5.7.3.1".to_owned()], ..by().leaf },
        Leaf { usages: Vec::new(), ..by().leaf },
        Leaf { is_authority: true, ..by().leaf },
        Leaf { extensions: vec![("1.2.3.4".to_owned(), true, vec![5, 0])], ..by().leaf },
    ];
    for leaf in leaves {
        let how = Signing { leaf, ..by() };
        refused(&signed(&sigstore, &how), &demand, Reason::Certificate);
    }
    let harmless = Leaf { extensions: vec![("1.2.3.4".to_owned(), false, vec![5, 0])], ..by().leaf };
    assert!(verify(&signed(&sigstore, &Signing { leaf: harmless, ..by() }), &demand).is_ok());
}

#[test]
fn claims_of_the_certificate_can_be_demanded() {
    let sigstore = Sigstore::new();
    let root = root_of(&sigstore);
    let claiming =
        |id: &str| Signing { leaf: by().leaf.with_claim(17, id).with_claim(14, "refs/tags/v1"), ..by() };
    let Trust::Identity(mut trust) = workflow(root) else { panic!("no identity") };
    trust.claims.insert(Claim::OwnerId, Pattern::exact("42").unwrap());
    let demand = demand(vec![Trust::Identity(IdentityTrust { ..trust })]);
    let verified = verify(&signed(&sigstore, &claiming("42")), &demand).unwrap();
    let SignerId::Identity { claims, .. } = &verified.signers()[0].id else { panic!("no identity") };
    assert_eq!(claims.get(&Claim::Ref).map(String::as_str), Some("refs/tags/v1"));
    // An account of the same name, registered again.
    refused(&signed(&sigstore, &claiming("43")), &demand, Reason::SignerMismatch);
    refused(&signed(&sigstore, &by()), &demand, Reason::SignerMismatch);
    let twice = Signing { leaf: claiming("42").leaf.with_claim(17, "43"), ..by() };
    refused(&signed(&sigstore, &twice), &demand, Reason::Certificate);
}

#[test]
fn a_chain_that_brings_its_own_root_is_refused() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    let chained = |take: std::ops::Range<usize>| {
        let statement = statement();
        let made = sigstore.sign(Content::Statement(&statement), &by());
        let root: serde_json::Value = serde_json::from_str(&sigstore.trusted_root()).unwrap();
        let authorities = &root["certificateAuthorities"][0]["certChain"]["certificates"];
        let further: Vec<_> = authorities.as_array().unwrap()[take].to_vec();
        let bundle = made.bundle_as(|bundle| {
            bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
            let material = bundle["verificationMaterial"].as_object_mut().unwrap();
            let leaf = material.remove("certificate").unwrap();
            let chain: Vec<_> = std::iter::once(leaf).chain(further).collect();
            material.insert("x509CertificateChain".to_owned(), serde_json::json!({ "certificates": chain }));
        });
        Signed::Bundle(bundle.into_bytes())
    };
    assert!(verify(&chained(0..0), &demand).is_ok());
    assert!(verify(&chained(0..1), &demand).is_ok(), "with the intermediate");
    refused(&chained(0..2), &demand, Reason::Certificate);
    let newest = edited(&chained(0..0), "bundle+json;version=0.2", "bundle.v0.3+json");
    refused(&newest, &demand, Reason::Malformed);
}

#[test]
fn what_was_withdrawn_is_refused() {
    let sigstore = Sigstore::new();
    let mut demand = trusting(root_of(&sigstore));
    let good = signed(&sigstore, &by());
    let verified = verify(&good, &demand).unwrap();
    let SignerId::Identity { certificate, .. } = &verified.signers()[0].id else { panic!("no identity") };
    demand.revoked.certificates.insert(certificate.clone());
    refused(&good, &demand, Reason::Revoked);
    demand.revoked = Revoked::default();
    demand.revoked.log_indexes.insert(verified.log_places()[0].index);
    refused(&good, &demand, Reason::Revoked);
}

#[test]
fn an_identity_counts_within_its_span() {
    let sigstore = Sigstore::new();
    let Trust::Identity(mut trust) = workflow(root_of(&sigstore)) else { panic!("no identity") };
    trust.window.not_after = Some(Timestamp::from_unix(sigstore.now() - 1).unwrap());
    refused(&signed(&sigstore, &by()), &demand(vec![Trust::Identity(trust)]), Reason::TimeOutside);
}

#[test]
fn an_identity_that_only_another_deployment_knows_is_found_behind_the_first() {
    let (sigstore, other) = (Sigstore::new(), Sigstore::new());
    let demand = demand(vec![workflow(root_of(&other)), workflow(root_of(&sigstore))]);
    let verified = verify(&signed(&sigstore, &by()), &demand).unwrap();
    assert_eq!(verified.signers()[0].trusted_as, [1]);
}

#[test]
fn what_is_verified_for_each_deployment_counts_for_each() {
    let sigstore = Sigstore::new();
    // A signature, a log's word and a stamp.
    let signed = signed(&sigstore, &by());
    let shared = root_of(&sigstore);
    let one = std::iter::repeat_with(|| workflow(Arc::clone(&shared))).take(5).collect::<Vec<_>>();
    let five = std::iter::repeat_with(|| workflow(root_of(&sigstore))).take(5).collect::<Vec<_>>();
    for (signers, checks) in [(one, 3), (five, 15)] {
        let demand = demand(signers);
        for (most, is_enough) in [(checks, true), (checks - 1, false)] {
            let mut limits = Limits::default();
            limits.set("signature-checks", most);
            let verified = super::super::verify(&signed, &demand, &limits);
            assert_eq!(verified.is_ok(), is_enough, "{most}");
            assert!(is_enough || verified.unwrap_err().reason == Reason::Limit);
        }
    }
}

/// The bundle of a signature as one of a key that nobody certified.
fn as_key(sigstore: &Sigstore, how: &Signing) -> (Signed, crate::attest::key::PublicKey) {
    let statement = statement();
    let made = sigstore.sign(Content::Statement(&statement), how);
    let key = certificate::Certificate::read(made.certificate()).unwrap().key;
    let bundle = made.bundle_as(|bundle| {
        let material = bundle["verificationMaterial"].as_object_mut().unwrap();
        material.remove("certificate");
        material.insert("publicKey".to_owned(), serde_json::json!({"hint": "x"}));
    });
    (Signed::Bundle(bundle.into_bytes()), key)
}

#[test]
fn evidence_about_a_key_is_verified_where_a_root_is_trusted() {
    let sigstore = Sigstore::new();
    let of = |key| Trust::Key(KeyTrust { key, window: Window::default(), root: Some(root_of(&sigstore)) });
    let (logged, key) = as_key(&sigstore, &by());
    let demand_all = Demand { log: Need::Always, time: Need::Always, ..demand(vec![of(key)]) };
    let verified = verify(&logged, &demand_all).unwrap();
    assert!(matches!(verified.time(), Time::Verified { not_before: None, .. }));
    assert_eq!(verified.log_places().len(), 1);
    let (stamped, key) = as_key(&sigstore, &Signing { log: None, ..by() });
    let verified = verify(&stamped, &demand(vec![of(key)])).unwrap();
    assert_eq!(verified.time().verified().unwrap().unix(), sigstore.now());
    for (flaw, reason) in [
        (Flaw::OtherEntry, Reason::TlogMismatch),
        (Flaw::ForgedCheckpoint, Reason::TlogInvalid),
        (Flaw::ForgedSet, Reason::TlogInvalid),
        (Flaw::StampOfAnother, Reason::TimeInvalid),
        (Flaw::EntryTwice, Reason::Duplicate),
    ] {
        let (bundle, key) = as_key(&sigstore, &by().with(flaw));
        refused(&bundle, &demand(vec![of(key)]), reason);
    }
    // In the log the signature is one of a certificate, which the key is not.
    let (tiled, key) = as_key(&sigstore, &by().logged(RekorApi::V2));
    refused(&tiled, &demand(vec![of(key)]), Reason::TlogMismatch);
}

#[test]
fn a_stamp_that_is_added_later_makes_nothing_younger() {
    let sigstore = Sigstore::new();
    let of = |key| Trust::Key(KeyTrust { key, window: Window::default(), root: Some(root_of(&sigstore)) });
    let now = sigstore.now();
    for (logged, stamped, source) in [
        (now - 400, now - 100, TimeSource::Log),
        (now - 100, now - 400, TimeSource::TimestampAuthority),
        (now - 400, now - 400, TimeSource::TimestampAuthority),
    ] {
        let how = Signing { logged_at: Some(logged), stamped_at: Some(stamped), ..by() };
        let (bundle, key) = as_key(&sigstore, &how);
        let time = verify(&bundle, &demand(vec![of(key)])).unwrap().time();
        let at = Timestamp::from_unix(now - 400).unwrap();
        assert_eq!(time, Time::Verified { at, source, not_before: None });
    }
}

#[test]
fn a_log_whose_time_is_over_vouches_for_no_key_of_which_nobody_says_when_it_signed() {
    let sigstore = Sigstore::new();
    // With a proof and without the promise, whose time would count.
    let (bundle, key) = as_key(&sigstore, &Signing { stamped: false, ..by() }.with(Flaw::NoSet));
    let trusting = |end: &str| {
        let root = sigstore.trusted_root_as(|root| {
            root["tlogs"][0]["publicKey"]["validFor"]["end"] = end.into();
        });
        let root = Some(Arc::new(Root::from_json(root.as_bytes(), None).unwrap()));
        let key = Trust::Key(KeyTrust { key: key.clone(), window: Window::default(), root });
        Demand { log: Need::Always, ..demand(vec![key]) }
    };
    assert_eq!(verify(&bundle, &trusting("2999-01-01T00:00:00Z")).unwrap().time(), Time::Unverified);
    let over = trusting("2021-01-01T00:00:00Z");
    refused(&bundle, &over, Reason::TlogUnknown);
    // Where no log is demanded it counts as if there were no entry, but one that is wrong is wrong.
    let lenient = Demand { log: Need::BySigner, ..over };
    let verified = verify(&bundle, &lenient).unwrap();
    assert_eq!(verified.time(), Time::Unverified);
    let why = "log-inclusion: its log is not a trusted one now, and nobody says that it was at the time of the signature";
    assert!(shown(verified.checks()).contains(&why.to_owned()), "{:?}", verified.checks());
    refused(&bundle, &Demand { time: Need::Always, ..lenient.clone() }, Reason::TimeMissing);
    let place = verified.log_places().first().unwrap().index;
    let revoked = Revoked { log_indexes: [place].into(), ..Revoked::default() };
    refused(&bundle, &Demand { revoked, ..lenient }, Reason::Revoked);
}

#[test]
fn a_key_is_no_identity_and_an_identity_no_key() {
    let sigstore = Sigstore::new();
    let (bundle, _) = as_key(&sigstore, &by());
    refused(&bundle, &trusting(root_of(&sigstore)), Reason::SignerMismatch);
    refused(&signed(&sigstore, &by()), &demand(vec![trust(&key())]), Reason::SignerMismatch);
}

#[test]
fn an_entry_of_a_kind_that_is_not_known_is_said_to_be() {
    let sigstore = Sigstore::new();
    let demand = trusting(root_of(&sigstore));
    refused(&signed(&sigstore, &by().logged(RekorApi::V2Dsse)), &demand, Reason::Unsupported);
}

#[test]
fn a_certificate_cut_anywhere_is_refused_and_never_a_panic() {
    let sigstore = Sigstore::new();
    let Signed::Bundle(bytes) = signed(&sigstore, &by()) else { panic!("no bundle") };
    let Material::Certificates(chain) = Bundle::read(&bytes).unwrap().material else {
        panic!("no certificate")
    };
    for end in 0..chain[0].len() {
        assert!(certificate::Certificate::read(&chain[0][..end]).is_err());
    }
}

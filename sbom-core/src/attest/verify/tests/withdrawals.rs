//! Records that withdraw others: whom they bind, and on how little proof.

use std::sync::Arc;

use sbomctl_testkit::sigstore::{Content, Flaw, Signing, Sigstore, Subject as Name};

use super::*;
use crate::attest::{
    identity::{Pattern, SubjectPattern},
    predicate::Family,
    trust::Root,
};

const RECORD: &str = "https://records.test/withdrawal/v1";
const WHAT: &[u8] = br#"{"a":[1,2]}"#;

fn hear(signed: &Signed, demand: &Demand) -> Option<Withdrawal> {
    heard(signed, demand).withdrawal
}

fn heard(signed: &Signed, demand: &Demand) -> Heard {
    let about_other = Digest::of(b"another part of the image");
    let withdrawing =
        Withdrawing { predicate: PredicateType::new(RECORD), subjects: [artifact(), about_other].into() };
    let limits = Limits::default();
    hear_within(signed, demand, &withdrawing, &limits, &mut Work::new(&limits))
}

/// Who withdraws, if anybody does.
#[track_caller]
fn check(signed: &Signed, demand: &Demand, by: &[usize]) {
    let withdrawal = hear(signed, demand);
    let found: Vec<usize> = withdrawal.iter().flat_map(|withdrawal| &withdrawal.by).copied().collect();
    assert_eq!(found, by, "{withdrawal:?}");
    assert!(withdrawal.is_none_or(|it| it.predicate.as_deref() == Some(WHAT)));
}

#[test]
fn a_keys_record_binds_by_its_signature_alone() {
    let (other, key) = (key(), key());
    let record = bundle(&statement_of(RECORD), &key);
    let trusted = demand(vec![trust(&other), trust(&key), trust(&key)]);
    check(&record, &trusted, &[1, 2]);
    let strict = Demand { log: Need::Always, time: Need::Always, ..trusted.clone() };
    refused(&record, &strict, Reason::WrongType);
    check(&record, &strict, &[1, 2]);
    let over = Window { not_before: None, not_after: Some(Timestamp::from_unix(1).unwrap()) };
    let past = Trust::Key(KeyTrust { key: key.public().clone(), window: over, root: None });
    check(&record, &demand(vec![past]), &[0]);
    // It is no word of anybody else, and what is said of other things withdraws nothing.
    check(&record, &demand(vec![trust(&other)]), &[]);
    check(&bundle(&statement(), &key), &trusted, &[]);
    check(&edited(&record, "payloadType\":\"", "payloadType\":\"x"), &trusted, &[]);
    let elsewhere = Subject::new("artifact", &Digest::of(b"another image"));
    let elsewhere = statement::write(&[elsewhere], &PredicateType::new(RECORD), WHAT).unwrap();
    check(&bundle(&elsewhere, &key), &trusted, &[]);
}

#[test]
fn a_record_binds_whatever_part_of_the_image_it_is_about() {
    let key = key();
    let part = Subject::new("part", &Digest::of(b"another part of the image"));
    let record = statement::write(&[part], &PredicateType::new(RECORD), WHAT).unwrap();
    let record = bundle(&record, &key);
    refused(&record, &demand(vec![trust(&key)]), Reason::SubjectMismatch);
    check(&record, &demand(vec![trust(&key)]), &[0]);
}

#[test]
fn a_record_that_is_listed_as_withdrawn_binds_nobody() {
    let key = key();
    let record = bundle(&statement_of(RECORD), &key);
    let Signed::Bundle(bytes) = &record else { panic!("not a bundle") };
    for digest in [Digest::of(bytes), Digest::of(&statement_of(RECORD))] {
        let revoked = Revoked { attestations: [digest].into(), ..Revoked::default() };
        check(&record, &Demand { revoked, ..demand(vec![trust(&key)]) }, &[]);
    }
}

#[test]
fn what_a_trusted_key_signed_and_nobody_can_read_is_told() {
    let key = key();
    let odd = bundle(br#"{"_type":"https://in-toto.io/Statement/v1","_type":"x"}"#, &key);
    refused(&odd, &demand(vec![trust(&key)]), Reason::BadStatement);
    let withdrawal = hear(&odd, &demand(vec![trust(&key)])).unwrap();
    assert_eq!((withdrawal.by, withdrawal.predicate), ([0].into(), None));
    assert_eq!(hear(&odd, &demand(vec![trust(&self::key())])), None);
}

#[test]
fn an_identitys_record_needs_no_log_and_must_be_its_own() {
    let sigstore = Sigstore::new();
    let of = |root: &Sigstore, subject: &str| {
        let root = Arc::new(Root::from_json(root.trusted_root().as_bytes(), None).unwrap());
        let subject = SubjectPattern::new(Pattern::exact(subject).unwrap());
        demand(vec![Trust::identity(Pattern::exact("https://issuer.test").unwrap(), subject, root)])
    };
    let by = Signing::by(Name::Email("a@b.test".to_owned()), "https://issuer.test");
    let record = |how: &Signing| {
        let statement = statement_of(RECORD);
        Signed::Bundle(sigstore.sign(Content::Statement(&statement), how).bundle().into_bytes())
    };
    let trusted = of(&sigstore, "a@b.test");
    check(&record(&by), &trusted, &[0]);
    check(&record(&Signing { log: None, ..by.clone() }), &trusted, &[0]);
    check(&record(&Signing { log: None, stamped: false, ..by.clone() }), &trusted, &[]);
    check(&record(&by.clone().with(Flaw::ForeignAuthority)), &trusted, &[]);
    check(&record(&by), &of(&sigstore, "x@b.test"), &[]);
    check(&record(&by), &of(&Sigstore::new(), "a@b.test"), &[]);
}

#[test]
fn what_says_no_is_heard_without_log_and_time() {
    let key = key();
    let lenient = Demand { predicate: None, ..demand(vec![trust(&key)]) };
    let strict = Demand { log: Need::Always, time: Need::Always, ..lenient.clone() };
    let by = |signed: &Signed, demand: &Demand| -> Vec<usize> {
        let against = heard(signed, demand).against;
        against.iter().flat_map(Unproven::signers).flat_map(|signer| signer.trusted_as.clone()).collect()
    };
    for family in [Family::VerificationSummary, Family::OpenVex] {
        let signed = bundle(&statement_of(family.uri()), &key);
        refused(&signed, &strict, Reason::TlogMissing);
        assert_eq!(by(&signed, &strict), [0]);
        // What counts is heard as such, and what is about something else, of another type or by others not at all.
        assert_eq!(by(&signed, &lenient), [0; 0]);
        assert_eq!(by(&signed, &Demand { subject: Digest::of(b"x"), ..strict.clone() }), [0; 0]);
        let other = Some(PredicateType::new(RECORD));
        assert_eq!(by(&signed, &Demand { predicate: other, ..strict.clone() }), [0; 0]);
        assert_eq!(by(&signed, &Demand { signers: vec![trust(&self::key())], ..strict.clone() }), [0; 0]);
    }
    assert_eq!(by(&bundle(&statement(), &key), &strict), [0; 0]);
}

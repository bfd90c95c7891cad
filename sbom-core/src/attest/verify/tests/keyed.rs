//! Signatures of keys, without logs and time stamps.

use super::*;

#[test]
fn a_bundle_of_each_kind_of_key_verifies() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let verified = verify(&bundle(&statement(), &key), &demand(vec![trust(&key)])).unwrap();
        assert_eq!(verified.value().predicate(), br#"{"a":[1,2]}"#);
        assert_eq!(verified.value().payload(), statement());
        let id = SignerId::Key { fingerprint: key.public().fingerprint() };
        assert_eq!(verified.signers(), [Signer { id, trusted_as: vec![0] }]);
        assert_eq!(verified.time(), Time::Unverified);
    }
}

#[test]
fn what_was_checked_and_what_was_not_is_said() {
    let key = key();
    let verified = verify(&bundle(&statement(), &key), &demand(vec![trust(&key)])).unwrap();
    assert_eq!(
        shown(verified.checks()),
        [
            "format",
            "payload-type",
            "signature",
            "statement",
            "subject",
            "predicate-type",
            "log-inclusion: no transparency log has it",
            "time: nobody says when it was signed",
            "signer",
            "revocation: nothing is listed as withdrawn",
        ]
    );
}

#[test]
fn the_signature_covers_type_and_payload() {
    let key = key();
    let trusted = demand(vec![trust(&key)]);
    let mut changed = envelope(IN_TOTO, &statement(), &[&key]);
    changed.payload.push(b' ');
    refused(&Signed::Bundle(of_key(&changed, key.public())), &trusted, Reason::BadSignature);
    let mut changed = envelope("application/json", &statement(), &[&key]);
    changed.payload_type = IN_TOTO.to_owned();
    refused(&Signed::Bundle(of_key(&changed, key.public())), &trusted, Reason::BadSignature);
    // A signature over the payload alone is none.
    let mut changed = envelope(IN_TOTO, &statement(), &[&key]);
    changed.signatures[0].sig = key.sign(&statement()).unwrap();
    refused(&Signed::Bundle(of_key(&changed, key.public())), &trusted, Reason::BadSignature);
}

#[test]
fn payloads_of_other_types_are_refused_before_they_are_parsed() {
    let key = key();
    for kind in ["application/json", "application/vnd.in-toto+json ", "APPLICATION/VND.IN-TOTO+JSON", ""] {
        let envelope = envelope(kind, &statement(), &[&key]);
        let signed = Signed::Bundle(of_key(&envelope, key.public()));
        refused(&signed, &demand(vec![trust(&key)]), Reason::PayloadType);
    }
}

#[test]
fn a_stranger_is_not_trusted_whatever_the_hint_says() {
    let (ours, theirs) = (key(), key());
    let trusted = demand(vec![trust(&ours)]);
    refused(&bundle(&statement(), &theirs), &trusted, Reason::SignerMismatch);
    let pretended = Signed::Bundle(of_key(&envelope(IN_TOTO, &statement(), &[&theirs]), ours.public()));
    refused(&pretended, &trusted, Reason::BadSignature);
    let unhelpful = Signed::Bundle(of_key(&envelope(IN_TOTO, &statement(), &[&ours]), theirs.public()));
    assert!(verify(&unhelpful, &trusted).is_ok());
    let mut named = envelope(IN_TOTO, &statement(), &[&ours]);
    named.signatures[0].keyid = "anything".to_owned();
    assert!(verify(&Signed::Bundle(of_key(&named, ours.public())), &trusted).is_ok());
}

#[test]
fn without_signers_nobody_is_trusted() {
    let key = key();
    refused(&bundle(&statement(), &key), &demand(vec![]), Reason::SignerMismatch);
}

#[test]
fn a_bundle_holds_one_signature() {
    let (ours, theirs) = (key(), key());
    let both = envelope(IN_TOTO, &statement(), &[&ours, &theirs]);
    let trusted = demand(vec![trust(&ours)]);
    refused(&Signed::Bundle(of_key(&both, ours.public())), &trusted, Reason::Malformed);
    let none = envelope(IN_TOTO, &statement(), &[]);
    refused(&Signed::Bundle(of_key(&none, ours.public())), &trusted, Reason::Malformed);
}

#[test]
fn an_envelope_may_hold_several_of_which_each_signer_counts_once() {
    let (ours, also, theirs) = (key(), key(), key());
    let signed = plain(&envelope(IN_TOTO, &statement(), &[&theirs, &ours, &ours, &also]));
    let verified = verify(&signed, &demand(vec![trust(&ours), trust(&also), trust(&ours)])).unwrap();
    let places: Vec<_> = verified.signers().iter().map(|signer| signer.trusted_as.clone()).collect();
    assert_eq!(places, [vec![0, 2], vec![1]]);
    refused(
        &plain(&envelope(IN_TOTO, &statement(), &[&theirs])),
        &demand(vec![trust(&ours)]),
        Reason::SignerMismatch,
    );
    refused(&plain(&envelope(IN_TOTO, &statement(), &[])), &demand(vec![trust(&ours)]), Reason::Malformed);
}

#[test]
fn a_statement_about_something_else_is_refused() {
    let key = key();
    let mut about = demand(vec![trust(&key)]);
    about.subject = Digest::of(b"another");
    refused(&bundle(&statement(), &key), &about, Reason::SubjectMismatch);
    // The digest is compared whole and under its own algorithm; the name is for people.
    about.subject = format!("sha512:{0}{0}", artifact().hex()).parse().unwrap();
    refused(&bundle(&statement(), &key), &about, Reason::SubjectMismatch);
    let named = Subject::new(artifact().to_string(), &Digest::of(b"another"));
    let named = statement::write(&[named], &"spdx".parse().unwrap(), b"{}").unwrap();
    refused(&bundle(&named, &key), &demand(vec![trust(&key)]), Reason::SubjectMismatch);
}

#[test]
fn one_of_several_subjects_is_enough() {
    let key = key();
    let subjects = [Subject::new("index", &Digest::of(b"index")), Subject::new("", &artifact())];
    let statement = statement::write(&subjects, &"spdx".parse().unwrap(), b"{}").unwrap();
    for subject in [artifact(), Digest::of(b"index")] {
        let demand = Demand { subject, ..demand(vec![trust(&key)]) };
        assert!(verify(&bundle(&statement, &key), &demand).is_ok());
    }
}

#[test]
fn what_is_signed_and_no_statement_is_refused() {
    let key = key();
    let cases = [
        "",
        "{}",
        "null",
        r#"{"_type":"https://in-toto.io/Statement/v9","subject":[],"predicateType":"a","predicate":{}}"#,
    ];
    for payload in cases {
        refused(&bundle(payload.as_bytes(), &key), &demand(vec![trust(&key)]), Reason::BadStatement);
    }
    let twice = String::from_utf8(statement()).unwrap().replace(r#""a":[1,2]"#, r#""a":1,"a":2"#);
    refused(&bundle(twice.as_bytes(), &key), &demand(vec![trust(&key)]), Reason::BadStatement);
}

#[test]
fn types_are_compared_by_family() {
    let key = key();
    for uri in ["https://spdx.dev/Document/v2.3", "spdx.dev/Document"] {
        assert!(verify(&bundle(&statement_of(uri), &key), &demand(vec![trust(&key)])).is_ok(), "{uri}");
    }
    let any = Demand { predicate: None, ..demand(vec![trust(&key)]) };
    let verified = verify(&bundle(&statement_of("https://example.org/x"), &key), &any).unwrap();
    assert!(shown(verified.checks()).contains(&"predicate-type: any type is accepted".to_owned()));
}

#[test]
fn a_member_of_the_bundle_that_is_there_twice_is_refused() {
    let key = key();
    let good = bundle(&statement(), &key);
    let trusted = demand(vec![trust(&key)]);
    let twice = edited(&good, r#""dsseEnvelope":"#, r#""dsse_envelope":{},"dsseEnvelope":"#);
    refused(&twice, &trusted, Reason::Malformed);
    let twice = edited(&good, r#""payloadType":"#, r#""payloadType":"text/plain","payloadType":"#);
    refused(&twice, &trusted, Reason::Malformed);
    let two = edited(&good, r#""publicKey":"#, r#""certificate":{"rawBytes":"AA=="},"publicKey":"#);
    refused(&two, &trusted, Reason::Malformed);
}

#[test]
fn other_spellings_of_a_bundle_are_read() {
    let key = key();
    let good = bundle(&statement(), &key);
    let trusted = demand(vec![trust(&key)]);
    for (from, to) in [
        ("bundle.v0.3+json", "bundle+json;version=0.3"),
        ("bundle.v0.3+json", "bundle+json;version=0.2"),
        ("verificationMaterial", "verification_material"),
        ("dsseEnvelope", "dsse_envelope"),
        ("{\"mediaType", "{\"unknown\":{\"a\":[null]},\"mediaType"),
        ("\"publicKey\":", "\"tlogEntries\":null,\"timestampVerificationData\":{},\"publicKey\":"),
    ] {
        verify(&edited(&good, from, to), &trusted).unwrap();
    }
    for (from, to) in
        [("bundle.v0.3+json", "bundle.v0.4+json"), ("application/vnd.dev.sigstore.bundle.v0.3+json", "")]
    {
        refused(&edited(&good, from, to), &trusted, Reason::Unsupported);
    }
}

#[test]
fn a_log_that_is_demanded_must_have_it() {
    let key = key();
    let signed = bundle(&statement(), &key);
    let logged = Demand { log: Need::Always, ..demand(vec![trust(&key)]) };
    refused(&signed, &logged, Reason::TlogMissing);
    let timed = Demand { time: Need::Always, ..demand(vec![trust(&key)]) };
    refused(&signed, &timed, Reason::TimeMissing);
}

#[test]
fn a_key_counts_within_its_span() {
    let key = key();
    let signed = bundle(&statement(), &key);
    let second = |seconds| Some(Timestamp::from_unix(seconds).unwrap());
    let within = |not_before, not_after| {
        let window = Window { not_before, not_after };
        demand(vec![Trust::Key(KeyTrust { key: key.public().clone(), window, root: None })])
    };
    assert!(verify(&signed, &within(second(NOW), second(NOW))).is_ok());
    refused(&signed, &within(None, second(NOW - 1)), Reason::TimeOutside);
    refused(&signed, &within(second(NOW + 1), None), Reason::TimeOutside);
}

#[test]
fn what_was_withdrawn_is_refused_however_it_is_wrapped() {
    let key = key();
    let signed = bundle(&statement(), &key);
    let mut revoking = demand(vec![trust(&key)]);
    let stored = verify(&signed, &revoking).unwrap().digest().clone();
    revoking.revoked.attestations.insert(stored);
    refused(&signed, &revoking, Reason::Revoked);
    // Another copy has another digest, but the same statement.
    let copy = edited(&signed, "{\"mediaType", "{ \"mediaType");
    assert!(verify(&copy, &revoking).is_ok());
    revoking.revoked.attestations.insert(Digest::of(&statement()));
    refused(&copy, &revoking, Reason::Revoked);
    revoking.revoked.attestations.clear();
    revoking.revoked.log_indexes.insert(7);
    let verified = verify(&signed, &revoking).unwrap();
    assert!(shown(verified.checks()).contains(&"revocation".to_owned()));
}

#[test]
fn evidence_about_a_key_is_passed_over_aloud_where_no_root_is_trusted() {
    let key = key();
    let entry = r#""tlogEntries":[{"logIndex":"1","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"dsse","version":"0.0.1"},
        "canonicalizedBody":"","inclusionProof":{"rootHash":"AAAA","checkpoint":{"envelope":"x"}}}],"publicKey":"#;
    let trusted = demand(vec![trust(&key)]);
    // What is there must make sense even so.
    refused(&edited(&bundle(&statement(), &key), r#""publicKey":"#, entry), &trusted, Reason::TlogInvalid);
    let stamp =
        r#""timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AAAA"}]},"publicKey":"#;
    let verified = verify(&edited(&bundle(&statement(), &key), r#""publicKey":"#, stamp), &trusted).unwrap();
    assert!(shown(verified.checks()).contains(&"time: there is no trusted root".to_owned()));
}

#[test]
fn too_much_evidence_is_refused() {
    let key = key();
    let trusted = demand(vec![trust(&key)]);
    let stamps = |count| {
        let stamps: Vec<_> = (0..count).map(|n| format!(r#"{{"signedTimestamp":"AA{n:02}"}}"#)).collect();
        let member = format!(
            r#""timestampVerificationData":{{"rfc3161Timestamps":[{}]}},"publicKey":"#,
            stamps.join(",")
        );
        edited(&bundle(&statement(), &key), r#""publicKey":"#, &member)
    };
    assert!(verify(&stamps(32), &trusted).is_ok());
    // No bound that could be raised: whoever attaches such a thing must not leave anything undecided.
    refused(&stamps(33), &trusted, Reason::Malformed);
    let twice = r#""timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AAAA"},{"signedTimestamp":"AAAA"}]},"publicKey":"#;
    refused(&edited(&bundle(&statement(), &key), r#""publicKey":"#, twice), &trusted, Reason::Duplicate);
}

#[test]
fn what_vouches_for_the_words_of_strangers_costs_nothing() {
    let (ours, other) = (key(), key());
    let stamps: Vec<String> =
        (0..32).map(|n| format!(r#"{{"signedTimestamp":"AAA{}"}}"#, char::from(b'A' + n % 26))).collect();
    let stamps: BTreeSet<String> = stamps.into_iter().collect();
    let member = format!(
        r#""timestampVerificationData":{{"rfc3161Timestamps":[{}]}},"publicKey":"#,
        stamps.into_iter().collect::<Vec<_>>().join(",")
    );
    let verified = |by, most| {
        let mut limits = Limits::default();
        limits.set("signature-checks", most);
        let bundle = edited(&bundle(&statement(), by), r#""publicKey":"#, &member);
        super::super::verify(&bundle, &demand(vec![trust(&ours)]), &limits).map_err(|refusal| refusal.reason)
    };
    assert!(verified(&ours, 40).is_ok());
    assert_eq!(verified(&ours, 2).unwrap_err(), Reason::Limit);
    assert_ne!(verified(&other, 2).unwrap_err(), Reason::Limit);
}

#[test]
fn an_attestation_beyond_the_bounds_is_refused() {
    let key = key();
    let signed = bundle(&statement(), &key);
    let mut limits = Limits::default();
    limits.set("attestation-bytes", 100);
    let refusal = super::super::verify(&signed, &demand(vec![trust(&key)]), &limits).unwrap_err();
    assert_eq!(refusal.reason, Reason::Limit);
    assert!(refusal.message.contains("--limit attestation-bytes"), "{refusal}");
    let mut limits = Limits::default();
    limits.set("statement-values", 5);
    let refusal = super::super::verify(&signed, &demand(vec![trust(&key)]), &limits).unwrap_err();
    assert_eq!(refusal.reason, Reason::Limit);
}

#[test]
fn codes_of_refusals_are_stable_and_distinct() {
    let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let distinct: BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len());
    assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')));
}

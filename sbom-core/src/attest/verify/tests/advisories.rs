//! What went wrong elsewhere, each with the identifier under which it was published.

use super::*;

/// CVE-2022-35929 (GHSA-vjxv-45g9-9296): attestations of other types only made for success.
#[test]
fn cve_2022_35929_no_attestation_of_the_wanted_type_is_no_success() {
    let key = key();
    let others = [bundle(&statement_of("https://slsa.dev/provenance/v1"), &key)];
    let refused = verify_any(&others, &demand(vec![trust(&key)]), &Limits::default()).unwrap_err();
    assert_eq!(refused.iter().map(|(_, refusal)| refusal.reason).collect::<Vec<_>>(), [Reason::WrongType]);
    assert!(
        verify_any(&[], &demand(vec![trust(&key)]), &Limits::default()).is_err(),
        "nothing is no success"
    );
}

/// GHSA-w6c6-c85g-mmv6: for bundles the type was never compared, and what could not be parsed was passed over.
#[test]
fn ghsa_w6c6_c85g_mmv6_types_are_compared_in_bundles_and_envelopes() {
    let key = key();
    let other = statement_of("https://example.org/other");
    refused(&bundle(&other, &key), &demand(vec![trust(&key)]), Reason::WrongType);
    refused(&plain(&envelope(IN_TOTO, &other, &[&key])), &demand(vec![trust(&key)]), Reason::WrongType);
    let hinted = Signed::Envelope {
        bytes: envelope(IN_TOTO, &other, &[&key]).write(),
        annotations: BTreeMap::from([("predicateType".to_owned(), "https://spdx.dev/Document".to_owned())]),
    };
    refused(&hinted, &demand(vec![trust(&key)]), Reason::WrongType);
    let broken = bundle(b"{\"_type\":", &key);
    let candidates = [broken, bundle(&statement(), &key)];
    let (verified, refused) =
        verify_any(&candidates, &demand(vec![trust(&key)]), &Limits::default()).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!((refused[0].0, refused[0].1.reason), (0, Reason::BadStatement), "said, not swallowed");
}

/// CVE-2023-46737 (GHSA-vfp6-jrw2-99g9), GHSA-88jx-383q-w4qc, GHSA-95pr-fxf5-86gv: attestations without end, or many of
/// them, exhausted time and memory.
#[test]
fn cve_2023_46737_large_and_deep_attestations_are_refused_early() {
    let key = key();
    let trusted = demand(vec![trust(&key)]);
    let mut limits = Limits::default();
    limits.set("attestation-bytes", 1 << 20);
    let large = Signed::Bundle(vec![b' '; (1 << 20) + 1]);
    assert_eq!(super::super::verify(&large, &trusted, &limits).unwrap_err().reason, Reason::Limit);
    let deep = format!("{}{}", "[".repeat(1 << 19), "]".repeat(1 << 19));
    refused(&Signed::Bundle(deep.clone().into_bytes()), &trusted, Reason::Malformed);
    let mut text = String::from_utf8(statement()).unwrap();
    text = text.replace("[1,2]", &deep);
    refused(&bundle(text.as_bytes(), &key), &trusted, Reason::BadStatement);
}

/// Many values in few bytes must not become a tree.
#[test]
fn ghsa_88jx_383q_w4qc_many_values_in_few_bytes_are_refused() {
    let key = key();
    let many = vec!["0"; 3_000_001].join(",");
    let text = String::from_utf8(statement()).unwrap().replace("1,2", &many);
    refused(&bundle(text.as_bytes(), &key), &demand(vec![trust(&key)]), Reason::Limit);
}

/// A stranger's attestation must not hide one that counts.
#[test]
fn junk_never_turns_success_into_failure() {
    let (ours, theirs) = (key(), key());
    let good = bundle(&statement(), &ours);
    let junk = [
        Signed::Bundle(Vec::new()),
        Signed::Bundle(b"{}".to_vec()),
        bundle(&statement(), &theirs),
        bundle(&statement_of("https://example.org/other"), &ours),
    ];
    let candidates: Vec<_> = junk.iter().cloned().chain([good]).chain(junk.iter().cloned()).collect();
    let (verified, refused) =
        verify_any(&candidates, &demand(vec![trust(&ours)]), &Limits::default()).unwrap();
    assert_eq!((verified.len(), refused.len()), (1, 8));
}

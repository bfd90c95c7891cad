//! The test kit's services are real ones to `sigstore-verify`, and each of their flaws is one.

use sbomctl_testkit::{
    FaultKind,
    sigstore::{Content as Made, Flaw, Loopback, RekorApi, Signing, Sigstore, Subject, token},
};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::timestamp::Timestamp;

const ISSUER: &str = "https://issuer.test";
const SUBJECT: &str = "https://ci.test/acme/app/.github/workflows/release.yml@refs/tags/v1";

fn statement() -> String {
    let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{digest}"}}}}],"predicateType":"https://spdx.dev/Document","predicate":{{}}}}"#
    )
}

fn by() -> Signing {
    Signing::by(Subject::Uri(SUBJECT.to_owned()), ISSUER)
}

/// Verifies with an identity that must match.
fn accepts(bundle: &str, root: &str, digest: [u8; 32]) -> Result<(), String> {
    let root = Root::from_json(root.as_bytes(), None).map_err(|error| error.to_string())?;
    let bundle = Bundle::from_json(bundle).map_err(|error| error.to_string())?;
    let policy = VerificationPolicy::new(SUBJECT, ISSUER);
    root.verifier()
        .verify(Sha256Hash::new(digest), &bundle, &policy)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

mod in_memory {
    use super::*;

    fn check(how: &Signing) -> Result<(), String> {
        let sigstore = Sigstore::new();
        let statement = statement();
        let digest = first_sha256(statement.as_bytes()).unwrap();
        let signed = sigstore.sign(Made::Statement(statement.as_bytes()), how);
        let verdict = accepts(&signed.bundle(), &sigstore.trusted_root(), digest);
        let file = sigstore.sign(Made::File(b"file"), how);
        let of_file = accepts(&file.bundle(), &sigstore.trusted_root(), Sha256::digest(b"file").into());
        if how.log != Some(RekorApi::V1InToto) && !how.flaws.contains(&Flaw::OtherPayload) {
            assert_eq!(verdict.is_ok(), of_file.is_ok(), "{how:?}: {verdict:?} {of_file:?}");
        }
        verdict
    }

    #[test]
    fn what_is_right_verifies() {
        for log in [RekorApi::V1, RekorApi::V1InToto, RekorApi::V2] {
            assert_eq!(check(&by().logged(log)), Ok(()), "{log:?}");
        }
        let unstamped = Signing { stamped: false, ..by() };
        assert_eq!(check(&unstamped), Ok(()));
    }

    #[test]
    fn every_flaw_is_found() {
        for log in [RekorApi::V1, RekorApi::V2] {
            for flaw in [
                Flaw::ForeignAuthority,
                Flaw::NoPromise,
                Flaw::ForgedPromise,
                Flaw::PromiseOfAnother,
                Flaw::OtherKey,
                Flaw::OtherPayload,
                Flaw::OtherEntry,
                Flaw::EntryOfAnotherCertificate,
                Flaw::OtherBody,
                Flaw::ForgedCheckpoint,
                Flaw::OtherRoot,
                Flaw::OtherSize,
                Flaw::OtherIndex,
                Flaw::StampOfAnother,
                Flaw::ForeignStamp,
                Flaw::OtherStampedTime,
            ] {
                let verdict = check(&by().logged(log).with(flaw));
                assert!(verdict.is_err(), "{log:?} {flaw:?}");
            }
        }
        for flaw in [Flaw::RootsDiffer, Flaw::ForgedSet, Flaw::OtherLoggedTime] {
            assert!(check(&by().with(flaw)).is_err(), "{flaw:?}");
        }
    }

    #[test]
    fn times_outside_of_the_certificate_are_found() {
        let now = Sigstore::new().now();
        for (stamped_at, logged_at) in [(now - 1, now), (now + 601, now), (now, now - 1), (now, now + 601)] {
            let how = Signing { stamped_at: Some(stamped_at), logged_at: Some(logged_at), ..by() };
            assert!(check(&how).is_err(), "{how:?}");
        }
        let how = Signing { stamped_at: Some(now + 600), logged_at: Some(now + 600), ..by() };
        assert_eq!(check(&how), Ok(()));
    }

    #[test]
    fn a_certificate_for_something_else_is_found() {
        let mut how = by();
        how.leaf.usages = vec!["1.3.6.1.5.5.7.3.1".to_owned()];
        assert!(check(&how).is_err());
        let mut how = by();
        how.leaf.extensions.push(("1.2.3.4".to_owned(), true, vec![0x05, 0x00]));
        assert!(check(&how).is_err());
        let mut how = by();
        how.leaf.issuer = Some("https://other.test".to_owned());
        assert!(check(&how).is_err());
    }
}

mod over_http {
    use std::time::{Duration, Instant};

    use super::*;

    fn token_of(subject: &str) -> Token {
        Token::read(&token(ISSUER, subject), Timestamp::from_unix(1_790_000_000).unwrap()).unwrap()
    }

    fn quick() -> Connection {
        Connection {
            request: Duration::from_secs(2),
            total: Duration::from_secs(10),
            pause: Duration::from_millis(10),
            ..Connection::default()
        }
    }

    #[test]
    fn both_logs_and_all_identities_are_signed_and_verified() {
        let loopback = Loopback::start();
        let statement = statement();
        for version in [1, 2] {
            let services =
                Services::from_signing_config(loopback.signing_config(version).as_bytes(), None).unwrap();
            for subject in [SUBJECT, "a@b.test", "plain"] {
                for content in [Content::Statement(statement.as_bytes()), Content::Digest([7; 32])] {
                    let root = loopback.trusted_root();
                    let token = token_of(subject);
                    let trusted = Root::from_json(root.as_bytes(), None).unwrap();
                    let bundle = sign(content, &services, &token, &quick(), Some(&trusted)).unwrap();
                    let bundle = String::from_utf8(bundle).unwrap();
                    assert!(!bundle.contains('\n') && bundle.contains("\"logIndex\":\""), "{bundle}");
                    assert!(bundle.contains("bundle.v0.3+json") && bundle.contains("signedTimestamp"));
                    let digest = match content {
                        Content::Digest(digest) => digest,
                        Content::Statement(statement) => first_sha256(statement).unwrap(),
                    };
                    assert_eq!(accepts(&bundle, &root, digest).is_ok(), subject == SUBJECT);
                }
            }
        }
    }

    #[test]
    fn an_authority_that_is_not_trusted_is_noticed_before_others_do() {
        let loopback = Loopback::start();
        let services = Services::from_signing_config(loopback.signing_config(2).as_bytes(), None).unwrap();
        let root = Root::from_json(Sigstore::new().trusted_root().as_bytes(), None).unwrap();
        let error =
            sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &quick(), Some(&root)).unwrap_err();
        assert!(matches!(error, KeylessError::Unverified { .. }), "{error}");
    }

    /// Every service, each fault: which service is named, and how soon.
    #[test]
    fn a_service_that_fails_is_named_in_time() {
        let services = [
            ("/api/v2/signingCert", Service::Fulcio),
            ("/api/v1/log/entries", Service::Rekor),
            ("/api/v1/timestamp", Service::TimestampAuthority),
        ];
        for (path, service) in services {
            for (kind, expect) in [
                (FaultKind::Status(400, String::new(), "no".to_owned()), "400"),
                (FaultKind::Status(500, String::new(), "oh".to_owned()), "500"),
                (FaultKind::Redirect("http://127.0.0.1:1/".to_owned()), "307"),
                (FaultKind::Raw(b"SSH-2.0-x\r\n".to_vec()), "no answer"),
                (FaultKind::Raw(Vec::new()), "no answer"),
                (FaultKind::DropAfter(10), "no answer"),
                (FaultKind::OtherBytes, "cannot be used"),
                (FaultKind::Silence(Duration::from_secs(5)), "no answer"),
            ] {
                let loopback = Loopback::start();
                loopback.fault(path, 1, kind.clone());
                let config = loopback.signing_config(1);
                let services = Services::from_signing_config(config.as_bytes(), None).unwrap();
                let began = Instant::now();
                let connection = Connection { request: Duration::from_millis(500), ..quick() };
                let error = sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &connection, None)
                    .unwrap_err();
                assert!(began.elapsed() < Duration::from_secs(4), "{service} {kind:?}");
                let KeylessError::Service { service: named, .. } = &error else {
                    panic!("{kind:?}: {error}")
                };
                assert_eq!(*named, service, "{kind:?}");
                assert!(error.to_string().contains(expect), "{kind:?}: {error}");
            }
        }
    }

    #[test]
    fn a_busy_service_is_asked_again_and_not_for_ever() {
        let loopback = Loopback::start();
        let services = Services::from_signing_config(loopback.signing_config(2).as_bytes(), None).unwrap();
        let busy = FaultKind::Status(503, String::new(), "busy".to_owned());
        loopback.fault("signingCert", 1, busy.clone());
        loopback.fault("log/entries", 1, busy.clone());
        sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &quick(), None).unwrap();
        let before = loopback.requests().len();
        loopback.fault("log/entries", 9, busy);
        let error =
            sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &quick(), None).unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
        assert_eq!(loopback.requests().len() - before, 6);
    }

    #[test]
    fn all_together_takes_no_longer_than_it_may() {
        let loopback = Loopback::start();
        for path in ["signingCert", "log/entries", "timestamp"] {
            loopback.fault(path, 1, FaultKind::Silence(Duration::from_secs(3)));
        }
        let services = Services::from_signing_config(loopback.signing_config(2).as_bytes(), None).unwrap();
        let connection = Connection { total: Duration::from_millis(600), ..quick() };
        let error =
            sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &connection, None).unwrap_err();
        assert!(matches!(error, KeylessError::Deadline { .. }), "{error}");
    }

    #[test]
    fn a_service_that_says_the_token_back_does_not_have_it_shown() {
        let loopback = Loopback::start();
        let secret = token(ISSUER, SUBJECT);
        loopback.fault("signingCert", 1, FaultKind::Status(400, String::new(), format!("bad {secret}")));
        let services = Services::from_signing_config(loopback.signing_config(2).as_bytes(), None).unwrap();
        let error =
            sign(Content::Digest([7; 32]), &services, &token_of(SUBJECT), &quick(), None).unwrap_err();
        assert!(error.to_string().contains("bad [token]"), "{error}");
        assert!(!format!("{error:?}").contains(&secret));
    }

    #[test]
    fn a_job_gets_its_token_from_its_system() {
        use sbomctl_testkit::sigstore::JOB_SECRET;
        let loopback = Loopback::start();
        let now = Timestamp::from_unix(1_790_000_000).unwrap();
        let token = request_token(&loopback.job_url(), JOB_SECRET, &quick(), now).unwrap();
        assert_eq!(token.identity(), "https://ci.sigstore.test/job");
        let error = request_token(&loopback.job_url(), "wrong", &quick(), now).unwrap_err();
        assert!(error.to_string().contains("may this job request"), "{error}");
        assert!(!error.to_string().contains('?') || !error.to_string().contains("api-version"), "{error}");
        loopback.job_token("no token");
        let error = request_token(&loopback.job_url(), JOB_SECRET, &quick(), now).unwrap_err();
        assert!(matches!(error, KeylessError::Token(TokenError::Form)), "{error}");
        loopback.fault("/job", 1, FaultKind::Raw(endless()));
        let error = request_token(&loopback.job_url(), JOB_SECRET, &quick(), now).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    fn endless() -> Vec<u8> {
        let mut answer = b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n".to_vec();
        answer.resize(1 << 20, b' ');
        answer
    }
}

mod from_tuf {
    use std::path::Path;

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    fn mirror(loopback: &Loopback, cache: &Path) -> Mirror {
        let root = loopback.publish(2, NOW + 100).into_bytes();
        Mirror { url: loopback.tuf_url(), root, cache: cache.to_owned() }
    }

    #[test]
    fn roots_and_services_are_fetched_once_and_then_kept() {
        let cache = tempfile::tempdir().unwrap();
        let loopback = Loopback::start();
        let mirror = mirror(&loopback, cache.path());
        let ask = |freshness, now| mirror.material(freshness, &Connection::default(), at(now));
        let fetched = ask(Freshness::Valid, NOW).unwrap();
        assert_eq!(fetched.trusted_root, loopback.trusted_root().into_bytes());
        let services = Services::from_signing_config(&fetched.signing_config.clone().unwrap(), None).unwrap();
        assert_eq!(services.rekor_version, RekorVersion::V2);

        let asked = loopback.requests().len();
        assert_eq!(ask(Freshness::Valid, NOW).unwrap(), fetched);
        assert_eq!(ask(Freshness::Offline, NOW).unwrap(), fetched);
        assert_eq!(loopback.requests().len(), asked);
        assert_eq!(ask(Freshness::Newest, NOW).unwrap(), fetched);
        assert!(loopback.requests().len() > asked);
    }

    #[test]
    fn what_has_expired_is_not_trusted() {
        let cache = tempfile::tempdir().unwrap();
        let loopback = Loopback::start();
        let mirror = mirror(&loopback, cache.path());
        let ask = |freshness, now| mirror.material(freshness, &Connection::default(), at(now));
        ask(Freshness::Newest, NOW).unwrap();
        let error = ask(Freshness::Offline, NOW + 101).unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::NothingKept { .. })), "{error}");
        let error = ask(Freshness::Valid, NOW + 101).unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::Refresh { .. })), "{error}");
    }

    #[test]
    fn what_was_changed_in_the_folder_is_not_trusted() {
        let cache = tempfile::tempdir().unwrap();
        let loopback = Loopback::start();
        let mirror = mirror(&loopback, cache.path());
        let ask = |freshness| mirror.material(freshness, &Connection::default(), at(NOW));
        let fetched = ask(Freshness::Newest).unwrap();
        let mut changed = 0;
        let mut folders = vec![mirror.folder()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    std::fs::write(path, b"{}").unwrap();
                    changed += 1;
                }
            }
        }
        assert!(changed > 3);
        assert!(ask(Freshness::Offline).is_err());
        assert_eq!(ask(Freshness::Valid).unwrap(), fetched);
    }

    #[test]
    fn another_repository_is_not_trusted_by_this_root() {
        let cache = tempfile::tempdir().unwrap();
        let (loopback, other) = (Loopback::start(), Loopback::start());
        let mirror = Mirror { url: other.tuf_url(), ..mirror(&loopback, cache.path()) };
        other.publish(2, NOW + 100);
        let error = mirror.material(Freshness::Newest, &Connection::default(), at(NOW)).unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::Refresh { .. })), "{error}");
    }

    #[test]
    fn a_repository_that_sends_too_much_is_left() {
        let cache = tempfile::tempdir().unwrap();
        let loopback = Loopback::start();
        let mirror = mirror(&loopback, cache.path());
        let mut endless = b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n".to_vec();
        endless.resize(1 << 20, b' ');
        loopback.fault("timestamp.json", 1, FaultKind::Raw(endless));
        let error = mirror.material(Freshness::Newest, &Connection::default(), at(NOW)).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}

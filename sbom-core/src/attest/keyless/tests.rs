//! Services, tokens and ambient credentials, without a network.

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::timestamp::Timestamp;

const NOW: u64 = 1_780_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

/// `{"alg":"none"}`, the claims, and no signature worth the name.
fn jwt(claims: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("eyJhbGciOiJub25lIn0.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn claims(more: &str) -> String {
    format!(r#"{{"iss":"https://issuer.test","sub":"me","aud":"sigstore","exp":{}{more}}}"#, NOW + 60)
}

fn token() -> Token {
    Token::read(&jwt(&claims("")), now()).unwrap()
}

mod tokens {
    use super::*;

    fn check(claims: &str, expect: &Result<&str, TokenError>) {
        let read = Token::read(&format!(" {}\n", jwt(claims)), now());
        assert_eq!(read.as_ref().map(Token::identity), expect.as_ref().copied(), "{claims}");
    }

    #[test]
    fn an_address_counts_if_it_was_verified() {
        check(&claims(r#","email":"a@b.test","email_verified":true"#), &Ok("a@b.test"));
        let issuer = "https://issuer.test".to_owned();
        check(&claims(r#","email":"a@b.test""#), &Err(TokenError::Email { issuer }));
    }

    #[test]
    fn an_expired_token_is_refused_before_it_is_sent() {
        let expired = claims("").replace(&(NOW + 60).to_string(), &NOW.to_string());
        let issuer = "https://issuer.test".to_owned();
        check(&expired, &Err(TokenError::Expired { issuer, end: now() }));
    }

    #[test]
    fn a_token_for_others_is_refused() {
        let issuer = "https://issuer.test".to_owned();
        check(&claims("").replace("sigstore", "sts.amazonaws.com"), &Err(TokenError::Audience { issuer }));
        check(&claims("").replace(r#""sigstore""#, r#"["x","sigstore"]"#), &Ok("me"));
    }

    #[test]
    fn what_is_no_token_is_not_quoted() {
        for text in ["", "a.b", "a.b.c", "a.e30.c", &"x".repeat(1 << 20), &jwt("[]")] {
            let error = Token::read(text, now()).unwrap_err();
            assert_eq!(error, TokenError::Form);
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        let shown = format!("{:?}", token());
        assert_eq!(shown, r#"Token { issuer: "https://issuer.test", .. }"#);
    }
}

mod where_jobs_find_them {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Option<Ambient>, TokenError> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        Ambient::find(|name| variables.get(name).map(|&value| value.to_owned()))
    }

    #[test]
    fn a_variable_goes_before_all_systems() {
        let found = find(&[("SIGSTORE_ID_TOKEN", "t"), ("GITHUB_ACTIONS", "true")]).unwrap();
        assert_eq!(found, Some(Ambient::Variable { name: "SIGSTORE_ID_TOKEN", token: "t".to_owned() }));
        assert_eq!(format!("{found:?}"), r#"Some(Variable { name: "SIGSTORE_ID_TOKEN", .. })"#);
    }

    #[test]
    fn github_gives_address_and_bearer() {
        let found = find(&[
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://run.test/token?api-version=2"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"),
        ])
        .unwrap()
        .unwrap();
        assert_eq!(format!("{found:?}"), r#"Request { url: "https://run.test/token", .. }"#);
    }

    #[test]
    fn a_job_without_permission_is_told_what_it_lacks() {
        let error = find(&[("GITHUB_ACTIONS", "true")]).unwrap_err();
        assert!(error.to_string().contains("id-token: write"), "{error}");
        let error = find(&[("GITLAB_CI", "true")]).unwrap_err();
        assert!(error.to_string().contains("id_tokens"), "{error}");
    }

    #[test]
    fn other_systems_have_programs() {
        for (variable, program) in [("BUILDKITE", "buildkite-agent"), ("CIRCLECI", "circleci")] {
            let found = find(&[(variable, "true")]).unwrap();
            assert!(matches!(found, Some(Ambient::Command { program: found, .. }) if found == program));
        }
    }

    #[test]
    fn elsewhere_there_is_none() {
        assert_eq!(find(&[("GITHUB_ACTIONS", "false"), ("CI", "true")]), Ok(None));
    }
}

mod which_services {
    use super::*;

    fn config(rekor: &str, more: &str) -> String {
        format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls":[{{"url":"https://old.test","majorApiVersion":1,"validFor":{{"start":"2020-01-01T00:00:00Z","end":"2021-01-01T00:00:00Z"}}}},
                      {{"url":"https://ca.test","majorApiVersion":1,"validFor":{{"start":"2020-01-01T00:00:00Z"}}}}],
            "oidcUrls":[],"rekorTlogUrls":[{rekor}],
            "tsaUrls":[{{"url":"https://tsa.test/api","majorApiVersion":1,"validFor":{{"start":"2020-01-01T00:00:00Z"}}}}],
            "rekorTlogConfig":{{"selector":"ANY"}},"tsaConfig":{{"selector":"ANY"}}{more}}}"#
        )
    }

    fn log(url: &str, version: u32, operator: &str) -> String {
        format!(
            r#"{{"url":"{url}","majorApiVersion":{version},"operator":"{operator}","validFor":{{"start":"2020-01-01T00:00:00Z"}}}}"#
        )
    }

    #[test]
    fn the_newest_log_is_taken_and_the_valid_authority() {
        let logs = format!("{},{}", log("https://v1.test", 1, "a"), log("https://v2.test", 2, "a"));
        let services = Services::from_signing_config(config(&logs, "").as_bytes(), None).unwrap();
        let expect = Services::new(
            "https://ca.test",
            "https://v2.test",
            RekorVersion::V2,
            Some("https://tsa.test/api"),
        );
        assert_eq!(services, expect);
        let services =
            Services::from_signing_config(config(&logs, "").as_bytes(), Some(RekorVersion::V1)).unwrap();
        assert_eq!((services.rekor.as_str(), services.rekor_version), ("https://v1.test", RekorVersion::V1));
    }

    #[test]
    fn one_service_is_not_passed_off_as_several() {
        let logs = format!("{},{}", log("https://a.test", 2, "a"), log("https://b.test", 2, "b"));
        for selector in [r#""EXACT","count":2"#, r#""ALL""#] {
            let config = config(&logs, "").replace(
                r#""rekorTlogConfig":{"selector":"ANY"}"#,
                &format!(r#""rekorTlogConfig":{{"selector":{selector}}}"#),
            );
            let error = Services::from_signing_config(config.as_bytes(), None).unwrap_err();
            assert!(matches!(error, ServicesError::Several { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Services::from_signing_config(config("", "").as_bytes(), None).unwrap_err();
        assert_eq!(error, ServicesError::Missing { service: "Rekor".to_owned() });
        for bytes in [&b"\xff"[..], b"", b"{}", b"[]"] {
            let error = Services::from_signing_config(bytes, None).unwrap_err();
            assert!(matches!(error, ServicesError::Unreadable { .. }), "{error}");
        }
    }

    #[test]
    fn the_public_good_instance_is_known() {
        let services = Services::public_good().unwrap();
        assert_eq!(services.fulcio, "https://fulcio.sigstore.dev");
        services.check(&Connection::default()).unwrap();
    }

    #[test]
    fn secrets_travel_encrypted() {
        let check = |url: &str, insecure: bool| {
            let services = Services::new(url, "https://rekor.test", RekorVersion::V1, None);
            services.check(&Connection { insecure, ..Connection::default() })
        };
        assert!(matches!(check("http://fulcio.test", false), Err(ServicesError::Unencrypted { .. })));
        assert_eq!(check("http://fulcio.test", true), Ok(()));
        for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://fulcio.test/a"] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in ["fulcio.test", "", "ftp://fulcio.test", "http://127.0.0.1.evil.test"] {
            assert!(check(url, false).is_err(), "{url}");
        }
    }

    #[test]
    fn a_log_without_time_needs_an_authority_for_it() {
        let services = Services::new("https://a.test", "https://b.test", RekorVersion::V2, None);
        assert_eq!(services.check(&Connection::default()), Err(ServicesError::NoTimestampAuthority));
    }
}

mod signing {
    use super::*;

    fn check(content: Content<'_>, services: &Services) -> KeylessError {
        // Nothing listens there: what fails earlier has asked nobody.
        let connection = Connection { attempts: 1, ..Connection::default() };
        sign(content, services, &token(), &connection, None).unwrap_err()
    }

    fn nowhere() -> Services {
        Services::new("http://127.0.0.1:1", "http://127.0.0.1:1", RekorVersion::V1, None)
    }

    #[test]
    fn a_statement_too_large_for_the_log_is_refused_before_anyone_is_asked() {
        let services = Services { statement_bytes: Some(100), ..nowhere() };
        let error = check(Content::Statement(&[b' '; 100]), &services);
        assert!(matches!(error, KeylessError::TooLarge { size: 100, limit: 100, .. }), "{error}");
        let public = Services::new("https://a.test", "https://rekor.sigstore.dev/", RekorVersion::V1, None);
        assert_eq!(public.statement_bytes, Some(3_500_000));
    }

    #[test]
    fn what_is_no_statement_is_refused_before_anyone_is_asked() {
        let error = check(Content::Statement(b"{}"), &nowhere());
        assert!(matches!(error, KeylessError::Statement { .. }), "{error}");
    }

    #[test]
    fn a_service_that_is_not_there_is_named() {
        let error = check(Content::Digest([0; 32]), &nowhere());
        let KeylessError::Service { service: Service::Fulcio, url, fault, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(url, "http://127.0.0.1:1");
        assert!(matches!(fault, ServiceFault::Unreachable { .. }), "{error}");
    }

    #[test]
    fn a_thread_of_a_runtime_is_not_blocked() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let error = check(Content::Digest([0; 32]), &nowhere());
        assert!(matches!(error, KeylessError::InsideRuntime), "{error}");
    }

    #[test]
    fn words_of_services_are_cut_and_hold_no_token() {
        let token = token();
        let text = format!("no\r\n\x1b[31m {} {}", token.secret(), "x".repeat(1000));
        let quoted = error::quote(&text, &token);
        assert!(quoted.starts_with("no   [31m [token] xxx") && quoted.ends_with("x…"), "{quoted}");
        assert!(quoted.chars().count() <= 401);
    }
}

mod roots {
    use super::*;

    fn mirror(folder: &std::path::Path, root: &[u8]) -> Mirror {
        Mirror { url: "http://127.0.0.1:1/".to_owned(), root: root.to_vec(), cache: folder.to_owned() }
    }

    #[test]
    fn without_a_network_and_without_a_copy_there_is_nothing_to_trust() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection { request: Duration::from_secs(2), ..Connection::default() };
        let public = Mirror::public_good(folder.path().to_owned());
        let error = public.material(Freshness::Offline, &connection, now()).unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::NothingKept { .. })), "{error}");
        let nowhere = mirror(folder.path(), &public.root);
        let error = nowhere.material(Freshness::Valid, &connection, now()).unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::Refresh { .. })), "{error}");
    }

    #[test]
    fn what_is_no_root_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let error = mirror(folder.path(), b"{}")
            .material(Freshness::Newest, &Connection::default(), now())
            .unwrap_err();
        assert!(matches!(error, KeylessError::Tuf(TufError::Root { .. })), "{error}");
    }

    #[test]
    fn another_root_has_another_folder() {
        let folder = std::path::Path::new("cache");
        assert_ne!(mirror(folder, b"a").folder(), mirror(folder, b"b").folder());
        let slash = Mirror { url: "http://127.0.0.1:1".to_owned(), ..mirror(folder, b"a") };
        assert_eq!(mirror(folder, b"a").folder(), slash.folder());
    }
}

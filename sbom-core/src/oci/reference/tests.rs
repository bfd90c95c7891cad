//! References as users write them, and as they are refused.

use proptest::prelude::*;

use super::*;

const SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(text: &str, normal: &str) {
    assert_eq!(text.parse::<Reference>().map(|r| r.to_string()), Ok(normal.to_owned()), "{text}");
}

#[track_caller]
fn check_error(text: &str, message: &str) {
    let error = text.parse::<Reference>().expect_err(text).to_string();
    assert!(error.contains(message), "{text}: {error}");
}

#[test]
fn short_names_are_those_of_docker_hub() {
    check("alpine", "docker.io/library/alpine:latest");
    check("alpine:3.20", "docker.io/library/alpine:3.20");
    check("grafana/grafana", "docker.io/grafana/grafana:latest");
    check("docker.io/alpine", "docker.io/library/alpine:latest");
    check("index.docker.io/alpine", "docker.io/library/alpine:latest");
    check("index.docker.io/library/alpine:1", "docker.io/library/alpine:1");
    check("localhost", "docker.io/library/localhost:latest");
    check("a/b/c", "docker.io/a/b/c:latest");
}

#[test]
fn a_first_part_with_a_dot_or_a_port_is_a_registry() {
    check("localhost/x", "localhost/x:latest");
    check("localhost:5000/x", "localhost:5000/x:latest");
    check("host.tld/x", "host.tld/x:latest");
    check("Registry.Example.com:443/team/x:V1", "registry.example.com/team/x:V1");
    check("127.0.0.1:5000/x:y", "127.0.0.1:5000/x:y");
    check("[::1]:5000/x", "[::1]:5000/x:latest");
    check("[::1]/x:1", "[::1]/x:1");
}

#[test]
fn one_registry_has_one_name_however_it_is_spelt() {
    for host in ["ghcr.io", "GHCR.io", "ghcr.io:443", "ghcr.io:0443"] {
        check(&format!("{host}/acme/app:1"), "ghcr.io/acme/app:1");
    }
    for host in ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"] {
        check(&format!("{host}/alpine:1"), "docker.io/library/alpine:1");
        check(&format!("{host}:443/grafana/grafana:1"), "docker.io/grafana/grafana:1");
    }
    check("docker.io:5000/a:1", "docker.io:5000/a:1");
    check("localhost:05000/a:1", "localhost:5000/a:1");
    check("[0:0:0:0:0:0:0:1]:5000/x:1", "[::1]:5000/x:1");
    check("[::0001]:443/x:1", "[::1]/x:1");
}

#[test]
fn a_tag_and_a_digest_may_both_be_given_and_the_digest_wins() {
    let reference: Reference = format!("alpine:3.20@{SHA256}").parse().unwrap();
    assert_eq!(reference.to_string(), format!("docker.io/library/alpine:3.20@{SHA256}"));
    assert_eq!(reference.target().to_string(), SHA256);
    assert_eq!(reference.tag().unwrap().as_str(), "3.20");
    let reference: Reference = format!("localhost:1/a@{SHA256}").parse().unwrap();
    assert_eq!(reference.tag(), None, "`latest` is meant only where there is neither");
}

#[test]
fn docker_hub_is_asked_at_another_host() {
    assert_eq!("alpine".parse::<Repository>().unwrap().api_host(), "registry-1.docker.io");
    assert_eq!("quay.io/a".parse::<Repository>().unwrap().api_host(), "quay.io");
}

#[test]
fn an_error_says_which_part_is_wrong() {
    check_error("", "names no repository");
    check_error("host.tld/", "names no repository");
    check_error("host.tld/:x", "names no repository");
    check_error("Alpine", "upper-case");
    check_error("host.tld/Alpine:1", "upper-case");
    check_error("MyTeam/app", "upper-case");
    check_error("alpine:", "tag \"\"");
    check_error("alpine:-x", "tag \"-x\"");
    check_error(&format!("alpine:{}", "a".repeat(129)), "tag \"aaa");
    check_error("alpine@sha256:00", "not a digest");
    check_error("alpine@", "not a digest");
    check_error(&format!("alpine@{SHA256}@{SHA256}"), "not a digest");
    check_error("host.tld:0/x", "port \"0\"");
    check_error("host.tld:65536/x", "port \"65536\"");
    check_error("host.tld:+1/x", "port \"+1\"");
    check_error("host.tld:/x", "port \"\"");
    check_error("-host.tld/x", "registry \"-host.tld\"");
    check_error("host..tld/x", "registry \"host..tld\"");
    check_error("user@host.tld/x", "not a digest");
    check_error("[::1/x", "registry \"[::1\"");
    check_error("[localhost]:5000/x", "registry \"[localhost]:5000\"");
    check_error("[::1]5000/x", "registry \"[::1]5000\"");
    check_error("a//b", "part \"\"");
    check_error("a/../b", "part \"..\"");
    check_error("a___b", "part \"a___b\"");
    check_error("a/c.-d", "part \"c.-d\"");
    check_error("a b", "part \"a b\"");
    check_error("ä", "part \"ä\"");
    check_error("http://host.tld/x", "port \"\"");
    check_error(&"a".repeat(256), "256 bytes");
    check_error(&"a/".repeat(600), "1200 bytes");
    check_error(&"0123456789abcdef".repeat(4), "image identifier");
}

#[test]
fn separators_are_those_of_the_grammar() {
    check("a-b--c---d/e__f_g.h", "docker.io/a-b--c---d/e__f_g.h:latest");
}

proptest! {
    #[test]
    fn what_is_parsed_is_parsed_again_from_its_normal_form(text in "\\PC{0,80}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
    }

    #[test]
    fn valid_references_are_parsed(
        host in "([a-zA-Z0-9]{1,9}(-[a-z0-9]{1,4})?\\.[a-z]{2,4}|localhost|\\[::1\\])(:[1-9][0-9]{0,3})?",
        path in "[a-z0-9]{1,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,8}){0,3}",
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        digest in proptest::option::of("sha256:[0-9a-f]{64}"),
    ) {
        let mut text = format!("{host}/{path}");
        if let Some(tag) = &tag { text = format!("{text}:{tag}"); }
        if let Some(digest) = &digest { text = format!("{text}@{digest}"); }
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.repository().host(), host.to_ascii_lowercase());
        prop_assert_eq!(reference.repository().path(), path);
        prop_assert_eq!(reference.digest().map(ToString::to_string), digest.clone());
        let expected = tag.or(digest.is_none().then(|| "latest".to_owned()));
        prop_assert_eq!(reference.tag().map(ToString::to_string), expected);
        prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
    }
}

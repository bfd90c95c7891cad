//! Tokens: what is asked for, when they are renewed, and who never gets to see anything.

use sbomctl_testkit::{Access, FaultKind, Registry};

use super::*;
use crate::{
    digest::Digest,
    oci::{
        manifest::OCI_MANIFEST,
        reference::{Repository, Target},
    },
};

fn tokens(requests: usize) -> (Registry, Client, Repository) {
    let registry = Registry::start();
    registry.access(Access::Token { wants: None, requests });
    let config = ClientConfig { sleep: Arc::new(NoSleep::default()), ..ClientConfig::default() };
    let repository = format!("{}/x", registry.host()).parse().unwrap();
    (registry, Client::new(config).unwrap(), repository)
}

/// Puts a blob and a manifest, and takes the manifest away.
fn write(client: &Client, repository: &Repository) -> Result<(), RegistryError> {
    let target = Target::Tag("1".parse().unwrap());
    client.put_blob(repository, &Digest::of(b"x"), b"x")?;
    client.put_manifest(repository, &target, OCI_MANIFEST, b"{}", None)?;
    client.delete_manifest(repository, &target)
}

fn asked_for_tokens(registry: &Registry) -> Vec<String> {
    let log = registry.log().into_iter().map(|line| line.path);
    log.filter(|path| path.starts_with("/token")).collect()
}

#[test]
fn a_token_is_asked_for_what_is_to_be_done_and_no_more() {
    let (registry, client, repository) = tokens(usize::MAX);
    write(&client, &repository).unwrap();
    let scopes: Vec<String> = asked_for_tokens(&registry)
        .iter()
        .map(|path| path.rsplit_once("%3A").unwrap().1.to_owned())
        .collect();
    assert_eq!(scopes, ["pull", "pull%2Cpush", "delete"]);
    write(&client, &repository).unwrap();
    assert_eq!(asked_for_tokens(&registry).len(), 3, "tokens are kept");
}

#[test]
fn a_token_that_expires_in_mid_push_is_renewed_wherever_it_expires() {
    // HEAD, POST, PUT, PUT, DELETE.
    for good_for in 0..5 {
        let (registry, client, repository) = tokens(usize::MAX);
        write(&client, &repository).unwrap();
        registry.access(Access::Token { wants: None, requests: good_for });
        let blob = Digest::of(b"other");
        client.put_blob(&repository, &blob, b"other").unwrap();
        write(&client, &repository).unwrap();
        assert!(registry.blobs("x").contains(&blob.to_string()), "{good_for}");
    }
}

#[test]
fn a_token_that_is_never_good_is_renewed_once() {
    let (registry, client, repository) = tokens(usize::MAX);
    let challenge = "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:1/\"\r\n";
    let realm = challenge.replace("127.0.0.1:1/", &format!("{}/token", registry.host()));
    registry.fault("/manifests/", usize::MAX, FaultKind::Status(401, realm, String::new()));
    let target = Target::Tag("1".parse().unwrap());
    let error = client.put_manifest(&repository, &target, OCI_MANIFEST, b"{}", None).unwrap_err();
    assert_eq!(error.fault.status(), Some(401));
    assert_eq!(registry.log().len(), 3);
}

/// What a registry answers that wants a token, or another one if the one it got is `over`.
fn unproved(registry: &Registry, over: bool) -> FaultKind {
    let error = if over { ",error=\"invalid_token\"" } else { "" };
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{}/token\"{error}\r\n", registry.host());
    FaultKind::Status(401, challenge, String::new())
}

/// The statuses of all requests but those for tokens.
fn statuses(registry: &Registry) -> Vec<String> {
    let log = registry.log().into_iter().filter(|line| !line.path.starts_with("/token"));
    log.map(|line| format!("{} {}", line.method, line.status)).collect()
}

#[test]
fn a_token_that_is_over_when_it_is_first_used_is_renewed_once_more() {
    for (times, good) in [(2, true), (3, false)] {
        let (registry, client, repository) = tokens(usize::MAX);
        registry.fault_on("POST", "/uploads/", times, unproved(&registry, true));
        let put = client.put_blob(&repository, &Digest::of(b"x"), b"x");
        match put {
            Ok(put) => assert!(good && put == Put::Uploaded),
            Err(error) => assert!(!good && error.fault.status() == Some(401), "{error}"),
        }
        assert_eq!(asked_for_tokens(&registry).len(), 3, "one to read, two to write");
    }
}

#[test]
fn an_upload_begins_again_once_where_the_proof_for_it_expired() {
    for (refused, good, puts) in [(2, true, 3), (4, false, 4)] {
        let (registry, client, repository) = tokens(usize::MAX);
        registry.fault_on("PUT", "/uploads/", refused, unproved(&registry, false));
        match client.put_blob(&repository, &Digest::of(b"x"), b"x") {
            Ok(put) => assert!(good && put == Put::Uploaded),
            Err(error) => assert!(!good && error.fault.status() == Some(401), "{error}"),
        }
        let sent = statuses(&registry).iter().filter(|line| line.starts_with("PUT ")).count();
        assert_eq!(sent, puts, "{:?}", statuses(&registry));
    }
}

#[test]
fn what_a_registry_does_not_take_over_is_sent_once() {
    let (registry, client, repository) = tokens(usize::MAX);
    let from: Repository = format!("{}/from", registry.host()).parse().unwrap();
    let open = || -> std::io::Result<Box<dyn std::io::Read + Send>> { Ok(Box::new(&b"x"[..])) };
    let put = client.put_blob_from(&repository, &Digest::of(b"x"), 1, Some(&from), &open);
    assert_eq!(put.unwrap(), Put::Uploaded);
    assert_eq!(statuses(&registry), ["HEAD 401", "HEAD 404", "POST 401", "POST 202", "PUT 201"]);
}

#[test]
fn a_token_is_used_again_however_short_it_says_that_it_holds() {
    for answer in [
        r#"{"token":"token-1","expires_in":10}"#,
        r#"{"token":"token-1","expires_in":0}"#,
        r#"{"token":"token-1","expires_in":-1}"#,
        r#"{"token":"token-1","expires_in":"soon"}"#,
        r#"{"token":"token-1","expires_in":300}"#,
        r#"{"token":"token-1"}"#,
    ] {
        let (registry, client, repository) = tokens(usize::MAX);
        registry.insert_manifest("x", Some("1"), OCI_MANIFEST, b"{}");
        registry.fault("/token", 1, FaultKind::Body(answer.into()));
        for _ in 0..2 {
            client.manifest(&repository, &Target::Tag("1".parse().unwrap())).unwrap();
        }
        assert_eq!(asked_for_tokens(&registry).len(), 1, "{answer}");
    }
}

#[test]
fn a_blob_is_taken_over_with_a_token_for_both_repositories() {
    let (registry, client, repository) = tokens(usize::MAX);
    let digest: Digest = registry.insert_blob("from", b"x").parse().unwrap();
    let from: Repository = format!("{}/from", registry.host()).parse().unwrap();
    let open =
        || -> std::io::Result<Box<dyn std::io::Read + Send>> { Err(std::io::Error::other("never opened")) };
    let put = client.put_blob_from(&repository, &digest, 1, Some(&from), &open);
    assert_eq!(put.unwrap(), Put::Mounted);
}

#[test]
fn credentials_stay_dropped_when_a_redirect_leads_back() {
    let (registry, other) = (Registry::start(), Registry::start());
    registry.insert_manifest("x", Some("1"), OCI_MANIFEST, b"{}");
    let config =
        ClientConfig { credentials: login(&registry.host(), "user", "pass"), ..ClientConfig::default() };
    let (client, repository) = (Client::new(config).unwrap(), format!("{}/x", registry.host()));
    let repository: Repository = repository.parse().unwrap();
    let target = Target::Tag("1".parse().unwrap());
    registry.access(Access::Header("Basic dXNlcjpwYXNz".into()));
    client.manifest(&repository, &target).unwrap();
    registry.clear_log();
    let to = |host: String| FaultKind::Redirect(format!("http://{host}/v2/x/manifests/1?back"));
    registry.fault("/manifests/", 1, to(other.host()));
    other.fault("/manifests/", usize::MAX, to(registry.host()));
    // The way back is without credentials; asked once more, the registry answers itself.
    client.manifest(&repository, &target).unwrap();
    let log = registry.log();
    assert_eq!((log[1].status, log[1].header("authorization")), (401, ""));
    assert!(other.log().iter().all(|line| line.header("authorization").is_empty()));
}

#[test]
fn no_request_to_another_origin_carries_credentials() {
    let (registry, other) = (Registry::start(), Registry::start());
    let config = ClientConfig {
        credentials: login(&registry.host(), "user", "pass"),
        sleep: Arc::new(NoSleep::default()),
        ..ClientConfig::default()
    };
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let target = Target::Tag("1".parse().unwrap());
    for access in [
        Access::Header("Basic dXNlcjpwYXNz".into()),
        Access::Token { wants: Some("Basic dXNlcjpwYXNz".into()), requests: usize::MAX },
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
            registry.access(access.clone());
            other.access(access.clone());
            let client = Client::new(config.clone()).unwrap();
            let location = format!("http://{}/v2/x/manifests/1", other.host());
            registry.fault_on(method, "/v2/", 20, FaultKind::Redirect(location));
            drop(write(&client, &repository));
            drop(client.manifest(&repository, &target));
            drop(client.referrers(&repository, &Digest::of(b"x"), None));
            registry.fault_on(method, "/v2/", 0, FaultKind::Hangup);
        }
    }
    let log = other.log();
    assert!(!log.is_empty());
    for line in log {
        assert_eq!(line.header("authorization"), "", "{line:?}");
        assert!(!line.path.starts_with("/token"), "{line:?}");
    }
}

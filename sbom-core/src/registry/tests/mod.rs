//! The client against a registry on loopback that goes wrong in every way it can.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sbomctl_testkit::{Access, FaultKind, Image, ImageBuilder, Registry};

use super::*;
use crate::{
    oci::{Platform, reference::Reference},
    scan::{self, Options, Silent},
    source::{Selection, SourceError, registry::open},
};

mod auth;
mod referrers;
mod time;
mod tls;
mod write;

/// Waits for nothing, and writes down what it was to wait for.
#[derive(Debug, Default)]
struct NoSleep(Mutex<Vec<Duration>>);

impl Sleep for NoSleep {
    fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

struct Setup {
    registry: Registry,
    image: Image,
    reference: Reference,
    sleep: Arc<NoSleep>,
    config: ClientConfig,
}

/// A registry that holds one image of one layer with a package.
fn setup() -> Setup {
    let registry = Registry::start();
    let image = ImageBuilder::new()
        .layer(|l| {
            l.file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")
                .file("lib/apk/db/installed", "P:musl\nV:1-r0\nA:x86_64\n\n")
                .file("padding", noise(300_000))
        })
        .build();
    let reference = registry.push("org/app", "1", &image.root()).parse().unwrap();
    let sleep = Arc::new(NoSleep::default());
    let config = ClientConfig {
        sleep: Arc::clone(&sleep) as Arc<dyn Sleep>,
        timeout: Duration::from_secs(5),
        ..ClientConfig::default()
    };
    Setup { registry, image, reference, sleep, config }
}

/// A password for the registry at `host`.
fn login(host: &str, username: &str, password: &str) -> Arc<dyn CredentialStore> {
    let credentials = Credentials::Password { username: username.into(), password: password.into() };
    Arc::new(Login::new(credentials, &[format!("{host}/x").parse().unwrap()]))
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    })
    .take(length)
    .collect()
}

impl Setup {
    fn open(&self) -> Result<Vec<crate::source::ImageSource>, SourceError> {
        let client = Arc::new(Client::new(self.config.clone()).unwrap());
        let selection = Selection::Default(Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            ..Platform::default()
        });
        open(&client, &self.reference, &selection, &self.config.limits)
    }

    /// Opens and scans; gives the number of components.
    fn scan(&self) -> Result<usize, String> {
        let sources = self.open().map_err(|error| error.to_string())?;
        let options = Options::default();
        match scan::scan(&sources[0], &options, &Silent) {
            Ok(bom) => Ok(bom.components.len()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn layer(&self) -> &str {
        &self.image.layers[0].blob.digest
    }

    #[track_caller]
    fn fails_with(&self, words: &[&str]) {
        let error = self.scan().unwrap_err();
        for word in words {
            assert!(error.contains(word), "{word:?} is not in {error:?}");
        }
    }
}

#[test]
fn an_image_is_read_by_digest_once_its_tag_is_resolved() {
    let setup = setup();
    assert_eq!(setup.scan(), Ok(1));
    let requests = setup.registry.requests();
    let by_tag = requests.iter().filter(|request| request.contains("/manifests/1")).count();
    assert_eq!(by_tag, 1, "{requests:?}");
    assert!(requests.iter().all(|request| request.starts_with("/v2/org/app/")), "{requests:?}");
}

#[test]
fn a_blob_that_breaks_off_is_taken_up_where_it_ended() {
    let setup = setup();
    setup.registry.fault(setup.layer(), 2, FaultKind::DropAfter(100_000));
    assert_eq!(setup.scan(), Ok(1));
    let requests = setup.registry.requests();
    assert!(requests.iter().any(|request| request.ends_with(" from 100000")), "{requests:?}");
    assert!(requests.iter().any(|request| request.ends_with(" from 200000")), "{requests:?}");
    assert_eq!(setup.sleep.0.lock().unwrap().len(), 2);
}

#[test]
fn a_registry_that_ignores_ranges_is_read_from_the_beginning() {
    let setup = setup();
    setup.registry.fault(setup.layer(), 1, FaultKind::DropAfter(100_000));
    setup.registry.fault(setup.layer(), 1, FaultKind::IgnoreRange);
    assert_eq!(setup.scan(), Ok(1));
}

#[test]
fn another_range_than_was_asked_for_is_refused() {
    let setup = setup();
    setup.registry.fault(setup.layer(), 1, FaultKind::DropAfter(100_000));
    setup.registry.fault(setup.layer(), 9, FaultKind::OtherRange);
    setup.fails_with(&["another range"]);
}

#[test]
fn a_transfer_that_always_breaks_off_fails_and_is_never_a_short_layer() {
    let setup = setup();
    setup.registry.fault(setup.layer(), usize::MAX, FaultKind::DropAfter(10));
    setup.fails_with(&["broke off the transfer", "attempts"]);
}

#[test]
fn other_bytes_are_refused_wherever_they_come() {
    for part in ["/manifests/1", "/blobs/"] {
        let setup = setup();
        setup.registry.fault(part, usize::MAX, FaultKind::OtherBytes);
        setup.fails_with(&["hash to"]);
    }
}

#[test]
fn a_digest_announced_that_is_not_the_manifests_is_refused() {
    let setup = setup();
    setup.registry.fault("/manifests/", usize::MAX, FaultKind::OtherDigest);
    setup.fails_with(&["hash to", "0000"]);
}

#[test]
fn passing_failures_are_tried_again_as_the_registry_asks() {
    let setup = setup();
    let unavailable = FaultKind::Status(503, "Retry-After: 7\r\n".into(), String::new());
    setup.registry.fault("/manifests/", 1, unavailable);
    setup.registry.fault("/blobs/", 1, FaultKind::Status(429, String::new(), String::new()));
    assert_eq!(setup.scan(), Ok(1));
    let waited = setup.sleep.0.lock().unwrap().clone();
    assert_eq!(waited, [Duration::from_secs(7), Duration::from_millis(250)]);
}

#[test]
fn attempts_are_bounded_and_the_error_says_how_many() {
    let setup = setup();
    setup.registry.fault("/manifests/", usize::MAX, FaultKind::Status(429, String::new(), String::new()));
    setup.fails_with(&["429", "too many requests", "5 attempts"]);
    assert_eq!(setup.registry.requests().len(), 5);
}

#[test]
fn what_is_not_there_is_said_in_the_registrys_words_and_not_tried_again() {
    let mut setup = setup();
    setup.reference = format!("{}/org/none:2", setup.registry.host()).parse().unwrap();
    setup.fails_with(&["404", "NAME_UNKNOWN: not here", "check its name"]);
    assert_eq!(setup.registry.requests().len(), 1);
}

#[test]
fn words_of_a_registry_cannot_reach_the_terminal_unescaped() {
    let setup = setup();
    let body = "{\"errors\":[{\"code\":\"X\",\"message\":\"\\u001b[2Jgone\"}]}";
    setup.registry.fault("/manifests/", 1, FaultKind::Status(400, String::new(), body.into()));
    let error = setup.scan().unwrap_err();
    assert!(error.contains("gone") && !error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn a_missing_blob_is_an_incomplete_image() {
    let setup = setup();
    setup.registry.fault(setup.layer(), 1, FaultKind::Status(404, String::new(), String::new()));
    setup.fails_with(&["is not in", "incomplete"]);
}

#[test]
fn a_password_is_sent_when_it_is_asked_for() {
    let mut setup = setup();
    // user:pass
    setup.registry.access(Access::Header("Basic dXNlcjpwYXNz".into()));
    setup.fails_with(&["wants a password", "docker login"]);
    setup.config.credentials = login(&setup.registry.host(), "user", "pass");
    assert_eq!(setup.scan(), Ok(1));
    setup.config.credentials = login(&setup.registry.host(), "user", "wrong");
    setup.fails_with(&["401", "docker login"]);
}

#[test]
fn a_token_is_fetched_with_a_password_or_an_identity_token_or_nothing() {
    let password = Credentials::Password { username: "user".into(), password: "pass".into() };
    let cases = [
        (None, None),
        (Some("Basic dXNlcjpwYXNz"), Some(password)),
        (Some("refresh_token=secret%21"), Some(Credentials::IdentityToken("secret!".into()))),
    ];
    for (wants, credentials) in cases {
        let mut setup = setup();
        setup.registry.access(Access::Token { wants: wants.map(str::to_owned), requests: usize::MAX });
        if let Some(credentials) = credentials {
            setup.config.credentials = Arc::new(Login::new(credentials, [setup.reference.repository()]));
        }
        assert_eq!(setup.scan(), Ok(1), "{wants:?}");
        let tokens = setup.registry.requests().iter().filter(|request| request.starts_with("/token")).count();
        assert_eq!(tokens, 1, "a token is kept");
    }
}

#[test]
fn a_helper_that_is_missing_does_not_keep_public_images_away() {
    let mut setup = setup();
    setup.registry.access(Access::Token { wants: None, requests: usize::MAX });
    let mut files = AuthFiles::new(&setup.config.limits);
    files.add("config.json", b"{\"credsStore\": \"surely-not-there\"}").unwrap();
    setup.config.credentials = Arc::new(files);
    assert_eq!(setup.scan(), Ok(1));
    setup.registry.access(Access::Header("Basic dXNlcjpwYXNz".into()));
    setup.fails_with(&["docker-credential-surely-not-there"]);
}

#[test]
fn a_token_that_expires_on_the_way_is_replaced() {
    let setup = setup();
    setup.registry.access(Access::Token { wants: None, requests: 1 });
    assert_eq!(setup.scan(), Ok(1));
    let tokens = setup.registry.requests().iter().filter(|request| request.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[test]
fn a_token_service_must_be_safe_and_answer_with_a_token() {
    for (challenge, word) in [
        ("Bearer realm=\"http://auth.example/token\"", "plain HTTP"),
        ("Bearer realm=\"ftp://x/\"", "none"),
        ("Bearer service=\"x\"", "does not say"),
        ("Negotiate", "no way that is known"),
    ] {
        let setup = setup();
        let headers = format!("WWW-Authenticate: {challenge}\r\n");
        setup.registry.fault("/manifests/", 1, FaultKind::Status(401, headers, String::new()));
        setup.fails_with(&[word]);
    }
    let setup = setup();
    setup.registry.access(Access::Token { wants: None, requests: usize::MAX });
    setup.registry.fault("/token", 1, FaultKind::Status(200, String::new(), "{\"token\":\"a\\nb\"}".into()));
    setup.fails_with(&["no token"]);
}

#[test]
fn redirects_are_followed_without_what_proves_who_asks() {
    let mut setup = setup();
    let cdn = Registry::start();
    cdn.push("org/app", "1", &setup.image.root());
    setup.registry.access(Access::Header("Basic dXNlcjpwYXNz".into()));
    setup.config.credentials = login(&setup.registry.host(), "user", "pass");
    let layer = setup.layer().to_owned();
    let location = format!("http://{}/v2/org/app/blobs/{layer}", cdn.host());
    setup.registry.fault(&layer, 2, FaultKind::Redirect(location));
    assert_eq!(setup.scan(), Ok(1));
    let there = cdn.requests();
    assert!(!there.is_empty() && there.iter().all(|request| !request.contains('[')), "{there:?}");
}

#[test]
fn a_host_that_is_redirected_to_cannot_name_where_credentials_go() {
    let mut setup = setup();
    let other = Registry::start();
    other.push("org/app", "1", &setup.image.root());
    other.access(Access::Token { wants: None, requests: usize::MAX });
    setup.config.credentials = login(&setup.registry.host(), "user", "pass");
    let layer = setup.layer().to_owned();
    let location = format!("http://{}/v2/org/app/blobs/{layer}", other.host());
    setup.registry.fault(&layer, usize::MAX, FaultKind::Redirect(location));
    setup.fails_with(&["401"]);
    let there = other.requests();
    assert!(!there.is_empty() && there.iter().all(|request| !request.contains('[')), "{there:?}");
    assert!(there.iter().all(|request| !request.starts_with("/token")), "{there:?}");
}

#[test]
fn redirects_in_a_circle_and_to_strange_places_are_refused() {
    for (location, word) in [
        ("/v2/org/app/manifests/1", "too many redirects"),
        ("http://elsewhere.example/x", "plain HTTP"),
        ("file:///etc/passwd", "no address"),
        ("", "no address"),
    ] {
        let setup = setup();
        setup.registry.fault("/manifests/", usize::MAX, FaultKind::Redirect(location.into()));
        let error = setup.scan().unwrap_err();
        assert!(error.contains(word), "{location:?}: {error}");
        assert!(setup.registry.requests().len() <= 11);
    }
}

#[test]
fn a_registry_that_is_silent_or_speaks_no_http_is_given_up() {
    let mut setup = setup();
    setup.config.limits.set("attempts", 1);
    setup.config.timeout = Duration::from_millis(300);
    setup.registry.fault("/manifests/", 1, FaultKind::Silence(Duration::from_secs(2)));
    setup.fails_with(&["in time", "--timeout"]);
    setup.registry.fault("/manifests/", 1, FaultKind::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()));
    assert!(setup.scan().is_err());
}

#[test]
fn an_endless_manifest_ends_at_the_limit() {
    let mut setup = setup();
    setup.config.limits.set("manifest-bytes", 1000);
    let endless = FaultKind::Status(200, String::new(), "x".repeat(100_000));
    setup.registry.fault("/manifests/", 1, endless);
    setup.fails_with(&["--limit manifest-bytes="]);
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let config = ClientConfig::default();
    let client = Client::new(config).unwrap();
    let reference: Reference = "registry.invalid/x:1".parse().unwrap();
    let url = super::url::Url::parse("http://registry.invalid/").unwrap();
    assert!(!client.wire().permits(&url));
    assert!(reference.repository().api_host() == "registry.invalid");
}

#[test]
fn more_or_fewer_bytes_than_announced_are_an_error() {
    let setup = setup();
    let client = Client::new(setup.config.clone()).unwrap();
    let (digest, repository) = (setup.layer().parse().unwrap(), setup.reference.repository());
    let whole = setup.image.layers[0].blob.bytes.len() as u64;
    for size in [10, whole - 1, whole + 1] {
        let error = BlobReader::open(&client, repository, &digest, size).unwrap_err().to_string();
        assert!(error.contains(&format!("{size} bytes are announced, {whole} are there")), "{error}");
    }
    // Without a length in the headers it shows only at the end.
    setup.registry.fault(setup.layer(), 1, FaultKind::Endless);
    let mut reader = BlobReader::open(&client, repository, &digest, 10).unwrap();
    let mut read = Vec::new();
    let error = std::io::copy(&mut reader, &mut read).unwrap_err().to_string();
    assert_eq!(read, b"          ");
    assert!(error.contains("10 bytes are announced, 11 are there"), "{error}");
}

#[test]
fn a_range_is_checked_from_its_first_byte_to_the_size_of_the_whole() {
    let setup = setup();
    let whole = setup.image.layers[0].blob.bytes.len();
    let last = whole - 1;
    for (range, good) in [
        (format!("bytes 100000-{last}/{whole}"), true),
        (format!("bytes 100000-{last}/*"), true),
        (format!("bytes 0-{last}/{whole}"), false),
        (format!("bytes 100000-{whole}/{whole}"), false),
        (format!("bytes 100000-{last}/{last}"), false),
        (format!("bytes */{whole}"), false),
        (String::new(), false),
    ] {
        setup.registry.fault(setup.layer(), 1, FaultKind::DropAfter(100_000));
        setup.registry.fault(setup.layer(), 1, FaultKind::Header("Content-Range", range.clone()));
        assert_eq!(setup.scan().is_ok(), good, "{range}");
    }
}

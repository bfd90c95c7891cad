//! Blobs and manifests put into a registry that goes wrong on the way.

use std::io::{self, Read};

use sbomctl_testkit::{Access, FaultKind, ReferrersApi, Registry};

use super::*;
use crate::{
    digest::Digest,
    oci::{
        manifest::OCI_MANIFEST,
        reference::{Repository, Target},
    },
};

const BLOB: &[u8] = b"a blob of some bytes";

/// A registry, and who writes to it.
struct Writing {
    registry: Registry,
    config: ClientConfig,
    sleep: Arc<NoSleep>,
}

impl Writing {
    fn new() -> Self {
        let sleep = Arc::new(NoSleep::default());
        let config = ClientConfig {
            sleep: Arc::clone(&sleep) as Arc<dyn Sleep>,
            timeout: Duration::from_secs(5),
            ..ClientConfig::default()
        };
        Self { registry: Registry::start(), config, sleep }
    }

    fn client(&self) -> Client {
        Client::new(self.config.clone()).unwrap()
    }

    fn repository(&self, path: &str) -> Repository {
        format!("{}/{path}", self.registry.host()).parse().unwrap()
    }

    fn put(&self) -> Result<Put, RegistryError> {
        self.client().put_blob(&self.repository("x"), &Digest::of(BLOB), BLOB)
    }

    fn put_manifest(&self, target: &Target) -> Result<Pushed, RegistryError> {
        self.client().put_manifest(&self.repository("x"), target, OCI_MANIFEST, b"{}", None)
    }

    fn waited(&self) -> usize {
        self.sleep.0.lock().unwrap().len()
    }

    fn methods(&self) -> Vec<String> {
        self.registry.log().iter().map(|line| format!("{} {}", line.method, line.status)).collect()
    }
}

fn tag(name: &str) -> Target {
    Target::Tag(name.parse().unwrap())
}

fn status(status: u16) -> FaultKind {
    FaultKind::Status(status, String::new(), String::new())
}

#[test]
fn a_blob_is_put_once_and_then_found_there() {
    let writing = Writing::new();
    assert_eq!(writing.put().unwrap(), Put::Uploaded);
    assert_eq!(writing.methods(), ["HEAD 404", "POST 202", "PUT 201"]);
    assert_eq!(writing.put().unwrap(), Put::Present);
    assert_eq!(writing.registry.blob("x", &Digest::of(BLOB).to_string()).unwrap(), BLOB);
    assert_eq!(writing.registry.log().len(), 4);
}

#[test]
fn an_empty_blob_is_put() {
    let writing = Writing::new();
    let empty = Digest::of(b"");
    assert_eq!(writing.client().put_blob(&writing.repository("x"), &empty, b"").unwrap(), Put::Uploaded);
    let open = || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(io::empty())) };
    let put = writing.client().put_blob_from(&writing.repository("y"), &empty, 0, None, &open);
    assert_eq!(put.unwrap(), Put::Uploaded);
}

#[test]
fn bytes_of_another_digest_are_never_sent() {
    let writing = Writing::new();
    let (client, repository) = (writing.client(), writing.repository("x"));
    let error = client.put_blob(&repository, &Digest::of(b"other"), BLOB).unwrap_err();
    assert!(matches!(error.fault, Fault::Digest { .. }));
    let target = Target::Digest(Digest::of(b"other"));
    let error = client.put_manifest(&repository, &target, OCI_MANIFEST, b"{}", None).unwrap_err();
    assert!(matches!(error.fault, Fault::Digest { .. }));
    assert_eq!(writing.registry.log().len(), 0);
}

#[test]
fn a_stream_is_opened_again_for_another_attempt() {
    let writing = Writing::new();
    let opened = Mutex::new(0);
    let open = || -> io::Result<Box<dyn Read + Send>> {
        *opened.lock().unwrap() += 1;
        Ok(Box::new(BLOB))
    };
    writing.registry.fault_on("PUT", "/uploads/", 1, FaultKind::Hangup);
    writing.registry.fault_on("PUT", "/uploads/", 1, status(503));
    let digest = Digest::of(BLOB);
    let size = BLOB.len() as u64;
    let put = writing.client().put_blob_from(&writing.repository("x"), &digest, size, None, &open);
    assert_eq!(put.unwrap(), Put::Uploaded);
    assert_eq!((*opened.lock().unwrap(), writing.waited()), (3, 2));
    assert_eq!(writing.registry.blob("x", &digest.to_string()).unwrap(), BLOB);
}

#[test]
fn a_stream_that_fails_ends_early_or_is_something_else_is_not_put() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    type Open = fn() -> io::Result<Box<dyn Read + Send>>;
    let cases: [(Open, &str); 4] = [
        (|| Err(io::Error::other("no such file")), "no such file"),
        (|| Ok(Box::new(Broken)), "the disk is gone"),
        (|| Ok(Box::new(&BLOB[..5])), "cannot be read"),
        (|| Ok(Box::new(io::repeat(7))), "hash to"),
    ];
    for (open, word) in cases {
        let writing = Writing::new();
        let digest = Digest::of(BLOB);
        let size = BLOB.len() as u64;
        let put = writing.client().put_blob_from(&writing.repository("x"), &digest, size, None, &open);
        let error = put.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
        assert_eq!((writing.registry.blobs("x").len(), writing.waited()), (0, 0), "{word}");
    }
}

#[test]
fn an_upload_that_the_registry_forgot_is_begun_again() {
    let writing = Writing::new();
    writing.registry.fault_on("PUT", "/uploads/", 1, status(404));
    assert_eq!(writing.put().unwrap(), Put::Uploaded);
    assert_eq!(writing.methods(), ["HEAD 404", "POST 202", "PUT 404", "HEAD 404", "POST 202", "PUT 201"]);
}

#[test]
fn a_blob_whose_answer_was_lost_is_found_and_not_sent_again() {
    let writing = Writing::new();
    writing.registry.fault_on("PUT", "/uploads/", 1, FaultKind::LostAnswer);
    assert_eq!(writing.put().unwrap(), Put::Present);
    let puts = writing.registry.log().iter().filter(|line| line.method == "PUT").count();
    assert_eq!(puts, 1);
}

#[test]
fn a_blob_that_cannot_be_put_takes_a_bounded_number_of_requests() {
    for (method, kind, most) in [
        ("HEAD", status(503), 5),
        ("POST", status(429), 10),
        ("PUT", FaultKind::Hangup, 15),
        ("PUT", status(500), 15),
        ("PUT", status(404), 15),
        ("PUT", status(413), 3),
        ("POST", status(403), 2),
        ("HEAD", status(401), 1),
    ] {
        let writing = Writing::new();
        writing.registry.fault_on(method, "/blobs/", usize::MAX, kind.clone());
        assert!(writing.put().is_err(), "{method} {kind:?}");
        assert_eq!(writing.registry.log().len(), most, "{method} {kind:?}: {:?}", writing.methods());
        assert!(writing.registry.blobs("x").is_empty());
    }
}

#[test]
fn a_blob_is_taken_over_from_another_repository_of_the_registry() {
    let writing = Writing::new();
    let digest = Digest::of(BLOB);
    writing.registry.insert_blob("from", BLOB);
    let open = || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(BLOB)) };
    let put = |from: &str, to: &str| {
        let (from, to) = (from.parse().unwrap(), writing.repository(to));
        writing.client().put_blob_from(&to, &digest, BLOB.len() as u64, Some(&from), &open).unwrap()
    };
    assert_eq!(put(&writing.repository("from").to_string(), "to"), Put::Mounted);
    assert_eq!(writing.methods(), ["HEAD 404", "POST 201"]);
    assert_eq!(put(&writing.repository("nowhere").to_string(), "there"), Put::Uploaded);
    // The name of a repository of another registry means nothing to this one.
    writing.registry.clear_log();
    assert_eq!(put("other.example/from", "elsewhere"), Put::Uploaded);
    assert!(writing.registry.log().iter().all(|line| !line.path.contains("mount=")));
}

#[test]
fn a_registry_that_refuses_to_take_over_gets_the_blob() {
    let writing = Writing::new();
    writing.registry.fault_on("POST", "mount=", 1, status(403));
    let open = || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(BLOB)) };
    let (digest, from) = (Digest::of(BLOB), writing.repository("from"));
    let to = writing.repository("to");
    let put = writing.client().put_blob_from(&to, &digest, BLOB.len() as u64, Some(&from), &open);
    assert_eq!(put.unwrap(), Put::Uploaded);
}

#[test]
fn storage_that_holds_a_blob_elsewhere_is_not_asked_whether_it_does() {
    let writing = Writing::new();
    let location = "https://storage.invalid/x".to_owned();
    writing.registry.fault_on("HEAD", "/blobs/", 1, FaultKind::Redirect(location));
    assert_eq!(writing.put().unwrap(), Put::Present);
}

#[test]
fn an_upload_at_another_origin_gets_the_bytes_and_no_credentials() {
    let mut writing = Writing::new();
    let other = Registry::start();
    writing.registry.access(Access::Header("Basic dXNlcjpwYXNz".into()));
    writing.config.credentials = login(&writing.registry.host(), "user", "pass");
    let location = format!("http://{}{}", other.host(), other.open_upload("x"));
    writing.registry.fault_on("POST", "/uploads/", 1, FaultKind::Header("Location", location));
    assert_eq!(writing.put().unwrap(), Put::Uploaded);
    assert_eq!(other.blobs("x").len(), 1);
    assert_eq!(other.log().len(), 1);
    assert_eq!(other.log()[0].header("authorization"), "");
}

#[test]
fn an_upload_elsewhere_that_asks_for_credentials_gets_none() {
    let mut writing = Writing::new();
    let other = Registry::start();
    other.access(Access::Token { wants: None, requests: usize::MAX });
    writing.config.credentials = login(&writing.registry.host(), "user", "pass");
    let location = format!("http://{}{}", other.host(), other.open_upload("x"));
    writing.registry.fault_on("POST", "/uploads/", 1, FaultKind::Header("Location", location));
    assert!(writing.put().unwrap_err().to_string().contains("401"));
    assert_eq!(other.lines(), ["PUT /v2/x/blobs/uploads/1 401"]);
}

#[test]
fn a_place_to_upload_must_be_one_that_may_be_written_to() {
    for (location, word) in [
        ("", "no address"),
        ("ftp://127.0.0.1/x", "no address"),
        ("http://user:pass@127.0.0.1/x", "no address"),
        ("http://elsewhere.example/x", "plain HTTP"),
    ] {
        let writing = Writing::new();
        let kind = FaultKind::Header("Location", location.to_owned());
        writing.registry.fault_on("POST", "/uploads/", 1, kind);
        let error = writing.put().unwrap_err().to_string();
        assert!(error.contains(word), "{location}: {error}");
        assert_eq!(writing.registry.log().len(), 2);
    }
}

#[test]
fn what_is_written_is_sent_again_only_where_the_registry_says_so() {
    let writing = Writing::new();
    let to = |status| FaultKind::Status(status, "Location: /v2/x/manifests/2\r\n".into(), String::new());
    writing.registry.fault_on("PUT", "/manifests/1", 1, to(307));
    writing.put_manifest(&tag("1")).unwrap();
    assert_eq!(writing.registry.tags("x").into_keys().collect::<Vec<_>>(), ["2"]);
    for status in [301, 302, 303] {
        writing.registry.fault_on("PUT", "/manifests/1", 1, to(status));
        let error = writing.put_manifest(&tag("1")).unwrap_err().to_string();
        assert!(error.contains("something to read"), "{error}");
    }
}

#[test]
fn a_manifest_is_put_under_a_tag_and_under_its_digest() {
    let writing = Writing::new();
    let digest = Digest::of(b"{}");
    for target in [tag("1"), Target::Digest(digest.clone())] {
        let pushed = writing.put_manifest(&target).unwrap();
        assert_eq!(pushed, Pushed { digest: digest.clone(), subject: None });
    }
    assert_eq!(writing.registry.tags("x")["1"], digest.to_string());
    let head = writing.client().head_manifest(&writing.repository("x"), &tag("1")).unwrap().unwrap();
    assert_eq!((head.digest, head.size, head.media_type.as_str()), (Some(digest), Some(2), OCI_MANIFEST));
    assert_eq!(writing.client().head_manifest(&writing.repository("x"), &tag("2")).unwrap(), None);
}

#[test]
fn a_registry_with_referrers_says_whose_subject_it_noted() {
    let writing = Writing::new();
    let subject = Digest::of(b"subject");
    let manifest = format!(r#"{{"subject":{{"digest":"{subject}"}}}}"#);
    let put = || {
        let (repository, bytes) = (writing.repository("x"), manifest.as_bytes());
        let target = Target::Digest(Digest::of(bytes));
        writing.client().put_manifest(&repository, &target, OCI_MANIFEST, bytes, None).unwrap().subject
    };
    assert_eq!(put(), None);
    writing.registry.referrers_api(ReferrersApi::On { filter: true, page: 10 });
    assert_eq!(put(), Some(subject));
}

#[test]
fn a_registry_that_announces_another_digest_than_was_put_is_not_believed() {
    let writing = Writing::new();
    writing.registry.fault_on("PUT", "/manifests/", 1, FaultKind::OtherDigest);
    let error = writing.put_manifest(&tag("1")).unwrap_err();
    assert!(matches!(error.fault, Fault::Digest { .. }), "{error}");
    writing.registry.fault_on("PUT", "/uploads/", 1, FaultKind::OtherDigest);
    let error = writing.put().unwrap_err();
    assert!(matches!(error.fault, Fault::Digest { .. }), "{error}");
}

#[test]
fn a_tag_is_put_only_if_it_is_what_was_read() {
    let writing = Writing::new();
    writing.registry.conditions(true);
    writing.put_manifest(&tag("1")).unwrap();
    let (client, repository) = (writing.client(), writing.repository("x"));
    let read = client.manifest(&repository, &tag("1")).unwrap();
    let put =
        |bytes: &[u8]| client.put_manifest(&repository, &tag("1"), OCI_MANIFEST, bytes, read.etag.as_ref());
    put(b"{\"a\":1}").unwrap();
    let error = put(b"{\"b\":2}").unwrap_err();
    assert!(matches!(error.fault, Fault::Changed { .. }) && !error.fault.is_undecided(), "{error}");
    assert_eq!(writing.registry.tags("x")["1"], Digest::of(b"{\"a\":1}").to_string());
    assert_eq!(writing.waited(), 0);
}

#[test]
fn a_weak_or_broken_entity_tag_is_no_condition() {
    let writing = Writing::new();
    writing.put_manifest(&tag("1")).unwrap();
    for etag in ["W/\"x\"", "x", "\"", "\"\"", &format!("\"{}\"", "x".repeat(2000))] {
        writing.registry.fault_on("GET", "/manifests/", 1, FaultKind::Header("ETag", etag.into()));
        let read = writing.client().manifest(&writing.repository("x"), &tag("1")).unwrap();
        assert_eq!(read.etag, None, "{etag}");
    }
}

#[test]
fn a_tag_whose_answer_was_lost_is_not_put_again() {
    for kind in [FaultKind::LostAnswer, status(500), status(502), status(504)] {
        let writing = Writing::new();
        writing.registry.fault_on("PUT", "/manifests/", usize::MAX, kind.clone());
        let error = writing.put_manifest(&tag("1")).unwrap_err();
        assert!(error.fault.is_undecided(), "{error}");
        assert_eq!(writing.registry.log().len(), 1, "{kind:?}");
    }
    // By digest there is nothing that it could be in the place of.
    let writing = Writing::new();
    writing.registry.fault_on("PUT", "/manifests/", 1, FaultKind::LostAnswer);
    writing.put_manifest(&Target::Digest(Digest::of(b"{}"))).unwrap();
}

#[test]
fn a_busy_registry_gets_a_tag_when_it_says() {
    let writing = Writing::new();
    let busy = |status| FaultKind::Status(status, "Retry-After: 3\r\n".into(), String::new());
    writing.registry.fault_on("PUT", "/manifests/", 1, busy(429));
    writing.registry.fault_on("PUT", "/manifests/", 1, busy(503));
    writing.put_manifest(&tag("1")).unwrap();
    assert_eq!(*writing.sleep.0.lock().unwrap(), [Duration::from_secs(3); 2]);
}

#[test]
fn a_manifest_is_deleted_by_tag_and_by_digest() {
    let writing = Writing::new();
    let (client, repository) = (writing.client(), writing.repository("x"));
    writing.put_manifest(&tag("1")).unwrap();
    client.delete_manifest(&repository, &tag("1")).unwrap();
    assert!(writing.registry.tags("x").is_empty() && writing.registry.manifests("x").len() == 1);
    let error = client.delete_manifest(&repository, &tag("1")).unwrap_err();
    assert!(error.fault.is_missing(), "{error}");
    writing.registry.fault_on("DELETE", "/manifests/", 1, FaultKind::LostAnswer);
    client.delete_manifest(&repository, &Target::Digest(Digest::of(b"{}"))).unwrap();
    assert!(writing.registry.manifests("x").is_empty());
    writing.registry.fault_on("DELETE", "/manifests/", 1, status(405));
    let error = client.delete_manifest(&repository, &tag("1")).unwrap_err().to_string();
    assert!(error.contains("405: the registry does not allow this"), "{error}");
}

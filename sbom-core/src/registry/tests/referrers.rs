//! Lists of referrers, true and false, short and endless.

use sbomctl_testkit::{FaultKind, ReferrersApi, Registry};

use super::*;
use crate::{
    digest::Digest,
    oci::{
        manifest::{OCI_INDEX, OCI_MANIFEST},
        reference::Repository,
    },
};

const KIND: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

struct Listing {
    registry: Registry,
    config: ClientConfig,
    subject: Digest,
}

impl Listing {
    /// A registry with `wanted` referrers of `KIND`, and `junk` of another.
    fn new(api: ReferrersApi, wanted: usize, junk: usize) -> Self {
        let registry = Registry::start();
        registry.referrers_api(api);
        let subject = Digest::of(b"subject");
        for (kind, count) in [(KIND, wanted), ("junk/junk", junk)] {
            for number in 0..count {
                let manifest = format!(
                    r#"{{"artifactType":"{kind}","subject":{{"digest":"{subject}"}},"annotations":{{"n":"{number}"}}}}"#
                );
                registry.insert_manifest("x", None, OCI_MANIFEST, manifest.as_bytes());
            }
        }
        let config = ClientConfig { sleep: Arc::new(NoSleep::default()), ..ClientConfig::default() };
        Self { registry, config, subject }
    }

    fn on() -> Self {
        Self::new(ReferrersApi::On { filter: true, page: 100 }, 1, 0)
    }

    fn list(&self, kind: Option<&str>) -> Result<Referrers, RegistryError> {
        let client = Client::new(self.config.clone()).unwrap();
        let repository: Repository = format!("{}/x", self.registry.host()).parse().unwrap();
        client.referrers(&repository, &self.subject, kind)
    }

    fn listed(&self, kind: Option<&str>) -> Listed {
        match self.list(kind).unwrap() {
            Referrers::Api(listed) => listed,
            Referrers::Unsupported => panic!("unsupported"),
        }
    }

    #[track_caller]
    fn fails_with(&self, word: &str, requests: usize) {
        let error = self.list(None).unwrap_err().to_string();
        assert!(error.contains(word), "{word:?} is not in {error:?}");
        assert_eq!(self.registry.log().len(), requests, "{error}");
    }
}

#[test]
fn a_list_is_read_over_all_its_pages() {
    for filter in [true, false] {
        let listing = Listing::new(ReferrersApi::On { filter, page: 7 }, 20, 30);
        let all = listing.listed(None);
        assert_eq!((all.manifests.len(), all.filtered), (50, false));
        assert_eq!(listing.registry.log().len(), 8);
        let some = listing.listed(Some(KIND));
        assert_eq!((some.manifests.len(), some.filtered), (if filter { 20 } else { 50 }, filter));
        assert_eq!(some.manifests[0].annotations.len(), 1);
    }
}

#[test]
fn a_list_without_entries_is_a_list() {
    let listing = Listing::new(ReferrersApi::On { filter: true, page: 7 }, 0, 0);
    assert!(listing.listed(None).manifests.is_empty());
    listing.registry.fault("/referrers/", 1, FaultKind::Body(b"{\"manifests\":null}".to_vec()));
    assert!(listing.listed(None).manifests.is_empty());
}

#[test]
fn five_hundred_junk_referrers_are_one_request() {
    let listing = Listing::new(ReferrersApi::On { filter: true, page: 1000 }, 1, 500);
    assert_eq!(listing.listed(Some(KIND)).manifests.len(), 1);
    assert_eq!(listing.registry.log().len(), 1);
}

#[test]
fn a_registry_that_does_not_know_the_request_has_no_list() {
    let listing = Listing::new(ReferrersApi::Off, 1, 0);
    assert!(matches!(listing.list(None), Ok(Referrers::Unsupported)));
    // GitHub's sends to the pages of its web site.
    let location = "https://github.invalid/-/v2/packages".to_owned();
    let moved = FaultKind::Status(303, format!("Location: {location}\r\n"), String::new());
    listing.registry.fault("/referrers/", 1, moved);
    assert!(matches!(listing.list(None), Ok(Referrers::Unsupported)));
    assert_eq!(listing.registry.log().len(), 2);
    for status in [400, 405, 406] {
        listing.registry.fault("/referrers/", 1, FaultKind::Status(status, String::new(), String::new()));
        assert!(matches!(listing.list(None), Ok(Referrers::Unsupported)), "{status}");
    }
}

#[test]
fn what_refuses_or_fails_is_an_error_and_never_an_empty_list() {
    for (status, requests) in [(401, 1), (403, 1), (410, 1), (500, 5), (502, 5), (503, 5), (429, 5)] {
        let listing = Listing::on();
        let kind = FaultKind::Status(status, String::new(), String::new());
        listing.registry.fault("/referrers/", usize::MAX, kind);
        let word = if status == 401 { "no way that is known".to_owned() } else { status.to_string() };
        listing.fails_with(&word, requests);
    }
}

#[test]
fn what_is_no_list_is_an_error() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "{\"manifests\":1}",
        "{\"manifests\":{}}",
        "{\"manifests\":[],\"layers\":[]}",
        "{\"manifests\":[],\"config\":{}}",
        "{\"manifests\":[],\"manifests\":[]}",
        &format!("{{\"mediaType\":\"{OCI_MANIFEST}\",\"manifests\":[]}}"),
        &"[".repeat(100_000),
        &format!("{{\"manifests\":[{}1]}}", "1,".repeat(100_000)),
    ] {
        let listing = Listing::on();
        listing.registry.fault("/referrers/", 1, FaultKind::Body(body.into()));
        listing.fails_with("something else than a list of referrers", 1);
    }
}

#[test]
fn one_bad_entry_never_loses_the_others() {
    let listing = Listing::on();
    let digest = Digest::of(b"x");
    let body = format!(
        r#"{{"mediaType":"{OCI_INDEX}","manifests":[{{"digest":"sha256:x","size":1}},7,null,[[]],
            {{"digest":"{digest}","size":-1}},{{"digest":"{digest}","size":1}},{{"digest":"{digest}","size":1}}]}}"#
    );
    listing.registry.fault("/referrers/", 1, FaultKind::Body(body.into_bytes()));
    let listed = listing.listed(None);
    assert_eq!(listed.manifests.len(), 1, "none twice");
    let bad: Vec<usize> = listed.unreadable.iter().map(|(at, _)| *at).collect();
    assert_eq!(bad.len(), 5, "{:?}", listed.unreadable);
}

#[test]
fn a_list_that_goes_on_elsewhere_or_in_a_circle_is_refused() {
    for (link, word, requests) in [
        ("<http://127.0.0.1:1/v2/x>; rel=next".to_owned(), "another host", 1),
        ("<//elsewhere.example/v2/x>; rel=next".to_owned(), "another host", 1),
        ("<ftp://x/>; rel=next".to_owned(), "no address", 1),
        (format!("</v2/x/referrers/{}>; rel=next", Digest::of(b"subject")), "leads back", 1),
        (format!("</v2/x/referrers/{}?a>; rel=next", Digest::of(b"subject")), "leads back", 2),
    ] {
        let listing = Listing::on();
        listing.registry.fault("/referrers/", usize::MAX, FaultKind::Header("Link", link));
        listing.fails_with(word, requests);
    }
}

#[test]
fn pages_entries_and_bytes_of_a_list_are_bounded() {
    let page = |page| ReferrersApi::On { filter: true, page };
    let mut listing = Listing::new(page(1), 10, 0);
    listing.config.limits.set("referrer-pages", 3);
    listing.fails_with("--limit referrer-pages=", 4);
    let mut listing = Listing::new(page(2), 10, 0);
    listing.config.limits.set("referrers-listed", 5);
    listing.fails_with("--limit referrers-listed=", 3);
    let mut listing = Listing::new(page(2), 10, 0);
    listing.config.limits.set("referrers-bytes", 1000);
    let error = listing.list(None).unwrap_err().to_string();
    assert!(error.contains("--limit referrers-bytes="), "{error}");
    assert!(listing.registry.log().len() <= 3);
    let listing = Listing::on();
    listing.registry.fault("/referrers/", 1, FaultKind::Endless);
    listing.fails_with("--limit response-bytes=", 1);
}

#[test]
fn a_page_that_is_named_and_missing_is_an_error() {
    let listing = Listing::new(ReferrersApi::On { filter: true, page: 1 }, 3, 0);
    listing.registry.fault("last=2", 1, FaultKind::Status(404, String::new(), String::new()));
    listing.fails_with("broke off", 3);
}

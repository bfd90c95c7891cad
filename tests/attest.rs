//! `attest`, end to end: what is signed, where it lies then, and what is said if it could not be put there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sbomctl_testkit::{Access, FaultKind, ImageBuilder, Layout, ReferrersApi, Registry, Root, index};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Run, command, finish};

pub(crate) const API: ReferrersApi = ReferrersApi::On { filter: true, page: 100 };
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A folder in which the program runs, with a pair of keys `k` and one of a stranger, `s`.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["k", "s"] {
            bench.done(&["key", "generate", "--no-password", "-o", name]);
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::File::open(self.path(name)).and_then(std::io::read_to_string).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut command = command(arguments);
        command.current_dir(self.folder.path()).env("SOURCE_DATE_EPOCH", "1700000000");
        finish(command, &[])
    }

    /// A run that must succeed: what it wrote.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
        run.stdout
    }

    /// A run that must end with `code`: all that it wrote.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.stdout, run.stderr);
        format!("{}{}", run.stdout, run.stderr)
    }

    /// What a run with JSON as its output says, which must follow our schema `schema`.
    pub(crate) fn json(&self, schema: &str, code: i32, arguments: &[&str]) -> Value {
        let run = self.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.stdout, run.stderr);
        follows(schema, serde_json::from_str(&run.stdout).unwrap())
    }

    /// An image of one platform in the layout `name`; how it is named.
    pub(crate) fn layout(&self, name: &str) -> String {
        Layout::new([image("linux/amd64")]).write(&self.path(name)).unwrap();
        format!("oci:{name}")
    }
}

/// `document`, which must follow our schema `schema`.
pub(crate) fn follows(schema: &str, document: Value) -> Value {
    let path = format!("{}/../schemas/{schema}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::File::open(path).and_then(std::io::read_to_string).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
    document
}

/// An image of Alpine with two packages, the same on all platforms but for their architecture.
pub(crate) fn image(platform: &str) -> Root {
    image_with(platform, "1.2.5-r0")
}

/// The same, with a package of another version.
pub(crate) fn image_with(platform: &str, version: &str) -> Root {
    let architecture = platform.trim_start_matches("linux/");
    let release = "ID=alpine\nVERSION_ID=3.20.0\n";
    let installed = format!(
        "P:musl\nV:{version}\nA:{architecture}\nL:MIT\n\nP:zlib\nV:1.3.1-r1\nA:{architecture}\nL:Zlib\n\n"
    );
    ImageBuilder::new()
        .layer(|l| l.file("etc/os-release", release).file("lib/apk/db/installed", installed))
        .platform(platform)
        .build()
        .root()
        .with_platform(json!({ "os": "linux", "architecture": architecture }))
}

/// An index of two platforms.
pub(crate) fn two() -> Root {
    index([image("linux/amd64"), image("linux/arm64")])
}

/// A registry with `root` in it, and the name of that.
pub(crate) fn registry(api: ReferrersApi, root: &Root) -> (Registry, String) {
    let registry = Registry::start();
    registry.referrers_api(api);
    let name = registry.push("team/app", "1", root);
    (registry, name)
}

/// `name` with a digest in place of its tag.
pub(crate) fn at(name: &str, digest: &str) -> String {
    format!("{}@{digest}", name.rsplit_once(':').unwrap().0)
}

fn digests(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|digest| digest.as_str().unwrap().to_owned()).collect()
}

fn files(folder: &Path) -> usize {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.iter().map(|path| if path.is_dir() { files(path) } else { 1 }).sum()
}

/// Attests the index `name`, and looks at it from all sides.
fn check_index(bench: &Bench, name: &str, by_digest: impl Fn(&str) -> String) {
    let said = bench.json("attest", 0, &["attest", "--key", "k.key", "--format", "json", name]);
    let attested = said["attested"].as_array().unwrap();
    let root = two();
    assert_eq!(attested.len(), 2);
    for (one, platform) in attested.iter().zip(["linux/amd64", "linux/arm64"]) {
        assert_eq!(one["platform"], platform);
        let subjects = digests(&one["subjects"]);
        assert_eq!(subjects, [image(platform).manifest.digest, root.manifest.digest.clone()]);
        assert_eq!(one["referrers"].as_array().unwrap().len(), 2);
        let verify = ["verify", "--key", "k.pub", "--type", "spdxjson", "-o", "json"];
        for (subject, count) in
            [(by_digest(&subjects[0]), 1), (by_digest(&subjects[1]), 2), (name.to_owned(), 2)]
        {
            let verdict = bench.json("verify", 0, &[&verify[..], &[&subject]].concat());
            let verified = verdict["subjects"][0]["verified"].as_array().unwrap();
            assert_eq!(verified.len(), count, "{subject}");
            assert!(verified.iter().any(|verified| verified["statement"] == one["statement"]));
        }
        let own = ["verify", "--key", "k.pub", "--platform", platform, "-o", "predicate", name];
        let scanned = bench.done(&["scan", "--platform", platform, "-o", "spdx-json", name]);
        let predicate = bench.done(&own);
        let other = predicate.lines().zip(scanned.lines()).find(|(a, b)| a != b);
        assert!(
            predicate.trim_end() == scanned.trim_end(),
            "{other:?}: what is attested is what a scan says, but for the end of its last line"
        );
    }
    bench.done(&["verify", "--key", "k.pub", "--all-platforms", name]);
}

#[test]
fn an_index_is_attested_for_each_platform_and_found_by_every_name() {
    let bench = Bench::new();
    for api in [API, ReferrersApi::Off] {
        let (registry, name) = registry(api, &two());
        check_index(&bench, &name, |digest| at(&name, digest));
        let fallback = registry.tags("team/app").into_keys().filter(|tag| tag.starts_with("sha256-")).count();
        assert_eq!(fallback, if api == API { 0 } else { 3 });
    }
    Layout::new([two()]).write(&bench.path("layout")).unwrap();
    check_index(&bench, "oci:layout", |digest| format!("oci:layout@{digest}"));
}

#[test]
fn the_same_image_gives_the_same_statement_however_often() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &two());
    let attest = || {
        let attest = ["attest", "--key", "k.key", "--force", "--format", "json", &name];
        let said = bench.json("attest", 0, &attest);
        let of = |field: &str| {
            said["attested"].as_array().unwrap().iter().map(|one| one[field].clone()).collect::<Vec<_>>()
        };
        (of("statement"), of("bundle"))
    };
    let ((first, first_bundles), (second, second_bundles)) = (attest(), attest());
    assert_eq!(first, second);
    assert_ne!(first_bundles, second_bundles, "a signature of P-256 is another each time");
}

#[test]
fn one_platform_and_several_types_are_attested_on_request() {
    let bench = Bench::new();
    let (_registry, name) = registry(API, &two());
    let types = ["--type", "spdxjson", "--type", "cyclonedx", "--type", "cyclonedx"];
    let attest = ["attest", "--key", "k.key", "--format", "json", "--platform", "linux/arm64"];
    let said = bench.json("attest", 0, &[&attest[..], &types, &[&name]].concat());
    let said: Vec<&Value> =
        said["attested"].as_array().unwrap().iter().map(|one| &one["predicateType"]).collect();
    assert_eq!(said, ["https://spdx.dev/Document", "https://cyclonedx.org/bom"]);
    for kind in ["spdxjson", "cyclonedx"] {
        bench.done(&["verify", "--key", "k.pub", "--type", kind, "--platform", "linux/arm64", &name]);
        bench.ends(1, &["verify", "--key", "k.pub", "--type", kind, "--platform", "linux/amd64", &name]);
        bench.ends(1, &["verify", "--key", "k.pub", "--type", kind, "--all-platforms", &name]);
        let said = bench.ends(1, &["verify", "--key", "k.pub", "--type", kind, &name]);
        assert!(said.contains("nothing that counts is about linux/amd64"), "{said}");
    }
    bench.write("provenance.json", r#"{"buildDefinition":{}}"#);
    let given = ["attest", "--key", "k.key", "--type", "slsaprovenance1", "--predicate", "provenance.json"];
    bench.done(&[&given[..], &["--platform", "linux/amd64", &name]].concat());
    let verify = ["verify", "--key", "k.pub", "--type", "slsaprovenance1", "-o", "predicate"];
    let amd64 = [&verify[..], &["--platform", "linux/amd64", &name]].concat();
    assert_eq!(bench.done(&amd64), r#"{"buildDefinition":{}}"#);
    for more in [&["--platform", "linux/arm64", &name][..], &[&name]] {
        bench.ends(1, &[&verify[..], more].concat());
    }
    assert!(bench.ends(3, &[&attest[..5], &["--platform", "linux/s390x", &name]].concat()).contains("s390x"));
}

#[test]
fn the_old_form_is_written_beside_the_new_one() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let text = bench.done(&["attest", "--key", "k.key", "--also-legacy", &name]);
    assert!(text.contains("old form   under the tag sha256-"), "{text}");
    let tags = registry.tags("team/app");
    assert!(tags.keys().any(|tag| tag.contains(".att")), "{tags:?}");
    let verdict = bench.json("verify", 0, &["verify", "--key", "k.pub", "-o", "json", &name]);
    let statements: Vec<&Value> =
        verdict["subjects"][0]["verified"].as_array().unwrap().iter().map(|one| &one["statement"]).collect();
    assert_eq!(statements.len(), 2, "one in each form");
    assert_eq!(statements[0], statements[1]);
}

#[test]
fn what_is_not_pushed_is_in_the_file_alone() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    let before = files(&bench.path("layout"));
    bench.done(&["attest", "--key", "k.key", "--no-push", "--output-bundle", "b.json", &image]);
    assert_eq!(files(&bench.path("layout")), before);
    assert_eq!(bench.read("b.json").lines().count(), 1);
    bench.ends(1, &["verify", "--key", "k.pub", &image]);
    bench.done(&["verify", "--key", "k.pub", "--bundle", "b.json", &image]);
    bench.ends(1, &["verify", "--key", "s.pub", "--bundle", "b.json", &image]);
    assert!(bench.ends(2, &["attest", "--key", "k.key", "--no-push", &image]).contains("--output-bundle"));
}

#[test]
fn a_file_is_attested_into_a_bundle() {
    let bench = Bench::new();
    bench.write("disk.raw", "content");
    bench.write("said.json", r#"{"is":"said"}"#);
    let attest =
        ["attest", "blob", "--key", "k.key", "--type", "custom", "--predicate", "said.json", "disk.raw"];
    assert!(bench.ends(2, &attest).contains("--output-bundle"));
    let said =
        bench.json("attest", 0, &[&attest[..], &["--output-bundle", "b.json", "--format", "json"]].concat());
    assert_eq!(said["attested"][0]["referrers"], json!([]));
    let verify = ["verify", "--key", "k.pub", "--bundle", "b.json"];
    assert_eq!(bench.done(&[&verify[..], &["-o", "predicate", "disk.raw"]].concat()), r#"{"is":"said"}"#);
    let verdict = bench.json("verify", 0, &[&verify[..], &["-o", "json", "disk.raw"]].concat());
    assert_eq!(verdict["subjects"][0]["verified"][0]["subjects"][0]["name"], "disk.raw");
    bench.write("disk.raw", "other content");
    assert!(bench.ends(1, &[&verify[..], &["disk.raw"]].concat()).contains("SUBJECT_MISMATCH"));
    assert!(bench.ends(2, &["verify", "--key", "k.pub", "disk.raw"]).contains("--bundle"));
}

#[test]
fn what_cannot_be_said_is_not_signed() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    let before = files(&bench.path("layout"));
    bench.write("text", "no JSON");
    bench.write("array.json", "[]");
    bench.write("provenance.json", r#"{"buildDefinition":{}}"#);
    let attest = ["attest", "--key", "k.key", &image];
    for (code, words, more) in [
        (2, "--predicate FILE", &["--type", "slsaprovenance1"][..]),
        (3, "one JSON object", &["--predicate", "text"]),
        (3, "one JSON object", &["--type", "custom", "--predicate", "array.json"]),
        (3, "not an SPDX document", &["--predicate", "provenance.json"]),
        (3, "not a CycloneDX document", &["--type", "cyclonedx", "--predicate", "provenance.json"]),
        (3, "missing.json", &["--predicate", "missing.json"]),
        (2, "--type once", &["--type", "vuln", "--type", "custom", "--predicate", "provenance.json"]),
        (2, "'--platform", &["--platform", "linux/amd64/v1/x"]),
    ] {
        let said = bench.ends(code, &[&attest[..], more].concat());
        assert!(said.contains(words), "{words}: {said}");
    }
    let said = bench.ends(2, &["attest", &image]);
    assert!(said.contains("--key FILE") && said.contains("sbomctl key generate"), "{said}");
    assert_eq!(files(&bench.path("layout")), before);
    assert!(bench.ends(2, &["attest", "--key", "k.key", "text"]).contains("no place for attestations"));
    assert!(
        bench
            .ends(3, &["attest", "blob", "--key", "k.key", "--output-bundle", "b", "layout"])
            .contains("no file")
    );
}

#[test]
fn an_archive_of_attested_images_is_read_and_not_written() {
    let bench = Bench::new();
    let image = bench.layout("layout");
    bench.done(&["attest", "--key", "k.key", &image]);
    bench.done(&["airgap", "create", &image, "-o", "a.tar"]);
    bench.done(&["verify", "--key", "k.pub", "oci-archive:a.tar"]);
    let said = bench.ends(2, &["attest", "--key", "k.key", "oci-archive:a.tar"]);
    assert!(said.contains("nothing can be put into the archive"), "{said}");
}

/// Attests while `fault` troubles the registry.
fn check_trouble(api: ReferrersApi, code: i32, words: &[&str], trouble: impl FnOnce(&Registry)) {
    let bench = Bench::new();
    let (registry, name) = registry(api, &image("linux/amd64"));
    trouble(&registry);
    let run = bench.run(&["attest", "--key", "k.key", &name]);
    assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    assert_eq!(run.stdout.contains("referrer "), code == 0, "{}", run.stdout);
    registry.access(Access::Anonymous);
    bench.ends(i32::from(code != 0), &["verify", "--key", "k.pub", &name]);
}

#[test]
fn a_registry_that_is_busy_for_a_moment_gets_it_all_the_same() {
    for status in [429, 503] {
        check_trouble(API, 0, &[], |registry| {
            let busy = FaultKind::Status(status, "Retry-After: 0\r\n".to_owned(), String::new());
            registry.fault_on("PUT", "/manifests/", 1, busy.clone());
            registry.fault_on("POST", "/blobs/uploads/", 1, busy);
        });
    }
    check_trouble(ReferrersApi::Off, 0, &[], |registry| {
        registry.fault_on("PUT", "/manifests/sha256-", 1, FaultKind::LostAnswer);
    });
}

#[test]
fn a_token_that_expires_on_the_way_is_fetched_anew() {
    // A token that expires before its first use is refused like a wrong one: so does the eighth request.
    for requests in [2, 4, 6, 10] {
        check_trouble(ReferrersApi::Off, 0, &[], |registry| {
            registry.access(Access::Token { wants: None, requests });
        });
    }
}

#[test]
fn what_was_half_written_is_a_failure_and_said() {
    let refused = || FaultKind::Status(403, String::new(), "no".to_owned());
    let nothing = ["found there: nothing;", "https://spdx.dev/Document", "403"];
    check_trouble(API, 4, &nothing, |registry| registry.fault_on("PUT", "/manifests/", 99, refused()));
    check_trouble(API, 4, &nothing, |registry| registry.fault_on("POST", "/blobs/", 99, refused()));
    // Blob and manifest are there, and the list that leads to them is not.
    check_trouble(ReferrersApi::Off, 4, &nothing, |registry| {
        registry.fault_on("PUT", "/manifests/sha256-", 99, refused());
    });
}

#[test]
fn of_several_statements_it_is_said_which_are_there() {
    let bench = Bench::new();
    let (registry, name) = registry(ReferrersApi::Off, &two());
    let tag = |platform: &str| image(platform).manifest.digest.replace(':', "-");
    registry.fault_on(
        "PUT",
        &format!("/manifests/{}", tag("linux/arm64")),
        99,
        FaultKind::Status(403, String::new(), String::new()),
    );
    let said = bench.ends(4, &["attest", "--key", "k.key", &name]);
    let (there, missing) = said.split_once("not found there").unwrap();
    let arm = image("linux/arm64").manifest.digest;
    assert!(!there.contains(&arm) && missing.contains(&arm), "{said}");
}

#[test]
fn a_list_that_does_not_name_what_was_put_there_is_no_success() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    let empty = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [] });
    registry.fault_on("GET", "/referrers/", 99, FaultKind::Body(empty.to_string().into_bytes()));
    let said = bench.ends(4, &["attest", "--key", "k.key", &name]);
    assert!(said.contains("does not list it") && said.contains("found there: nothing;"), "{said}");
}

#[test]
fn referrers_are_described_so_that_others_find_them() {
    let bench = Bench::new();
    let (registry, name) = registry(ReferrersApi::Off, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", &name]);
    let tag = image("linux/amd64").manifest.digest.replace(':', "-");
    let list: Value = serde_json::from_slice(&registry.manifest("team/app", &tag).unwrap().bytes).unwrap();
    let entry = &list["manifests"][0];
    assert_eq!(entry["artifactType"], BUNDLE);
    assert_eq!(entry["annotations"]["dev.sigstore.bundle.predicateType"], "https://spdx.dev/Document");
    assert_eq!(entry["annotations"]["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
}

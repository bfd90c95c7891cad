//! What the program tells whoever uses it: verdicts first, errors in the form that was asked for, help that works.

use std::{fs, process::Command, time::Duration};

use sbomctl_testkit::{FaultKind, ReferrersApi};
use serde_json::Value;

use crate::{
    attest::{API, Bench, image, registry},
    program::{command, sbomctl},
};

const POLICY: &str = "version: 1\ndefault: deny\nsigners: {ci: {key: k.pub}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [ci]}}]\n";

/// A bench with a layout that `k` has attested.
fn attested() -> (Bench, String) {
    let bench = Bench::new();
    let layout = bench.layout("layout");
    bench.done(&["attest", "--key", "k.key", &layout]);
    bench.write("p.yaml", POLICY);
    (bench, layout)
}

#[test]
fn the_first_line_is_the_verdict() {
    let (bench, layout) = attested();
    let pinned = format!("{layout}@{}", image("linux/amd64").manifest.digest);
    for (code, key, head) in [
        (0, "k.pub", format!("verified  {pinned}  by key sha256:")),
        (1, "s.pub", format!("NOT verified  {pinned}\n  none of 1 attestations counts\n")),
    ] {
        let said = bench.ends(code, &["verify", "--key", key, &layout]);
        assert!(said.starts_with(&head), "{head}: {said}");
    }
    let said = bench.done(&["verify", "--policy", "p.yaml", "--as", "a.test/b:1", &layout]);
    assert!(said.starts_with(&format!("allowed  {pinned}  by p.yaml\n")), "{said}");
    // Each check that was not made has a line, and the names stand in one column.
    let said = bench.done(&["verify", "--key", "k.pub", &layout]);
    for line in [
        "    checked      format, payload-type, signature, statement, subject, signer\n",
        "    not checked  predicate-type  any type is accepted\n",
        "                 log-inclusion   no transparency log has it\n",
        "                 revocation      nothing is listed as withdrawn\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn verdicts_have_colours_where_they_are_wanted() {
    let (bench, layout) = attested();
    let (green, red) = ("\u{1b}[32m", "\u{1b}[31m");
    for (code, arguments, head) in [
        (0, &["--key", "k.pub"][..], format!("{green}verified\u{1b}[0m  ")),
        (1, &["--key", "s.pub"], format!("{red}NOT verified\u{1b}[0m  ")),
        (0, &["--policy", "p.yaml"], format!("{green}allowed\u{1b}[0m  ")),
    ] {
        let colored = bench.ends(code, &[&["verify", "--color", "always", &layout], arguments].concat());
        assert!(colored.starts_with(&head), "{head:?}: {colored:?}");
        let plain = bench.ends(code, &[&["verify", "--color", "never", &layout], arguments].concat());
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }
}

#[test]
fn quiet_tells_nothing_but_what_is_asked_for_and_what_is_wrong() {
    let (bench, layout) = attested();
    let quiet = |more: &[&str]| {
        let run = bench.run(&[&["verify", "-q", &layout], more].concat());
        (run.code, run.stdout, run.stderr)
    };
    let nothing = || (0, String::new(), String::new());
    assert_eq!(quiet(&["--key", "k.pub"]), nothing());
    assert_eq!(quiet(&["--policy", "p.yaml"]), nothing());
    let (code, said, errors) = quiet(&["--key", "k.pub", "-o", "predicate"]);
    assert!((code, errors.as_str()) == (0, "") && said.starts_with('{'), "{said}{errors}");
    bench.write("p.yaml", POLICY.replace("k.pub", "s.pub"));
    for (arguments, word) in [
        (["--key", "s.pub"], "NOT verified: oci:layout@sha256:"),
        (["--policy", "p.yaml"], "DENIED: oci:layout@"),
    ] {
        let (code, said, errors) = quiet(&arguments);
        assert_eq!((code, said.as_str()), (1, ""), "{errors}");
        assert!(errors.starts_with(&format!("error: {word}")) && errors.lines().count() == 1, "{errors}");
    }
    assert!(sbomctl(&["verify", "--help"]).stdout.contains("with --quiet nothing"));
}

#[test]
fn a_wrong_command_line_is_told_in_the_form_that_it_asks_for() {
    let schema = include_str!("../schemas/message.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for (word, arguments) in [
        ("SUBJECT", &["scan", "--log-format", "json"][..]),
        ("--nope", &["--log-format=json", "scan", "--nope", "x"]),
        ("a similar subcommand exists", &["verif", "--log-format", "json"]),
        ("nobody is trusted", &["verify", "--log-format", "json", "oci:x"]),
    ] {
        let run = sbomctl(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        let line: Value = serde_json::from_str(run.stderr.trim_end()).unwrap();
        assert!(schema.is_valid(&line), "{line}");
        let message = line["message"].as_str().unwrap();
        assert!(message.contains(word) && !message.contains('\n'), "{message}");
        assert!(!message.starts_with("error") && !message.contains("Usage:"), "{message}");
    }
    let run = sbomctl(&["scan", "--nope", "--", "--log-format=json"]);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert_eq!(sbomctl(&["scan", "--help", "--log-format", "json"]).code, 0);
}

#[test]
fn a_copy_that_fails_or_is_interrupted_leaves_nothing_behind() {
    let bench = Bench::new();
    let entries = |folder: &str| {
        let names = fs::read_dir(bench.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    fs::create_dir(bench.path("there")).unwrap();
    bench.write("there/note", "mine");
    let before = entries("");
    let (registry, name) = registry(API, &image("linux/amd64"));
    let layer = image("linux/amd64").parts.iter().max_by_key(|part| part.bytes.len()).unwrap().digest.clone();
    registry.fault(&format!("/blobs/{layer}"), 99, FaultKind::OtherBytes);
    for destination in ["oci:new", "oci:a/b/new:1", "oci:there"] {
        bench.ends(3, &["attest", "copy", &name, destination]);
        assert_eq!(entries(""), before, "{destination}");
        assert_eq!(entries("there"), ["note"], "{destination}");
    }
    registry.clear_faults();
    registry.fault(&format!("/blobs/{layer}"), 99, FaultKind::Trickle(Duration::from_millis(200)));
    registry.clear_log();
    let mut copy = command(&["attest", "copy", &name, "oci:new"]);
    let mut copy = copy.current_dir(bench.path("")).spawn().unwrap();
    while !registry.log().iter().any(|logged| logged.path.contains(&layer)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_ne!(entries(""), before, "it is being written");
    Command::new("kill").args(["-INT", &copy.id().to_string()]).status().unwrap();
    assert_eq!(copy.wait().unwrap().code(), Some(130));
    assert_eq!(entries(""), before);

    registry.clear_faults();
    for destination in ["oci:new", "oci:a/b/new:1", "oci:there"] {
        let said = bench.done(&["attest", "copy", &name, destination]);
        let path = destination.trim_end_matches(":1").trim_start_matches("oci:");
        assert!(said.contains(&format!(" -> {path}:")), "{said}");
        assert_eq!(entries(path).len(), if path == "there" { 4 } else { 3 });
        bench.done(&["tree", destination]);
    }
    bench.done(&["attest", "copy", &name, "oci:new:2"]);
}

#[test]
fn what_was_said_before_is_not_added_again() {
    let bench = Bench::new();
    for api in [API, ReferrersApi::Off] {
        let (_registry, name) = registry(api, &crate::attest::two());
        let attest = |more: &[&str]| {
            let arguments = [&["attest", "--format", "json", &name], more].concat();
            let said = bench.json("attest", 0, &arguments);
            let attested = said["attested"].as_array().unwrap().clone();
            let new = attested.iter().flat_map(|one| one["referrers"].as_array().unwrap());
            let new = new.filter(|referrer| referrer["new"] == true).count();
            (attested.iter().filter(|one| one["known"] == true).count(), new)
        };
        let key = ["--key", "k.key"];
        assert_eq!(attest(&key), (0, 4));
        assert_eq!(attest(&key), (2, 0), "the same again");
        assert_eq!(attest(&[&key[..], &["--force"]].concat()), (0, 4), "on request");
        assert_eq!(attest(&["--key", "s.key"]), (0, 4), "another key");
        assert_eq!(attest(&[&key[..], &["--type", "cyclonedx"]].concat()), (0, 4), "something else");
        let time = ["--timestamp", "2020-01-01T00:00:00Z"];
        assert_eq!(attest(&[&key[..], &time].concat()), (0, 4), "at another time");
        assert_eq!(attest(&[&key[..], &time].concat()), (2, 0));
        let said = bench.done(&[&["attest", &name], &key[..]].concat());
        assert!(
            said.contains("unchanged  the same key has said the very same before; --force adds it again")
        );
        bench.done(&["verify", "--key", "k.pub", "--all-platforms", &name]);
    }
}

#[test]
fn nothing_is_called_gone_or_withdrawn_that_is_not() {
    let bench = Bench::new();
    let (registry, name) = registry(API, &image("linux/amd64"));
    bench.done(&["attest", "--key", "k.key", "--also-legacy", &name]);
    let list = || {
        let list: Value =
            serde_json::from_str(&bench.done(&["attest", "list", "--format", "json", &name])).unwrap();
        let of = |place: &str| {
            let found =
                list["attestations"].as_array().unwrap().iter().find(|one| one["place"]["kind"] == place);
            found.map(|one| one["digest"].as_str().unwrap().to_owned())
        };
        (of("referrer"), of("legacy-tag"))
    };
    let (Some(bundle), Some(legacy)) = list() else { panic!("it lies in both forms") };
    let delete =
        |digest: &str| ["attest", "revoke", "--delete", "--attestation", digest, &name].map(str::to_owned);
    let delete = |digest: &str| {
        let arguments = delete(digest);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        bench.run(&arguments)
    };
    let run = delete(&legacy);
    assert_eq!((run.code, run.stdout.as_str()), (4, ""), "{}", run.stderr);
    assert!(run.stderr.contains("nothing was taken away") && run.stderr.contains(&legacy), "{}", run.stderr);
    assert!(list().0.is_some());
    let run = delete(&bundle);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(list().0.is_none() && list().1.is_some());
    let puts = registry.log().len();
    let stranger = ["attest", "revoke", "--key", "s.key", "--attestation", &legacy, &name];
    let said = bench.ends(1, &stranger);
    assert!(
        said.contains("nothing was withdrawn: ECDSA P-256 key sha256:") && said.contains(&legacy),
        "{said}"
    );
    assert!(!registry.log()[puts..].iter().any(|logged| logged.method == "PUT"), "and nothing is written");
    bench.done(&["attest", "revoke", "--key", "k.key", "--attestation", &legacy, &name]);
    bench.ends(1, &["verify", "--key", "k.pub", &name]);
}

#[test]
fn what_a_policy_trusts_is_read_when_it_is_checked() {
    let bench = Bench::new();
    bench.write("no-key.pub", "this is no key");
    let policy = |signers: &str| POLICY.replace("{ci: {key: k.pub}}", signers);
    bench.write("p.yaml", policy("{ci: {key: k.pub}}"));
    bench.done(&["policy", "check", "p.yaml"]);
    bench.write(
        "p.yaml",
        policy("{ci: {key: no-key.pub}, gone: {key: sub/gone.pub}, unset: {key: 'env://NOT_SET'}}"),
    );
    let run = bench.run(&["policy", "check", "p.yaml"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    for words in [
        ["signer ci: no-key.pub: no public key", ""],
        ["signer gone: ", "sub/gone.pub: No such file"],
        ["signer unset: ", "the variable NOT_SET is not set"],
    ] {
        let told = run.stderr.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(told, "{words:?}: {}", run.stderr);
    }
}

#[test]
fn trees_and_lists_follow_their_schemas() {
    let bench = Bench::new();
    for api in [API, ReferrersApi::Off] {
        let (registry, name) = registry(api, &crate::attest::two());
        bench.done(&["attest", "--key", "k.key", "--also-legacy", &name]);
        let list = bench.json("list", 0, &["attest", "list", "--format", "json", &name]);
        assert_eq!((&list["schemaVersion"], list["attestations"].as_array().unwrap().len()), (&1.into(), 8));
        let tree = bench.json("tree", 0, &["tree", "--format", "json", &name]);
        assert_eq!(tree["schemaVersion"], 1);
        registry.fault("/manifests/sha256-", 99, FaultKind::Status(403, String::new(), String::new()));
        let list = bench.json("list", 4, &["attest", "list", "--format", "json", &name]);
        assert_ne!(list["incomplete"].as_array().unwrap().len(), 0);
        bench.json("tree", 4, &["tree", "--format", "json", &name]);
    }
    let schema = |name: &str| -> Value {
        let path = format!("{}/../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&fs::File::open(path).and_then(std::io::read_to_string).unwrap()).unwrap()
    };
    // Notes and gaps are the same in both, and all their codes are named.
    let (list, tree) = (schema("list"), schema("tree"));
    for part in ["digest", "note", "gap"] {
        assert_eq!(list["$defs"][part], tree["$defs"][part]);
    }
}

#[test]
fn an_archive_carries_all_that_its_policy_needs() {
    let (bench, layout) = attested();
    fs::create_dir(bench.path("keys")).unwrap();
    fs::rename(bench.path("k.pub"), bench.path("keys/k.pub")).unwrap();
    bench.write("p.yaml", POLICY.replace("k.pub", "keys/k.pub"));
    let said = bench.done(&["airgap", "create", &layout, "-o", "a.tar", "--policy", "p.yaml"]);
    assert!(said.contains("policy.yaml sha256:") && said.contains("keys/k.pub sha256:"), "{said}");
    fs::create_dir(bench.path("empty")).unwrap();
    fs::rename(bench.path("a.tar"), bench.path("empty/a.tar")).unwrap();
    let there = |code: i32, arguments: &[&str]| {
        let mut command = command(arguments);
        command.current_dir(bench.path("empty"));
        let run = crate::program::finish(command, &[]);
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        format!("{}{}", run.stdout, run.stderr)
    };
    let verify = ["verify", "--offline", "--policy"];
    let said = there(0, &[&verify[..], &["oci-archive:a.tar", "oci-archive:a.tar"]].concat());
    assert!(said.starts_with("allowed  ") && said.contains("whoever made the archive chose"), "{said}");
    there(0, &["airgap", "show", "a.tar", "--extract", "carried"]);
    there(0, &[&verify[..], &["carried/policy.yaml", "oci-archive:a.tar"]].concat());
    // A key that lies beside the archive is not the one that came with the policy.
    bench.write("p.yaml", POLICY);
    fs::copy(bench.path("s.pub"), bench.path("k.pub")).unwrap();
    bench.done(&["airgap", "create", &layout, "-o", "s.tar", "--policy", "p.yaml"]);
    fs::copy(bench.path("keys/k.pub"), bench.path("empty/k.pub")).unwrap();
    fs::rename(bench.path("s.tar"), bench.path("empty/s.tar")).unwrap();
    there(1, &[&verify[..], &["oci-archive:s.tar", "oci-archive:s.tar"]].concat());
    for (word, key) in [("outside the policy's folder", "../k.pub"), ("No such file", "gone.pub")] {
        bench.write("keys/p.yaml", POLICY.replace("k.pub", key));
        let said = bench.ends(2, &["airgap", "create", &layout, "-o", "x.tar", "--policy", "keys/p.yaml"]);
        assert!(said.contains(word), "{said}");
    }
    bench.done(&["airgap", "create", &layout, "-o", "none.tar"]);
    let none = ["verify", "--policy", "oci-archive:none.tar", "oci-archive:none.tar"];
    assert!(bench.ends(2, &none).contains("carries no policy.yaml"));
}

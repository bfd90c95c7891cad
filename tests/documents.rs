//! `convert`, `merge`, `diff` and `query`: what is done with documents that are there.

use std::{fs, path::Path};

use sbomctl_testkit::ImageBuilder;
use serde_json::Value;

use crate::program::{Run, command, finish, sbomctl};

const OS: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";
const BASE: &str = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n";

/// Scans an image with a base layer and one above it, and gives the path of the document.
fn scan(folder: &Path, name: &str, base: &str, own: &str, format: &str) -> String {
    let layout = folder.join(format!("{name}.layout"));
    ImageBuilder::new()
        .layer(|l| l.file("etc/os-release", OS).file("lib/apk/db/installed", base.as_bytes()))
        .layer(|l| l.file("lib/apk/db/installed", format!("{base}{own}").as_bytes()))
        .build()
        .write_oci_layout(&layout)
        .unwrap();
    let path = folder.join(format!("{name}.{format}")).display().to_string();
    let run = sbomctl(&["scan", &format!("oci:{}", layout.display()), "-o", &format!("{format}={path}")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    path
}

fn package(name: &str, version: &str, license: &str, depends: &str) -> String {
    format!("P:{name}\nV:{version}\nA:x86_64\nL:{license}\nD:{depends}\n\n")
}

fn text(path: &str) -> String {
    fs::File::open(path).and_then(std::io::read_to_string).unwrap()
}

/// Whether `json` follows the schema of that name in this repository.
fn follows(json: &Value, schema: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(schema);
    let schema: Value = serde_json::from_str(&text(&path.display().to_string())).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{json:#}");
}

fn ok(run: Run) -> Run {
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

#[test]
fn a_document_survives_the_way_through_another_format() {
    let folder = tempfile::tempdir().unwrap();
    let app = package("app", "1-r0", "ISC", "musl");
    let cyclonedx = scan(folder.path(), "a", BASE, &app, "cyclonedx-json");
    let spdx = folder.path().join("a.spdx.json").display().to_string();
    let run = ok(sbomctl(&["convert", &cyclonedx, "--strict", "-o", &format!("spdx-json={spdx}")]));
    assert_eq!(run.stderr, "");
    let table = ok(sbomctl(&["convert", &cyclonedx, "-o", "table"]));
    assert!(table.stdout.contains("musl") && table.stderr.is_empty(), "{}", table.stderr);
    assert_eq!(sbomctl(&["convert", &cyclonedx, "-o", "table", "--strict"]).code, 5, "a table says less");
    let back = ok(sbomctl(&["convert", &spdx, "--strict", "-o", "cyclonedx-json"])).json();
    let before: Value = serde_json::from_str(&text(&cyclonedx)).unwrap();
    for part in ["components", "dependencies", "compositions"] {
        assert_eq!(back[part], before[part], "{part}");
    }
    assert_eq!(back["metadata"]["timestamp"], before["metadata"]["timestamp"]);
    let run = ok(sbomctl(&["diff", &cyclonedx, &spdx, "--exit-code"]));
    assert!(run.stdout.contains("No difference."), "{}", run.stdout);
}

#[test]
fn what_cannot_be_kept_is_named_and_strict_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.json").display().to_string();
    let document = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
        "metadata":{"timestamp":"2024-05-06T07:08:09Z"},
        "components":[{"type":"library","name":"x","version":"1","bom-ref":"x"}],
        "vulnerabilities":[{"id":"CVE-2024-1"}]}"#;
    fs::write(&path, document).unwrap();
    let run = ok(sbomctl(&["convert", &path, "-o", "cyclonedx-json"]));
    assert!(run.stderr.contains("vulnerabilities"), "{}", run.stderr);
    assert_eq!(run.json()["metadata"]["timestamp"], "2024-05-06T07:08:09Z", "the time of the source");
    let strict = sbomctl(&["convert", &path, "-o", "cyclonedx-json", "--strict"]);
    assert_eq!(strict.code, 5, "{}", strict.stderr);
    let mut dated = command(&["convert", &path, "-o", "cyclonedx-json"]);
    dated.env("SOURCE_DATE_EPOCH", "0");
    assert_eq!(finish(dated, &[]).json()["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
}

#[test]
fn what_is_no_document_exits_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x").display().to_string();
    fs::write(&path, "hello").unwrap();
    for arguments in [
        vec!["convert", &path, "-o", "table"],
        vec!["convert", "/no/such/file", "-o", "table"],
        vec!["diff", &path, &path],
        vec!["query", &path],
        vec!["merge", &path, &path, "-o", "table"],
    ] {
        let run = sbomctl(&arguments);
        assert_eq!(run.code, 3, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("reading "), "{}", run.stderr);
    }
}

#[test]
fn wrong_command_lines_exit_with_2() {
    for arguments in [
        vec!["convert", "x"],
        vec!["merge", "x", "-o", "table"],
        vec!["merge", "-", "-", "-o", "table"],
        vec!["diff", "-", "-"],
        vec!["query", "x", "--dependents", "--dependencies"],
        vec!["query", "x", "--purl", "musl"],
        vec!["query", "x", "--kind", "thing"],
        vec!["query", "x", "--why", "pkg:a/b", "--format", "purls"],
    ] {
        let run = sbomctl(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_document_merged_with_itself_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let app = package("app", "1-r0", "ISC", "musl");
    let cyclonedx = scan(folder.path(), "a", BASE, &app, "cyclonedx-json");
    let spdx = scan(folder.path(), "a", BASE, &app, "spdx-json");
    let run = ok(sbomctl(&["merge", &cyclonedx, &spdx, "-o", "cyclonedx-json", "--strict"]));
    assert_eq!(run.stderr, "");
    let before: Value = serde_json::from_str(&text(&cyclonedx)).unwrap();
    let merged = run.json();
    for part in ["components", "dependencies", "compositions"] {
        assert_eq!(merged[part], before[part], "{part}");
    }
}

#[test]
fn two_images_become_one_document_that_says_where_they_contradict_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let a = scan(folder.path(), "a", BASE, &package("app", "1-r0", "ISC", "musl"), "cyclonedx-json");
    let b = scan(folder.path(), "b", BASE, &package("app", "1-r0", "Zlib", "musl"), "spdx-json");
    let arguments = ["merge", &a, &b, "-o", "cyclonedx-json", "--name", "shop", "--version", "2"];
    let run = ok(sbomctl(&arguments));
    for said in ["app@1-r0", "a.cyclonedx-json says ISC", "b.spdx-json says Zlib"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    let merged = run.json();
    assert_eq!(merged["metadata"]["component"]["name"], "shop");
    assert_eq!(merged["metadata"]["component"]["version"], "2");
    let components = merged["components"].as_array().unwrap();
    let named = |name: &str| components.iter().filter(|c| c["name"] == name).count();
    assert_eq!((named("musl"), named("app"), named("alpine"), components.len()), (1, 1, 1, 5));
    assert_eq!(sbomctl(&arguments).stdout, run.stdout, "the same every time");
    let swapped = ok(sbomctl(&["merge", &b, &a, "-o", "cyclonedx-json", "--name", "shop", "--version", "2"]));
    assert_eq!(swapped.stdout, run.stdout, "in any order");
    let strict = sbomctl(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(strict.code, 1, "{}", strict.stderr);
}

#[test]
fn differences_are_told_by_the_part_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let a = scan(folder.path(), "a", BASE, &package("app", "1-r9", "ISC", ""), "cyclonedx-json");
    let newer = BASE.replace("1.2.5-r0", "1.2.5-r1");
    let b = scan(folder.path(), "b", &newer, &package("app", "1-r10", "Zlib", ""), "spdx-json");
    let run = ok(sbomctl(&["diff", &a, &b]));
    for line in [
        "Changes  2 upgraded, 1 unchanged",
        "In the image's own layers",
        "upgraded  app   apk   1-r9    1-r10  license ISC → Zlib",
        "In the layers of the operating system",
        "upgraded  musl  apk   1.2.5-r0  1.2.5-r1",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    assert!(!run.stdout.contains('\u{1b}'));
    assert_eq!(sbomctl(&["diff", &a, &b, "--exit-code"]).code, 1);
    let json = ok(sbomctl(&["diff", &a, &b, "--format", "json"])).json();
    follows(&json, "diff.schema.json");
    assert_eq!(json["summary"]["upgraded"], 2);
    let markdown = ok(sbomctl(&["diff", &a, &b, "--format", "markdown"])).stdout;
    assert!(markdown.starts_with("### Changes: 2 upgraded, 1 unchanged\n"), "{markdown}");
    assert!(markdown.contains("| upgraded | <code>musl</code> | <code>apk</code> |"), "{markdown}");
    let colored = ok(sbomctl(&["diff", &a, &b, "--color", "always"])).stdout;
    assert!(colored.contains("\u{1b}[36mupgraded\u{1b}[0m"), "{colored}");
}

#[test]
fn a_document_answers_questions() {
    let folder = tempfile::tempdir().unwrap();
    let own = package("lib", "2-r0", "GPL-2.0-only", "musl") + &package("app", "1-r0", "ISC", "lib");
    let path = scan(folder.path(), "a", BASE, &own, "cyclonedx-json");
    let names = |arguments: &[&str]| {
        let run = ok(sbomctl(&[&["query", &path, "--format", "json"], arguments].concat()));
        let json = run.json();
        follows(&json, "query.schema.json");
        let components = json["components"].as_array().unwrap().iter();
        components.map(|component| component["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--license", "GPL-*"]), ["lib"]);
    assert_eq!(names(&["--purl", "pkg:apk/*", "--layer", "1"]), ["app", "lib"]);
    assert_eq!(names(&["--name", "LIB"]), ["lib"]);
    assert_eq!(names(&["--kind", "operating-system"]), ["alpine"]);
    assert_eq!(names(&["--name", "musl", "--dependents"]), ["app", "lib"]);
    assert_eq!(names(&["--name", "app", "--dependencies"]), ["lib", "musl"]);
    let purls = ok(sbomctl(&["query", &path, "--path", "/lib/apk/**", "--format", "purls"])).stdout;
    assert_eq!(purls.lines().count(), 3, "{purls}");

    let why = ok(sbomctl(&["query", &path, "--why", "pkg:apk/musl"]));
    assert!(why.stdout.contains(" → app 1-r0 → lib 2-r0 → musl 1.2.5-r0\n"), "{}", why.stdout);
    let json = ok(sbomctl(&["query", &path, "--why", "pkg:apk/musl", "--format", "json"])).json();
    follows(&json, "query.schema.json");
    let way = json["paths"][0]["paths"][0].as_array().unwrap().iter();
    let way: Vec<&str> = way.map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(way[1..], ["alpine", "app", "lib", "musl"]);

    for arguments in [&["--name", "none"][..], &["--why", "pkg:apk/none"], &["--name", "app", "--dependents"]]
    {
        let run = sbomctl(&[&["query", &path], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(run.stderr.contains("nothing in"), "{}", run.stderr);
    }
    let wrong = sbomctl(&["query", &path, "--layer", "7"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("from 0 to 1"), "{}", wrong.stderr);
}

#[test]
fn names_from_documents_cannot_act_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.json").display().to_string();
    let document = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
        "components":[{"type":"library","name":"x\u001b[2J\u202e","version":"1\n2","bom-ref":"x"}]}"#;
    fs::write(&path, document).unwrap();
    let empty = folder.path().join("empty.json").display().to_string();
    fs::write(&empty, r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1}"#).unwrap();
    for arguments in [
        vec!["query", &path],
        vec!["diff", &empty, &path],
        vec!["diff", &empty, &path, "--format", "markdown"],
        vec!["convert", &path, "-o", "table"],
    ] {
        let run = ok(sbomctl(&arguments));
        let shown = run.stdout + &run.stderr;
        assert!(shown.contains('x') && !shown.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {shown:?}");
    }
}

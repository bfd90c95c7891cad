//! `score` and `validate`: what is said of documents, in which form, with which exit code.

use std::{fs, path::Path};

use sbomctl_testkit::ImageBuilder;
use serde_json::{Value, json};

use crate::program::{Run, command, finish, sbomctl, sbomctl_with_input};

/// A small document of CycloneDX that breaks no rule.
const GOOD: &str = r#"{
  "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  "metadata": {
    "timestamp": "2024-02-29T12:00:00Z",
    "component": {"bom-ref": "root", "type": "application", "name": "demo", "version": "1"}
  },
  "components": [{"bom-ref": "a", "type": "library", "name": "a", "version": "1", "purl": "pkg:generic/a@1"}],
  "dependencies": [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": []}]
}"#;

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn text(path: &str) -> String {
    fs::File::open(path).and_then(std::io::read_to_string).unwrap()
}

/// The JSON of a run that ended with `code`, which must follow our schema `name`.
fn checked(run: &Run, code: i32, name: &str) -> Value {
    assert_eq!(run.code, code, "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = text(&format!("{}/../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR")));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    document
}

#[test]
fn what_was_not_checked_against_a_schema_is_never_called_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.cdx.json", GOOD);
    let run = sbomctl(&["validate", &file]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        run.stdout.contains("NOT CHECKED") && run.stdout.contains("bom-1.6.schema.json"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("https://cyclonedx.org/schema/bom-1.6.schema.json"), "{}", run.stdout);
    let run = sbomctl(&["validate", &file, "--format", "json"]);
    let document = checked(&run, 4, "validate");
    assert_eq!(document["documents"][0]["verdict"], "unchecked");
    assert_eq!(document["documents"][0]["schema"]["status"], "skipped");
    assert_eq!(sbomctl(&["validate", &file, "--allow-skipped"]).code, 0);
}

#[test]
fn a_schema_of_the_folder_decides_with_what_it_refers_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.cdx.json", GOOD);
    let schemas = folder.path().join("schemas");
    fs::create_dir(&schemas).unwrap();
    let at = schemas.display().to_string();
    let validate = || sbomctl(&["validate", &file, "--schemas", &at, "--format", "json"]);
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "properties": { "version": { "$ref": "spdx.schema.json" } },
    });
    write(&schemas, "bom-1.6.schema.json", &schema.to_string());
    let document = checked(&validate(), 4, "validate");
    assert_eq!(document["documents"][0]["schema"]["file"], "spdx.schema.json");
    let part = |maximum: u64| {
        let id = "http://cyclonedx.org/schema/spdx.schema.json";
        json!({ "$schema": "http://json-schema.org/draft-07/schema#", "$id": id, "maximum": maximum })
            .to_string()
    };
    write(&schemas, "spdx.schema.json", &part(1));
    let document = checked(&validate(), 0, "validate");
    assert_eq!(document["documents"][0]["verdict"], "valid");
    write(&schemas, "spdx.schema.json", &part(0));
    let document = checked(&validate(), 1, "validate");
    let rule = &document["documents"][0]["rules"][0];
    assert_eq!((&rule["rule"], &rule["findings"][0]["place"]), (&json!("schema"), &json!("/version")));
    // The environment names the folder, too; the option goes before it.
    let mut other = command(&["validate", &file]);
    other.env("SBOMCTL_SCHEMAS", &at);
    assert_eq!(finish(other, &[]).code, 1);
    write(&schemas, "bom-1.6.schema.json", "{ no schema");
    assert_eq!(validate().code, 4);
}

#[test]
fn an_invalid_document_exits_with_1_and_says_where_and_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.cdx.json", &GOOD.replace("[\"a\"]", "[\"b\\u001b[31m\"]"));
    let run = sbomctl(&["validate", &file]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("error dangling-reference (1)"), "{}", run.stdout);
    assert!(run.stdout.contains("dependencies[0].dependsOn") && run.stdout.contains("to mend it:"));
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
    let document = checked(&sbomctl(&["validate", &file, "--format", "json"]), 1, "validate");
    assert_eq!(document["documents"][0]["verdict"], "invalid");
    assert_eq!(document["documents"][0]["errors"], 1);
}

#[test]
fn a_document_that_is_cut_off_is_invalid() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a.cdx.json", GOOD.split_at(GOOD.len() / 2).0);
    let run = sbomctl(&["validate", &file]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("readable"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_read_exits_with_3_and_says_nothing_about_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "a.cdx.json", GOOD);
    let other = write(folder.path(), "b.json", "{\"a\": 1}");
    for (arguments, code) in [(vec!["validate", "--allow-skipped"], 3), (vec!["score"], 3)] {
        let run = sbomctl(&[&arguments[..], &["/no/such.file", &good, &other]].concat());
        assert_eq!(run.code, code, "{}", run.stderr);
        assert!(run.stderr.contains("/no/such.file") && run.stderr.contains("b.json"), "{}", run.stderr);
        assert!(run.stdout.contains("a.cdx.json: CycloneDX 1.6 JSON"), "{}", run.stdout);
    }
    let run = sbomctl(&["validate", "--format", "json", &good, &other]);
    let document = checked(&run, 3, "validate");
    assert_eq!(document["documents"][1]["verdict"], "unreadable");
}

#[test]
fn what_would_take_too_much_memory_names_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let objects = "{\"\":0},".repeat(10_000);
    let text = GOOD.replace("\"version\": 1,", &format!("\"version\": 1, \"x\": [{objects}0],"));
    let file = write(folder.path(), "a.cdx.json", &text);
    for limit in ["validate-bytes=1KiB", "validate-memory=1MiB", "document-bytes=1KiB"] {
        let run = sbomctl(&["validate", &file, "--limit", limit]);
        assert_eq!(run.code, 3, "{limit}: {}", run.stderr);
        let name = limit.split('=').next().unwrap();
        assert!(run.stderr.contains(&format!("--limit {name}=")), "{}", run.stderr);
    }
}

#[test]
fn documents_of_a_scan_are_valid_and_break_no_rule() {
    let image = ImageBuilder::new().layer(|l| {
        l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n").file(
            "lib/apk/db/installed",
            b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3.1-r1\nA:x86_64\nL:Zlib\nD:so:libc.musl-x86_64.so.1\n\n",
        )
    });
    let folder = tempfile::tempdir().unwrap();
    image.build().write_oci_layout(&folder.path().join("image")).unwrap();
    let subject = format!("oci:{}", folder.path().join("image").display());
    for (format, name) in [("cyclonedx-json", "a.cdx.json"), ("spdx-json", "a.spdx.json")] {
        let file = folder.path().join(name).display().to_string();
        assert_eq!(sbomctl(&["scan", &subject, "-o", &format!("{format}={file}")]).code, 0);
        let document = checked(&sbomctl(&["validate", "--format", "json", &file]), 4, "validate");
        assert_eq!(document["documents"][0]["rules"], json!([]), "{name}");
        let Some(schemas) = sbomctl_testkit::shared("schemas") else { continue };
        let run = sbomctl(&["validate", "--schemas", &schemas.display().to_string(), &file]);
        assert_eq!(run.code, 0, "{}", run.stdout);
    }
}

#[test]
fn scores_are_reported_for_people_for_pages_and_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        "a.cdx.json",
        &GOOD.replace("\"name\": \"a\"", "\"name\": \"a|<b>\\u001b[31m\""),
    );
    let run = sbomctl(&["score", &file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for title in ["NTIA Minimum Elements", "CISA Minimum Elements", "BSI TR-03183-2"] {
        assert!(run.stdout.contains(title), "{}", run.stdout);
    }
    assert!(run.stdout.contains("FAIL  Supplier Name") && run.stdout.contains("0 of 2"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'));
    let run = sbomctl(&["score", &file, "--format", "markdown", "--profile", "ntia-2021"]);
    assert!(run.stdout.contains("a\\|&lt;b&gt;"), "{}", run.stdout);
    assert!(run.stdout.contains("## NTIA Minimum Elements (2021): ") && !run.stdout.contains("BSI"));
    let document = checked(&sbomctl(&["score", &file, "--format", "json"]), 0, "score");
    assert_eq!(document["documents"][0]["profiles"].as_array().unwrap().len(), 3);
    let supplier = &document["documents"][0]["profiles"][0]["rules"][0];
    assert_eq!((&supplier["rule"], &supplier["failed"]), (&json!("ntia-supplier"), &json!(2)));
    assert_eq!(supplier["failing"][0]["name"], "a|<b>\u{1b}[31m");
}

#[test]
fn a_score_below_what_is_asked_for_exits_with_1() {
    let arguments = |least| ["score", "--profile", "ntia-2021", "--fail-below", least, "-"];
    assert_eq!(sbomctl_with_input(&arguments("9.9"), GOOD.as_bytes()).code, 1);
    assert_eq!(sbomctl_with_input(&arguments("1"), GOOD.as_bytes()).code, 0);
    for wrong in ["11", "ten", "-1"] {
        assert_eq!(sbomctl_with_input(&arguments(wrong), GOOD.as_bytes()).code, 2, "{wrong}");
    }
    assert_eq!(sbomctl(&["score", "--profile", "best", "x"]).code, 2);
    assert_eq!(sbomctl(&["score", "-", "-"]).code, 2);
    assert_eq!(sbomctl(&["validate"]).code, 2);
}

//! The command line: outputs, exit codes, messages.

use std::fs;

use sbomctl_testkit::{DockerArchive, ImageBuilder, Layout, index};

use crate::program::{command, finish, sbomctl, sbomctl_with_input};

fn image() -> ImageBuilder {
    ImageBuilder::new().layer(|l| {
        l.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n")
            .file("lib/apk/db/installed", b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n")
    })
}

fn layout() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    image().build().write_oci_layout(folder.path()).unwrap();
    let subject = format!("oci:{}", folder.path().display());
    (folder, subject)
}

#[test]
fn several_documents_are_written_in_one_scan() {
    let (_layout, subject) = layout();
    let out = tempfile::tempdir().unwrap();
    let cyclonedx = out.path().join("a.cdx.json");
    let spdx = out.path().join("a.spdx.json");
    let run = sbomctl(&[
        "scan",
        &subject,
        "-o",
        &format!("cyclonedx-json@1.6={}", cyclonedx.display()),
        "-o",
        &format!("spdx-json={}", spdx.display()),
        "-o",
        "table",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("musl"));
    assert_eq!(run.stderr, "");
    for (file, mark) in [(cyclonedx, "\"specVersion\": \"1.6\""), (spdx, "SPDX-2.3")] {
        let text = fs::File::open(file).and_then(std::io::read_to_string).unwrap();
        assert!(text.contains(mark) && text.ends_with("}\n"));
    }
}

#[test]
fn two_documents_cannot_share_standard_output() {
    let (_layout, subject) = layout();
    let run = sbomctl(&["scan", &subject, "-o", "table", "-o", "spdx-json"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn a_wrong_command_line_exits_with_2_and_says_what_there_is() {
    let (_layout, subject) = layout();
    for (arguments, word) in [
        (vec!["scan"], "SUBJECT"),
        (vec!["scna", "x"], "scan"),
        (vec!["scan", &subject, "-o", "cyclonedx"], "cyclonedx-json"),
        (vec!["scan", &subject, "-o", "cyclonedx-json@9"], "1.6"),
        (vec!["scan", &subject, "-o", "table="], "file name"),
        (vec!["scan", &subject, "--platform", "linux/"], "platform"),
        (vec!["scan", &subject, "--limit", "no-such=1"], "sbomctl limits"),
        (vec!["scan", &subject, "--limit", "file-bytes=many"], "MiB"),
        (vec!["scan", &subject, "--timestamp", "yesterday"], "RFC 3339"),
        (vec!["scan", "UPPER/case"], "lower"),
    ] {
        let run = sbomctl(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.to_lowercase().contains(&word.to_lowercase()), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_subject_that_is_not_there_exits_with_3() {
    for subject in
        ["oci:/no/such/folder", "./no-such-folder", "docker-archive:/none.tar", "file:/none", "dir:/none"]
    {
        let run = sbomctl(&["scan", subject]);
        assert_eq!(run.code, 3, "{subject}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
}

#[test]
fn a_daemon_that_does_not_run_exits_with_4_and_names_the_socket() {
    let run = sbomctl(&["scan", "docker:alpine", "--daemon-socket", "/no/such.sock"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("/no/such.sock"), "{}", run.stderr);
}

#[test]
fn a_file_that_cannot_be_written_exits_with_4() {
    let (_layout, subject) = layout();
    let run = sbomctl(&["scan", &subject, "-o", "table=/no/such/folder/x"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("/no/such/folder/x"), "{}", run.stderr);
}

#[test]
fn archives_are_read_from_files_and_from_standard_input_alike() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("oci.tar", image().build().oci_archive()),
        ("docker-old.tar", image().build().docker_archive(DockerArchive::Old)),
        ("docker-new.tar", image().build().docker_archive(DockerArchive::New)),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, &bytes).unwrap();
        let by_name = sbomctl(&["scan", &file.display().to_string(), "-o", "cyclonedx-json"]);
        assert_eq!(by_name.code, 0, "{name}: {}", by_name.stderr);
        let streamed = sbomctl_with_input(&["scan", "-", "-o", "cyclonedx-json"], &bytes);
        assert_eq!(streamed.code, 0, "{name}: {}", streamed.stderr);
        for run in [by_name, streamed] {
            assert!(run.stdout.contains("pkg:apk/alpine/musl@1.2.5-r0"), "{name}");
        }
    }
}

#[test]
fn a_cut_archive_on_standard_input_is_an_error() {
    let bytes = image().build().docker_archive(DockerArchive::Old);
    let run = sbomctl_with_input(&["scan", "-"], &bytes[..bytes.len() / 2]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert_eq!(sbomctl_with_input(&["scan", "-"], b"").code, 3);
}

#[test]
fn a_folder_and_a_file_are_subjects_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("lib/apk/db")).unwrap();
    fs::create_dir_all(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("lib/apk/db/installed"), "P:musl\nV:1-r0\nA:x86_64\n\n").unwrap();
    fs::write(folder.path().join("etc/os-release"), "ID=alpine\nVERSION_ID=3\n").unwrap();
    let path = folder.path().display().to_string();
    for subject in [path.clone(), format!("dir:{path}")] {
        let run = sbomctl(&["scan", &subject, "-o", "cyclonedx-json"]);
        assert!(run.stdout.contains("pkg:apk/alpine/musl@1-r0"), "{}", run.stderr);
        assert!(!run.stdout.contains(&path), "a document names no path of the machine");
    }
    let file = format!("file:{path}/etc/os-release");
    let run = sbomctl(&["scan", &file, "--strict", "-o", "cyclonedx-json"]);
    assert_eq!(run.code, 5, "{}", run.stderr);
}

#[test]
fn every_platform_gets_a_document_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let platforms = ["linux/amd64", "linux/arm64/v8"].map(|name| image().platform(name).build().root());
    Layout::new([index(platforms)]).write(folder.path()).unwrap();
    let subject = format!("oci:{}", folder.path().display());
    let out = tempfile::tempdir().unwrap();
    let file = format!("cyclonedx-json={}", out.path().join("sbom.cdx.json").display());
    let run = sbomctl(&["scan", &subject, "--all-platforms", "-o", &file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut names: Vec<String> = fs::read_dir(out.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["sbom.linux-amd64.cdx.json", "sbom.linux-arm64-v8.cdx.json"]);

    let arm = sbomctl(&["scan", &subject, "--platform", "linux/arm64", "-o", "cyclonedx-json"]);
    assert!(arm.stdout.contains("arch=arm64"), "{}", arm.stderr);
    let missing = sbomctl(&["scan", &subject, "--platform", "linux/s390x"]);
    assert_eq!(missing.code, 3);
    assert!(
        missing.stderr.contains("linux/amd64") && missing.stderr.contains("linux/arm64"),
        "{}",
        missing.stderr
    );
    let together = sbomctl(&["scan", &subject, "--all-platforms", "-o", "cyclonedx-json"]);
    assert_eq!(together.code, 2, "two documents do not fit on one standard output");
}

#[test]
fn the_time_comes_from_the_image_or_from_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    image().created("2024-05-06T07:08:09.123456789Z").build().write_oci_layout(folder.path()).unwrap();
    let subject = format!("oci:{}", folder.path().display());
    let arguments = ["scan", &subject, "-o", "cyclonedx-json"];
    let time = |more: &[&str], epoch: Option<&str>| {
        let mut command = command(&[&arguments, more].concat());
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch);
        }
        finish(command, &[]).json()["metadata"]["timestamp"].as_str().unwrap().to_owned()
    };
    assert_eq!(time(&[], None), "2024-05-06T07:08:09Z");
    assert_eq!(time(&[], Some("1000000000")), "2001-09-09T01:46:40Z");
    assert_eq!(time(&["--timestamp", "2020-01-01T00:00:00+01:00"], Some("5")), "2019-12-31T23:00:00Z");
    let mut wrong = command(&arguments);
    wrong.env("SOURCE_DATE_EPOCH", "soon");
    assert_eq!(finish(wrong, &[]).code, 2);
}

#[test]
fn messages_can_be_json() {
    let run = sbomctl(&["scan", "oci:/no/such/folder", "--log-format", "json"]);
    let line: serde_json::Value = serde_json::from_str(run.stderr.trim()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert!(line["message"].as_str().unwrap().contains("/no/such/folder"));
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let help = sbomctl(&["scan", "--help"]);
    assert_eq!(help.code, 0);
    for word in ["Examples:", "oci:FOLDER", "--all-platforms", "SOURCE_DATE_EPOCH"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    assert!(sbomctl(&["--help"]).stdout.contains("Exit codes:"));
    assert!(sbomctl(&["limits"]).stdout.contains("file-bytes"));
    assert!(sbomctl(&["completions", "bash"]).stdout.contains("sbomctl"));
}

#[test]
fn an_image_in_a_registry_is_named_as_docker_names_it() {
    let registry = sbomctl_testkit::Registry::start();
    let name = registry.push("org/app", "1", &image().build().root());
    for subject in [name.clone(), format!("registry:{name}")] {
        let run = sbomctl(&["scan", &subject, "-o", "cyclonedx-json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("pkg:apk/alpine/musl@1.2.5-r0"));
        assert!(run.stdout.contains("repository_url="));
    }
    let missing = sbomctl(&["scan", &format!("{}/none:1", registry.host())]);
    assert_eq!(missing.code, 3, "{}", missing.stderr);
}

#[test]
fn a_registry_that_refuses_exits_with_4_and_credentials_are_found() {
    let registry = sbomctl_testkit::Registry::start();
    let name = registry.push("org/app", "1", &image().build().root());
    // user:pass
    registry.access(sbomctl_testkit::Access::Header("Basic dXNlcjpwYXNz".into()));
    let refused = sbomctl(&["scan", &name]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("docker login"), "{}", refused.stderr);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("auth.json");
    let auths = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"dXNlcjpwYXNz\"}}}}}}", registry.host());
    fs::write(&file, auths).unwrap();
    let mut by_variable = command(&["scan", &name]);
    by_variable.env("REGISTRY_AUTH_FILE", &file);
    let by_variable = finish(by_variable, &[]);
    assert_eq!(by_variable.code, 0, "{}", by_variable.stderr);
    let by_option = sbomctl(&["scan", &name, "--registry-config", &file.display().to_string()]);
    assert_eq!(by_option.code, 0, "{}", by_option.stderr);
    let mut by_name = command(&["scan", &name, "--username", "user"]);
    by_name.env("SBOMCTL_REGISTRY_PASSWORD", "pass");
    assert_eq!(finish(by_name, &[]).code, 0);
    assert_eq!(sbomctl(&["scan", &name, "--username", "user"]).code, 2, "without a password");

    // A helper, as Docker runs it.
    let helper = folder.path().join("docker-credential-here");
    fs::write(&helper, "#!/bin/sh\ncat >/dev/null\necho '{\"Username\":\"user\",\"Secret\":\"pass\"}'\n")
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&helper, mode).unwrap();
    fs::write(&file, "{\"credsStore\": \"here\"}").unwrap();
    let mut by_helper = command(&["scan", &name, "--registry-config", &file.display().to_string()]);
    by_helper.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()));
    let by_helper = finish(by_helper, &[]);
    assert_eq!(by_helper.code, 0, "{}", by_helper.stderr);
}

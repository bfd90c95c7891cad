//! Holds documents of the fixtures against the validators of others, where those are installed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A format, and the end of the file name that validators go by.
const FORMATS: &[(&str, &str)] = &[
    ("cyclonedx-json@1.4", "1.4.cdx.json"),
    ("cyclonedx-json@1.5", "1.5.cdx.json"),
    ("cyclonedx-json@1.6", "1.6.cdx.json"),
    ("cyclonedx-json@1.7", "1.7.cdx.json"),
    ("cyclonedx-xml@1.5", "1.5.cdx.xml"),
    ("cyclonedx-xml@1.6", "1.6.cdx.xml"),
    ("spdx-json@2.2", "2.2.spdx.json"),
    ("spdx-json@2.3", "2.3.spdx.json"),
    ("spdx-tag-value@2.3", "2.3.spdx"),
    ("spdx-json@3.0", "3.0.spdx3.json"),
];

/// Checks a CycloneDX document by the schemas that cyclonedx-python-lib carries.
const CYCLONEDX: &str = "
import sys
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
path, version = sys.argv[1], sys.argv[2]
kind = OutputFormat.XML if path.endswith('.xml') else OutputFormat.JSON
validator = make_schemabased_validator(kind, SchemaVersion.from_version(version))
error = validator.validate_str(open(path, encoding='utf-8').read())
sys.exit(str(error) if error else 0)
";

/// Writes documents of the carried image below `target`, and checks them with whatever is there. What is not
/// there is named by `say`.
pub(crate) fn check(root: &Path, say: &dyn Fn(&str)) -> Result<(), String> {
    let folder = root.join("target/documents");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    let mut scan = Command::new("cargo");
    scan.args(["run", "--quiet", "--package", "sbom-cli", "--", "scan", "oci:fixtures/demo", "--quiet"]);
    scan.args(["--files", "all", "--source-supplier", "Demo <demo@demo.example>", "--author", "Demo"]);
    for (format, name) in FORMATS {
        let file = folder.join(format!("demo-{name}"));
        scan.arg("-o").arg(format!("{format}={}", file.display()));
        files.push(file);
    }
    run(scan.current_dir(root), "writing documents")?;
    let is = |end: &'static str| files.iter().filter(move |file| file.to_string_lossy().ends_with(end));
    if let Some(python) = tool(root, "python3", &["-c", "import cyclonedx.validation, jsonschema, lxml"]) {
        for file in is(".cdx.json").chain(is(".cdx.xml")) {
            let version = file.file_name().unwrap_or_default().to_string_lossy();
            let version = version.trim_start_matches("demo-").get(..3).unwrap_or_default().to_owned();
            run(
                Command::new(&python).args(["-c", CYCLONEDX]).arg(file).arg(version),
                "cyclonedx-python-lib",
            )?;
        }
        say(&format!(
            "cyclonedx-python-lib: {} documents are valid",
            is(".cdx.json").chain(is(".cdx.xml")).count()
        ));
    } else {
        say("skipped: cyclonedx-python-lib: not installed");
    }
    if let Some(program) = tool(root, "pyspdxtools", &["--help"]) {
        for file in is("2.2.spdx.json").chain(is("2.3.spdx.json")).chain(is(".spdx")) {
            run(Command::new(&program).arg("-i").arg(file), "pyspdxtools")?;
        }
        say("pyspdxtools: 3 documents are valid");
    } else {
        say("skipped: pyspdxtools: not installed");
    }
    if let Some(program) = tool(root, "ntia-checker", &["--version"]) {
        is("2.3.spdx.json").try_for_each(|file| minimum_elements(&program, file))?;
        say("ntia-checker: 1 document has all elements but suppliers and versions that nobody knows");
    } else {
        say("skipped: ntia-checker: not installed");
    }
    let official = root.join("../shared/tools/validate.py");
    match tool(root, "python3", &["-c", "import jsonschema, jsonschema_rs, referencing"]) {
        Some(python) if official.is_file() => {
            let schemas = is(".cdx.json").chain(is("2.3.spdx.json")).chain(is(".spdx3.json"));
            run(Command::new(python).arg(official).args(schemas), "the official schemas")?;
            say("the official schemas: 6 documents are valid");
        }
        _ => say("skipped: the official schemas: not beside the repository, or jsonschema is not installed"),
    }
    Ok(())
}

/// Fails if a minimum element is missing. Packages of an invented distribution have no supplier, links have no
/// version, and none is made up.
fn minimum_elements(program: &Path, file: &Path) -> Result<(), String> {
    let mut check = Command::new(program);
    check.args(["-s", "spdx2", "-c", "ntia", "-r", "print"]).arg(file);
    let output = check.output().map_err(|error| format!("ntia-checker: {error}"))?;
    let report = String::from_utf8_lossy(&output.stdout);
    let answers = |answer: &'static str| {
        report.lines().filter(move |line| line.contains("provided?") && line.trim_end().ends_with(answer))
    };
    let unknown = |line: &&str| line.contains("suppliers") || line.contains("versions");
    let missing: Vec<&str> = answers("False").filter(|line| !unknown(line)).collect();
    if answers("True").count() == 0 || !missing.is_empty() {
        return Err(format!("ntia-checker: {}: {}\n{report}", file.display(), missing.join("; ")));
    }
    Ok(())
}

/// The program `name` of the folder of tools, else of the path, if it runs with `arguments`.
fn tool(root: &Path, name: &str, arguments: &[&str]) -> Option<PathBuf> {
    let own = root.join("target/ci-tools/python/bin").join(name);
    [own, PathBuf::from(name)].into_iter().find(|program| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    })
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{what}: {command:?}\n{}{}", text(&output.stdout), text(&output.stderr)))
}

//! What neither compiler nor clippy sees: arrows between modules, module docs, names, tables in the docs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which modules of sbom-core each module may use. Whoever changes this changes ARCHITECTURE.md.
const MAY_USE: &[(&str, &[&str])] = &[
    ("image_path", &[]),
    ("limits", &[]),
    ("purl", &[]),
    ("timestamp", &[]),
    ("columns", &["image_path"]),
    ("digest", &["limits"]),
    ("license", &["digest"]),
    ("oci", &["digest", "limits"]),
    ("tar_headers", &["limits"]),
    ("layer", &["limits", "digest", "image_path", "tar_headers"]),
    ("registry", &["limits", "digest", "oci", "image_path"]),
    ("source", &["limits", "digest", "oci", "registry", "image_path", "tar_headers", "layer"]),
    ("detect", &["limits", "digest", "image_path", "license", "layer"]),
    ("bom", &["limits", "digest", "image_path", "purl", "license", "oci", "layer", "detect"]),
    (
        "document",
        &["timestamp", "columns", "limits", "digest", "image_path", "purl", "license", "oci", "bom"],
    ),
    ("fidelity", &["limits", "document"]),
    ("merge", &["digest", "purl", "license", "document"]),
    ("version", &["bom", "detect"]),
    ("diff", &["version", "columns", "digest", "image_path", "purl", "license", "detect", "bom", "document"]),
    ("query", &["columns", "digest", "image_path", "purl", "license", "document"]),
    ("score", &["document", "purl"]),
    ("validate", &["limits", "digest", "purl", "document"]),
    ("attest", &["timestamp", "limits", "digest"]),
    ("attach", &["image_path", "timestamp", "limits", "digest", "oci", "registry", "source", "attest"]),
    (
        "policy",
        &[
            "timestamp",
            "limits",
            "digest",
            "purl",
            "license",
            "oci",
            "version",
            "document",
            "query",
            "diff",
            "score",
            "attest",
        ],
    ),
    (
        "cache",
        &[
            "timestamp",
            "limits",
            "digest",
            "image_path",
            "purl",
            "license",
            "oci",
            "layer",
            "detect",
            "bom",
            "document",
        ],
    ),
    (
        "scan",
        &[
            "limits",
            "digest",
            "image_path",
            "license",
            "oci",
            "source",
            "layer",
            "detect",
            "bom",
            "document",
            "cache",
        ],
    ),
];

/// Names that say nothing about what a file is for.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];

/// Everything that is not as it should be; one line each.
pub(crate) fn faults(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    for folder in ["inflate", "sbom-core", "sbom-cli", "testkit", "tests", "benches", "xtask", "fuzz"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    for file in &files {
        let Ok(text) = fs::File::open(file).and_then(std::io::read_to_string) else {
            faults.push(format!("{}: cannot be read", file.display()));
            continue;
        };
        let name = file.strip_prefix(root).unwrap_or(file);
        check_file(name, &text, &mut faults);
    }
    check_detectors(root, &mut faults);
    faults
}

fn check_file(file: &Path, text: &str, faults: &mut Vec<String>) {
    let shown = file.display();
    if !text.starts_with("//!") && !text.starts_with("#![doc") && !text.starts_with("#![no_main]") {
        faults.push(format!("{shown}: does not open with //! and what the file is responsible for"));
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    if EMPTY_NAMES.contains(&&*stem) {
        faults.push(format!("{shown}: the name says nothing about its purpose"));
    }
    let Some(module) = core_module(file) else { return };
    // Tests may look upward: they build what the module is used with.
    let is_test = |part: &str| matches!(part.trim_end_matches(".rs"), "tests" | "testing" | "test_image");
    if file.components().any(|part| is_test(&part.as_os_str().to_string_lossy())) {
        return;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        if module != "lib" {
            faults.push(format!("{shown}: module {module} is missing in the table of what may use what"));
        }
        return;
    };
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    for used in used_modules(code) {
        if used != module && !allowed.contains(&used.as_str()) {
            faults.push(format!("{shown}: {module} must not use {used}"));
        }
    }
}

/// `detect` for `sbom-core/src/detect/apk.rs`.
fn core_module(file: &Path) -> Option<String> {
    let below = file.strip_prefix("sbom-core/src").ok()?;
    let first = below.components().next()?.as_os_str().to_string_lossy().into_owned();
    Some(first.strip_suffix(".rs").unwrap_or(&first).to_owned())
}

/// The modules named behind `crate::`, also in braces.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    for after in code.split("crate::").skip(1) {
        if let Some(list) = after.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        used.insert(std::mem::take(&mut name));
                    }
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            used.insert(name);
        } else {
            used.insert(after.to_owned());
        }
    }
    let first_word = |text: &String| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let is_module = |name: &String| !name.is_empty() && name.starts_with(char::is_lowercase);
    used.iter().map(first_word).filter(is_module).collect()
}

/// The docs list the detectors that there are.
fn check_detectors(root: &Path, faults: &mut Vec<String>) {
    let read =
        |path: &str| fs::File::open(root.join(path)).and_then(std::io::read_to_string).unwrap_or_default();
    let builtin = read("sbom-core/src/detect/builtin.rs");
    let docs = read("docs/detectors.md");
    for line in builtin.lines() {
        let Some(name) = line.trim().strip_prefix("Box::new(").and_then(|rest| rest.strip_suffix("),"))
        else {
            continue;
        };
        if !docs.contains(&format!("`{name}`")) {
            faults.push(format!("docs/detectors.md: has no row for {name}"));
        }
    }
    if !builtin.contains("Box::new(") {
        faults.push("sbom-core/src/detect/builtin.rs: no detectors were found in it".to_owned());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let faults = faults(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn modules_are_found_in_plain_and_nested_imports() {
        let code = "use crate::purl::Purl;\nuse crate::{\n    bom::{Bom, Gap},\n    limits::Limits,\n};\nlet x = crate::oci::X;";
        let expected = ["bom", "limits", "oci", "purl"].map(str::to_owned);
        assert_eq!(used_modules(code), expected.into());
    }

    #[test]
    fn an_arrow_that_runs_upward_is_a_fault() {
        let mut faults = Vec::new();
        check_file(Path::new("sbom-core/src/purl.rs"), "//! Doc.\nuse crate::bom::Bom;\n", &mut faults);
        assert_eq!(faults, ["sbom-core/src/purl.rs: purl must not use bom"]);
    }
}

//! The official JSON schemas, from a folder of the user's.
//!
//! They are never fetched, and not part of the program. References between them are resolved from the same folder.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use jsonschema::{Registry, Resource, Validator};
use sbom_core::{
    document::read::Syntax,
    limits::{Limits, read_capped},
    validate::{Tree, Violation},
};
use serde_json::Value;

use crate::exit_code::Failure;

/// Values beyond which only the first violation is asked for: each could break several keywords.
const MAX_VALUES: u64 = 250_000;
/// Violations that are kept.
const MAX_VIOLATIONS: usize = 1000;
/// Characters of a violation's message; it may repeat the whole document.
const MAX_MESSAGE: usize = 300;

/// What the official schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It accepts the document.
    Passed,
    /// It does not; how often, if all violations were asked for.
    Failed { first_only: bool },
    /// It is not at hand.
    Skipped { file: String, url: String, folder: Option<PathBuf> },
    /// There is none for this format.
    None(&'static str),
    /// The document is not JSON, or does not say of which version it is.
    Unasked,
}

/// Schemas by file name, each compiled when it is first needed.
#[derive(Debug)]
pub(crate) struct Schemas {
    folder: Option<PathBuf>,
    compiled: BTreeMap<String, Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Ready(Box<Validator>),
    /// A schema that is not there: this one, or one that it refers to.
    Missing(Wanted),
}

/// A schema: what its file is called, and where its authors publish it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    file: String,
    url: String,
}

impl Schemas {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, compiled: BTreeMap::new() }
    }

    /// What the schema of the format and version says of a document.
    pub(crate) fn check(
        &mut self,
        syntax: Syntax,
        tree: &Tree,
    ) -> Result<(Outcome, Vec<Violation>), Failure> {
        let wanted = match wanted(syntax, &tree.value) {
            Ok(wanted) => wanted,
            Err(outcome) => return Ok((outcome, Vec::new())),
        };
        let validator = match self.get(&wanted)? {
            Compiled::Ready(validator) => validator,
            Compiled::Missing(Wanted { file, url }) => {
                let skipped = Outcome::Skipped { file: file.clone(), url: url.clone(), folder: None };
                return Ok((self.placed(skipped), Vec::new()));
            }
        };
        if validator.is_valid(&tree.value) {
            return Ok((Outcome::Passed, Vec::new()));
        }
        let first_only = tree.values > MAX_VALUES;
        let violations = if first_only {
            validator.validate(&tree.value).err().iter().map(violation).collect()
        } else {
            validator.iter_errors(&tree.value).take(MAX_VIOLATIONS).map(|error| violation(&error)).collect()
        };
        Ok((Outcome::Failed { first_only }, violations))
    }

    /// The outcome with the folder that was looked into.
    fn placed(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Skipped { file, url, .. } => Outcome::Skipped { file, url, folder: self.folder.clone() },
            other => other,
        }
    }

    fn get(&mut self, wanted: &Wanted) -> Result<&Compiled, Failure> {
        if !self.compiled.contains_key(&wanted.file) {
            let compiled = compile(self.folder.as_deref(), wanted).map_err(Failure::environment)?;
            self.compiled.insert(wanted.file.clone(), compiled);
        }
        self.compiled
            .get(&wanted.file)
            .ok_or_else(|| Failure::environment(anyhow!("the schema {} is gone", wanted.file)))
    }
}

/// What is said of documents that are not JSON.
pub(crate) fn without(syntax: Syntax) -> Outcome {
    match syntax {
        Syntax::CycloneDxXml => {
            Outcome::None("the official schema of CycloneDX XML is an XSD, which is not checked here")
        }
        Syntax::SpdxTagValue => Outcome::None("SPDX tag-value has no schema"),
        Syntax::SyftJson => Outcome::None("Syft's JSON is no format of a specification"),
        _ => Outcome::Unasked,
    }
}

/// The schema of a document; an outcome if there is none.
fn wanted(syntax: Syntax, document: &Value) -> Result<Wanted, Outcome> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    // The version goes into a file name.
    let plain = |version: &str| {
        let of_version = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        (1..=8).contains(&version.len()) && version.bytes().all(of_version)
    };
    let checked = |version: &str| if plain(version) { Ok(version.to_owned()) } else { Err(Outcome::Unasked) };
    match syntax {
        Syntax::CycloneDxJson => {
            let file = format!("bom-{}.schema.json", checked(text("specVersion"))?);
            Ok(Wanted { url: format!("https://cyclonedx.org/schema/{file}"), file })
        }
        Syntax::SpdxJson => {
            let version = checked(text("spdxVersion").strip_prefix("SPDX-").unwrap_or_default())?;
            let url = format!(
                "https://raw.githubusercontent.com/spdx/spdx-spec/v{version}/schemas/spdx-schema.json"
            );
            Ok(Wanted { file: format!("spdx-v{version}.schema.json"), url })
        }
        Syntax::SpdxJsonLd => {
            let rest = text("@context").strip_prefix("https://spdx.org/rdf/").unwrap_or_default();
            let version = checked(rest.split('/').next().unwrap_or_default())?;
            let url = format!("https://spdx.org/schema/{version}/spdx-json-schema.json");
            Ok(Wanted { file: format!("spdx-{version}.schema.json"), url })
        }
        other => Err(without(other)),
    }
}

fn compile(folder: Option<&Path>, wanted: &Wanted) -> anyhow::Result<Compiled> {
    let Some(folder) = folder else { return Ok(Compiled::Missing(wanted.clone())) };
    let Some(schema) = load(folder, &wanted.file)? else { return Ok(Compiled::Missing(wanted.clone())) };
    let mut names = Vec::new();
    references(&schema, &mut names);
    names.sort_unstable();
    names.dedup();
    let mut registry = Registry::new();
    for name in names {
        let Some(part) = load(folder, name)? else {
            let url = format!("https://cyclonedx.org/schema/{name}");
            return Ok(Compiled::Missing(Wanted { file: name.to_owned(), url }));
        };
        let uri = format!("http://cyclonedx.org/schema/{name}");
        registry = registry.add(uri, Resource::from_contents(part)).with_context(|| name.to_owned())?;
    }
    let registry = registry.prepare().with_context(|| wanted.file.clone())?;
    let validator =
        jsonschema::options().with_registry(&registry).should_validate_formats(true).build(&schema).map_err(
            |error| anyhow!("{}: it is no schema: {}", folder.join(&wanted.file).display(), shown(&error)),
        )?;
    Ok(Compiled::Ready(Box::new(validator)))
}

/// The files that a schema refers to, by plain names: no path leads out of the folder.
fn references<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref") {
                let file = target.split('#').next().unwrap_or_default();
                let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                if !file.is_empty() && file.bytes().all(of_name) {
                    names.push(file);
                }
            }
            map.values().for_each(|value| references(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// A schema of the folder; none if there is no such file.
fn load(folder: &Path, name: &str) -> anyhow::Result<Option<Value>> {
    let path = folder.join(name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let bytes =
        read_capped(file, Limits::default().config_bytes).with_context(|| path.display().to_string())?;
    let value = serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
    Ok(Some(value))
}

fn violation(error: &jsonschema::ValidationError<'_>) -> Violation {
    Violation { place: error.instance_path().to_string(), message: shown(error) }
}

/// The message of an error, cut: writing it ends where there is enough.
fn shown(error: &dyn fmt::Display) -> String {
    struct Cut(String, usize);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if self.1 == 0 {
                    self.0.push('…');
                    return Err(fmt::Error);
                }
                self.0.push(c);
                self.1 = self.1.saturating_sub(1);
            }
            Ok(())
        }
    }
    let mut cut = Cut(String::new(), MAX_MESSAGE);
    // The error says that the text was cut, and nothing else.
    let _ = write!(cut, "{error}");
    cut.0
}

//! `sbomctl query`: what a document lists, and why.

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use sbom_core::{
    document::{Document, model::ComponentKind},
    query::{self, Filter, Glob, LayerPattern, LicensePattern, Paths, PurlPattern, list},
};

use crate::{
    documents::ReadArgs,
    environment::Environment,
    exit_code::{Exit, Failure},
    orders, output,
    terminal::Terminal,
};

/// Ways told for one component.
const PATHS: usize = 10;
/// Components whose ways are told.
const TARGETS: usize = 100;

const EXAMPLES: &str = "\
What is asked for must be met together. In patterns, * stands for any characters; of paths and package URLs within one
part, ** across them. What a package URL leaves out may be anything.

Exit codes: 0 if something matches, 1 if nothing does.

Examples:
  sbomctl query sbom.cdx.json --purl 'pkg:golang/golang.org/x/*'
  sbomctl query sbom.cdx.json --license 'GPL-*' --layer 3
  sbomctl query sbom.spdx.json --name 'openssl*' --dependents
  sbomctl query sbom.cdx.json --why pkg:cargo/rustls
  sbomctl query sbom.cdx.json --license NOASSERTION --format purls";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct QueryArgs {
    /// The document, in any format that can be read; - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Components with such a package URL, as pkg:deb/libssl* or pkg:*/openssl@3.*
    #[arg(long, value_name = "PATTERN")]
    purl: Option<PurlPattern>,
    /// Components of this name
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Components under this licence: an SPDX identifier, anywhere in what is declared or concluded; a whole
    /// expression, in any order; NOASSERTION for those whose licence nobody knows
    #[arg(long, value_name = "LICENSE")]
    license: Option<LicensePattern>,
    /// Components found in such a file
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// Components of this layer: its number, 0 the lowest, or the beginning of its digest
    #[arg(long, value_name = "N|DIGEST")]
    layer: Option<LayerPattern>,
    /// Components of this kind, as library, application, file, operating-system
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<ComponentKind>,
    /// In place of what matches, list all that needs it, directly or not
    #[arg(long, conflicts_with = "dependencies")]
    dependents: bool,
    /// In place of what matches, list all that it needs, directly or not
    #[arg(long)]
    dependencies: bool,
    /// Tell the shortest ways from what the document is about to such a package
    #[arg(
        long,
        value_name = "PURL",
        conflicts_with_all = ["purl", "name", "license", "path", "layer", "kind", "dependents", "dependencies"]
    )]
    why: Option<PurlPattern>,
    /// How to show what was found
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: QueryFormat,
    #[command(flatten)]
    read: ReadArgs,
}

/// Forms of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QueryFormat {
    /// A table for a terminal.
    Text,
    /// For programs; schemas/query.schema.json describes it.
    Json,
    /// Package URLs, one a line.
    Purls,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &QueryArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    if arguments.why.is_some() && arguments.format == QueryFormat::Purls {
        return Err(Failure::usage(anyhow!("--why tells ways, which are no list of package URLs")));
    }
    let inputs = arguments.read.read(&[&arguments.file])?;
    let Some(input) = inputs.first() else { return Ok(Exit::No) };
    let document = &input.read.document;
    if let Some(purl) = &arguments.why {
        return why(document, &input.name, purl, arguments.format, terminal);
    }
    let filter = filter(arguments, document)?;
    let matching = filter.select(document);
    let found = if arguments.dependents {
        query::dependents(document, &matching)
    } else if arguments.dependencies {
        query::dependencies(document, &matching)
    } else {
        matching.clone()
    };
    let style = terminal.stdout_style(environment);
    if !found.is_empty() || arguments.format == QueryFormat::Json {
        let mut without = 0;
        output::to_stdout(|out| match arguments.format {
            QueryFormat::Text => orders::write_without(out, |out| list::text(document, &found, style, out)),
            QueryFormat::Json => list::json(document, &found, out),
            QueryFormat::Purls => {
                without = list::purls(document, &found, out)?;
                Ok(())
            }
        })?;
        if without > 0 {
            let (noun, verb) = if without == 1 { ("component", "has") } else { ("components", "have") };
            terminal.warn(format_args!("{without} {noun} that {verb} no package URL cannot be listed so"));
        }
    }
    if found.is_empty() {
        let name = &input.name;
        match (matching.is_empty(), arguments.dependents) {
            (true, _) => terminal.warn(format_args!("nothing in {name} matches")),
            (false, true) => terminal.warn(format_args!("nothing in {name} needs what matches")),
            (false, false) => {
                terminal.warn(format_args!("{name} names nothing that is needed by what matches"));
            }
        }
    }
    Ok(if found.is_empty() { Exit::No } else { Exit::Done })
}

fn filter(arguments: &QueryArgs, document: &Document) -> Result<Filter, Failure> {
    if let Some(layer) = arguments.layer.as_ref().filter(|layer| layer.find(document).is_empty()) {
        let count = document.layers.len();
        let message = match (layer, count) {
            (_, 0) => "the document does not know of layers".to_owned(),
            (LayerPattern::Index(index), _) => {
                format!("there is no layer {index}: the document has {count}, from 0 to {}", count - 1)
            }
            (LayerPattern::Digest(digits), _) => format!("no layer has a digest that begins with {digits}"),
        };
        return Err(Failure::usage(anyhow!(message)));
    }
    Ok(Filter {
        purl: arguments.purl.clone(),
        name: arguments.name.as_deref().map(Glob::text),
        license: arguments.license.clone(),
        path: arguments.path.as_deref().map(Glob::path),
        layer: arguments.layer.clone(),
        kind: arguments.kind,
    })
}

fn why(
    document: &Document,
    name: &str,
    purl: &PurlPattern,
    format: QueryFormat,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let filter = Filter { purl: Some(purl.clone()), ..Filter::default() };
    let mut targets = filter.select(document);
    if targets.len() > TARGETS {
        terminal.warn(format_args!("{} packages match; only the first {TARGETS} are told", targets.len()));
        targets.truncate(TARGETS);
    }
    if document.root.is_none() {
        terminal.warn(format_args!("{name} does not say what it is about, so nothing leads anywhere"));
    }
    let ways: Vec<(usize, Paths)> =
        targets.iter().map(|&target| (target, query::paths(document, target, PATHS))).collect();
    if !ways.is_empty() || format == QueryFormat::Json {
        output::to_stdout(|out| match format {
            QueryFormat::Json => list::paths_json(document, &ways, out),
            _ => orders::write_without(out, |out| list::paths_text(document, &ways, out)),
        })?;
    }
    if ways.is_empty() {
        terminal.warn(format_args!("nothing in {name} matches"));
    }
    Ok(if ways.is_empty() { Exit::No } else { Exit::Done })
}

fn parse_kind(text: &str) -> Result<ComponentKind, String> {
    ComponentKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = ComponentKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

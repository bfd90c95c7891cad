//! `sbomctl tree`: an image and everything about it, as a tree.

use clap::Args;
use sbom_core::{
    attach::{
        Spending, Stopwatch,
        tree::{Node, Role, tree},
    },
    columns::escaped,
};
use serde_json::{Value, json};

use crate::{
    attest::{Format, unverified},
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl tree ghcr.io/org/app:1.2
  sbomctl tree --format json oci:./layout";

/// What to show.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TreeArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// How to show it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the subcommand.
pub(crate) fn run(
    arguments: &TreeArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let mut spending = Spending::new(&limits, Box::new(Stopwatch::default()));
    let shown = tree(&*image.store, &image.root, &mut spending);
    match arguments.format {
        Format::Json => {
            let (notes, incomplete) = unverified::as_json(&shown.notes, &shown.incomplete);
            let document = json!({
                "schemaVersion": 1, "image": image.pinned(), "verified": false, "root": as_json(&shown.root),
                "notes": notes, "incomplete": incomplete,
            });
            output::to_stdout(|out| {
                serde_json::to_writer_pretty(&mut *out, &document)?;
                writeln!(out)
            })?;
        }
        Format::Text => {
            let mut lines = vec![image.pinned()];
            branches(&shown.root.children, "", &mut lines);
            output::text_to_stdout(|out| {
                lines.iter().try_for_each(|line| writeln!(out, "{}", escaped(line)))
            })?;
        }
    }
    Ok(unverified::tell(&shown.notes, &shown.incomplete, terminal))
}

fn branches(nodes: &[Node], indent: &str, lines: &mut Vec<String>) {
    for (index, node) in nodes.iter().enumerate() {
        let last = index + 1 == nodes.len();
        let (here, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        lines.push(format!("{indent}{here}{}", label(node)));
        branches(&node.children, &format!("{indent}{below}"), lines);
    }
}

/// What a line says of a node: what it is, then its digest.
fn label(node: &Node) -> String {
    let said = node.predicate_type.as_deref();
    let created = node.created.map(|created| format!(", {created}")).unwrap_or_default();
    let what = match &node.role {
        Role::Root => "image".to_owned(),
        Role::Platform(platform) => platform.to_string(),
        Role::Beside => "beside the platforms, unsigned".to_owned(),
        Role::Tagged(tag) => format!("tag {tag}"),
        Role::Referrer => {
            let kind = node.artifact_type.as_deref().unwrap_or(&node.media_type);
            let said = said.map(|said| format!(" {said}")).unwrap_or_default();
            format!("{kind}{said} ({} bytes{created})", node.size)
        }
        _ => {
            let said = said.unwrap_or(&node.media_type);
            format!("{said} ({} bytes{created})", node.size)
        }
    };
    format!("{what} {}", node.digest)
}

fn as_json(node: &Node) -> Value {
    let (role, platform, tag) = match &node.role {
        Role::Root => ("root", None, None),
        Role::Platform(platform) => ("platform", Some(platform.to_string()), None),
        Role::Beside => ("beside", None, None),
        Role::Referrer => ("referrer", None, None),
        Role::Tagged(tag) => ("tag", None, Some(tag.to_string())),
        _ => ("layer", None, None),
    };
    let children: Vec<Value> = node.children.iter().map(as_json).collect();
    json!({
        "role": role, "platform": platform, "tag": tag, "digest": node.digest.to_string(),
        "mediaType": node.media_type, "size": node.size, "artifactType": node.artifact_type,
        "kind": node.kind.name(), "predicateType": node.predicate_type,
        "created": node.created.map(|created| created.to_string()), "children": children,
    })
}

//! `sbomctl attest list`: what lies beside an image.

use clap::Args;
use sbom_core::{
    attach::{Attestation, Content, Found, Place},
    columns::Table,
    limits::Limits,
    oci::Platform,
};
use serde_json::{Value, json};

use super::{Format, unverified};
use crate::{
    environment::Environment,
    exit_code::{Exit, Failure},
    output,
    place::{Image, PlaceArgs},
    terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl attest list ghcr.io/org/app:1.2
  sbomctl attest list --platform linux/arm64 --format json oci:./layout";

/// What to list.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// The image: in a registry, or in an OCI layout
    #[arg(value_name = "IMAGE")]
    image: String,
    /// List what is about one platform of an index only, as OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How to list it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Runs the subcommand.
pub(super) fn run(
    arguments: &ListArgs,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let limits = arguments.place.limits();
    let image = Image::open(&arguments.image, &arguments.place.registry, environment, &limits)?;
    let (mut lines, mut notes, mut incomplete) = (Vec::new(), Vec::new(), Vec::new());
    for (platform, subject) in unverified::subjects(&image, arguments.platform.as_ref())? {
        let Found { attestations, notes: own, incomplete: left, .. } =
            unverified::about(&image, &subject, None, &limits);
        for attestation in &attestations {
            lines.push(Line::new(attestation, platform.as_ref(), &subject.digest.to_string(), &limits));
        }
        notes.extend(own);
        incomplete.extend(left);
    }
    match arguments.format {
        Format::Json => {
            let (told, left) = unverified::as_json(&notes, &incomplete);
            let listed: Vec<Value> = lines.iter().map(Line::as_json).collect();
            let document = json!({
                "schemaVersion": 1, "image": image.pinned(), "verified": false, "attestations": listed,
                "notes": told, "incomplete": left,
            });
            output::to_stdout(|out| {
                serde_json::to_writer_pretty(&mut *out, &document)?;
                writeln!(out)
            })?;
        }
        Format::Text => {
            let mut table =
                Table::new(&["PREDICATE", "SIGNED", "ABOUT", "CREATED", "KIND", "PLACE", "DIGEST"]);
            for line in &lines {
                table.push(None, line.cells());
            }
            let style = terminal.stdout_style(environment);
            output::text_to_stdout(|out| {
                writeln!(out, "{}", image.pinned())?;
                if lines.is_empty() {
                    writeln!(out, "nothing is attested")
                } else {
                    table.write(style, 0, out)
                }
            })?;
        }
    }
    Ok(unverified::tell(&notes, &incomplete, terminal))
}

/// One attestation.
struct Line {
    predicate_type: String,
    signed: bool,
    platform: Option<String>,
    subject: String,
    created: Option<String>,
    kind: &'static str,
    place: &'static str,
    manifest: String,
    layer: Option<usize>,
    digest: String,
    statement: Option<String>,
}

impl Line {
    fn new(attestation: &Attestation, platform: Option<&Platform>, subject: &str, limits: &Limits) -> Self {
        let statement = match &attestation.content {
            Content::Signed(signed) => unverified::statement(signed, limits),
            Content::Unsigned(_) => None,
        };
        // What was signed says more than what was written beside it.
        let said = statement.as_ref().map(|statement| statement.predicate_type().uri().to_owned());
        let (place, layer) = match &attestation.place {
            Place::Referrer(_) => ("referrer", None),
            Place::Legacy(_, layer) => ("legacy-tag", Some(*layer)),
            Place::Beside(_) => ("index", None),
        };
        Self {
            predicate_type: said.or_else(|| attestation.predicate_type.clone()).unwrap_or_default(),
            signed: matches!(attestation.content, Content::Signed(_)),
            platform: platform.map(ToString::to_string),
            subject: subject.to_owned(),
            created: attestation.created.map(|created| created.to_string()),
            kind: attestation.kind.name(),
            place,
            manifest: attestation.place.manifest().to_string(),
            layer,
            digest: attestation.digest.to_string(),
            statement: statement.map(|statement| statement.digest().to_string()),
        }
    }

    fn cells(&self) -> [String; 7] {
        [
            self.predicate_type.clone(),
            if self.signed { "yes, not verified" } else { "no" }.to_owned(),
            self.platform.clone().unwrap_or_else(|| "image".to_owned()),
            self.created.clone().unwrap_or_default(),
            self.kind.to_owned(),
            self.place.to_owned(),
            self.digest.clone(),
        ]
    }

    fn as_json(&self) -> Value {
        json!({
            "subject": self.subject, "platform": self.platform, "predicateType": self.predicate_type,
            "signed": self.signed, "created": self.created, "kind": self.kind, "digest": self.digest,
            "statement": self.statement,
            "place": { "kind": self.place, "manifest": self.manifest, "layer": self.layer },
        })
    }
}

//! What `sbomctl attest` tells of what it signed and where that lies now.

use sbom_core::{attach::Listing, digest::Digest};
use serde_json::{Value, json};

use super::{Author, Done, Format, OutArgs};
use crate::{exit_code::Failure, output};

/// Writes the bundles where they are wanted, and says what was done.
pub(crate) fn tell(out: &OutArgs, about: &str, author: &Author, done: &[Done]) -> Result<(), Failure> {
    if let Some(file) = &out.output_bundle {
        output::to_file(file, |out| {
            for one in done {
                out.write_all(&one.bundle)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    output::to_stdout(|to| match out.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *to, &as_json(about, author, done))?;
            writeln!(to)
        }
        Format::Text => {
            writeln!(to, "{about}")?;
            for one in done {
                let platform =
                    one.said.platform.as_ref().map(|platform| format!(" of {platform}")).unwrap_or_default();
                writeln!(to, "  {}{platform}", one.said.predicate_type.uri())?;
                writeln!(to, "    statement  {}", one.statement)?;
                writeln!(to, "    bundle     {}", Digest::of(&one.bundle))?;
                writeln!(to, "    signer     {author}")?;
                if one.known {
                    writeln!(
                        to,
                        "    unchanged  the same key has said the very same before; --force adds it again"
                    )?;
                }
                for attached in &one.attached {
                    let listing = match &attached.listing {
                        Listing::Store => "in the list of referrers".to_owned(),
                        Listing::Tag(tag) => format!("under the tag {tag}"),
                    };
                    let new = if attached.new { "" } else { ", was there before" };
                    writeln!(
                        to,
                        "    referrer   {} of {}, {listing}{new}",
                        attached.manifest, attached.subject
                    )?;
                    if let Some(tag) = &attached.legacy {
                        writeln!(to, "    old form   under the tag {tag}")?;
                    }
                }
            }
            Ok(())
        }
    })
}

fn as_json(about: &str, author: &Author, done: &[Done]) -> Value {
    let attested: Vec<Value> = done
        .iter()
        .map(|one| {
            let referrers: Vec<Value> = one
                .attached
                .iter()
                .map(|attached| {
                    json!({
                        "subject": attached.subject.to_string(),
                        "manifest": attached.manifest.to_string(),
                        "listedBy": match &attached.listing {
                            Listing::Store => "referrers-api".to_owned(),
                            Listing::Tag(tag) => tag.to_string(),
                        },
                        "legacyTag": attached.legacy.as_ref().map(ToString::to_string),
                        "new": attached.new,
                    })
                })
                .collect();
            json!({
                "predicateType": one.said.predicate_type.uri(),
                "platform": one.said.platform.as_ref().map(ToString::to_string),
                "subjects": one.said.subjects.iter().map(|subject| subject.digest.to_string()).collect::<Vec<_>>(),
                "statement": one.statement.to_string(),
                "bundle": Digest::of(&one.bundle).to_string(),
                "known": one.known,
                "referrers": referrers,
            })
        })
        .collect();
    json!({ "schemaVersion": 1, "subject": about, "signer": author.to_string(), "attested": attested })
}

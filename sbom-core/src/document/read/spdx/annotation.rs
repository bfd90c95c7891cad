//! What annotations say: facts by name, if a tool wrote them so, else remarks.

use super::statements::Annotation;
use crate::document::{
    facts,
    model::Property,
    read::{Losses, records::lose},
};

/// What an annotation of an element says.
pub(super) enum Remark {
    /// The identifier that the component had before it was written.
    Id(String),
    Property(Property),
}

/// What `annotation` says: a fact by name, if a tool wrote it so, else a remark.
pub(super) fn read(annotation: &Annotation<'_>, losses: &mut Losses) -> Remark {
    lose(losses, "annotations[].", &annotation.unknown);
    let tool = annotation.annotator.trim().strip_prefix("Tool:");
    match tool.and_then(|tool| fact(tool.trim(), &annotation.comment)) {
        Some(property) if property.name == "sbomctl:id" => Remark::Id(property.value),
        Some(property) => Remark::Property(property),
        None => {
            if !annotation.annotator.trim().is_empty() {
                losses.add("annotations[].annotator");
            }
            Remark::Property(remark(&annotation.comment))
        }
    }
}

/// An annotation that states no fact.
pub(super) fn remark(text: &str) -> Property {
    Property { name: "spdx:annotation".to_owned(), value: text.to_owned() }
}

/// The fact `NAME: VALUE` that `tool` states. Names are without blanks; those of Trivy are words without a
/// namespace, which is added, and others but ours have one.
pub(super) fn fact(tool: &str, text: &str) -> Option<Property> {
    let (name, value) = text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, "")))?;
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let trivy = TRIVY_NAMES.contains(&name) || name.starts_with("Labels:");
    let ours = is_ours(tool);
    let name = if trivy { format!("{}{name}", facts::TRIVY) } else { name.to_owned() };
    (trivy || ours || name.contains(':')).then(|| Property { name, value: value.to_owned() })
}

/// Whether a tool is this library, or the command that it is for.
pub(super) fn is_ours(tool: &str) -> bool {
    ["sbomctl", "sbom_core"].iter().any(|our| tool.starts_with(our))
}

/// The names under which Trivy annotates, without what they begin with in CycloneDX.
const TRIVY_NAMES: &[&str] = &[
    "Class",
    "DiffID",
    "FilePath",
    "ImageID",
    "LayerDiffID",
    "LayerDigest",
    "Modularitylabel",
    "PkgID",
    "PkgType",
    "Reference",
    "RepoDigest",
    "RepoTag",
    "SchemaVersion",
    "Size",
    "SrcEpoch",
    "SrcName",
    "SrcRelease",
    "SrcVersion",
    "Type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_names_without_blanks() {
        for (tool, text, expected) in [
            ("trivy-0.76.0", "PkgType: alpine", Some(("aquasecurity:trivy:PkgType", "alpine"))),
            ("trivy-0.76.0", "Labels:a: b: c", Some(("aquasecurity:trivy:Labels:a", "b: c"))),
            ("sbomctl-0.1.0", "sbomctl:usage: build-only", Some(("sbomctl:usage", "build-only"))),
            ("sbomctl-0.1.0", "plain: x", Some(("plain", "x"))),
            ("sbomctl-0.1.0", "empty:", Some(("empty", ""))),
            ("other-1", "x:y: z", Some(("x:y", "z"))),
            ("other-1", "plain: x", None),
            ("other-1", "what he says: nothing", None),
            ("other-1", "nothing", None),
        ] {
            let found = fact(tool, text);
            let found = found.as_ref().map(|found| (found.name.as_str(), found.value.as_str()));
            assert_eq!(found, expected, "{tool}: {text}");
        }
    }
}

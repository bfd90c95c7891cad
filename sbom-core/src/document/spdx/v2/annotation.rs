//! Annotations: what SPDX has no field for, as `NAME: VALUE`.

use serde::Serialize;

use crate::document::{Inputs, model::Tool};

/// Who annotates, and when: the same in all annotations of a document.
pub(super) struct Stamp {
    pub(super) date: String,
    pub(super) tool: String,
}

impl Stamp {
    pub(super) fn new(inputs: &Inputs) -> Self {
        Self { date: inputs.timestamp.to_string(), tool: tool(&inputs.tool) }
    }

    /// The annotation `NAME: VALUE`.
    pub(super) fn annotation(&self, name: &str, value: &str) -> Annotation<'_> {
        Annotation {
            date: &self.date,
            kind: "OTHER",
            annotator: &self.tool,
            comment: format!("{name}: {value}"),
        }
    }
}

/// `Tool: NAME-VERSION`.
pub(super) fn tool(tool: &Tool) -> String {
    match tool.version.as_str() {
        "" => format!("Tool: {}", tool.name),
        version => format!("Tool: {}-{version}", tool.name),
    }
}

#[derive(Serialize)]
pub(super) struct Annotation<'a> {
    #[serde(rename = "annotationDate")]
    pub(super) date: &'a str,
    #[serde(rename = "annotationType")]
    pub(super) kind: &'static str,
    pub(super) annotator: &'a str,
    pub(super) comment: String,
}

//! Documents against the official schemas.

use std::{fs::File, io::BufReader};

use serde_json::Value;

use super::{Document, Format, full, samples, write};
use crate::document::SpdxVersion;

fn schema(name: &str) -> Option<Value> {
    let path = sbomctl_testkit::shared(&format!("schemas/{name}"))?;
    Some(serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap())
}

/// The formats that have a schema, each with its validator, if the schemas are to be had.
pub(super) fn validators() -> Option<Vec<(Format, jsonschema::Validator)>> {
    let mut registry = jsonschema::Registry::new();
    for name in ["spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"] {
        let resource = jsonschema::Resource::from_contents(schema(name)?);
        registry = registry.add(format!("http://cyclonedx.org/schema/{name}"), resource).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let options = jsonschema::options().with_registry(&registry).should_validate_formats(true);
    let validator = |&format: &Format| {
        let name = match format {
            Format::CycloneDxJson(version) => format!("bom-{}.schema.json", version.as_str()),
            Format::SpdxJson(SpdxVersion::V2_3) => "spdx-v2.3.schema.json".to_owned(),
            Format::SpdxJson(SpdxVersion::V3_0) => "spdx-3.0.1.schema.json".to_owned(),
            _ => return None,
        };
        Some(schema(&name).map(|schema| (format, options.build(&schema).unwrap())))
    };
    Format::ALL.iter().filter_map(validator).collect()
}

pub(super) fn check(name: &str, document: &Document, validators: &[(Format, jsonschema::Validator)]) {
    for (format, validator) in validators {
        let mut bytes = Vec::new();
        write(document, *format, &samples::inputs(), &mut bytes).unwrap();
        let document = serde_json::from_slice(&bytes).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name} as {format}: {errors:#?}");
    }
}

#[test]
fn documents_of_samples_are_valid() {
    let Some(validators) = validators() else { return };
    for (name, bom) in samples::all() {
        check(name, &Document::of(bom), &validators);
    }
    check("every field", &full::document(), &validators);
}

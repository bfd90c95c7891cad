//! Documents against the official schemas.

use std::{fs::File, io::BufReader};

use serde_json::Value;

use super::{CYCLONEDX, SPDX, json, samples};
use crate::bom::Bom;

fn schema(name: &str) -> Option<Value> {
    let path = sbomctl_testkit::shared(&format!("schemas/{name}"))?;
    Some(serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap())
}

/// The validators of CycloneDX and SPDX, if the schemas are to be had.
pub(super) fn validators() -> Option<[jsonschema::Validator; 2]> {
    let mut registry = jsonschema::Registry::new();
    for name in ["spdx.schema.json", "jsf-0.82.schema.json"] {
        let resource = jsonschema::Resource::from_contents(schema(name)?);
        registry = registry.add(format!("http://cyclonedx.org/schema/{name}"), resource).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let cyclonedx = jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema("bom-1.6.schema.json")?)
        .unwrap();
    let spdx =
        jsonschema::options().should_validate_formats(true).build(&schema("spdx-v2.3.schema.json")?).unwrap();
    Some([cyclonedx, spdx])
}

pub(super) fn check(name: &str, bom: &Bom, validators: &[jsonschema::Validator; 2]) {
    for (format, validator) in [CYCLONEDX, SPDX].into_iter().zip(validators) {
        let document = json(bom, format);
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name} as {format}: {errors:#?}");
    }
}

#[test]
fn documents_of_samples_are_valid() {
    let Some(validators) = validators() else { return };
    for (name, bom) in samples::all() {
        check(name, &bom, &validators);
    }
}

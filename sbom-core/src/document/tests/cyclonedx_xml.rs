//! CycloneDX as XML says what it says as JSON: both are read by another implementation, and compared.

use cyclonedx_bom::models::bom::{Bom, SpecVersion};

use super::{CycloneDxVersion, Format, samples, text};

#[test]
fn xml_and_json_are_read_as_the_same() {
    for (name, bom) in samples::all() {
        for (version, spec) in
            [(CycloneDxVersion::V1_4, SpecVersion::V1_4), (CycloneDxVersion::V1_5, SpecVersion::V1_5)]
        {
            let read = |format: Format| text(&bom, format, &samples::inputs());
            let json = read(Format::CycloneDxJson(version));
            let mut json = Bom::parse_json_value(serde_json::from_str(&json).unwrap()).unwrap();
            let xml = read(Format::CycloneDxXml(version));
            let xml = Bom::parse_from_xml_with_version(xml.as_bytes(), spec).unwrap();
            json.serial_number.clone_from(&xml.serial_number);
            // It leaves out white space at the ends of texts in XML.
            let shown = |bom: &Bom| format!("{bom:#?}").replace(" \",\n", "\",\n");
            let (xml, json) = (shown(&xml), shown(&json));
            let difference = xml.lines().zip(json.lines()).find(|(xml, json)| xml != json);
            assert_eq!(difference, None, "{name} {spec}");
            assert_eq!(xml.len(), json.len(), "{name} {spec}");
        }
    }
}

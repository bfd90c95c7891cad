//! What documents of CycloneDX must come out as.

use crate::{
    document::{
        model::RelationshipKind,
        read::{Read, ReadError, read},
    },
    limits::Limits,
};

fn json(members: &str) -> Result<Read, ReadError> {
    let text = format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", {members}}}"#);
    read(text.as_bytes(), &Limits::default())
}

#[test]
fn components_within_others_are_parts_of_them() {
    let document = json(
        r#""components": [{"type": "library", "name": "a", "bom-ref": "a", "components": [
            {"type": "file", "name": "b", "bom-ref": "b", "components": [{"type": "file", "name": "c"}]}]}]"#,
    )
    .unwrap()
    .document;
    let edges: Vec<_> = document.relationships.iter().map(|r| (r.from, r.to, r.kind)).collect();
    assert_eq!(edges, [(0, 1, RelationshipKind::Contains), (1, 2, RelationshipKind::Contains)]);
}

//! What the words of SPDX 3 mean in those of the model.

use crate::document::{
    model::{ReferenceKind, RelationshipKind as Kind},
    spdx::{
        relationship::{Meaning, about, is},
        vocabulary3::{REFERENCES, RELATIONSHIPS},
    },
};

/// What the type called `name` means, at the given point of the lifecycle.
pub(super) fn meaning(name: &str, scope: &str) -> Meaning {
    let known = RELATIONSHIPS.iter().find(|(known, _)| *known == name);
    let meaning = known.map_or(about(is(Kind::Other)), |&(_, meaning)| meaning);
    match (meaning.kind, scope) {
        (Kind::DependsOn, "") => meaning,
        (Kind::DependsOn, scope) => scoped(scope).map_or(about(meaning), |kind| Meaning { kind, ..meaning }),
        (Kind::BuildDependsOn, scope) => scoped(scope).map_or(meaning, |kind| Meaning { kind, ..meaning }),
        (_, "") => meaning,
        _ => about(meaning),
    }
}

/// What needs something at one point of the lifecycle alone.
fn scoped(scope: &str) -> Option<Kind> {
    Some(match scope {
        "build" => Kind::BuildDependsOn,
        "development" => Kind::DevDependsOn,
        "test" => Kind::TestDependsOn,
        "runtime" => Kind::RuntimeDependsOn,
        _ => return None,
    })
}

/// What a reference of the type called `name` leads to; none if the model has no word for it.
pub(super) fn reference(name: &str) -> Option<ReferenceKind> {
    REFERENCES.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
}

//! The types of relationship of SPDX 2, each with its meaning: one table for both directions of travel.

use crate::document::model::RelationshipKind::{
    self, Breaks, BuildDependsOn, Contains, CopyOf, DependsOn, DependsOnAlternative, DescendantOf,
    DevDependsOn, DynamicLink, GeneratedFrom, OptionalDependsOn, Other, PatchFor, ProvidedDependsOn,
    Provides, Recommends, RuntimeDependsOn, StaticLink, Suggests, TestDependsOn, VariantOf,
};

/// What a type of relationship means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document) struct Meaning {
    /// What the one has to do with the other.
    pub(in crate::document) kind: RelationshipKind,
    /// Whether it is the second element that `kind` leaves, and the first that it reaches.
    pub(in crate::document) reversed: bool,
    /// Whether `kind` says all that the type says.
    pub(in crate::document) exact: bool,
}

pub(in crate::document) const fn is(kind: RelationshipKind) -> Meaning {
    Meaning { kind, reversed: false, exact: true }
}

/// Said from the other end.
pub(in crate::document) const fn back(kind: RelationshipKind) -> Meaning {
    Meaning { kind, reversed: true, exact: true }
}

/// Near enough: a part of what the type says is lost.
pub(in crate::document) const fn about(meaning: Meaning) -> Meaning {
    Meaning { exact: false, ..meaning }
}

/// Every type of SPDX 2.3 but `DESCRIBES` and `DESCRIBED_BY`, which tell what the document is about.
///
/// Of several types with the same kind, the first exact one is the one to write.
pub(in crate::document) const TYPES: &[(&str, Meaning)] = &[
    ("CONTAINS", is(Contains)),
    ("CONTAINED_BY", back(Contains)),
    ("DEPENDS_ON", is(DependsOn)),
    ("DEPENDENCY_OF", back(DependsOn)),
    ("BUILD_DEPENDENCY_OF", back(BuildDependsOn)),
    ("DEV_DEPENDENCY_OF", back(DevDependsOn)),
    ("TEST_DEPENDENCY_OF", back(TestDependsOn)),
    ("RUNTIME_DEPENDENCY_OF", back(RuntimeDependsOn)),
    ("PROVIDED_DEPENDENCY_OF", back(ProvidedDependsOn)),
    ("OPTIONAL_DEPENDENCY_OF", back(OptionalDependsOn)),
    ("STATIC_LINK", is(StaticLink)),
    ("DYNAMIC_LINK", is(DynamicLink)),
    ("GENERATED_FROM", is(GeneratedFrom)),
    ("GENERATES", back(GeneratedFrom)),
    ("DESCENDANT_OF", is(DescendantOf)),
    ("ANCESTOR_OF", back(DescendantOf)),
    ("VARIANT_OF", is(VariantOf)),
    ("COPY_OF", is(CopyOf)),
    ("PATCH_FOR", is(PatchFor)),
    ("PATCH_APPLIED", about(is(PatchFor))),
    ("SPECIFICATION_FOR", back(Provides)),
    ("OTHER", is(Other)),
    ("PACKAGE_OF", about(back(Contains))),
    ("EXPANDED_FROM_ARCHIVE", about(is(GeneratedFrom))),
    ("PREREQUISITE_FOR", about(back(DependsOn))),
    ("HAS_PREREQUISITE", about(is(DependsOn))),
    ("BUILD_TOOL_OF", about(back(BuildDependsOn))),
    ("DEV_TOOL_OF", about(back(DevDependsOn))),
    ("TEST_TOOL_OF", about(back(TestDependsOn))),
    ("OPTIONAL_COMPONENT_OF", about(back(OptionalDependsOn))),
    ("AMENDS", about(is(Other))),
    ("DATA_FILE_OF", about(is(Other))),
    ("DEPENDENCY_MANIFEST_OF", about(is(Other))),
    ("DISTRIBUTION_ARTIFACT", about(is(Other))),
    ("DOCUMENTATION_OF", about(is(Other))),
    ("EXAMPLE_OF", about(is(Other))),
    ("FILE_ADDED", about(is(Other))),
    ("FILE_DELETED", about(is(Other))),
    ("FILE_MODIFIED", about(is(Other))),
    ("METAFILE_OF", about(is(Other))),
    ("REQUIREMENT_DESCRIPTION_FOR", about(is(Other))),
    ("TEST_CASE_OF", about(is(Other))),
    ("TEST_OF", about(is(Other))),
];

/// What the type called `name` means; of one that is not known, only that there is something.
pub(in crate::document) fn meaning(name: &str) -> Meaning {
    TYPES.iter().find(|(known, _)| *known == name).map_or(about(is(Other)), |&(_, meaning)| meaning)
}

/// How a relationship is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wording {
    /// The type.
    pub(super) name: &'static str,
    /// Whether the second element stands first.
    pub(super) reversed: bool,
    /// The name of the kind, where the type does not say all that the kind does.
    pub(super) comment: Option<&'static str>,
}

/// How `kind` is said in SPDX 2.3. A reader who ignores the comment still understands nothing wrong.
pub(super) fn wording(kind: RelationshipKind) -> Wording {
    let near = match kind {
        DependsOnAlternative => DependsOn,
        Recommends | Suggests => OptionalDependsOn,
        Breaks => Other,
        kind => kind,
    };
    let comment = (near != kind || near == Other).then(|| kind.name());
    let said = TYPES.iter().find(|(_, meaning)| meaning.exact && meaning.kind == near);
    match said {
        Some(&(name, meaning)) => Wording { name, reversed: meaning.reversed, comment },
        None => Wording { name: "OTHER", reversed: false, comment: Some(kind.name()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_stands_in_the_table_once() {
        let mut names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TYPES.len());
    }

    #[test]
    fn every_kind_is_understood_as_it_was_said() {
        for &kind in RelationshipKind::ALL {
            let wording = wording(kind);
            let meaning = meaning(wording.name);
            let said = wording.comment.and_then(RelationshipKind::from_name).unwrap_or(meaning.kind);
            assert_eq!((said, wording.reversed), (kind, meaning.reversed));
            assert!(wording.name != "OTHER" || wording.comment.is_some());
        }
    }
}

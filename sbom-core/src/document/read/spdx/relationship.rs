//! The types of relationship of SPDX 2, each with its meaning: one table for both directions of travel.

use crate::document::model::RelationshipKind as Kind;

/// What a type of relationship means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document) struct Meaning {
    /// What the one has to do with the other.
    pub(in crate::document) kind: Kind,
    /// Whether it is the second element that `kind` leaves, and the first that it reaches.
    pub(in crate::document) reversed: bool,
    /// Whether `kind` says all that the type says.
    pub(in crate::document) exact: bool,
}

pub(super) const fn is(kind: Kind) -> Meaning {
    Meaning { kind, reversed: false, exact: true }
}

/// Said from the other end.
pub(super) const fn back(kind: Kind) -> Meaning {
    Meaning { kind, reversed: true, exact: true }
}

/// Near enough: a part of what the type says is lost.
pub(super) const fn about(meaning: Meaning) -> Meaning {
    Meaning { exact: false, ..meaning }
}

/// Every type of SPDX 2.3 but `DESCRIBES` and `DESCRIBED_BY`, which tell what the document is about.
///
/// Of several types with the same kind, the first exact one is the one to write.
pub(in crate::document) const TYPES: &[(&str, Meaning)] = &[
    ("CONTAINS", is(Kind::Contains)),
    ("CONTAINED_BY", back(Kind::Contains)),
    ("DEPENDS_ON", is(Kind::DependsOn)),
    ("DEPENDENCY_OF", back(Kind::DependsOn)),
    ("BUILD_DEPENDENCY_OF", back(Kind::BuildDependsOn)),
    ("DEV_DEPENDENCY_OF", back(Kind::DevDependsOn)),
    ("TEST_DEPENDENCY_OF", back(Kind::TestDependsOn)),
    ("RUNTIME_DEPENDENCY_OF", back(Kind::RuntimeDependsOn)),
    ("PROVIDED_DEPENDENCY_OF", back(Kind::ProvidedDependsOn)),
    ("OPTIONAL_DEPENDENCY_OF", back(Kind::OptionalDependsOn)),
    ("STATIC_LINK", is(Kind::StaticLink)),
    ("DYNAMIC_LINK", is(Kind::DynamicLink)),
    ("GENERATED_FROM", is(Kind::GeneratedFrom)),
    ("GENERATES", back(Kind::GeneratedFrom)),
    ("DESCENDANT_OF", is(Kind::DescendantOf)),
    ("ANCESTOR_OF", back(Kind::DescendantOf)),
    ("VARIANT_OF", is(Kind::VariantOf)),
    ("COPY_OF", is(Kind::CopyOf)),
    ("PATCH_FOR", is(Kind::PatchFor)),
    ("PATCH_APPLIED", about(is(Kind::PatchFor))),
    ("SPECIFICATION_FOR", back(Kind::Provides)),
    ("OTHER", is(Kind::Other)),
    ("PACKAGE_OF", about(back(Kind::Contains))),
    ("EXPANDED_FROM_ARCHIVE", about(is(Kind::GeneratedFrom))),
    ("PREREQUISITE_FOR", about(back(Kind::DependsOn))),
    ("HAS_PREREQUISITE", about(is(Kind::DependsOn))),
    ("BUILD_TOOL_OF", about(back(Kind::BuildDependsOn))),
    ("DEV_TOOL_OF", about(back(Kind::DevDependsOn))),
    ("TEST_TOOL_OF", about(back(Kind::TestDependsOn))),
    ("OPTIONAL_COMPONENT_OF", about(back(Kind::OptionalDependsOn))),
    ("AMENDS", about(is(Kind::Other))),
    ("DATA_FILE_OF", about(is(Kind::Other))),
    ("DEPENDENCY_MANIFEST_OF", about(is(Kind::Other))),
    ("DISTRIBUTION_ARTIFACT", about(is(Kind::Other))),
    ("DOCUMENTATION_OF", about(is(Kind::Other))),
    ("EXAMPLE_OF", about(is(Kind::Other))),
    ("FILE_ADDED", about(is(Kind::Other))),
    ("FILE_DELETED", about(is(Kind::Other))),
    ("FILE_MODIFIED", about(is(Kind::Other))),
    ("METAFILE_OF", about(is(Kind::Other))),
    ("REQUIREMENT_DESCRIPTION_FOR", about(is(Kind::Other))),
    ("TEST_CASE_OF", about(is(Kind::Other))),
    ("TEST_OF", about(is(Kind::Other))),
];

/// What the type called `name` means; of one that is not known, only that there is something.
pub(in crate::document) fn meaning(name: &str) -> Meaning {
    TYPES.iter().find(|(known, _)| *known == name).map_or(about(is(Kind::Other)), |&(_, meaning)| meaning)
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
}

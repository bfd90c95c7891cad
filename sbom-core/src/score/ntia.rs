//! NTIA, The Minimum Elements For a Software Bill of Materials (SBOM), 12 July 2021: the seven data fields.

use super::{
    Check, Rule,
    question::{self, Element},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "ntia-supplier",
        element: "Supplier Name",
        clause: "Data Fields: Supplier Name, who creates, defines and identifies components",
        why: "a weakness is reported to, and mended by, whoever makes the component",
        mend: "`supplier` or `manufacturer` (CycloneDX), `supplier` or `originator` (SPDX 2), `suppliedBy` (SPDX 3); \
               of the subject `sbomctl scan --source-supplier`",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            question::known(subject, index, component, Element::Producer)
        }),
    },
    Rule {
        id: "ntia-name",
        element: "Component Name",
        clause: "Data Fields: Component Name",
        why: "without a name nobody knows what is spoken of",
        mend: "`name`",
        weight: 1,
        check: Check::Components(question::named),
    },
    Rule {
        id: "ntia-version",
        element: "Version of the Component",
        clause: "Data Fields: Version of the Component",
        why: "weaknesses are those of certain versions",
        mend: "`version` (CycloneDX), `versionInfo` (SPDX 2), `software_packageVersion` (SPDX 3)",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            question::known(subject, index, component, Element::Version)
        }),
    },
    Rule {
        id: "ntia-identifiers",
        element: "Other Unique Identifiers",
        clause: "Data Fields: Other Unique Identifiers",
        why: "databases of weaknesses are asked by package URL or CPE name",
        mend: "`purl` or `cpe` (CycloneDX), `externalRefs` of the types `purl` or `cpe23Type` (SPDX 2), \
               `software_packageUrl` or `externalIdentifier` (SPDX 3)",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            question::known(subject, index, component, Element::Identifiers)
        }),
    },
    Rule {
        id: "ntia-dependencies",
        element: "Dependency Relationship",
        clause: "Data Fields: Dependency Relationship, that a component is included in a piece of software",
        why: "it says by which way a weakness comes into the subject",
        mend: "`dependencies` that lead from the subject to the component (CycloneDX), relationships `CONTAINS` or \
               `DEPENDS_ON` (SPDX)",
        weight: 1,
        check: Check::Components(question::placed),
    },
    Rule {
        id: "ntia-author",
        element: "Author of SBOM Data",
        clause: "Data Fields: Author of SBOM Data, the entity that creates the data",
        why: "it says who answers for the document; a program cannot",
        mend: "`metadata.authors` (CycloneDX), `Person:` or `Organization:` in `creators` (SPDX 2), `createdBy` (SPDX 3); \
               `sbomctl scan --author`",
        weight: 1,
        check: Check::Document(question::author),
    },
    Rule {
        id: "ntia-timestamp",
        element: "Timestamp",
        clause: "Data Fields: Timestamp, when the data was put together",
        why: "it says what could be known when the document was made",
        mend: "`metadata.timestamp` (CycloneDX), `created` (SPDX); `sbomctl scan --timestamp now`",
        weight: 1,
        check: Check::Document(question::timestamp),
    },
];

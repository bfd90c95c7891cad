//! CISA and others, 2026 Minimum Elements for a Software Bill of Materials, version 2.1: seventeen data fields, and the
//! practices that a document alone can show. The names of the fields are known second hand, see [`Profile`].
//!
//! A value that is marked as not known meets a rule about it: what is asked for is that nothing is left out in silence.
//!
//! [`Profile`]: super::Profile

use super::{
    Answer, Check, Demand, Rule, Subject,
    question::{self, Element, has, is_strong},
};
use crate::document::model::{Completeness, Component};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "cisa-author",
        element: "SBOM Author",
        clause: "Data Fields: SBOM Author",
        why: "it says who answers for the document; a program cannot",
        mend: "`metadata.authors` (CycloneDX), `Person:` or `Organization:` in `creators` (SPDX 2), `createdBy` (SPDX 3); \
               `sbomctl scan --author`",
        weight: 1,
        check: Check::Document(question::author),
    },
    Rule {
        id: "cisa-signature",
        element: "SBOM Author Signature",
        clause: "Data Fields: SBOM Author Signature",
        why: "without a signature anybody can have written the document",
        mend: "sign it, and judge the envelope or bundle: a signature that lies beside the document is not seen; \
               whether one is valid is not judged",
        weight: 1,
        check: Check::Document(|subject| Answer::of(subject.is_signed())),
    },
    Rule {
        id: "cisa-format-name",
        element: "SBOM Data Format Name",
        clause: "Data Fields: SBOM Data Format Name",
        why: "programs choose their reader by it",
        mend: "write CycloneDX or SPDX, which say their names",
        weight: 1,
        check: Check::Document(|subject| Answer::of(subject.format().syntax.family() != "Syft")),
    },
    Rule {
        id: "cisa-format-version",
        element: "SBOM Data Format Version",
        clause: "Data Fields: SBOM Data Format Version",
        why: "the same field means different things in different versions",
        mend: "`specVersion` (CycloneDX, SPDX 3), `spdxVersion` (SPDX 2)",
        weight: 1,
        check: Check::Document(|subject| Answer::of(!subject.format().version.is_empty())),
    },
    Rule {
        id: "cisa-generation-context",
        element: "SBOM Generation Context",
        clause: "Data Fields: SBOM Generation Context",
        why: "what is seen before, during and after a build differs",
        mend: "`metadata.lifecycles` (CycloneDX), `SBOM Type: …` in the creators' comment (SPDX 2), `software_sbomType` \
               (SPDX 3); `sbomctl scan --lifecycle`",
        weight: 1,
        check: Check::Document(|subject| Answer::of(!subject.document.header.lifecycles.is_empty())),
    },
    Rule {
        id: "cisa-timestamp",
        element: "SBOM Timestamp",
        clause: "Data Fields: SBOM Timestamp",
        why: "it says what could be known when the document was made",
        mend: "`metadata.timestamp` (CycloneDX), `created` (SPDX); `sbomctl scan --timestamp now`",
        weight: 1,
        check: Check::Document(question::timestamp),
    },
    Rule {
        id: "cisa-tool-name",
        element: "SBOM Tool Name",
        clause: "Data Fields: SBOM Tool Name",
        why: "tools differ in what they find, and err in ways of their own",
        mend: "`metadata.tools` (CycloneDX), `Tool: NAME-VERSION` in `creators` (SPDX 2), `createdUsing` (SPDX 3)",
        weight: 1,
        check: Check::Document(|subject| tools(subject, |name, _| name)),
    },
    Rule {
        id: "cisa-tool-version",
        element: "SBOM Tool Version",
        clause: "Data Fields: SBOM Tool Version",
        why: "tools differ in what they find, and err in ways of their own",
        mend: "the `version` of each tool (CycloneDX), `Tool: NAME-VERSION` in `creators` (SPDX 2)",
        weight: 1,
        check: Check::Document(|subject| tools(subject, |_, version| version)),
    },
    Rule {
        id: "cisa-sbom-version",
        element: "SBOM Version",
        clause: "Data Fields: SBOM Version",
        why: "it tells one issue of a document from the next",
        mend: "`serialNumber` and `version` (CycloneDX), `documentNamespace` (SPDX 2), `spdxId` of the document (SPDX 3)",
        weight: 1,
        check: Check::Document(|subject| Answer::of(subject.document.header.identity.is_some())),
    },
    Rule {
        id: "cisa-producer",
        element: "Component Producer",
        clause: "Data Fields: Component Producer",
        why: "a weakness is reported to, and mended by, whoever makes the component",
        mend: "`manufacturer` or `supplier` (CycloneDX), `originator` or `supplier` (SPDX 2), `originatedBy` (SPDX 3); \
               `NOASSERTION` if it is not known",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            has(subject, index, component, Element::Producer)
        }),
    },
    Rule {
        id: "cisa-name",
        element: "Component Name",
        clause: "Data Fields: Component Name",
        why: "without a name nobody knows what is spoken of",
        mend: "`name`",
        weight: 1,
        check: Check::Components(question::named),
    },
    Rule {
        id: "cisa-version",
        element: "Component Version",
        clause: "Data Fields: Component Version",
        why: "weaknesses are those of certain versions",
        mend: "`version` (CycloneDX), `versionInfo` (SPDX 2), `software_packageVersion` (SPDX 3); `unknown` or \
               `NOASSERTION` if it is not known",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            has(subject, index, component, Element::Version)
        }),
    },
    Rule {
        id: "cisa-identifiers",
        element: "Component Identifiers",
        clause: "Data Fields: Component Identifiers",
        why: "databases of weaknesses are asked by package URL or CPE name",
        mend: "`purl` or `cpe` (CycloneDX), `externalRefs` of the types `purl` or `cpe23Type` (SPDX 2), \
               `software_packageUrl` or `externalIdentifier` (SPDX 3)",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            has(subject, index, component, Element::Identifiers)
        }),
    },
    Rule {
        id: "cisa-hash-value",
        element: "Component Hash Value",
        clause: "Data Fields: Component Hash Value",
        why: "a digest says which bytes are meant",
        mend: "`hashes` (CycloneDX), `checksums` (SPDX 2), `verifiedUsing` (SPDX 3); the property \
               `cdx:cisa:unknown-information` with `component-hash` if it is not known (CycloneDX)",
        weight: 1,
        check: Check::Components(|subject, index, component| has(subject, index, component, Element::Hash)),
    },
    Rule {
        id: "cisa-hash-algorithm",
        element: "Component Hash Algorithm",
        clause: "Data Fields: Component Hash Algorithm",
        why: "a digest that can be made to collide says nothing about bytes of strangers",
        mend: "add a digest of SHA-256 or better beside those of MD5 and SHA-1",
        weight: 1,
        check: Check::Components(hash_algorithm),
    },
    Rule {
        id: "cisa-license",
        element: "Component License",
        clause: "Data Fields: Component License",
        why: "what may not be used is a risk like what should not",
        mend: "`licenses` (CycloneDX), `licenseDeclared` or `licenseConcluded` (SPDX 2), `hasDeclaredLicense` (SPDX 3); \
               `NOASSERTION` if it is not known",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            has(subject, index, component, Element::License)
        }),
    },
    Rule {
        id: "cisa-dependencies",
        element: "Component Dependency Relationship",
        clause: "Data Fields: Component Dependency Relationship",
        why: "it says by which way a weakness comes into the subject",
        mend: "`dependencies` that lead from the subject to the component (CycloneDX), relationships `CONTAINS` or \
               `DEPENDS_ON` (SPDX)",
        weight: 1,
        check: Check::Components(question::placed),
    },
    Rule {
        id: "cisa-coverage",
        element: "Coverage",
        clause: "Practices: Coverage",
        why: "what is not listed is not looked for",
        mend: "mend what the document says could not be read: `sbomctl scan --strict -v` lists it",
        weight: 1,
        check: Check::Document(coverage),
    },
    Rule {
        id: "cisa-unknowns",
        element: "Explicitly Identifying Unknown Information",
        clause: "Practices: Explicitly Identifying Unknown Information",
        why: "a value that is left out may be unknown, or forgotten",
        mend: "mark what is not known: `NOASSERTION`, or the property `cdx:cisa:unknown-information` (CycloneDX)",
        weight: 1,
        check: Check::Components(unknowns),
    },
];

/// Whether every tool, and at least one, says what `of` takes from its name and version.
fn tools(subject: &Subject<'_>, of: for<'t> fn(&'t str, &'t str) -> &'t str) -> Answer {
    let tools = &subject.document.header.tools;
    Answer::of(!tools.is_empty() && tools.iter().all(|tool| !of(&tool.name, &tool.version).trim().is_empty()))
}

fn hash_algorithm(_: &Subject<'_>, _: usize, component: &Component) -> Answer {
    if component.hashes.is_empty() || !Demand::of(component.kind).hash {
        return Answer::NotApplicable;
    }
    Answer::of(component.hashes.iter().any(|hash| is_strong(hash.algorithm)))
}

/// A document covers its subject unless it says itself that it does not.
fn coverage(subject: &Subject<'_>) -> Answer {
    let stated = subject.document.root().map(|root| root.completeness);
    Answer::of(!subject.document.has_gaps() && stated != Some(Completeness::Incomplete))
}

fn unknowns(subject: &Subject<'_>, index: usize, component: &Component) -> Answer {
    let answers = Element::ALL.map(|element| has(subject, index, component, element));
    if answers.contains(&Answer::No) {
        return Answer::No;
    }
    if answers.contains(&Answer::Unknown) { Answer::Unknown } else { Answer::Yes }
}

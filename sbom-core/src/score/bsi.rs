//! BSI TR-03183, Cyber Resilience Requirements for Manufacturers and Products, part 2: Software Bill of Materials, version
//! 2.1.0, 20 August 2025: formats, required data fields (weight 2), additional data fields (weight 1), which are demanded
//! where the datum exists.

use super::{
    Answer, Check, Demand, Rule, Subject,
    question::{self, Element, can_be_reached, known, licensed, parties},
};
use crate::document::{
    model::{Completeness, Component, ComponentKind, HashAlgorithm, ReferenceKind},
    read::Syntax,
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "bsi-format",
        element: "Format",
        clause: "SBOM formats: CycloneDX 1.6 or SPDX 3.0.1 or later, as JSON or XML",
        why: "older versions have no fields for what is required",
        mend: "`sbomctl convert` to CycloneDX 1.6 or later, or to SPDX 3.0.1",
        weight: 2,
        check: Check::Document(format),
    },
    Rule {
        id: "bsi-creator",
        element: "Creator of the SBOM",
        clause: "Required data fields for the SBOM itself: mail address, else URL, of the creator",
        why: "questions about the document need somebody to ask",
        mend: "the `email` of an author in `metadata.authors` or `metadata.manufacturer` (CycloneDX), an \
               `externalIdentifier` of `createdBy` (SPDX 3); `sbomctl scan --author 'NAME <MAIL>'`",
        weight: 2,
        check: Check::Document(creator),
    },
    Rule {
        id: "bsi-timestamp",
        element: "Timestamp",
        clause: "Required data fields for the SBOM itself: date and time",
        why: "it says what could be known when the document was made",
        mend: "`metadata.timestamp` (CycloneDX), `created` (SPDX); `sbomctl scan --timestamp now`",
        weight: 2,
        check: Check::Document(question::timestamp),
    },
    Rule {
        id: "bsi-component-creator",
        element: "Component creator",
        clause: "Required data fields for each component: mail address, else URL, of who created or maintains it",
        why: "a weakness is reported to, and mended by, whoever makes the component",
        mend: "`manufacturer` or `supplier` with `url` or a contact's `email` (CycloneDX), `originatedBy` with an \
               `externalIdentifier` (SPDX 3)",
        weight: 2,
        check: Check::Components(|_, _, component| {
            demanded(Demand::of(component.kind).producer, parties(component).any(can_be_reached))
        }),
    },
    Rule {
        id: "bsi-name",
        element: "Component name",
        clause: "Required data fields for each component: name",
        why: "without a name nobody knows what is spoken of",
        mend: "`name`",
        weight: 2,
        check: Check::Components(question::named),
    },
    Rule {
        id: "bsi-version",
        element: "Component version",
        clause: "Required data fields for each component: version",
        why: "weaknesses are those of certain versions",
        mend: "`version` (CycloneDX), `software_packageVersion` (SPDX 3)",
        weight: 2,
        check: Check::Components(|subject, index, component| {
            known(subject, index, component, Element::Version)
        }),
    },
    Rule {
        id: "bsi-filename",
        element: "Filename of the component",
        clause: "Required data fields for each component: file name, without path",
        why: "it says which file the digest is of",
        mend: "the property `bsi:component:filename` (CycloneDX), the name of the `software_File` that is the package's \
               distribution artifact (SPDX 3)",
        weight: 2,
        check: Check::Components(|subject, index, component| {
            of_file(subject, index, component, &["bsi:component:filename", "spdx:packageFileName"], &[])
        }),
    },
    Rule {
        id: "bsi-dependencies",
        element: "Dependencies on other components",
        clause: "Required data fields for each component: all components that it needs or contains",
        why: "it says by which way a weakness comes into the subject",
        mend: "`dependencies` that lead from the subject to the component (CycloneDX), `dependsOn` and `contains` (SPDX 3)",
        weight: 2,
        check: Check::Components(question::placed),
    },
    Rule {
        id: "bsi-completeness",
        element: "Completeness of the dependencies",
        clause: "Required data fields for each component: whether the list of dependencies is complete",
        why: "an empty list means two things: it needs nothing, or nobody looked",
        mend: "`compositions` that name the component (CycloneDX), `completeness` of its relationships (SPDX 3)",
        weight: 2,
        check: Check::Components(|_, _, component| {
            let file = component.kind == ComponentKind::File;
            demanded(!file, component.completeness != Completeness::Unknown)
        }),
    },
    Rule {
        id: "bsi-distribution-license",
        element: "Distribution licences",
        clause: "Required data fields for each component: licences under which it can be used by the recipient",
        why: "what may not be used is a risk like what should not",
        mend: "an entry of `licenses` with `acknowledgement: concluded` (CycloneDX), `hasConcludedLicense` (SPDX 3)",
        weight: 2,
        check: Check::Components(|_, _, component| {
            demanded(Demand::of(component.kind).license, licensed(&component.concluded))
        }),
    },
    Rule {
        id: "bsi-hash",
        element: "Hash value of the deployable component",
        clause: "Required data fields for each component: SHA-512 of the file as it is deployed",
        why: "a digest says which bytes are meant",
        mend: "a SHA-512 in the `hashes` of the component or of its external reference of the type `distribution` \
               (CycloneDX), `verifiedUsing` of the distribution artifact (SPDX 3)",
        weight: 2,
        check: Check::Components(hash),
    },
    Rule {
        id: "bsi-executable",
        element: "Executable property",
        clause: "Required data fields for each component: whether it is executable",
        why: "what cannot run cannot be attacked while it runs",
        mend: "the property `bsi:component:executable` with `executable` or `non-executable` (CycloneDX), \
               `software_additionalPurpose` (SPDX 3)",
        weight: 2,
        check: Check::Components(|subject, index, component| {
            let values = ["executable", "non-executable"];
            of_file(subject, index, component, &["bsi:component:executable"], &values)
        }),
    },
    Rule {
        id: "bsi-archive",
        element: "Archive property",
        clause: "Required data fields for each component: whether it is an archive",
        why: "an archive has parts that are components, too",
        mend: "the property `bsi:component:archive` with `archive` or `no archive` (CycloneDX), \
               `software_additionalPurpose` (SPDX 3)",
        weight: 2,
        check: Check::Components(|subject, index, component| {
            let values = ["archive", "no archive"];
            of_file(subject, index, component, &["bsi:component:archive"], &values)
        }),
    },
    Rule {
        id: "bsi-structured",
        element: "Structured property",
        clause: "Required data fields for each component: whether an archive still shows what its parts are",
        why: "what is in an archive without structure can only be known from its maker",
        mend: "the property `bsi:component:structured` with `structured` or `unstructured` (CycloneDX), \
               `software_additionalPurpose` (SPDX 3)",
        weight: 2,
        check: Check::Components(|subject, index, component| {
            let values = ["structured", "unstructured"];
            of_file(subject, index, component, &["bsi:component:structured"], &values)
        }),
    },
    Rule {
        id: "bsi-original-license",
        element: "Original licences",
        clause: "Additional data fields for each component: licences that its creator assigned",
        why: "the licence that a distributor grants rests on it",
        mend: "an entry of `licenses` with `acknowledgement: declared` (CycloneDX), `hasDeclaredLicense` (SPDX 3)",
        weight: 1,
        check: Check::Components(|_, _, component| {
            demanded(Demand::of(component.kind).license, licensed(&component.declared))
        }),
    },
    Rule {
        id: "bsi-source-uri",
        element: "Source code URI",
        clause: "Additional data fields for each component: address of the source code",
        why: "a weakness is looked for, and mended, in the source",
        mend: "an external reference of the type `source-distribution` or `vcs` (CycloneDX), `sourceArtifact` or `vcs` (SPDX 3)",
        weight: 1,
        check: Check::Components(source),
    },
    Rule {
        id: "bsi-identifiers",
        element: "Other unique identifiers",
        clause: "Additional data fields for each component: CPE, package URL and others",
        why: "databases of weaknesses are asked by package URL or CPE name",
        mend: "`purl` or `cpe` (CycloneDX), `software_packageUrl` or `externalIdentifier` (SPDX 3)",
        weight: 1,
        check: Check::Components(|subject, index, component| {
            known(subject, index, component, Element::Identifiers)
        }),
    },
    Rule {
        id: "bsi-no-vulnerabilities",
        element: "No vulnerability information",
        clause: "SBOMs do not contain vulnerability information",
        why: "what is known of weaknesses changes every day, the bill does not",
        mend: "take `vulnerabilities` out, and write a VEX or CSAF document instead",
        weight: 2,
        check: Check::Document(no_vulnerabilities),
    },
];

fn demanded(asked: bool, met: bool) -> Answer {
    if asked { Answer::of(met) } else { Answer::NotApplicable }
}

fn format(subject: &Subject<'_>) -> Answer {
    let format = subject.format();
    let mut numbers = format.version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let version: [u32; 3] = std::array::from_fn(|_| numbers.next().unwrap_or(0));
    Answer::of(match format.syntax {
        Syntax::CycloneDxJson | Syntax::CycloneDxXml => version >= [1, 6, 0],
        Syntax::SpdxJsonLd => version >= [3, 0, 1],
        _ => false,
    })
}

fn creator(subject: &Subject<'_>) -> Answer {
    let header = &subject.document.header;
    let maker = header.manufacturer.iter();
    Answer::of(header.authors.iter().chain(maker).any(can_be_reached))
}

/// Whether a component that is a file says something of it: by one of the properties `names`, with one of `values`
/// if there are any. Files within a package are part of it, and not deployed by themselves.
fn of_file(
    subject: &Subject<'_>,
    index: usize,
    component: &Component,
    names: &[&str],
    values: &[&str],
) -> Answer {
    let is_part = component.kind == ComponentKind::File && subject.owned.get(index) == Some(&true);
    let is_file = component.kind == ComponentKind::File;
    if is_part || !is_file && !Demand::of(component.kind).file {
        return Answer::NotApplicable;
    }
    // A file is called by its name.
    if is_file && values.is_empty() {
        return question::named(subject, index, component);
    }
    // SPDX 3 lists what a file is, and by that what it is not.
    let purposes = subject.format().syntax == Syntax::SpdxJsonLd && !values.is_empty();
    if purposes && component.property("spdx:additionalPurpose").is_some() {
        return Answer::Yes;
    }
    let stated = names.iter().find_map(|name| component.property(name)).unwrap_or_default();
    Answer::of(if values.is_empty() { !stated.is_empty() } else { values.contains(&stated) })
}

fn hash(_: &Subject<'_>, _: usize, component: &Component) -> Answer {
    let downloads = component.references.iter().filter(|link| link.kind == ReferenceKind::Distribution);
    let mut hashes = component.hashes.iter().chain(downloads.flat_map(|link| &link.hashes));
    let met = hashes.any(|hash| hash.algorithm == HashAlgorithm::Sha512);
    demanded(Demand::of(component.kind).hash, met)
}

fn source(_: &Subject<'_>, _: usize, component: &Component) -> Answer {
    let leads = |kind| matches!(kind, ReferenceKind::Vcs | ReferenceKind::SourceDistribution);
    let met = component.references.iter().any(|link| leads(link.kind));
    demanded(Demand::of(component.kind).license, met)
}

fn no_vulnerabilities(subject: &Subject<'_>) -> Answer {
    Answer::of(!subject.lost("vulnerabilities") && !subject.lost("security_"))
}

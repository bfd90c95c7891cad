//! Words of SPDX 3 that stand for those of the model: types of relationship, each with its meaning, and of references.
//! One table of each for both directions of travel.

use super::relationship::{Meaning, about, back, is};
use crate::document::model::{
    ReferenceKind,
    RelationshipKind::{
        BuildDependsOn, Contains, CopyOf, DependsOn, DescendantOf, DynamicLink, GeneratedFrom,
        OptionalDependsOn, Other, PatchFor, ProvidedDependsOn, Provides, StaticLink, VariantOf,
    },
};

/// Types of relationship between pieces of software. Of several with the same kind, the first exact one is the one to
/// write. Licences, distributions and what a document describes are told otherwise.
pub(in crate::document) const RELATIONSHIPS: &[(&str, Meaning)] = &[
    ("contains", is(Contains)),
    ("dependsOn", is(DependsOn)),
    ("hasOptionalDependency", is(OptionalDependsOn)),
    ("hasProvidedDependency", is(ProvidedDependsOn)),
    ("hasStaticLink", is(StaticLink)),
    ("hasDynamicLink", is(DynamicLink)),
    ("generates", back(GeneratedFrom)),
    ("descendantOf", is(DescendantOf)),
    ("ancestorOf", back(DescendantOf)),
    ("hasVariant", back(VariantOf)),
    ("copiedTo", back(CopyOf)),
    ("patchedBy", back(PatchFor)),
    ("hasSpecification", is(Provides)),
    ("other", is(Other)),
    ("expandsTo", about(back(GeneratedFrom))),
    ("hasOptionalComponent", about(is(OptionalDependsOn))),
    ("hasPrerequisite", about(is(DependsOn))),
    ("usesTool", about(is(BuildDependsOn))),
];

/// Types of reference; of several with the same kind, the first is the one to write.
pub(in crate::document) const REFERENCES: &[(&str, ReferenceKind)] = &[
    ("altWebPage", ReferenceKind::Website),
    ("vcs", ReferenceKind::Vcs),
    ("issueTracker", ReferenceKind::IssueTracker),
    ("securityAdvisory", ReferenceKind::Advisories),
    ("mailingList", ReferenceKind::MailingList),
    ("socialMedia", ReferenceKind::Social),
    ("chat", ReferenceKind::Chat),
    ("documentation", ReferenceKind::Documentation),
    ("support", ReferenceKind::Support),
    ("sourceArtifact", ReferenceKind::SourceDistribution),
    ("binaryArtifact", ReferenceKind::Distribution),
    ("altDownloadLocation", ReferenceKind::Distribution),
    ("license", ReferenceKind::License),
    ("buildMeta", ReferenceKind::BuildMeta),
    ("buildSystem", ReferenceKind::BuildSystem),
    ("releaseNotes", ReferenceKind::ReleaseNotes),
    ("releaseHistory", ReferenceKind::ReleaseNotes),
    ("securityPolicy", ReferenceKind::SecurityContact),
    ("secureSoftwareAttestation", ReferenceKind::Attestation),
    ("securityThreatModel", ReferenceKind::ThreatModel),
    ("securityAdversaryModel", ReferenceKind::AdversaryModel),
    ("riskAssessment", ReferenceKind::RiskAssessment),
    ("vulnerabilityDisclosureReport", ReferenceKind::VulnerabilityAssertion),
    ("vulnerabilityExploitabilityAssessment", ReferenceKind::ExploitabilityStatement),
    ("securityPenTestReport", ReferenceKind::PentestReport),
    ("staticAnalysisReport", ReferenceKind::StaticAnalysisReport),
    ("dynamicAnalysisReport", ReferenceKind::DynamicAnalysisReport),
    ("runtimeAnalysisReport", ReferenceKind::RuntimeAnalysisReport),
    ("componentAnalysisReport", ReferenceKind::ComponentAnalysisReport),
    ("certificationReport", ReferenceKind::CertificationReport),
    ("metrics", ReferenceKind::QualityMetrics),
    ("other", ReferenceKind::Other),
];

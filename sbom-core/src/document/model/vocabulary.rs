//! The words that documents use, one table for each kind: what a format calls it and since which version.

/// Declares an enum whose variants have names in CycloneDX and in SPDX.
macro_rules! vocabulary {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[$meta:meta])* $variant:ident: $word:literal,)+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(test, derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum $name { $($(#[$meta])* $variant,)+ }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, which is CycloneDX's where it has one.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What `name` stands for.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

vocabulary! {
    /// Kinds of component: those of CycloneDX 1.7, and those that only SPDX has.
    ComponentKind {
        /// A program.
        Application: "application",
        /// A framework.
        Framework: "framework",
        /// A library, and a package of an operating system.
        Library: "library",
        /// A container image.
        Container: "container",
        /// What others run on; also the operating system of a root within the subject's root.
        Platform: "platform",
        /// The operating system of the subject.
        OperatingSystem: "operating-system",
        /// A device.
        Device: "device",
        /// A driver of a device.
        DeviceDriver: "device-driver",
        /// Firmware.
        Firmware: "firmware",
        /// A file.
        File: "file",
        /// A model of machine learning.
        MachineLearningModel: "machine-learning-model",
        /// Data.
        Data: "data",
        /// A cryptographic asset.
        CryptographicAsset: "cryptographic-asset",
        /// Source code. In SPDX alone.
        Source: "source",
        /// An archive. In SPDX alone.
        Archive: "archive",
        /// What installs software. In SPDX alone.
        Install: "install",
        /// Anything else. In SPDX alone.
        Other: "other",
    }
}

impl Default for ComponentKind {
    /// What CycloneDX says to use where no other kind fits.
    fn default() -> Self {
        Self::Library
    }
}

vocabulary! {
    /// How a digest was computed: the algorithms of CycloneDX 1.7 and SPDX.
    HashAlgorithm {
        /// Adler-32. In SPDX alone.
        Adler32: "ADLER32",
        /// MD2. In SPDX alone.
        Md2: "MD2",
        /// MD4. In SPDX alone.
        Md4: "MD4",
        /// MD5.
        Md5: "MD5",
        /// MD6. In SPDX alone.
        Md6: "MD6",
        /// SHA-1.
        Sha1: "SHA-1",
        /// SHA-224. In SPDX alone.
        Sha224: "SHA-224",
        /// SHA-256.
        Sha256: "SHA-256",
        /// SHA-384.
        Sha384: "SHA-384",
        /// SHA-512.
        Sha512: "SHA-512",
        /// `SHA3-256`.
        Sha3_256: "SHA3-256",
        /// `SHA3-384`.
        Sha3_384: "SHA3-384",
        /// `SHA3-512`.
        Sha3_512: "SHA3-512",
        /// `BLAKE2b` with 256 bits.
        Blake2b256: "BLAKE2b-256",
        /// `BLAKE2b` with 384 bits.
        Blake2b384: "BLAKE2b-384",
        /// `BLAKE2b` with 512 bits.
        Blake2b512: "BLAKE2b-512",
        /// BLAKE3.
        Blake3: "BLAKE3",
        /// Streebog with 256 bits. In CycloneDX 1.7 alone.
        Streebog256: "Streebog-256",
        /// Streebog with 512 bits. In CycloneDX 1.7 alone.
        Streebog512: "Streebog-512",
    }
}

vocabulary! {
    /// What a link leads to: the types of CycloneDX 1.7.
    ReferenceKind {
        /// The version control system.
        Vcs: "vcs",
        /// The issue tracker.
        IssueTracker: "issue-tracker",
        /// The home page.
        Website: "website",
        /// Security advisories.
        Advisories: "advisories",
        /// Another bill of materials.
        Bom: "bom",
        /// A mailing list.
        MailingList: "mailing-list",
        /// Social media.
        Social: "social",
        /// A chat.
        Chat: "chat",
        /// Documentation.
        Documentation: "documentation",
        /// Support.
        Support: "support",
        /// Where the source is to be had.
        SourceDistribution: "source-distribution",
        /// Where the artifact is to be had.
        Distribution: "distribution",
        /// Where distributions are taken in.
        DistributionIntake: "distribution-intake",
        /// The licence.
        License: "license",
        /// Metadata of the build.
        BuildMeta: "build-meta",
        /// The build system.
        BuildSystem: "build-system",
        /// Notes on the release.
        ReleaseNotes: "release-notes",
        /// Whom to tell of a weakness.
        SecurityContact: "security-contact",
        /// A model card.
        ModelCard: "model-card",
        /// A log.
        Log: "log",
        /// A configuration.
        Configuration: "configuration",
        /// Evidence.
        Evidence: "evidence",
        /// A formulation.
        Formulation: "formulation",
        /// An attestation.
        Attestation: "attestation",
        /// A threat model.
        ThreatModel: "threat-model",
        /// An adversary model.
        AdversaryModel: "adversary-model",
        /// A risk assessment.
        RiskAssessment: "risk-assessment",
        /// A statement about a vulnerability.
        VulnerabilityAssertion: "vulnerability-assertion",
        /// A statement about exploitability.
        ExploitabilityStatement: "exploitability-statement",
        /// A report of a penetration test.
        PentestReport: "pentest-report",
        /// A report of static analysis.
        StaticAnalysisReport: "static-analysis-report",
        /// A report of dynamic analysis.
        DynamicAnalysisReport: "dynamic-analysis-report",
        /// A report of runtime analysis.
        RuntimeAnalysisReport: "runtime-analysis-report",
        /// A report of analysis of components.
        ComponentAnalysisReport: "component-analysis-report",
        /// A report on maturity.
        MaturityReport: "maturity-report",
        /// A report of certification.
        CertificationReport: "certification-report",
        /// Infrastructure as code.
        CodifiedInfrastructure: "codified-infrastructure",
        /// Quality metrics.
        QualityMetrics: "quality-metrics",
        /// A plan of action and milestones.
        Poam: "poam",
        /// An electronic signature.
        ElectronicSignature: "electronic-signature",
        /// A digital signature.
        DigitalSignature: "digital-signature",
        /// A `security.txt` of RFC 9116.
        Rfc9116: "rfc-9116",
        /// A patent.
        Patent: "patent",
        /// A family of patents.
        PatentFamily: "patent-family",
        /// An assertion about patents.
        PatentAssertion: "patent-assertion",
        /// A citation.
        Citation: "citation",
        /// Anything else.
        Other: "other",
    }
}

vocabulary! {
    /// How a component was found: the techniques of CycloneDX.
    Technique {
        /// Source code shows it.
        SourceCodeAnalysis: "source-code-analysis",
        /// The build information or other content of an executable shows it.
        BinaryAnalysis: "binary-analysis",
        /// A package database or other manifest states it.
        ManifestAnalysis: "manifest-analysis",
        /// Its syntax tree is known.
        AstFingerprint: "ast-fingerprint",
        /// Its digest is known.
        HashComparison: "hash-comparison",
        /// An instrumented program showed it.
        Instrumentation: "instrumentation",
        /// A running program showed it.
        DynamicAnalysis: "dynamic-analysis",
        /// The name of a file shows it.
        Filename: "filename",
        /// Someone attests it.
        Attestation: "attestation",
        /// In another way.
        Other: "other",
    }
}

vocabulary! {
    /// Points of a subject's life at which content is gathered: the phases of CycloneDX.
    LifecyclePhase {
        /// While it is designed.
        Design: "design",
        /// From sources and lock files.
        PreBuild: "pre-build",
        /// While it is built.
        Build: "build",
        /// From what was built.
        PostBuild: "post-build",
        /// While it runs.
        Operations: "operations",
        /// From what is found on a network.
        Discovery: "discovery",
        /// When it is retired.
        Decommission: "decommission",
    }
}

vocabulary! {
    /// What one component has to do with another.
    RelationshipKind {
        /// `to` is a part of `from`: an image of its operating system, a package of its files.
        Contains: "contains",
        /// `from` needs `to`.
        DependsOn: "dependsOn",
        /// `from` needs `to` or another that it also has such a relationship to.
        DependsOnAlternative: "dependsOnAlternative",
        /// `from` recommends `to`.
        Recommends: "recommends",
        /// `from` suggests `to`.
        Suggests: "suggests",
        /// `from` breaks some versions of `to`.
        Breaks: "breaks",
        /// `from` needs `to` to be built, and at no other time.
        BuildDependsOn: "buildDependsOn",
        /// `from` needs `to` to be developed.
        DevDependsOn: "devDependsOn",
        /// `from` needs `to` to be tested.
        TestDependsOn: "testDependsOn",
        /// `from` needs `to` while it runs.
        RuntimeDependsOn: "runtimeDependsOn",
        /// `from` expects `to` to be there.
        ProvidedDependsOn: "providedDependsOn",
        /// `from` can use `to`.
        OptionalDependsOn: "optionalDependsOn",
        /// `from` is linked with `to` statically.
        StaticLink: "staticLink",
        /// `from` is linked with `to` dynamically.
        DynamicLink: "dynamicLink",
        /// `from` was made from `to`.
        GeneratedFrom: "generatedFrom",
        /// `from` is a later form of `to`.
        DescendantOf: "descendantOf",
        /// `from` is a variant of `to`.
        VariantOf: "variantOf",
        /// `from` is a copy of `to`.
        CopyOf: "copyOf",
        /// `from` mends `to`.
        PatchFor: "patchFor",
        /// `from` provides what `to` is a specification of.
        Provides: "provides",
        /// Anything else.
        Other: "other",
    }
}

impl RelationshipKind {
    /// Whether it makes `to` something that `from` needs: what CycloneDX calls `dependsOn`.
    pub fn is_need(self) -> bool {
        matches!(
            self,
            Self::Contains
                | Self::DependsOn
                | Self::DependsOnAlternative
                | Self::BuildDependsOn
                | Self::DevDependsOn
                | Self::TestDependsOn
                | Self::RuntimeDependsOn
                | Self::ProvidedDependsOn
                | Self::StaticLink
                | Self::DynamicLink
        )
    }
}

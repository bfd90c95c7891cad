//! Who is trusted, as the command line says it.

use std::{path::PathBuf, sync::Arc};

use anyhow::anyhow;
use clap::Args;
use sbom_core::{
    attest::{
        identity::{Claim, Pattern, PatternError, SubjectPattern},
        trust::{IdentityTrust, KeyTrust, Root, Trust, Window},
    },
    limits::{Limits, read_capped},
    timestamp::Timestamp,
};

use crate::{
    exit_code::{Exit, Failure},
    keys,
    terminal::Terminal,
};

/// Whose word counts: the holder of a key, or an identity, which is an issuer and a subject.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustArgs {
    /// Trust the holder of this key: FILE or `env://NAME`. May be given several times: any of them counts
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Trust this identity: a mail address, or the URI of a workflow
    #[arg(long, value_name = "NAME", group = "identity")]
    certificate_identity: Option<String>,
    /// Trust identities that this regular expression matches as a whole
    #[arg(long, value_name = "REGEXP", group = "identity")]
    certificate_identity_regexp: Option<String>,
    /// Trust identities of this form: * stands for any part of a segment, ** for any segments
    #[arg(long, value_name = "GLOB", group = "identity")]
    certificate_identity_glob: Option<String>,
    /// Who must have vouched for the identity
    #[arg(long, value_name = "URL", group = "issuer", requires = "identity")]
    certificate_oidc_issuer: Option<String>,
    /// The same, as a regular expression that matches all of it
    #[arg(long, value_name = "REGEXP", group = "issuer", requires = "identity")]
    certificate_oidc_issuer_regexp: Option<String>,
    /// What else the certificate must say, as in owner-id=12345. May be given several times
    #[arg(long, value_name = "CLAIM=VALUE", requires = "identity")]
    certificate_claim: Vec<String>,
    /// The authorities and logs to believe [default: Sigstore's public ones, which are built in]
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
    /// Demand that a transparency log has the signature
    #[arg(long, conflicts_with = "insecure_ignore_tlog")]
    pub(super) require_tlog: bool,
    /// Demand that somebody trusted says when it was signed
    #[arg(long)]
    pub(super) require_timestamp: bool,
    /// Do without a transparency log
    #[arg(long)]
    pub(super) insecure_ignore_tlog: bool,
}

impl TrustArgs {
    /// Whether anybody is named.
    pub(crate) fn names_somebody(&self) -> bool {
        !self.key.is_empty() || self.identity_text().is_some()
    }

    /// Whether a trusted root is named.
    pub(crate) fn names_root(&self) -> bool {
        self.trusted_root.is_some()
    }

    /// Everybody who is trusted; somebody must be.
    pub(crate) fn signers(
        &self,
        limits: &Limits,
        now: Timestamp,
        terminal: &Terminal,
    ) -> Result<Vec<Trust>, Failure> {
        if !self.names_somebody() {
            return Err(Failure::usage(anyhow!(
                "nobody is trusted: give --key, or --certificate-identity and --certificate-oidc-issuer"
            )));
        }
        let given = self.trusted_root.as_ref().map(|path| root(path, limits)).transpose()?.map(Arc::new);
        let mut signers = Vec::new();
        for key in &self.key {
            let key = keys::public_key(key)?;
            signers.push(Trust::Key(KeyTrust { key, window: Window::default(), root: given.clone() }));
        }
        if let Some(subject) = self.identity_text() {
            let root = match &given {
                Some(root) => Arc::clone(root),
                None => Arc::new(Root::embedded().map_err(|error| Failure::environment(anyhow!(error)))?),
            };
            signers.push(Trust::Identity(self.identity(subject, root)?));
        }
        let roots = signers.iter().filter_map(|signer| match signer {
            Trust::Key(trust) => trust.root.as_ref(),
            Trust::Identity(trust) => Some(&trust.root),
        });
        // It is one root, whoever is verified by it.
        for warning in roots.take(1).flat_map(|root| root.warnings(now)) {
            terminal.warn(format_args!("{warning}"));
        }
        Ok(signers)
    }

    fn identity_text(&self) -> Option<Result<Pattern, PatternError>> {
        let exact = self.certificate_identity.as_deref().map(Pattern::exact);
        let regex = || self.certificate_identity_regexp.as_deref().map(Pattern::regex);
        let glob = || self.certificate_identity_glob.as_deref().map(Pattern::glob);
        exact.or_else(regex).or_else(glob)
    }

    fn identity(
        &self,
        subject: Result<Pattern, PatternError>,
        root: Arc<Root>,
    ) -> Result<IdentityTrust, Failure> {
        let exact = self.certificate_oidc_issuer.as_deref().map(Pattern::exact);
        let issuer = exact
            .or_else(|| self.certificate_oidc_issuer_regexp.as_deref().map(Pattern::regex))
            .ok_or_else(|| {
                Failure::usage(anyhow!(
                    "an identity is one only with who vouches for it: give --certificate-oidc-issuer"
                ))
            })?;
        let subject = SubjectPattern::new(subject.map_err(Failure::usage)?);
        let Trust::Identity(mut trust) = Trust::identity(issuer.map_err(Failure::usage)?, subject, root)
        else {
            return Err(Failure::usage(anyhow!("this is no identity")));
        };
        for claim in &self.certificate_claim {
            let (name, value) = claim.split_once('=').ok_or_else(|| {
                Failure::usage(anyhow!("--certificate-claim {claim:?}: expected CLAIM=VALUE"))
            })?;
            let name: Claim = name.parse().map_err(|error| Failure::usage(anyhow::Error::new(error)))?;
            trust.claims.insert(name, Pattern::exact(value).map_err(Failure::usage)?);
        }
        Ok(trust)
    }
}

/// The trusted root in a file.
pub(crate) fn root(path: &std::path::Path, limits: &Limits) -> Result<Root, Failure> {
    let read = || -> anyhow::Result<Root> {
        let bytes = read_capped(std::fs::File::open(path)?, limits.config_bytes)?;
        Ok(Root::from_json(&bytes, None)?)
    };
    read().map_err(|error| Failure {
        exit: Exit::BadInput,
        source: error.context(format!("the trusted root {}", path.display())),
    })
}

//! `sigstore-conformance`: the protocol by which Sigstore's conformance suite talks to clients.
//!
//! It is hidden from the help: people use `attest` and `verify`. Source: sigstore/sigstore-conformance, `docs/cli_protocol.md`.

use std::{fs::File, path::PathBuf, sync::Arc};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use sbom_core::{
    attest::{
        Signed,
        bundle::{Bundle, Content},
        identity::{Pattern, SubjectPattern},
        key::PublicKey,
        trust::{KeyTrust, Root, Trust, Window},
        verify::{Artifact, Demand, Need, Reason, Refusal, Revoked, verify, verify_message},
    },
    digest::{Algorithm, Digest, Hasher},
    limits::{Limits, read_capped},
};

use crate::{
    environment,
    exit_code::{Exit, Failure},
};

/// What the suite asks for.
#[derive(Debug, Args)]
pub(crate) struct ConformanceArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Verify a bundle
    VerifyBundle(VerifyArgs),
    /// Sign a file, or a statement
    #[cfg(feature = "keyless")]
    SignBundle(SignArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    deployment: Deployment,
    /// The bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Who must have signed
    #[arg(long, value_name = "IDENTITY", requires = "certificate_oidc_issuer")]
    certificate_identity: Option<String>,
    /// Who must have vouched for that
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// The key that must have signed
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "certificate_identity",
        required_unless_present = "certificate_identity"
    )]
    key: Option<PathBuf>,
    /// The artifact, or its digest as sha256:HEX
    #[arg(value_name = "FILE|DIGEST")]
    artifact: String,
}

#[cfg(feature = "keyless")]
#[derive(Debug, Args)]
struct SignArgs {
    #[command(flatten)]
    deployment: Deployment,
    /// The artifact is an in-toto statement
    #[arg(long)]
    in_toto: bool,
    /// Who signs
    #[arg(long, value_name = "TOKEN")]
    identity_token: String,
    /// Where the bundle goes
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The services to use
    #[arg(long, value_name = "FILE")]
    signing_config: Option<PathBuf>,
    /// What is signed
    #[arg(value_name = "FILE")]
    artifact: PathBuf,
}

#[derive(Debug, Args)]
struct Deployment {
    /// Sigstore's deployment for tests instead of the public one
    #[arg(long)]
    staging: bool,
    /// Authorities and logs to trust instead
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,
}

/// Does what the suite asks for.
pub(crate) fn run(arguments: &ConformanceArgs) -> Result<Exit, Failure> {
    match &arguments.task {
        Task::VerifyBundle(arguments) => verify_bundle(arguments),
        #[cfg(feature = "keyless")]
        Task::SignBundle(arguments) => sign_bundle(arguments),
    }
}

fn verify_bundle(arguments: &VerifyArgs) -> Result<Exit, Failure> {
    let bundle = read(&arguments.bundle)?;
    let bytes;
    let (artifact, subject) = if arguments.artifact.starts_with("sha256:") {
        (Artifact::Digest, arguments.artifact.parse().map_err(Failure::usage)?)
    } else {
        bytes = read(&PathBuf::from(&arguments.artifact))?;
        (Artifact::Bytes(&bytes), Digest::of(&bytes))
    };
    let demand = Demand {
        subject,
        predicate: None,
        signers: vec![trust(arguments)?],
        // The suite wants a key's signature logged as well.
        log: Need::Always,
        time: Need::BySigner,
        revoked: Revoked::default(),
        now: environment::now(),
    };
    let limits = Limits::default();
    let is_message =
        Bundle::read(&bundle).is_ok_and(|bundle| matches!(bundle.content, Content::Message { .. }));
    let verified = if is_message {
        verify_message(&bundle, artifact, &demand, &limits).map(drop)
    } else {
        verify_statement(bundle, artifact, demand, &limits)
    };
    verified.map(|()| Exit::Done).map_err(|refusal| Failure { exit: Exit::No, source: refusal.into() })
}

/// A statement may know its subject by either digest.
fn verify_statement(
    bundle: Vec<u8>,
    artifact: Artifact<'_>,
    demand: Demand,
    limits: &Limits,
) -> Result<(), Refusal> {
    let signed = Signed::Bundle(bundle);
    match (verify(&signed, &demand, limits), artifact) {
        (Err(refusal), Artifact::Bytes(bytes)) if refusal.reason == Reason::SubjectMismatch => {
            let mut hasher = Hasher::new(Algorithm::Sha512);
            hasher.update(bytes);
            verify(&signed, &Demand { subject: hasher.finish(), ..demand }, limits).map(drop)
        }
        (verified, _) => verified.map(drop),
    }
}

fn trust(arguments: &VerifyArgs) -> Result<Trust, Failure> {
    let root = Arc::new(root(&arguments.deployment)?);
    if let Some(file) = &arguments.key {
        let key = PublicKey::from_pem(&read(file)?).map_err(Failure::usage)?;
        return Ok(Trust::Key(KeyTrust { key, window: Window::default(), root: Some(root) }));
    }
    let (Some(subject), Some(issuer)) = (&arguments.certificate_identity, &arguments.certificate_oidc_issuer)
    else {
        return Err(Failure::usage(anyhow!("neither a key nor an identity is given")));
    };
    let subject = SubjectPattern::new(Pattern::exact(subject).map_err(Failure::usage)?);
    Ok(Trust::identity(Pattern::exact(issuer).map_err(Failure::usage)?, subject, root))
}

fn root(deployment: &Deployment) -> Result<Root, Failure> {
    let root = match &deployment.trusted_root {
        Some(file) => Root::from_json(&read(file)?, None),
        None if deployment.staging => Root::embedded_staging(),
        None => Root::embedded(),
    };
    root.map_err(|error| Failure { exit: Exit::BadInput, source: error.into() })
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: anyhow::Error| Failure { exit: Exit::BadInput, source: error };
    let opened = File::open(file).with_context(|| file.display().to_string()).map_err(unreadable)?;
    let limit = Limits::default().file_bytes;
    read_capped(opened, limit).with_context(|| file.display().to_string()).map_err(unreadable)
}

#[cfg(feature = "keyless")]
fn sign_bundle(arguments: &SignArgs) -> Result<Exit, Failure> {
    use sbom_core::attest::keyless::{Connection, Content as Signing, Services, Token, sign};

    let artifact = read(&arguments.artifact)?;
    let failed = |error: anyhow::Error| Failure { exit: Exit::No, source: error };
    let services = match &arguments.signing_config {
        Some(file) => Services::from_signing_config(&read(file)?, None),
        None if arguments.deployment.staging => Services::staging(),
        None => Services::public_good(),
    };
    let services = services.map_err(|error| failed(error.into()))?;
    let token =
        Token::read(&arguments.identity_token, environment::now()).map_err(|error| failed(error.into()))?;
    let root = root(&arguments.deployment)?;
    let digest = Digest::of(&artifact);
    let content = if arguments.in_toto {
        Signing::Statement(&artifact)
    } else {
        Signing::Digest(raw(&digest).ok_or_else(|| Failure::usage(anyhow!("no digest")))?)
    };
    let connection = Connection::default();
    let bundle = sign(content, &services, &token, &connection, Some(&root));
    let bundle = bundle.map_err(|error| failed(error.into()))?;
    crate::output::to_new_file(&arguments.bundle, 0o644, true, &bundle)?;
    Ok(Exit::Done)
}

/// The bytes of a SHA-256 digest.
#[cfg(feature = "keyless")]
fn raw(digest: &Digest) -> Option<[u8; 32]> {
    let pairs = digest.hex().as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

//! Signing as an identity, as the command line names it: the token, the services, the roots of trust.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use sbom_core::{
    attest::{
        identity::{Pattern, SubjectPattern},
        keyless::{
            self, Ambient, Connection, Content, Freshness, KeylessError, Material, Mirror, RekorVersion,
            Services, Token, TokenError,
        },
        trust::{Root, Trust},
    },
    limits::{Limits, read_capped},
};

use crate::{
    environment::{self, Environment},
    exit_code::Failure,
};

/// As whom to sign, and through which services.
#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct KeylessArgs {
    /// Sign as the identity of this token: a file with it, or the token itself. Without --key and without this, the
    /// token that the CI system gives its job: `SIGSTORE_ID_TOKEN`, GitHub Actions, GitLab, Buildkite, `CircleCI`
    #[arg(long, value_name = "TOKEN", conflicts_with = "key")]
    identity_token: Option<String>,
    /// The services to use, as a `signing_config.json` says [default: those of the public-good instance]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fulcio_url", "rekor_url", "tuf_mirror", "key"])]
    signing_config: Option<PathBuf>,
    /// Get the certificate from this Fulcio
    #[arg(long, value_name = "URL", requires = "rekor_url", conflicts_with = "key")]
    fulcio_url: Option<String>,
    /// Log the signature in this Rekor
    #[arg(long, value_name = "URL", requires = "fulcio_url", conflicts_with = "key")]
    rekor_url: Option<String>,
    /// The version of that Rekor, or which one to choose of a signing configuration's
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u8).range(1..=2), conflicts_with = "key")]
    rekor_version: Option<u8>,
    /// Have the time of signing stamped by this authority (RFC 3161)
    #[arg(long, value_name = "URL", requires = "fulcio_url", conflicts_with = "key")]
    timestamp_server_url: Option<String>,
    /// Verify what was signed against this `trusted_root.json` [default: the public-good instance's, if it signs]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    trusted_root: Option<PathBuf>,
    /// Take `trusted_root.json` and signing configuration from this TUF repository
    #[arg(long, value_name = "URL", requires = "tuf_root", conflicts_with = "key")]
    tuf_mirror: Option<String>,
    /// The `root.json` that this repository is trusted by
    #[arg(long, value_name = "FILE", requires = "tuf_mirror")]
    tuf_root: Option<PathBuf>,
    /// Give up on a signature after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u64).range(1..=3600))]
    signing_timeout: u64,
    /// Use services over plain HTTP; on this machine they need no leave
    #[arg(long, conflicts_with = "key")]
    insecure_services: bool,
}

/// An identity that signs.
#[derive(Debug)]
pub(crate) struct Identity {
    token: TokenSource,
    services: Services,
    connection: Connection,
    root: Option<Arc<Root>>,
}

/// Where tokens come from. Those of CI systems last for minutes, so that each signature gets one of its own.
enum TokenSource {
    Given(String),
    Ambient(Ambient),
}

impl KeylessArgs {
    /// The identity that the options or the CI system name; none if there is neither.
    pub(crate) fn identity(&self, environment: &Environment) -> Result<Option<Identity>, Failure> {
        let Some(token) = self.token_source()? else { return Ok(None) };
        let connection = self.connection(environment);
        let material = self.material(&connection)?;
        let services = self.services(material.as_ref())?;
        let root = match (&self.trusted_root, material) {
            (Some(file), _) => Some(Root::from_json(&read(file)?, None).map_err(Failure::usage)?),
            (None, Some(material)) => {
                let now = Some(environment::now());
                Some(Root::from_json(&material.trusted_root, now).map_err(Failure::environment)?)
            }
            (None, None) if self.is_public_good() => Some(Root::embedded().map_err(Failure::environment)?),
            (None, None) => {
                tracing::warn!("what is signed is not verified: --trusted-root says what to trust");
                None
            }
        };
        // Nobody can use a token that has expired already: better to say so before an hour's scan.
        let identity = Identity { token, services, connection, root: root.map(Arc::new) };
        if let TokenSource::Given(_) = identity.token {
            identity.token()?;
        }
        Ok(Some(identity))
    }

    fn token_source(&self) -> Result<Option<TokenSource>, Failure> {
        if let Some(given) = &self.identity_token {
            // A JWT begins with the Base64 of `{"`.
            if given.starts_with("eyJ") && given.matches('.').count() == 2 {
                return Ok(Some(TokenSource::Given(given.clone())));
            }
            let bytes = read(Path::new(given))?;
            let text = String::from_utf8(bytes).map_err(|_quotes_it| Failure::usage(TokenError::Form))?;
            return Ok(Some(TokenSource::Given(text)));
        }
        let variable =
            |name: &str| environment::variable(name)?.into_string().ok().filter(|value| !value.is_empty());
        Ok(Ambient::find(variable).map_err(Failure::usage)?.map(TokenSource::Ambient))
    }

    fn connection(&self, environment: &Environment) -> Connection {
        let system = environment.certificate_stores.iter().find_map(|path| read(path).ok());
        let total = Duration::from_secs(self.signing_timeout);
        let defaults = Connection::default();
        Connection {
            ca_certificates: system.into_iter().collect(),
            proxy: environment.https_proxy.clone(),
            no_proxy: environment.no_proxy.clone(),
            user_agent: concat!("sbomctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            // Less than all of it, so that a service that is silent can be named.
            request: defaults.request.min(total * 3 / 4),
            total,
            insecure: self.insecure_services,
            ..defaults
        }
    }

    /// What the TUF repository hands out, where one is named.
    fn material(&self, connection: &Connection) -> Result<Option<Material>, Failure> {
        let Some((url, root)) = self.tuf_mirror.as_ref().zip(self.tuf_root.as_ref()) else { return Ok(None) };
        let mirror = Mirror { url: url.clone(), root: read(root)?, cache: cache()? };
        let material = mirror.material(Freshness::Valid, connection, environment::now()).map_err(failure)?;
        Ok(Some(material))
    }

    fn services(&self, material: Option<&Material>) -> Result<Services, Failure> {
        let version = match self.rekor_version {
            None => None,
            Some(2) => Some(RekorVersion::V2),
            Some(_) => Some(RekorVersion::V1),
        };
        if let Some((fulcio, rekor)) = self.fulcio_url.as_ref().zip(self.rekor_url.as_ref()) {
            let version = version.unwrap_or(RekorVersion::V1);
            return Ok(Services::new(fulcio, rekor, version, self.timestamp_server_url.as_deref()));
        }
        let config = match (&self.signing_config, material) {
            (Some(file), _) => Some(read(file)?),
            (None, Some(material)) => Some(material.signing_config.clone().ok_or_else(|| {
                let message = "the TUF repository has no signing configuration: give --fulcio-url, --rekor-url and --timestamp-server-url";
                Failure::usage(anyhow!(message))
            })?),
            (None, None) => None,
        };
        let services = match config {
            Some(config) => Services::from_signing_config(&config, version),
            None => Services::public_good(),
        };
        services.map_err(Failure::usage)
    }

    fn is_public_good(&self) -> bool {
        self.signing_config.is_none() && self.fulcio_url.is_none() && self.tuf_mirror.is_none()
    }
}

impl Identity {
    /// Signs a statement, and gives the bundle.
    pub(crate) fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, Failure> {
        let token = self.token()?;
        let root = self.root.as_deref();
        keyless::sign(Content::Statement(statement), &self.services, &token, &self.connection, root)
            .map_err(failure)
    }

    /// Whoever the trusted authorities certify: which name they have put into the certificate is for them to say. None
    /// if it is not known whom to trust.
    pub(crate) fn trust(&self) -> Result<Option<Trust>, Failure> {
        let Some(root) = &self.root else { return Ok(None) };
        let anyone = || Pattern::regex(".*").map_err(Failure::environment);
        Ok(Some(Trust::identity(anyone()?, SubjectPattern::new(anyone()?), Arc::clone(root))))
    }

    fn token(&self) -> Result<Token, Failure> {
        let now = environment::now();
        match &self.token {
            TokenSource::Given(token) | TokenSource::Ambient(Ambient::Variable { token, .. }) => {
                Token::read(token, now).map_err(Failure::usage)
            }
            TokenSource::Ambient(Ambient::Request { url, bearer }) => {
                keyless::request_token(url, bearer, &self.connection, now).map_err(failure)
            }
            TokenSource::Ambient(Ambient::Command { program, arguments }) => {
                let token = said_by(program, arguments)
                    .with_context(|| format!("asking {program} for an identity token"))
                    .map_err(Failure::environment)?;
                Token::read(&token, now).map_err(Failure::environment)
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identity certified by {}", self.services.fulcio)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::Ambient(ambient) => f.debug_tuple("Ambient").field(ambient).finish(),
        }
    }
}

/// The standard output of a CI system's own program, which ends by itself.
fn said_by(program: &str, arguments: &[String]) -> anyhow::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut said = Vec::new();
    if let Some(output) = child.stdout.take() {
        said = read_capped(output, Limits::default().config_bytes)?;
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(anyhow!("it ended with {status}"));
    }
    Ok(String::from_utf8(said)?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limits = Limits::default();
    let attempt = || -> anyhow::Result<Vec<u8>> { Ok(read_capped(File::open(path)?, limits.config_bytes)?) };
    attempt().with_context(|| path.display().to_string()).map_err(Failure::usage)
}

/// The folder for what TUF repositories hand out.
fn cache() -> Result<PathBuf, Failure> {
    let folder =
        |name: &str| environment::variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    match cache {
        Some(cache) => Ok(cache.join("sbomctl/tuf")),
        None => {
            Err(Failure::usage(anyhow!("there is no folder to keep roots of trust in: set XDG_CACHE_HOME")))
        }
    }
}

/// Which exit code a failure leads to: what the user gave, or what lies around.
fn failure(error: KeylessError) -> Failure {
    match error {
        KeylessError::Services(_) | KeylessError::Token(_) | KeylessError::TooLarge { .. } => {
            Failure::usage(error)
        }
        _ => Failure::environment(error),
    }
}

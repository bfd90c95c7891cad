//! `sbomctl key`: makes, imports and shows keys.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use sbom_core::attest::key::{KeyAlgorithm, KeyError, PrivateKey, PublicKey};

use crate::{
    environment::Environment,
    exit_code::{Exit, Failure},
    keys::{self, KeySource, SignerOptions},
    output,
};

const EXAMPLES: &str = "\
Examples:
  sbomctl key generate
  COSIGN_PASSWORD=… sbomctl key generate --type ed25519 --output release
  sbomctl key import old.pem --output release
  sbomctl key public release.key
  sbomctl key public env://RELEASE_KEY > release.pub";

/// The private key that is read if none is named.
const DEFAULT_KEY: &str = "sbomctl.key";

/// Arguments of the subcommand.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key pair: PREFIX.key, encrypted with a password as cosign does, and PREFIX.pub
    Generate(GenerateArgs),
    /// Encrypt a private key as cosign does: PREFIX.key and PREFIX.pub are written
    Import(ImportArgs),
    /// Print the public half of a key as PEM
    Public(PublicArgs),
}

const GENERATE_EXAMPLES: &str = "\
The password is read from COSIGN_PASSWORD, else asked for twice. It may be empty, which protects nothing.

Examples:
  sbomctl key generate
  sbomctl key generate --type ed25519 --output keys/release
  sbomctl key generate --no-password --output test";

#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLES)]
struct GenerateArgs {
    /// What kind of key. P-256 is what all readers of attestations verify
    #[arg(long = "type", value_name = "TYPE", default_value = "p256")]
    kind: Kind,
    /// Write plain PKCS#8, which everybody who reads the file can sign with
    #[arg(long)]
    no_password: bool,
    #[command(flatten)]
    files: FileArgs,
}

const IMPORT_EXAMPLES: &str = "\
Read are PKCS#8 (`PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`), and cosign's own form, to give
it another password: at the terminal, since COSIGN_PASSWORD stands for both.

Examples:
  sbomctl key import old.pem --output release
  sbomctl key import env://SIGNING_KEY";

#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
struct ImportArgs {
    /// The private key: FILE, or `env://NAME` for one in a variable
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    files: FileArgs,
}

#[derive(Debug, Args)]
struct FileArgs {
    /// Write PREFIX.key and PREFIX.pub
    #[arg(short, long, value_name = "PREFIX", default_value = "sbomctl")]
    output: PathBuf,
    /// Replace the files if they are there
    #[arg(long)]
    force: bool,
}

const PUBLIC_EXAMPLES: &str = "\
Examples:
  sbomctl key public release.key > release.pub
  sbomctl key public --signer-cmd 'kms-sign --key release'
  sbomctl key public 'pkcs11:token=release;object=key?module-path=/usr/lib/softhsm/libsofthsm2.so'";

#[derive(Debug, Args)]
#[command(after_help = PUBLIC_EXAMPLES)]
struct PublicArgs {
    /// The key, private or public: FILE, `env://NAME`, or `pkcs11:URI` [default: sbomctl.key]
    #[arg(value_name = "KEY", conflicts_with = "signer_cmd")]
    key: Option<String>,
    #[command(flatten)]
    options: SignerOptions,
}

/// A kind of key that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// ECDSA on P-256, with SHA-256
    P256,
    /// Ed25519
    Ed25519,
    /// ECDSA on P-384, with SHA-256
    P384,
}

impl From<Kind> for KeyAlgorithm {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::P256 => Self::P256,
            Kind::Ed25519 => Self::Ed25519,
            Kind::P384 => Self::P384,
        }
    }
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &KeyArgs, environment: &Environment) -> Result<Exit, Failure> {
    match &arguments.action {
        Action::Generate(arguments) => generate(arguments),
        Action::Import(arguments) => import(arguments),
        Action::Public(arguments) => public(arguments, environment),
    }
}

fn generate(arguments: &GenerateArgs) -> Result<Exit, Failure> {
    let pair = Pair::of(&arguments.files)?;
    let made = |error| keys::of_key(error, &"that is made");
    let key = PrivateKey::generate(arguments.kind.into()).map_err(made)?;
    if arguments.no_password {
        pair.write(key.to_pkcs8_pem().map_err(made)?.as_bytes(), key.public())
    } else {
        pair.write_encrypted(&key)
    }
}

fn import(arguments: &ImportArgs) -> Result<Exit, Failure> {
    let pair = Pair::of(&arguments.files)?;
    pair.write_encrypted(&keys::private_key(&KeySource::parse(&arguments.key)?)?)
}

fn public(arguments: &PublicArgs, environment: &Environment) -> Result<Exit, Failure> {
    let options = &arguments.options;
    let key = match (&arguments.key, &options.signer_cmd) {
        (None, Some(_)) => None,
        (key, _) => Some(key.as_deref().unwrap_or(DEFAULT_KEY)),
    };
    let pem = match key.map(keys::public_key) {
        Some(Ok(key)) => key.to_pem(),
        // A private key, or one in a token: its public half is what is asked for.
        Some(Err(failure)) if !is_private(&failure) && !is_token(key) => return Err(failure),
        _ => keys::signer(key, options, environment)?.public_key().to_pem(),
    };
    output::to_stdout(|out| out.write_all(pem.as_bytes())).map(|()| Exit::Done)
}

fn is_private(failure: &Failure) -> bool {
    matches!(failure.source.downcast_ref(), Some(KeyError::Private { .. }))
}

fn is_token(key: Option<&str>) -> bool {
    cfg!(feature = "pkcs11") && key.is_some_and(|key| key.starts_with("pkcs11:"))
}

/// The two files of a key.
struct Pair {
    private: PathBuf,
    public: PathBuf,
    force: bool,
}

impl Pair {
    /// The files that the arguments name, which can be written as far as that is known beforehand: nobody is asked for a password
    /// in vain.
    fn of(arguments: &FileArgs) -> Result<Self, Failure> {
        let with = |extension: &str| {
            let mut name = arguments.output.clone().into_os_string();
            name.push(extension);
            PathBuf::from(name)
        };
        let pair = Self { private: with(".key"), public: with(".pub"), force: arguments.force };
        for path in [&pair.private, &pair.public] {
            output::check(path)?;
            if !pair.force && path.symlink_metadata().is_ok() {
                return Err(exists(path));
            }
        }
        Ok(pair)
    }

    fn write_encrypted(&self, key: &PrivateKey) -> Result<Exit, Failure> {
        let password = keys::new_password(&format!("New password of {}", self.private.display()))?;
        let sealed = key.to_cosign_pem(&password).map_err(|error| keys::of_key(error, &"that is written"))?;
        self.write(sealed.as_bytes(), key.public())
    }

    /// Writes both files, or, unless one was replaced, none.
    fn write(&self, private: &[u8], public: &PublicKey) -> Result<Exit, Failure> {
        output::to_new_file(&self.private, 0o600, self.force, private)?;
        let written = output::to_new_file(&self.public, 0o644, self.force, public.to_pem().as_bytes());
        if let Err(failure) = written {
            if !self.force {
                // The key was never used. If even this fails there is nothing more to be done.
                let _ = std::fs::remove_file(&self.private);
            }
            return Err(failure);
        }
        output::to_stdout(|out| {
            writeln!(out, "private key  {}", self.private.display())?;
            writeln!(out, "public key   {}", self.public.display())?;
            writeln!(out, "algorithm    {}", public.algorithm())?;
            writeln!(out, "fingerprint  {}", public.fingerprint())
        })?;
        Ok(Exit::Done)
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(anyhow!("{} is there already; --force replaces it", path.display()))
}

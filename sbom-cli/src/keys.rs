//! Keys as the command line names them: files, variables, tokens, programs that sign; and the passwords that open them.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use sbom_core::{
    attest::{
        key::{KeyError, Password, PrivateKey, PublicKey},
        signer::{CommandError, CommandSigner, SignError, Signer},
    },
    limits::{Limits, ReadError, read_capped},
};

use crate::{
    environment::{self, Environment},
    exit_code::{Exit, Failure},
};

/// The variable that cosign takes passwords of keys from.
const PASSWORD: &str = "COSIGN_PASSWORD";

/// What to sign with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Key")]
pub(crate) struct SignerArgs {
    /// Sign with this private key: FILE, `env://NAME` for one in a variable, or `pkcs11:URI` for one in a token.
    /// Its password is read from `COSIGN_PASSWORD`, or asked for. With --signer-cmd, the public key
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) options: SignerOptions,
}

/// How to reach keys that are no files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Key")]
pub(crate) struct SignerOptions {
    /// Let this program sign: it reads the SHA-256 digest (for Ed25519 the message) on its standard input and writes
    /// the signature. Split into words; no shell is run. docs/keys.md says more
    #[arg(long, value_name = "COMMAND")]
    pub(crate) signer_cmd: Option<String>,
    /// End that program if it gives no answer for this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) signer_timeout: u64,
    /// The library that reaches the token of a pkcs11: key [default: what the URI says, else `PKCS11_MODULE_PATH`]
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "FILE")]
    pub(crate) pkcs11_module: Option<PathBuf>,
}

impl SignerArgs {
    /// What the options say to sign with; none if they say nothing.
    pub(crate) fn signer(&self, environment: &Environment) -> Result<Option<Box<dyn Signer>>, Failure> {
        if self.key.is_none() && self.options.signer_cmd.is_none() {
            return Ok(None);
        }
        signer(self.key.as_deref(), &self.options, environment).map(Some)
    }
}

/// What signs: the program if there is one, else `key`.
pub(crate) fn signer(
    key: Option<&str>,
    options: &SignerOptions,
    environment: &Environment,
) -> Result<Box<dyn Signer>, Failure> {
    if let Some(command) = &options.signer_cmd {
        let key = key.map(public_key).transpose()?;
        let limit = Duration::from_secs(options.signer_timeout);
        let signer = CommandSigner::new(command, key, limit).map_err(|error| of_signing(error.into()))?;
        return Ok(Box::new(signer));
    }
    let key = key.ok_or_else(|| Failure::usage(anyhow!("there is no key: give --key or --signer-cmd")))?;
    match KeySource::parse(key)? {
        #[cfg(feature = "pkcs11")]
        KeySource::Token(uri) => crate::token::signer(&uri, options, environment),
        source => {
            // Only tokens are found by what the environment says.
            let _ = environment;
            Ok(Box::new(private_key(&source)?))
        }
    }
}

/// The public key that `text` names: a file, or a variable.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, Failure> {
    let source = KeySource::parse(text)?;
    PublicKey::from_pem(source.read()?.as_bytes()).map_err(|error| of_key(error, &source))
}

/// The private key at `source`, opened with a password if it has one.
pub(crate) fn private_key(source: &KeySource) -> Result<PrivateKey, Failure> {
    let mut ask = || password(&format!("Password of {source}"));
    PrivateKey::read(source.read()?.as_bytes(), &mut ask).map_err(|error| of_key(error, source))
}

/// Where a key is.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// In a file.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
    /// In a token.
    #[cfg(feature = "pkcs11")]
    Token(Box<sbom_core::attest::signer::pkcs11::KeyUri>),
}

impl KeySource {
    /// Takes what the user wrote apart. It is not repeated in messages: a URI may hold the number of a token.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(name) = text.strip_prefix("env://") {
            return Ok(Self::Variable(name.to_owned()));
        }
        if text.starts_with("pkcs11:") {
            #[cfg(feature = "pkcs11")]
            return text.parse().map(|uri| Self::Token(Box::new(uri))).map_err(Failure::usage);
            #[cfg(not(feature = "pkcs11"))]
            return Err(Failure::usage(anyhow!(
                "this build knows no PKCS#11 tokens: it was made without the feature `pkcs11`"
            )));
        }
        Ok(Self::File(text.into()))
    }

    /// What is there, as bytes that are wiped when they are dropped.
    fn read(&self) -> Result<Password, Failure> {
        match self {
            Self::File(path) => read_file(path),
            Self::Variable(name) => variable(name).ok_or_else(|| {
                Failure::usage(anyhow!("the variable {name}, which is to hold a key, is not set"))
            }),
            #[cfg(feature = "pkcs11")]
            Self::Token(uri) => Err(Failure::usage(anyhow!(
                "{uri} names a key in a token where a file is meant; `sbomctl key public` prints its public half"
            ))),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "env://{name}"),
            #[cfg(feature = "pkcs11")]
            Self::Token(uri) => uri.fmt(f),
        }
    }
}

/// The password of a key that there is: from the variable, else from the terminal.
pub(crate) fn password(prompt: &str) -> io::Result<Password> {
    match variable(PASSWORD) {
        Some(password) => Ok(password),
        None => ask(prompt),
    }
}

/// The password of a key to be: asked for twice, unless the variable has it.
pub(crate) fn new_password(prompt: &str) -> Result<Password, Failure> {
    if let Some(password) = variable(PASSWORD) {
        return Ok(password);
    }
    let password = ask(prompt).map_err(no_password)?;
    let again = ask(&format!("{prompt}, again")).map_err(no_password)?;
    if password.matches(&again) {
        Ok(password)
    } else {
        Err(Failure::usage(anyhow!("the two passwords differ; nothing was written")))
    }
}

/// A secret typed on the terminal, which does not show it.
pub(crate) fn ask(prompt: &str) -> io::Result<Password> {
    let terminal = console::Term::stderr();
    if !terminal.is_term() {
        return Err(io::Error::other(format!(
            "there is no terminal to ask for it; set {PASSWORD} (empty for an empty password)"
        )));
    }
    terminal.write_str(&format!("{prompt}: "))?;
    terminal.read_secure_line().map(Password::from)
}

/// The failure of a key.
pub(crate) fn of_key(error: KeyError, source: &impl fmt::Display) -> Failure {
    let exit = match error {
        KeyError::Password { .. } => Exit::Usage,
        KeyError::Library => Exit::Environment,
        _ => Exit::BadInput,
    };
    Failure { exit, source: anyhow::Error::new(error).context(format!("the key {source}")) }
}

/// The failure of something that signs.
pub(crate) fn of_signing(error: SignError) -> Failure {
    let exit = match &error {
        SignError::Command(CommandError::Empty | CommandError::Unfinished) => Exit::Usage,
        #[cfg(feature = "pkcs11")]
        SignError::Token(error) => crate::token::exit(error),
        _ => Exit::Environment,
    };
    Failure { exit, source: anyhow::Error::new(error).context("what is to sign") }
}

/// A variable, also one that is empty, as passwords may be.
fn variable(name: &str) -> Option<Password> {
    use std::os::unix::ffi::OsStringExt as _;
    environment::variable(name).map(|value| Password::from(value.into_vec()))
}

/// A file no longer than keys are.
pub(crate) fn read_file(path: &Path) -> Result<Password, Failure> {
    let read =
        || -> Result<Vec<u8>, ReadError> { read_capped(File::open(path)?, Limits::default().key_bytes) };
    let bytes = read().with_context(|| format!("the key {}", path.display()));
    bytes.map(Password::from).map_err(|source| Failure { exit: Exit::BadInput, source })
}

fn no_password(error: io::Error) -> Failure {
    Failure::usage(anyhow::Error::new(error).context("the password cannot be had"))
}

//! A program that signs: digest in, signature out. How key management services and security modules are reached.
//!
//! The program gets on its standard input the SHA-256 digest of the message (32 bytes), for Ed25519, which signs no digests, the
//! message itself. It answers on standard output with the signature and exits with 0. The variable
//! `SBOMCTL_SIGNER_OPERATION` says `sign`, or `public-key` where the public key is asked for, as PEM; `SBOMCTL_SIGNER_INPUT`
//! says `sha256` or `message`, and `SBOMCTL_SIGNER_ALGORITHM` which signature is expected. Nothing is believed: a signature counts
//! once the public key verifies it, which is also what tells its possible spellings apart.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    SignError, Signer, checked,
    process::{self, ProcessError},
};
use crate::attest::{
    envelope::PreAuth,
    key::{
        KEY_BYTES, KeyAlgorithm, KeyError, PublicKey,
        der::{SEQUENCE, write, write_unsigned},
    },
};

/// The longest answer with a signature in it: RSA of 8192 bits has 1024 bytes.
const SIGNATURE_BYTES: usize = 16 << 10;

/// Signs by way of a program.
#[derive(Debug)]
pub struct CommandSigner {
    words: Vec<String>,
    limit: Duration,
    key: PublicKey,
}

/// A program that signs cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is no program in the command.
    #[error("the command is empty")]
    Empty,
    /// A quote is opened and not closed, or a backslash ends the command.
    #[error("the command ends within a quotation")]
    Unfinished,
    /// It did not run as it should.
    #[error("{program}: {source}")]
    Process {
        /// The program.
        program: String,
        /// What happened.
        source: ProcessError,
    },
    /// What it gave as public key is none.
    #[error("what {program} gave as its public key cannot be used")]
    Key {
        /// The program.
        program: String,
        /// Why.
        source: KeyError,
    },
}

impl CommandSigner {
    /// Takes a command apart, and asks it for its public key unless that is given. The program is ended after `limit`, each time.
    ///
    /// Words are split at blanks, unless within `'…'`, which is taken as it is, or `"…"`, in which a backslash makes `"` and `\`
    /// plain, as it does any character outside. No shell is run, and nothing is expanded.
    pub fn new(command: &str, key: Option<PublicKey>, limit: Duration) -> Result<Self, CommandError> {
        let words = split(command)?;
        let key = match key {
            Some(key) => key,
            None => ask_key(&words, limit)?,
        };
        Ok(Self { words, limit, key })
    }
}

impl Signer for CommandSigner {
    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn sign(&self, message: &PreAuth) -> Result<Vec<u8>, SignError> {
        let algorithm = self.key.algorithm();
        let hashed = digest(&SHA256, message.as_bytes());
        let (kind, input) = match algorithm {
            KeyAlgorithm::Ed25519 => ("message", message.as_bytes()),
            _ => ("sha256", hashed.as_ref()),
        };
        let variables = [
            ("SBOMCTL_SIGNER_OPERATION", "sign"),
            ("SBOMCTL_SIGNER_INPUT", kind),
            ("SBOMCTL_SIGNER_ALGORITHM", name(algorithm)),
        ];
        let output = run(&self.words, &variables, input, SIGNATURE_BYTES, self.limit)?;
        let mut spellings = spellings(&output, algorithm);
        let good = spellings.iter().position(|sig| self.key.verify(message.as_bytes(), sig).is_ok());
        checked(&self.key, message, spellings.swap_remove(good.unwrap_or(0)))
    }
}

fn ask_key(words: &[String], limit: Duration) -> Result<PublicKey, CommandError> {
    let pem = run(words, &[("SBOMCTL_SIGNER_OPERATION", "public-key")], &[], KEY_BYTES, limit)?;
    PublicKey::from_pem(&pem).map_err(|source| CommandError::Key { program: program(words), source })
}

fn run(
    words: &[String],
    variables: &[(&str, &str)],
    input: &[u8],
    most: usize,
    limit: Duration,
) -> Result<Vec<u8>, CommandError> {
    let failed = |source| CommandError::Process { program: program(words), source };
    process::run(words, variables, input, most, limit).map_err(failed)
}

fn program(words: &[String]) -> String {
    words.first().cloned().unwrap_or_default()
}

/// What signature is expected.
fn name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::P256 => "ecdsa-p256-sha256",
        KeyAlgorithm::P384 => "ecdsa-p384-sha256",
        KeyAlgorithm::P521 => "ecdsa-p521-sha256",
        KeyAlgorithm::Ed25519 => "ed25519",
        KeyAlgorithm::Rsa { .. } => "rsa-pkcs1v15-sha256",
    }
}

/// What the output may mean: the bytes as they are, or base64 of them; of elliptic curves also the two halves of a signature
/// side by side, as PKCS#11 and JOSE write them. The first is the output itself.
fn spellings(output: &[u8], algorithm: KeyAlgorithm) -> Vec<Vec<u8>> {
    let mut all = vec![output.to_vec()];
    all.extend(STANDARD.decode(output.trim_ascii()));
    let halves: Vec<Vec<u8>> = all.iter().filter_map(|bytes| der_of_halves(bytes, algorithm)).collect();
    all.extend(halves);
    all
}

/// An ECDSA signature of two halves of fixed length, as SEQUENCE { r, s }.
pub(super) fn der_of_halves(halves: &[u8], algorithm: KeyAlgorithm) -> Option<Vec<u8>> {
    let length = match algorithm {
        KeyAlgorithm::P256 => 32,
        KeyAlgorithm::P384 => 48,
        KeyAlgorithm::P521 => 66,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. } => return None,
    };
    let (r, s) = halves.split_at_checked(length).filter(|(_, s)| s.len() == length)?;
    write(SEQUENCE, &[&write_unsigned(r)?, &write_unsigned(s)?])
}

/// The words of a command.
fn split(command: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(CommandError::Unfinished)?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(CommandError::Empty),
    }
}

/// Adds to `word` what stands before the closing `quote`.
fn quoted(
    quote: char,
    chars: &mut impl Iterator<Item = char>,
    word: &mut String,
) -> Result<(), CommandError> {
    let mut next = || chars.next().ok_or(CommandError::Unfinished);
    loop {
        match next()? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match next()? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::{envelope::IN_TOTO, key::PrivateKey};

    const LIMIT: Duration = Duration::from_secs(20);

    fn message() -> PreAuth {
        PreAuth::new(IN_TOTO, b"{}")
    }

    /// A signer whose program is a line of shell.
    fn shell(script: &str, key: Option<PublicKey>) -> Result<CommandSigner, CommandError> {
        CommandSigner::new(&format!("sh -c '{script}'"), key, LIMIT)
    }

    fn octal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
    }

    fn check(command: &str, expect: &[&str]) {
        assert_eq!(split(command).unwrap(), expect, "{command}");
    }

    #[test]
    fn commands_are_split_as_a_shell_would_and_nothing_is_expanded() {
        check("kms sign", &["kms", "sign"]);
        check("  kms\t sign \n", &["kms", "sign"]);
        check(r#"kms --key "a b" 'c "d' e\ f"#, &["kms", "--key", "a b", "c \"d", "e f"]);
        check(r#"kms "" "\"\\\n""#, &["kms", "", r#""\\n"#]);
        check("kms $HOME *;ls", &["kms", "$HOME", "*;ls"]);
        for bad in ["", "  ", "''"] {
            assert!(matches!(split(bad), Err(CommandError::Empty)), "{bad}");
        }
        for bad in ["a '", "a \"", "a \\", "a \"\\"] {
            assert!(matches!(split(bad), Err(CommandError::Unfinished)), "{bad}");
        }
    }

    #[test]
    fn a_signature_counts_in_each_of_its_spellings() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let der = key.sign(message().as_bytes()).unwrap();
        let halves = {
            let mut whole = crate::attest::key::der::Reader::new(&der);
            let mut pair = whole.value(SEQUENCE).unwrap();
            let half = |digits: &[u8]| [vec![0; 32 - digits.len()], digits.to_vec()].concat();
            [half(pair.unsigned().unwrap()), half(pair.unsigned().unwrap())].concat()
        };
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes) + "\n";
        for output in [der.clone(), halves.clone(), base64(&der).into(), base64(&halves).into()] {
            let script = format!("printf \"{}\"", octal(&output).replace('\\', "\\\\"));
            let signer = shell(&script, Some(key.public().clone())).unwrap();
            assert_eq!(signer.sign(&message()).unwrap(), der);
        }
    }

    #[test]
    fn the_program_gets_the_digest_or_for_ed25519_the_message() {
        for (algorithm, input) in [
            (KeyAlgorithm::P384, digest(&SHA256, message().as_bytes()).as_ref().to_vec()),
            (KeyAlgorithm::Ed25519, message().as_bytes().to_vec()),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let got = folder.path().join("got");
            let key = PrivateKey::generate(algorithm).unwrap();
            let signature = octal(&key.sign(message().as_bytes()).unwrap()).replace('\\', "\\\\");
            let script = format!(
                "cat > {0}; echo $SBOMCTL_SIGNER_OPERATION $SBOMCTL_SIGNER_INPUT $SBOMCTL_SIGNER_ALGORITHM >> {0}; printf \"{signature}\"",
                got.display()
            );
            shell(&script, Some(key.public().clone())).unwrap().sign(&message()).unwrap();
            let said = match algorithm {
                KeyAlgorithm::Ed25519 => "sign message ed25519\n",
                _ => "sign sha256 ecdsa-p384-sha256\n",
            };
            let mut bytes = Vec::new();
            std::io::copy(&mut std::fs::File::open(got).unwrap(), &mut bytes).unwrap();
            assert_eq!(bytes, [input, said.into()].concat());
        }
    }

    #[test]
    fn a_program_is_asked_for_its_public_key() {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let script =
            format!("test $SBOMCTL_SIGNER_OPERATION = public-key && echo \"{}\"", key.public().to_pem());
        assert_eq!(shell(&script, None).unwrap().public_key(), key.public());
        assert!(matches!(shell("echo no key", None), Err(CommandError::Key { .. })));
    }

    #[test]
    fn a_signature_of_another_key_or_over_something_else_is_not_used() {
        let (key, other) = (
            PrivateKey::generate(KeyAlgorithm::P256).unwrap(),
            PrivateKey::generate(KeyAlgorithm::P256).unwrap(),
        );
        for signature in
            [other.sign(message().as_bytes()).unwrap(), key.sign(b"something else").unwrap(), vec![]]
        {
            let script = format!("printf \"{}\"", octal(&signature).replace('\\', "\\\\"));
            let error = shell(&script, Some(key.public().clone())).unwrap().sign(&message()).unwrap_err();
            assert!(matches!(error, SignError::NotOfKey { .. }), "{error}");
        }
    }
}

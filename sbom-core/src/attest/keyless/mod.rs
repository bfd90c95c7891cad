//! Signing with a certificate of an identity, through Fulcio, Rekor and time-stamp authorities.
//!
//! A key lives as long as one signature takes. [`Fulcio`](Service::Fulcio) certifies it for the identity of a
//! [`Token`], [`Rekor`](Service::Rekor) logs the signature, a [time-stamp authority](Service::TimestampAuthority) says
//! when it was made, and a Sigstore bundle carries what they said. The protocol is `sigstore-sign`'s; here are its
//! bounds: which [`Services`], over which [`Connection`], for how long, and what went wrong where.
//!
//! Invariant: this is the one place of the library with an asynchronous runtime, and nobody outside of it can tell.
//!
//! Sources: Sigstore client specification, `sigstore_bundle.proto`, `sigstore_trustroot.proto`.

use serde_json::Value;
use sigstore_sign::{Signer, SigningContext};
use sigstore_types::{Artifact, Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

use super::trust::Root;

#[cfg(test)]
mod against_testkit;
mod ambient;
mod connection;
mod error;
mod services;
#[cfg(test)]
mod tests;
mod token;
mod tuf;

pub use self::{
    ambient::{Ambient, request_token},
    connection::{Connection, ConnectionError},
    error::{KeylessError, Service, ServiceFault},
    services::{RekorVersion, Services, ServicesError},
    token::{Token, TokenError},
    tuf::{Freshness, Material, Mirror, TufError},
};

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// An in-toto statement, byte for byte as it is to be verified.
    Statement(&'a [u8]),
    /// Whatever has this SHA-256, with no statement about it.
    Digest([u8; 32]),
}

/// Signs `content` as the identity of `token`, and gives the bundle (v0.3) as one line of JSON.
///
/// With a `root` the bundle is verified against it before it is given away, without the network: a bundle from a service that others do not trust is an error, as they will find out later.
///
/// # Errors
///
/// Each names the service, and what can be done. Nothing is kept of what was made until then; what Rekor has logged
/// by then stays logged, as all that it logs.
pub fn sign(
    content: Content<'_>,
    services: &Services,
    token: &Token,
    connection: &Connection,
    root: Option<&Root>,
) -> Result<Vec<u8>, KeylessError> {
    services.check(connection)?;
    let size = match content {
        Content::Statement(statement) => statement.len(),
        Content::Digest(_) => 0,
    };
    services.check_size(size)?;
    let client = connection.client(services.url(Service::Fulcio))?;
    let signer =
        SigningContext::new(services.to_signing()).with_http_client(client).signer(token.to_identity());
    let outcome = connection.run(attempts(&signer, content, connection))?;
    let bundle = outcome.map_err(|error| KeylessError::of_signing(error, services, token, size))?;
    if let Some(root) = root {
        verify(root.verifier(), content, &bundle)?;
    }
    to_line(&bundle)
}

/// Signs, and again if a service was too busy or broken: with another key and certificate, as those of the first
/// attempt are of no more use.
async fn attempts(
    signer: &Signer,
    content: Content<'_>,
    connection: &Connection,
) -> Result<Bundle, sigstore_sign::Error> {
    let mut pause = connection.pause;
    for _ in 1..connection.attempts {
        match attempt(signer, content).await {
            Err(error) if error::is_passing(&error) => {
                tracing::debug!(%error, "signing again");
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            done => return done,
        }
    }
    attempt(signer, content).await
}

async fn attempt(signer: &Signer, content: Content<'_>) -> Result<Bundle, sigstore_sign::Error> {
    match content {
        Content::Statement(statement) => signer.sign_raw_statement(statement).await,
        Content::Digest(digest) => signer.sign(Artifact::from_digest(Sha256Hash::new(digest))).await,
    }
}

/// That the services said nothing which does not hold. Who signed is not asked: the token was ours.
fn verify(verifier: &Verifier, content: Content<'_>, bundle: &Bundle) -> Result<(), KeylessError> {
    let policy = VerificationPolicy::any_identity();
    let digest = match content {
        Content::Digest(digest) => Some(digest),
        Content::Statement(statement) => first_sha256(statement),
    };
    // Verification wants a subject that it can compare; a statement without any is for others to judge.
    let Some(digest) = digest else { return Ok(()) };
    verifier
        .verify(Sha256Hash::new(digest), bundle, &policy)
        .map(|_result| ())
        .map_err(|error| KeylessError::Unverified { reason: error.to_string() })
}

/// The first SHA-256 of a statement's subjects.
fn first_sha256(statement: &[u8]) -> Option<[u8; 32]> {
    let statement: Value = serde_json::from_slice(statement).ok()?;
    let mut subjects = statement.get("subject")?.as_array()?.iter();
    let hex = subjects.find_map(|subject| subject.get("digest")?.get("sha256")?.as_str())?;
    Some(*Sha256Hash::from_hex(hex).ok()?.as_bytes())
}

/// One line, with the index of every log entry: where protobuf leaves a zero out, some readers find nothing.
fn to_line(bundle: &Bundle) -> Result<Vec<u8>, KeylessError> {
    let unwritable = |error: serde_json::Error| KeylessError::Unwritable { reason: error.to_string() };
    serde_json::to_vec(bundle).map_err(unwritable)
}

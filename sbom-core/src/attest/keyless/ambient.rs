//! Identity tokens that CI systems give to their jobs.
//!
//! Sources: the documentation of GitHub Actions (`OpenID` Connect reference), GitLab ("ID token authentication"),
//! Buildkite (`buildkite-agent oidc`) and `CircleCI` (`circleci run oidc get`).

use std::fmt;

use serde::Deserialize;
use sigstore_sign::reqwest::{Client, Url};

use super::{
    connection::Connection,
    error::{KeylessError, Service, ServiceFault},
    token::{AUDIENCE, Token, TokenError},
};
use crate::timestamp::Timestamp;

/// Where a CI system has the token of a job.
#[derive(Clone, PartialEq, Eq)]
pub enum Ambient {
    /// In a variable.
    Variable {
        /// Its name.
        name: &'static str,
        /// The token.
        token: String,
    },
    /// At a token service, for those who show what the job was given.
    Request {
        /// Its address.
        url: String,
        /// What to show.
        bearer: String,
    },
    /// On the standard output of a program, for the caller to run.
    Command {
        /// The program.
        program: &'static str,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

/// A token service's answer is small.
const ANSWER: usize = 256 << 10;

impl Ambient {
    /// Looks among the variables of the environment, which `variable` gives by name: `SIGSTORE_ID_TOKEN` (GitLab's
    /// name for it, and a way for all that is not known here), then GitHub Actions, Buildkite and `CircleCI`.
    ///
    /// # Errors
    ///
    /// If this is a job of a CI system that gives tokens, but has not given this job the means to get one.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TokenError> {
        const VARIABLE: &str = "SIGSTORE_ID_TOKEN";
        let is_set = |name: &str| variable(name).as_deref() == Some("true");
        if let Some(token) = variable(VARIABLE) {
            return Ok(Some(Self::Variable { name: VARIABLE, token }));
        }
        if is_set("GITLAB_CI") {
            return Err(TokenError::NotGranted {
                system: "GitLab",
                how: "give it id_tokens: with SIGSTORE_ID_TOKEN, aud: sigstore",
            });
        }
        if is_set("GITHUB_ACTIONS") {
            let request =
                variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
            let Some((url, bearer)) = request else {
                return Err(TokenError::NotGranted {
                    system: "GitHub Actions",
                    how: "give it permissions: with id-token: write",
                });
            };
            return Ok(Some(Self::Request { url, bearer }));
        }
        let command = |program, arguments: &[&str]| {
            let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
            Ok(Some(Self::Command { program, arguments }))
        };
        if is_set("BUILDKITE") {
            return command("buildkite-agent", &["oidc", "request-token", "--audience", AUDIENCE]);
        }
        if is_set("CIRCLECI") {
            let claims = format!(r#"{{"aud":"{AUDIENCE}"}}"#);
            return command("circleci", &["run", "oidc", "get", "--root-issuer", "--claims", &claims]);
        }
        Ok(None)
    }
}

/// Asks a CI system's token service for a token: GitHub's protocol.
///
/// # Errors
///
/// If it does not answer, refuses, or gives something else than a token that is valid at `now`.
pub fn request_token(
    url: &str,
    bearer: &str,
    connection: &Connection,
    now: Timestamp,
) -> Result<Token, KeylessError> {
    connection.check(Service::CiSystem, url)?;
    let client = connection.client(url)?;
    let fault = |fault| KeylessError::Service { service: Service::CiSystem, url: bare(url), fault, size: 0 };
    let text = connection.run(fetch(&client, url, bearer))?.map_err(fault)?;
    Ok(Token::read(&text, now)?)
}

async fn fetch(client: &Client, url: &str, bearer: &str) -> Result<String, ServiceFault> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }

    let unreachable = |error: sigstore_sign::reqwest::Error| ServiceFault::Unreachable {
        reason: error.without_url().to_string(),
    };
    let mut url = Url::parse(url).map_err(|error| ServiceFault::Answer { reason: error.to_string() })?;
    url.query_pairs_mut().append_pair("audience", AUDIENCE);
    let mut response = client.get(url).bearer_auth(bearer).send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        let message = status.canonical_reason().unwrap_or("no words").to_owned();
        return Err(ServiceFault::Status { status: status.as_u16(), message });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > ANSWER {
            return Err(ServiceFault::Answer { reason: format!("it has more than {ANSWER} bytes") });
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map(|answer: Answer| answer.value).map_err(|_may_quote_a_token| {
        ServiceFault::Answer { reason: "it is no JSON with a token".to_owned() }
    })
}

/// An address without its query, which may hold what only the job should know.
fn bare(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, .. } => {
                f.debug_struct("Variable").field("name", name).finish_non_exhaustive()
            }
            Self::Request { url, .. } => {
                f.debug_struct("Request").field("url", &bare(url)).finish_non_exhaustive()
            }
            Self::Command { program, arguments } => {
                f.debug_struct("Command").field("program", program).field("arguments", arguments).finish()
            }
        }
    }
}

//! Proving to a registry who asks. Source: Docker Registry v2 token and OAuth 2 authentication.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;

use super::{
    Client, Credentials, Fault,
    challenge::Challenge,
    url::{Scheme, Url, form},
};
use crate::oci::reference::Repository;

/// The value of an `Authorization` header. Never shown.
#[derive(Clone)]
pub(super) struct Authorization(String);

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorization(..)")
    }
}

impl Authorization {
    pub(super) fn header(&self) -> &str {
        &self.0
    }

    fn basic(username: &str, password: &str) -> Self {
        Self(format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
    }
}

/// What a client calls itself where OAuth 2 wants a name.
const CLIENT_ID: &str = "sbomctl";

/// Answers the challenge that `url` gave, the strongest that can be answered.
pub(super) fn answer(
    client: &Client,
    repository: &Repository,
    url: &Url,
    challenges: &[Challenge],
) -> Result<Authorization, Fault> {
    let refuse = |reason| Fault::Authentication { host: url.authority().to_owned(), reason };
    let by_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    let credentials = match client.config.credentials.find(repository) {
        Ok(credentials) => credentials,
        // A public image needs none, and a helper that is not there is no reason to refuse it.
        Err(error) if by_scheme("bearer").is_some() => {
            tracing::warn!("{error}; asking without credentials");
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(bearer) = by_scheme("bearer") {
        return token(client, repository, url, bearer, credentials.as_ref());
    }
    match (by_scheme("basic"), credentials) {
        (Some(_), Some(Credentials::Password { username, password })) => {
            if url.scheme == Scheme::Http && !client.allows_plain(url) {
                return Err(refuse("a password is not sent over plain HTTP"));
            }
            Ok(Authorization::basic(&username, &password))
        }
        (Some(_), Some(Credentials::IdentityToken(_))) => {
            Err(refuse("it wants a password, and there is only an identity token"))
        }
        (Some(_), None) => Err(refuse("it wants a password; log in with `docker login`, or use --username")),
        (None, _) => Err(refuse("it names no way that is known here (Bearer, Basic)")),
    }
}

/// What a token service answers; which of the two it fills depends on its age.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

fn token(
    client: &Client,
    repository: &Repository,
    url: &Url,
    bearer: &Challenge,
    credentials: Option<&Credentials>,
) -> Result<Authorization, Fault> {
    let refuse = |reason| Fault::Authentication { host: url.authority().to_owned(), reason };
    let realm = bearer.parameter("realm").ok_or_else(|| refuse("it does not say where tokens are given"))?;
    let realm = Url::parse(realm).ok_or_else(|| refuse("the address where tokens are given is none"))?;
    if realm.scheme == Scheme::Http && !client.allows_plain(&realm) {
        return Err(refuse("tokens are given over plain HTTP; --insecure would allow that"));
    }
    let own_scope = format!("repository:{}:pull", repository.path());
    let scope = bearer.parameter("scope").unwrap_or(&own_scope);
    let mut pairs = Vec::new();
    if let Some(service) = bearer.parameter("service") {
        pairs.push(("service", service));
    }
    pairs.push(("scope", scope));
    let answer = match credentials {
        Some(Credentials::IdentityToken(refresh)) => {
            pairs.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh),
                ("client_id", CLIENT_ID),
            ]);
            client.ask_realm(&realm, Some(&form(&pairs)), None)?
        }
        Some(Credentials::Password { username, password }) => {
            let basic = Authorization::basic(username, password);
            client.ask_realm(&realm.with_query(&pairs), None, Some(&basic))?
        }
        None => client.ask_realm(&realm.with_query(&pairs), None, None)?,
    };
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|_error| refuse("what it gives is no token"))?;
    let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
    let is_plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain {
        return Err(refuse("what it gives is no token"));
    }
    Ok(Authorization(format!("Bearer {token}")))
}

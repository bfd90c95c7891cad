//! Proving to a registry who asks. Source: Docker Registry v2 token and OAuth 2 authentication; RFC 7617.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use ureq::http::{HeaderValue, Method, header};

use super::{
    Client, Credentials, Fault, Security,
    challenge::Challenge,
    proofs::Proof,
    url::{Scheme, Url, form},
    wire::{Ask, Payload},
};
use crate::oci::reference::Repository;

/// The longest token that is sent back; it must fit a header.
const TOKEN_BYTES: usize = 32 << 10;
/// How long a token is used at the least, whatever it says: it is asked for anew where it is refused, and without one some
/// registries break off what is sent to them.
const TOKEN_SECONDS: u64 = 60;
/// What a client calls itself where OAuth 2 wants a name.
const CLIENT_ID: &str = "sbomctl";

/// What is to be done in a repository, for which a token is good or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) repository: Repository,
    pub(super) action: Action,
    /// A repository of the same registry that a blob is taken over from.
    pub(super) from: Option<Repository>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Pull,
    Push,
    Delete,
}

impl Scope {
    pub(super) fn new(repository: &Repository, action: Action) -> Self {
        Self { repository: repository.clone(), action, from: None }
    }

    /// The scopes to ask for: what the registry demands, and what it forgot to.
    fn to_ask(&self, demanded: Option<&str>) -> Vec<String> {
        let mut scopes: Vec<String> = demanded
            .unwrap_or_default()
            .split(' ')
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect();
        let own = (self.repository.path(), self.action.names());
        let from = self.from.as_ref().map(|from| (from.path(), Action::Pull.names()));
        for (path, actions) in [Some(own), from].into_iter().flatten() {
            if !scopes.iter().any(|scope| covers(scope, path, actions)) {
                scopes.push(format!("repository:{path}:{}", actions.join(",")));
            }
        }
        scopes
    }
}

impl Action {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pull => &["pull"],
            Self::Push => &["pull", "push"],
            Self::Delete => &["pull", "push", "delete"],
        }
    }
}

/// Whether `scope`, `repository:PATH:ACTION,…`, lets all of `actions` be done in `path`.
fn covers(scope: &str, path: &str, actions: &[&str]) -> bool {
    let granted = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
    granted.is_some_and(|(name, granted)| {
        // To delete it takes no right to push, if the registry says so itself.
        let wanted = actions.last().copied().unwrap_or_default();
        name == path && granted.split(',').any(|action| action == wanted || action == "*")
    })
}

/// Answers the challenge that the registry at `registry` gave, the strongest that can be answered.
pub(super) fn answer(
    client: &Client,
    scope: &Scope,
    registry: &Url,
    challenges: &[Challenge],
) -> Result<Proof, Fault> {
    let refuse = |reason| Fault::Authentication { host: registry.authority().to_owned(), reason };
    let by_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
    let credentials = match client.config().credentials.find(&scope.repository) {
        Ok(credentials) => credentials,
        // A public image needs none, and a helper that is not there is no reason to refuse it.
        Err(error) if by_scheme("bearer").is_some() && scope.action == Action::Pull => {
            tracing::warn!("{error}; asking without credentials");
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(bearer) = by_scheme("bearer") {
        return token(client, scope, registry, bearer, credentials.as_ref());
    }
    match (by_scheme("basic"), credentials) {
        (Some(_), Some(Credentials::Password { username, password })) => {
            let proof = basic(&username, &password).map(Proof::lasting);
            proof.ok_or_else(|| refuse("the password cannot be sent"))
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
    token: Option<String>,
    access_token: Option<String>,
    /// Seconds, if it is a number of them.
    #[serde(default)]
    expires_in: Value,
}

impl Answer {
    fn into_proof(self) -> Option<Proof> {
        let seconds = self.expires_in.as_u64().unwrap_or_default().max(TOKEN_SECONDS);
        let mut tokens = [self.token, self.access_token].into_iter().flatten();
        let token = tokens.find(|token| !token.is_empty())?;
        let fits = token.len() <= TOKEN_BYTES && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = secret(&format!("Bearer {token}")).filter(|_| fits)?;
        Some(Proof::for_time(header, Duration::from_secs(seconds)))
    }
}

fn token(
    client: &Client,
    scope: &Scope,
    registry: &Url,
    bearer: &Challenge,
    credentials: Option<&Credentials>,
) -> Result<Proof, Fault> {
    let refuse = |reason| Fault::Authentication { host: registry.authority().to_owned(), reason };
    let realm = realm(client, registry, bearer).map_err(refuse)?;
    let scopes = scope.to_ask(bearer.parameter("scope"));
    let service = bearer.parameter("service").map(|service| ("service", service));
    let mut pairs: Vec<(&str, &str)> = service.into_iter().collect();
    let mut ask = client.ask(Method::GET);
    let answer = if let Some(Credentials::IdentityToken(refresh)) = credentials {
        let scope = scopes.join(" ");
        pairs.extend([
            ("scope", scope.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
            ("client_id", CLIENT_ID),
        ]);
        let form = form(&pairs);
        let headers = vec![(header::CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned())];
        let payload = Payload::Bytes(form.as_bytes());
        client.wire().ask_once(&realm, &Ask { method: Method::POST, headers, payload, ..ask })?
    } else {
        pairs.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        if let Some(Credentials::Password { username, password }) = credentials {
            let basic = basic(username, password);
            ask.authorization = Some(basic.ok_or_else(|| refuse("the password cannot be sent"))?);
        }
        client.wire().ask(&realm.with_query(&pairs), &ask)?
    };
    if !answer.is_success() {
        return Err(client.refused(answer));
    }
    let answer = answer.into_bytes(client.config().limits.response_bytes)?;
    let answer: Option<Answer> = serde_json::from_slice(&answer).ok();
    answer.and_then(Answer::into_proof).ok_or_else(|| refuse("what it gives is no token"))
}

/// The token service. It gets credentials, so it must be reached as safely as the registry itself; one on this
/// machine is believed only if the registry is here too.
fn realm(client: &Client, registry: &Url, bearer: &Challenge) -> Result<Url, &'static str> {
    let realm = bearer.parameter("realm").ok_or("it does not say where tokens are given")?;
    let realm = Url::parse(realm).ok_or("the address where tokens are given is none")?;
    if !client.wire().permits(&realm) {
        return Err("tokens are given over plain HTTP; --insecure would allow that");
    }
    let is_verified = client.config().security == Security::Verified;
    if is_verified && registry.scheme == Scheme::Https && realm.scheme == Scheme::Http {
        return Err("tokens are given over plain HTTP, by a registry that speaks TLS");
    }
    Ok(realm)
}

fn basic(username: &str, password: &str) -> Option<HeaderValue> {
    secret(&format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
}

/// A header that is never shown.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(action: Action, from: Option<&str>, demanded: Option<&str>, expect: &[&str]) {
        let repository = |path: &str| format!("host.tld/{path}").parse().unwrap();
        let scope = Scope { repository: repository("a/b"), action, from: from.map(repository) };
        assert_eq!(scope.to_ask(demanded), expect, "{demanded:?}");
    }

    #[test]
    fn what_a_registry_forgets_to_demand_is_asked_for_all_the_same() {
        check(Action::Pull, None, None, &["repository:a/b:pull"]);
        check(Action::Push, None, None, &["repository:a/b:pull,push"]);
        check(Action::Delete, None, None, &["repository:a/b:pull,push,delete"]);
        check(Action::Pull, None, Some("repository:a/b:pull"), &["repository:a/b:pull"]);
        check(Action::Push, None, Some("repository:a/b:push,pull"), &["repository:a/b:push,pull"]);
        check(Action::Delete, None, Some("repository:a/b:delete"), &["repository:a/b:delete"]);
        check(Action::Delete, None, Some("repository:a/b:*"), &["repository:a/b:*"]);
        check(
            Action::Push,
            None,
            Some("repository:a/b:pull registry:catalog:*"),
            &["repository:a/b:pull", "registry:catalog:*", "repository:a/b:pull,push"],
        );
        check(Action::Pull, None, Some("repository:a:pull"), &["repository:a:pull", "repository:a/b:pull"]);
        check(Action::Push, Some("c"), None, &["repository:a/b:pull,push", "repository:c:pull"]);
    }
}

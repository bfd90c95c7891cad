//! One registry request: scheme, redirects, authentication, retries.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ureq::{
    Agent, Body, Proxy, ProxyProtocol,
    http::{Response, header},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{
    ClientConfig, Fault, RegistryError,
    auth::{self, Authorization},
    challenge,
    error::own_words,
    retry::{Attempts, retry_after},
    url::{Scheme, Url},
};
use crate::{
    digest::{Algorithm, Digest, Hasher},
    limits::{ReadError, read_capped},
    oci::{
        manifest::MANIFEST_TYPES,
        reference::{Repository, Target},
    },
};

/// A manifest or index, as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The media type that the registry announced.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What they hash to.
    pub digest: Digest,
}

/// A client of any number of registries. Tokens are kept while it lives.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    pub(super) config: ClientConfig,
    schemes: Mutex<BTreeMap<String, Scheme>>,
    tokens: Mutex<BTreeMap<String, Authorization>>,
}

impl Client {
    /// A client that keeps to `config`.
    pub fn new(config: ClientConfig) -> Result<Self, Fault> {
        let connect = config.timeout.min(Duration::from_secs(30));
        let mut builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(connect))
            .timeout_recv_response(Some(config.timeout))
            .timeout_per_read(Some(config.timeout))
            .user_agent(config.user_agent.clone())
            .tls_config(tls(&config)?);
        builder = builder.proxy(proxy(&config)?);
        let agent = builder.build().new_agent();
        Ok(Self { agent, config, schemes: Mutex::default(), tokens: Mutex::default() })
    }

    /// Fetches the manifest or index that `target` names. Asked for by digest, the bytes hash to it; asked for by
    /// tag, they hash to what the registry announces, if it announces anything.
    pub fn manifest(&self, repository: &Repository, target: &Target) -> Result<RawManifest, RegistryError> {
        let name = match target {
            Target::Tag(tag) => tag.to_string(),
            Target::Digest(digest) => digest.to_string(),
        };
        let path = format!("/v2/{}/manifests/{name}", repository.path());
        let mut attempts = Attempts::new(self.config.limits.attempts);
        loop {
            match self.manifest_once(repository, target, &path) {
                Ok(manifest) => return Ok(manifest),
                Err(fault) => attempts
                    .wait_after(fault, &*self.config.sleep)
                    .map_err(|fault| error(repository, format!("manifest {name}"), fault))?,
            }
        }
    }

    fn manifest_once(
        &self,
        repository: &Repository,
        target: &Target,
        path: &str,
    ) -> Result<RawManifest, Fault> {
        let accept = MANIFEST_TYPES.join(", ");
        let response = self.get(repository, path, &[(header::ACCEPT, accept)])?;
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let media_type = text("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let announced = text("docker-content-digest").and_then(|digest| digest.trim().parse::<Digest>().ok());
        let expected = match target {
            Target::Digest(digest) => Some(digest.clone()),
            Target::Tag(_) => announced,
        };
        let host = repository.api_host();
        let bytes = match read_capped(response.into_body().into_reader(), self.config.limits.manifest_bytes) {
            Ok(bytes) => bytes,
            Err(ReadError::Io(source)) => return Err(Fault::of_ureq(host, ureq::Error::Io(source))),
            Err(ReadError::Limit(exceeded)) => return Err(exceeded.into()),
        };
        let mut hasher = Hasher::new(expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm));
        hasher.update(&bytes);
        let digest = hasher.finish();
        match expected {
            Some(expected) if expected != digest => Err(Fault::Digest { expected, found: digest }),
            _ => Ok(RawManifest { media_type, bytes, digest }),
        }
    }

    /// Gets `path` of the repository's registry: an answer of success, or a fault.
    pub(super) fn get(
        &self,
        repository: &Repository,
        path: &str,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response<Body>, Fault> {
        let host = repository.api_host();
        let url = Url::new(self.scheme(host), host, path);
        let response = match self.authorized(repository, &url, headers) {
            // Only of a host that plain HTTP may be taken from, and only before anything else has worked.
            Err(fault @ (Fault::Transport { .. } | Fault::Untrusted { .. })) if self.may_be_plain(&url) => {
                match self.authorized(repository, &url.with_scheme(Scheme::Http), headers) {
                    Err(Fault::Transport { .. }) => return Err(fault),
                    // It speaks TLS, and says so to plain HTTP: what was wrong with its certificate tells more.
                    Ok(response) if matches!(fault, Fault::Untrusted { .. }) && response.status() == 400 => {
                        return Err(fault);
                    }
                    result => {
                        let response = result?;
                        self.remember(host, Scheme::Http);
                        response
                    }
                }
            }
            result => {
                let response = result?;
                self.remember(host, url.scheme);
                response
            }
        };
        if response.status().is_success() { Ok(response) } else { Err(self.refused(host, response)) }
    }

    /// Asks with what is known, and once more after proving who asks.
    fn authorized(
        &self,
        repository: &Repository,
        url: &Url,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response<Body>, Fault> {
        let key = repository.to_string();
        let known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let (response, answered) = self.follow(url, headers, known.as_ref())?;
        // Only the registry itself may say where its credentials go; not a host that it redirects to.
        if response.status() != 401 || !answered.same_origin(url) {
            return Ok(response);
        }
        let demanded = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges = challenge::parse(demanded.iter().map(header::HeaderValue::as_bytes));
        drop(response);
        let fresh = auth::answer(self, repository, url, &challenges)?;
        let (response, _) = self.follow(url, headers, Some(&fresh))?;
        if response.status() != 401 {
            self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(key, fresh);
        }
        Ok(response)
    }

    /// Gets `url` and follows redirects; gives the answer and who gave it. What proves who asks goes to the first
    /// host alone.
    fn follow(
        &self,
        url: &Url,
        headers: &[(header::HeaderName, String)],
        authorization: Option<&Authorization>,
    ) -> Result<(Response<Body>, Url), Fault> {
        let mut at = url.clone();
        let mut redirects = 0;
        loop {
            let mut request = self.agent.get(at.to_string()).header(header::ACCEPT_ENCODING, "identity");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            if let Some(authorization) = authorization.filter(|_| at.same_origin(url)) {
                request = request.header(header::AUTHORIZATION, authorization.header());
            }
            let response = request.call().map_err(|error| Fault::of_ureq(at.authority(), error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, at));
            }
            redirects += 1;
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let location = location.unwrap_or_default();
            let refuse = |reason| Fault::Redirect {
                host: at.authority().to_owned(),
                location: location.escape_debug().take(200).collect(),
                reason,
            };
            if self.config.limits.redirects.check(redirects).is_err() {
                return Err(refuse("there are too many redirects"));
            }
            let next =
                Some(location).filter(|location| !location.is_empty()).and_then(|location| at.join(location));
            let next = next.ok_or_else(|| refuse("this is no address"))?;
            if next.scheme == Scheme::Http && !self.allows_plain(&next) {
                return Err(refuse("it leads to plain HTTP; --insecure would allow that"));
            }
            at = next;
        }
    }

    /// Asks an authorization server for a token.
    pub(super) fn ask_realm(
        &self,
        realm: &Url,
        form: Option<&str>,
        authorization: Option<&Authorization>,
    ) -> Result<Vec<u8>, Fault> {
        let host = realm.authority();
        let response = if let Some(form) = form {
            let kind = "application/x-www-form-urlencoded";
            self.agent.post(realm.to_string()).header(header::CONTENT_TYPE, kind).send(form)
        } else {
            let request = self.agent.get(realm.to_string());
            match authorization {
                Some(authorization) => request.header(header::AUTHORIZATION, authorization.header()).call(),
                None => request.call(),
            }
        };
        let response = response.map_err(|error| Fault::of_ureq(host, error))?;
        if !response.status().is_success() {
            return Err(self.refused(host, response));
        }
        match read_capped(response.into_body().into_reader(), self.config.limits.response_bytes) {
            Ok(bytes) => Ok(bytes),
            Err(ReadError::Io(source)) => Err(Fault::of_ureq(host, ureq::Error::Io(source))),
            Err(ReadError::Limit(exceeded)) => Err(exceeded.into()),
        }
    }

    /// Whether `url` may be asked without TLS.
    pub(super) fn allows_plain(&self, url: &Url) -> bool {
        self.config.insecure || url.is_loopback()
    }

    fn refused(&self, host: &str, response: Response<Body>) -> Fault {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_capped(response.into_body().into_reader(), self.config.limits.response_bytes);
        let message = own_words(&body.unwrap_or_default());
        Fault::Status { host: host.to_owned(), status, message, retry_after: retry_after(&headers) }
    }

    fn scheme(&self, host: &str) -> Scheme {
        let known = self.schemes.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).copied().unwrap_or(Scheme::Https)
    }

    fn remember(&self, host: &str, scheme: Scheme) {
        self.schemes.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), scheme);
    }

    fn may_be_plain(&self, url: &Url) -> bool {
        let settled =
            self.schemes.lock().unwrap_or_else(PoisonError::into_inner).contains_key(url.authority());
        url.scheme == Scheme::Https && !settled && self.allows_plain(url)
    }
}

/// An error about `what` in `repository`.
pub(super) fn error(repository: &Repository, what: String, fault: Fault) -> RegistryError {
    RegistryError { repository: repository.to_string(), what, fault }
}

/// The proxy, which hosts of this machine are never asked through.
fn proxy(config: &ClientConfig) -> Result<Option<Proxy>, Fault> {
    let Some(text) = &config.proxy else { return Ok(None) };
    let unusable = || Fault::Protocol {
        host: text.rsplit('@').next().unwrap_or_default().to_owned(),
        reason: "this is no address of a proxy",
    };
    let (protocol, rest) = match text.split_once("://") {
        None => (ProxyProtocol::Http, text.as_str()),
        Some(("http", rest)) => (ProxyProtocol::Http, rest),
        Some(("https", rest)) => (ProxyProtocol::Https, rest),
        Some(_) => return Err(unusable()),
    };
    let rest = rest.trim_end_matches('/');
    let (user, address) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_error| unusable())?),
        _ => (address, if protocol == ProxyProtocol::Https { 443 } else { 80 }),
    };
    let mut builder = Proxy::builder(protocol).host(host).port(port);
    if let Some((name, password)) = user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
        builder = builder.username(name).password(password);
    }
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    for host in own.iter().chain(&config.no_proxy) {
        builder = builder.no_proxy(host);
    }
    Ok(Some(builder.build().map_err(|_error| unusable())?))
}

fn tls(config: &ClientConfig) -> Result<TlsConfig, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = TlsConfig::builder()
        .disable_verification(config.insecure)
        .unversioned_rustls_crypto_provider(provider);
    if config.ca_certificates.is_empty() {
        return Ok(builder.root_certs(RootCerts::WebPki).build());
    }
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for pem in &config.ca_certificates {
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(Fault::Certificate { reason: error.to_string() }),
            }
        }
    }
    if certificates.is_empty() {
        return Err(Fault::Certificate { reason: "there is no certificate in the file".to_owned() });
    }
    Ok(builder.root_certs(RootCerts::new_with_certs(&certificates)).build())
}

//! How a client is set up. All that depends on a machine's environment is given here by the caller.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent, Proxy, ProxyProtocol,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{Anonymous, CredentialStore, Deadline, Fault, Sleep, ThreadSleep};
use crate::limits::Limits;

/// Headers of one answer; more is refused before it is kept.
const HEADER_BYTES: usize = 64 << 10;
/// The longest that a connection may take to stand, TLS included.
const CONNECT: Duration = Duration::from_secs(30);

/// How to talk to registries.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// What protects the connections.
    pub security: Security,
    /// PEM files of certificate authorities to trust; with none, those that Mozilla trusts, which are built in.
    pub ca_certificates: Vec<Vec<u8>>,
    /// How long a registry may be silent.
    pub timeout: Duration,
    /// How long a whole answer may take, apart from the time that `bytes_per_second` allows a blob.
    pub answer: Duration,
    /// The least speed of what is read, on the average of each `timeout` that is waited for it, and of a blob over the whole
    /// of it. Whoever is slower loses the connection, and with it one of the attempts.
    pub bytes_per_second: u64,
    /// When everything that is asked of the client must be done; see [`Client::within`](super::Client::within).
    pub deadline: Deadline,
    /// What proves to registries who asks.
    pub credentials: Arc<dyn CredentialStore>,
    /// What the client calls itself.
    pub user_agent: String,
    /// The bounds to keep to.
    pub limits: Limits,
    /// How to wait between attempts.
    pub sleep: Arc<dyn Sleep>,
    /// A proxy for all hosts but this machine, as `http://[USER:PASSWORD@]HOST[:PORT]`.
    pub proxy: Option<String>,
    /// Hosts that are asked without the proxy; `.example.org` stands for all below it.
    pub no_proxy: Vec<String>,
}

impl Default for ClientConfig {
    /// Verified, anonymous, patient for a minute.
    fn default() -> Self {
        Self {
            security: Security::default(),
            ca_certificates: Vec::new(),
            timeout: Duration::from_secs(60),
            answer: Duration::from_secs(180),
            bytes_per_second: 4 << 10,
            deadline: Deadline::NONE,
            credentials: Arc::new(Anonymous),
            user_agent: concat!("sbom-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
            sleep: Arc::new(ThreadSleep),
            proxy: None,
            no_proxy: Vec::new(),
        }
    }
}

impl ClientConfig {
    /// How long an answer may take that carries `bytes` one way or the other.
    pub(super) fn time_for(&self, bytes: u64) -> Duration {
        let transfer = Duration::from_secs(bytes / self.bytes_per_second.max(1));
        self.answer.max(self.timeout).saturating_add(transfer)
    }
}

/// What protects the connections to registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// TLS with certificates that are checked. Only a registry on this machine (`localhost`, `127.0.0.0/8`, `::1`)
    /// may do without: it is asked over TLS first, and over plain HTTP if it does not speak TLS. A certificate
    /// that is not trusted is an error there as well, never a reason to go on without.
    #[default]
    Verified,
    /// TLS with any certificate, and plain HTTP for registries without TLS: whoever is on the way can read
    /// credentials and change tags. Digests are still checked.
    DangerUnverified,
}

/// The transport that `config` describes: it follows no redirect, and takes any status for an answer.
pub(super) fn agent(config: &ClientConfig) -> Result<Agent, Fault> {
    let builder = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_response_header_size(HEADER_BYTES)
        .timeout_connect(Some(config.timeout.min(CONNECT)))
        .timeout_recv_response(Some(config.timeout))
        .timeout_per_read(Some(config.timeout))
        .timeout_per_write(Some(config.timeout))
        // An answer that was compressed on the way would not be the bytes that were hashed.
        .accept_encoding("identity")
        .user_agent(config.user_agent.clone())
        .tls_config(tls(config)?)
        .proxy(proxy(config)?);
    Ok(builder.build().new_agent())
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
    let own = ["localhost", ".localhost", "127.*", "[::1]", "::1"].map(str::to_owned);
    for host in own.iter().chain(&config.no_proxy) {
        builder = builder.no_proxy(host);
    }
    Ok(Some(builder.build().map_err(|_error| unusable())?))
}

fn tls(config: &ClientConfig) -> Result<TlsConfig, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = TlsConfig::builder()
        .disable_verification(config.security == Security::DangerUnverified)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_an_error() {
        for pem in [&b"no pem"[..], b"", b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
            let config = ClientConfig { ca_certificates: vec![pem.to_vec()], ..ClientConfig::default() };
            assert!(matches!(agent(&config), Err(Fault::Certificate { .. })));
        }
    }

    #[test]
    fn a_proxy_is_never_used_for_this_machine_nor_for_exceptions() {
        let config = ClientConfig {
            proxy: Some("http://user:pass@proxy.example:3128".into()),
            no_proxy: vec![".corp.example".into(), "host.example".into()],
            ..ClientConfig::default()
        };
        let own = proxy(&config).unwrap().unwrap();
        let except = |url: &str| own.is_no_proxy(&url.parse().unwrap());
        for url in
            ["http://localhost:5000/", "http://127.0.0.2/", "http://[::1]:1/", "https://a.corp.example/"]
        {
            assert!(except(url), "{url}");
        }
        assert!(except("https://host.example/") && !except("https://quay.io/"));
        assert_eq!((own.username(), own.password(), own.port()), (Some("user"), Some("pass"), 3128));
        for bad in ["nonsense://x", "http://host:port"] {
            let config = ClientConfig { proxy: Some(bad.into()), ..ClientConfig::default() };
            assert!(agent(&config).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_large_blob_may_take_as_long_as_the_least_speed_allows() {
        let config = ClientConfig { bytes_per_second: 1000, ..ClientConfig::default() };
        assert_eq!(config.time_for(0), Duration::from_secs(180));
        assert_eq!(config.time_for(60_000), Duration::from_secs(240));
    }
}

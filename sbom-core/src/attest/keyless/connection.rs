//! How services are reached: one HTTP client with this program's TLS, and a runtime for as long as it is needed.
//!
//! Nothing is taken from the environment, and nothing of the process is changed: the client brings its own provider
//! of cryptography, where the default client would look for one of the whole process.

use std::{future::Future, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use sigstore_sign::reqwest::{Client, NoProxy, Proxy, Url, redirect::Policy};
use tokio::runtime::{Builder, Handle};

use super::{
    error::{KeylessError, Service},
    services::ServicesError,
};

/// How to talk to services, and how long.
#[derive(Debug, Clone)]
pub struct Connection {
    /// PEM files of certificate authorities to trust; with none, those that Mozilla trusts, which are built in.
    pub ca_certificates: Vec<Vec<u8>>,
    /// A proxy for all hosts but this machine, as `http://[USER:PASSWORD@]HOST[:PORT]`.
    pub proxy: Option<String>,
    /// Hosts that are asked without the proxy; `.example.org` stands for all below it.
    pub no_proxy: Vec<String>,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long one request may take. Logs of Rekor v2 answer when they have taken an entry in, which takes seconds.
    pub request: Duration,
    /// How long one signature may take, with all requests and attempts.
    pub total: Duration,
    /// How often to try, if a service is too busy or broken (429, 502 to 504); at least once.
    pub attempts: u32,
    /// How long to wait before the second attempt; before each further one twice as long.
    pub pause: Duration,
    /// Take plain HTTP from any host. From this machine it is always taken.
    pub insecure: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            ca_certificates: Vec::new(),
            proxy: None,
            no_proxy: Vec::new(),
            user_agent: concat!("sbom-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            request: Duration::from_secs(30),
            total: Duration::from_secs(120),
            attempts: 3,
            pause: Duration::from_secs(1),
            insecure: false,
        }
    }
}

/// The services cannot be talked to like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A file of certificate authorities is of no use.
    #[error("the certificates of authorities cannot be used: {reason}")]
    Certificates {
        /// What is wrong.
        reason: String,
    },
    /// The proxy's address is none.
    #[error("the proxy's address is none")]
    Proxy,
    /// There can be no client.
    #[error("there can be no HTTP client: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
}

impl Connection {
    /// That an address is one, and encrypted or on this machine.
    pub(super) fn check(&self, service: Service, url: &str) -> Result<(), ServicesError> {
        let address = || ServicesError::Address { service, url: url.to_owned() };
        let parsed = Url::parse(url).map_err(|_says_less| address())?;
        let host = parsed.host_str().ok_or_else(address)?;
        match parsed.scheme() {
            "https" => Ok(()),
            "http" if self.insecure || is_this_machine(host) => Ok(()),
            "http" => Err(ServicesError::Unencrypted { service, url: url.to_owned() }),
            _ => Err(address()),
        }
    }

    /// A client that goes where it is sent, and to no other host: a redirected request would carry the token along.
    pub(super) fn client(&self, url: &str) -> Result<Client, ConnectionError> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.tls()?)
            .no_proxy()
            .redirect(Policy::none())
            .timeout(self.request)
            .user_agent(&self.user_agent)
            .pool_max_idle_per_host(0);
        let local = Url::parse(url).ok().and_then(|url| url.host_str().map(is_this_machine)) == Some(true);
        if let (Some(proxy), false) = (&self.proxy, local) {
            let excluded = ["localhost", "127.0.0.1", "::1"].into_iter();
            let excluded: Vec<&str> = excluded.chain(self.no_proxy.iter().map(String::as_str)).collect();
            let address = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
            let proxy = Proxy::all(address).map_err(|_may_quote_a_password| ConnectionError::Proxy)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&excluded.join(","))));
        }
        builder.build().map_err(|error| ConnectionError::Client { reason: error.to_string() })
    }

    fn tls(&self) -> Result<ClientConfig, ConnectionError> {
        let unusable = |reason: String| ConnectionError::Certificates { reason };
        let mut roots = RootCertStore::empty();
        if self.ca_certificates.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for pem in &self.ca_certificates {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                // One authority of a system's hundreds may be of a kind that is not known.
                drop(roots.add(certificate));
            }
        }
        if roots.is_empty() {
            return Err(unusable("there is none".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectionError::Client { reason: error.to_string() })?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }

    /// Waits for `work`, but no longer than [`Connection::total`].
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, KeylessError> {
        if Handle::try_current().is_ok() {
            return Err(KeylessError::InsideRuntime);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(KeylessError::Runtime)?;
        let done = runtime.block_on(async { tokio::time::timeout(self.total, work).await });
        // A name that is still being looked up would otherwise be waited for.
        runtime.shutdown_background();
        done.map_err(|_elapsed| KeylessError::Deadline { limit: self.total })
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

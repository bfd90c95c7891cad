//! Which services sign: from a signing configuration, from addresses, or those of the public-good instance.

use sigstore_sign::{ConfigError, SigningServices, rekor::RekorApiVersion};
use sigstore_trust_root::{SigningConfig, SigstoreInstance};

use super::{connection::Connection, error::KeylessError, error::Service};

/// The version of a log's API. Logs of different versions are different logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RekorVersion {
    /// Promises with a time, and takes the whole statement.
    V1,
    /// Of tiles: no time, so that a time-stamp authority must give it, and of the statement a digest alone.
    V2,
}

/// The services that a signature needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// The address of Fulcio.
    pub fulcio: String,
    /// The address of the log.
    pub rekor: String,
    /// The API that the log speaks.
    pub rekor_version: RekorVersion,
    /// The whole address of the time-stamp authority; with logs of version 1 there may be none.
    pub timestamp_authority: Option<String>,
    /// Bytes of a statement that the log refuses, where that is known.
    pub statement_bytes: Option<usize>,
}

/// It is not clear which services to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServicesError {
    /// The signing configuration cannot be read.
    #[error("the signing configuration cannot be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// It names no such service that is valid now and speaks a version that is known.
    #[error("the signing configuration has no {service} that is valid today and of a known version")]
    Missing {
        /// What is missing.
        service: String,
    },
    /// It wants several services of a kind, and one is what can be had.
    #[error(
        "the signing configuration wants more than one {service} ({wanted}), or does not say how many: one is used, so that what is signed would not do"
    )]
    Several {
        /// Of what.
        service: String,
        /// The selector.
        wanted: String,
    },
    /// A log of version 2 gives no time.
    #[error("a log of Rekor v2 gives no time: name a time-stamp authority")]
    NoTimestampAuthority,
    /// An address is none.
    #[error("{service}: {url:?} is no address as in https://HOST[:PORT][/PATH]")]
    Address {
        /// Of which service.
        service: Service,
        /// The address.
        url: String,
    },
    /// What is said to it could be read by others.
    #[error("{service}: {url} is not encrypted, and not on this machine: use https")]
    Unencrypted {
        /// Of which service.
        service: Service,
        /// The address.
        url: String,
    },
}

/// The log of the public-good instance of version 1, and what it refuses. The size is not documented: statements about
/// it are in sigstore/cosign issue 3599 and sigstore/rekor issue 2808; it cuts the connection rather than saying so.
const PUBLIC_LOG: (&str, usize) = ("https://rekor.sigstore.dev", 3_500_000);

impl Services {
    /// The services at these addresses.
    pub fn new(
        fulcio: &str,
        rekor: &str,
        rekor_version: RekorVersion,
        timestamp_authority: Option<&str>,
    ) -> Self {
        let (public, limit) = PUBLIC_LOG;
        Self {
            fulcio: fulcio.to_owned(),
            rekor: rekor.to_owned(),
            rekor_version,
            timestamp_authority: timestamp_authority.map(str::to_owned),
            statement_bytes: (rekor.trim_end_matches('/') == public).then_some(limit),
        }
    }

    /// The services of the public-good instance, as they were when this was built.
    ///
    /// # Errors
    ///
    /// If all that were known then are out of use.
    pub fn public_good() -> Result<Self, ServicesError> {
        Self::embedded(SigstoreInstance::PublicGood)
    }

    /// The services of the instance that is there for tests, as they were when this was built.
    ///
    /// # Errors
    ///
    /// If all that were known then are out of use.
    pub fn staging() -> Result<Self, ServicesError> {
        Self::embedded(SigstoreInstance::Staging)
    }

    fn embedded(instance: SigstoreInstance) -> Result<Self, ServicesError> {
        let config = instance
            .embedded_signing_config()
            .map_err(|error| ServicesError::Unreadable { reason: error.to_string() })?
            .ok_or(ServicesError::Missing { service: "signing configuration".to_owned() })?;
        Self::select(&config, None)
    }

    /// The services that a `signing_config.json` (version 0.2) names, those valid today: the first of the newest
    /// version that is known, or of version `rekor` if that is given.
    ///
    /// Selectors: `ANY`, `EXACT` with a count of 1, and `ALL` where one operator runs all of them.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or what it asks for cannot be met.
    pub fn from_signing_config(json: &[u8], rekor: Option<RekorVersion>) -> Result<Self, ServicesError> {
        let unreadable = |reason: String| ServicesError::Unreadable { reason };
        let text = std::str::from_utf8(json).map_err(|error| unreadable(error.to_string()))?;
        let config = SigningConfig::from_json(text).map_err(|error| unreadable(error.to_string()))?;
        Self::select(&config, rekor)
    }

    fn select(config: &SigningConfig, rekor: Option<RekorVersion>) -> Result<Self, ServicesError> {
        let version = rekor.map(RekorVersion::to_api);
        let services =
            SigningServices::from_signing_config_with_rekor_version(config, version).map_err(|error| {
                match error {
                    sigstore_sign::Error::Config(error) => error.into(),
                    other => ServicesError::Unreadable { reason: other.to_string() },
                }
            })?;
        let version = match services.rekor_api_version() {
            RekorApiVersion::V1 => RekorVersion::V1,
            RekorApiVersion::V2 => RekorVersion::V2,
            _ => return Err(ServicesError::Missing { service: "log".to_owned() }),
        };
        Ok(Self::new(services.fulcio_url(), services.rekor_url(), version, services.tsa_url()))
    }

    /// The address of one of them; empty for those that signing does not ask.
    pub fn url(&self, service: Service) -> &str {
        match service {
            Service::Fulcio => &self.fulcio,
            Service::Rekor => &self.rekor,
            Service::TimestampAuthority => self.timestamp_authority.as_deref().unwrap_or_default(),
            Service::CiSystem | Service::TufRepository => "",
        }
    }

    /// That the addresses are some, and that tokens and statements go there unread.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), ServicesError> {
        if self.rekor_version == RekorVersion::V2 && self.timestamp_authority.is_none() {
            return Err(ServicesError::NoTimestampAuthority);
        }
        for service in [Service::Fulcio, Service::Rekor, Service::TimestampAuthority] {
            if service == Service::TimestampAuthority && self.timestamp_authority.is_none() {
                continue;
            }
            connection.check(service, self.url(service))?;
        }
        Ok(())
    }

    pub(super) fn check_size(&self, size: usize) -> Result<(), KeylessError> {
        match (self.rekor_version, self.statement_bytes) {
            (RekorVersion::V1, Some(limit)) if size >= limit => {
                Err(KeylessError::TooLarge { size, log: self.rekor.clone(), limit })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn to_signing(&self) -> SigningServices {
        let services = SigningServices::new(&self.fulcio, &self.rekor)
            .with_rekor(&self.rekor, self.rekor_version.to_api());
        match &self.timestamp_authority {
            Some(url) => services.with_tsa_url(url),
            None => services,
        }
    }
}

impl RekorVersion {
    fn to_api(self) -> RekorApiVersion {
        match self {
            Self::V1 => RekorApiVersion::V1,
            Self::V2 => RekorApiVersion::V2,
        }
    }
}

impl From<ConfigError> for ServicesError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::MissingService(service) => Self::Missing { service: service.to_string() },
            ConfigError::MissingRekorVersion(version) => {
                Self::Missing { service: format!("Rekor of version {}", version.major()) }
            }
            ConfigError::UnsatisfiableSelector { service, selector, count } => Self::Several {
                service: service.to_string(),
                wanted: match count {
                    Some(count) => format!("{selector:?} {count}").to_uppercase(),
                    None => format!("{selector:?}").to_uppercase(),
                },
            },
            ConfigError::TimestampAuthorityRequired => Self::NoTimestampAuthority,
            other => Self::Unreadable { reason: other.to_string() },
        }
    }
}

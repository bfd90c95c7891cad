//! What the program takes from its environment; read once, in this file alone.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use sbom_core::document::{Snapshot, Timestamp};

/// Where distributions keep the certificates of authorities, as one file.
const CERTIFICATE_STORES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The environment variables that mean something here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) source_date_epoch: Option<String>,
    pub(crate) no_color: bool,
    pub(crate) dumb_terminal: bool,
    pub(crate) ci: bool,
    pub(crate) columns: Option<usize>,
    pub(crate) registry_password: Option<String>,
    /// Where credentials may lie, asked one after the other.
    pub(crate) registry_configs: Vec<PathBuf>,
    /// Where the system keeps the certificates of authorities, the first that exists counts.
    pub(crate) certificate_stores: Vec<PathBuf>,
    pub(crate) https_proxy: Option<String>,
    pub(crate) no_proxy: Vec<String>,
    pub(crate) docker_sockets: Vec<PathBuf>,
    pub(crate) podman_sockets: Vec<PathBuf>,
    /// The library that reaches PKCS#11 tokens.
    #[cfg(feature = "pkcs11")]
    pub(crate) pkcs11_module: Option<PathBuf>,
    /// The number that opens PKCS#11 tokens.
    #[cfg(feature = "pkcs11")]
    pub(crate) pkcs11_pin: Option<sbom_core::attest::key::Password>,
    /// What a workflow of GitHub's says of its own run.
    pub(crate) snapshot: Snapshot,
    /// Where the user's settings may lie, beside the current folder.
    pub(crate) settings: Vec<PathBuf>,
    /// The settings that are to be read, and no others.
    pub(crate) named_settings: Option<PathBuf>,
    /// Where what layers gave is kept between runs.
    pub(crate) cache_folder: Option<PathBuf>,
    /// How much of it may be kept, as the user wrote it.
    pub(crate) cache_size: Option<String>,
    /// Where the official schemas of documents lie.
    pub(crate) schemas: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables.
    pub(crate) fn read() -> Self {
        let home = path("HOME");
        let runtime = path("XDG_RUNTIME_DIR");
        let config = path("XDG_CONFIG_HOME").or_else(|| Some(home.as_deref()?.join(".config")));
        // Source: XDG Base Directory Specification; what is relative is to be ignored.
        let cache = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let cache = cache.or_else(|| Some(home.as_deref()?.join(".cache")));
        let data = path("XDG_DATA_HOME").or_else(|| Some(home.as_deref()?.join(".local/share")));
        let docker_config = path("DOCKER_CONFIG").or_else(|| Some(home.as_deref()?.join(".docker")));
        let below =
            |folder: &Option<PathBuf>, file: &str| folder.as_deref().map(|folder: &Path| folder.join(file));
        let registry_configs = match path("REGISTRY_AUTH_FILE") {
            // A file that the user names must be the one that is read.
            Some(named) => vec![named],
            None => [
                below(&docker_config, "config.json"),
                below(&runtime, "containers/auth.json"),
                below(&config, "containers/auth.json"),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        Self {
            source_date_epoch: text("SOURCE_DATE_EPOCH"),
            no_color: text("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
            ci: text("CI").is_some_and(|ci| ci != "false" && ci != "0"),
            columns: text("COLUMNS").and_then(|columns| columns.parse().ok()),
            registry_password: text("SBOMCTL_REGISTRY_PASSWORD"),
            schemas: path("SBOMCTL_SCHEMAS").or_else(|| below(&data, "sbomctl/schemas")),
            cache_folder: path("SBOMCTL_CACHE_DIR").or_else(|| below(&cache, "sbomctl")),
            cache_size: text("SBOMCTL_CACHE_SIZE"),
            registry_configs,
            certificate_stores: match path("SSL_CERT_FILE") {
                Some(named) => vec![named],
                None => CERTIFICATE_STORES.iter().map(PathBuf::from).collect(),
            },
            https_proxy: text("HTTPS_PROXY").or_else(|| text("https_proxy")),
            no_proxy: text("NO_PROXY")
                .or_else(|| text("no_proxy"))
                .map(|hosts| hosts.split(',').map(|host| host.trim().to_owned()).collect())
                .unwrap_or_default(),
            docker_sockets: sockets(
                "DOCKER_HOST",
                &[
                    Some("/var/run/docker.sock".into()),
                    below(&runtime, "docker.sock"),
                    below(&home, ".docker/run/docker.sock"),
                ],
            ),
            podman_sockets: sockets(
                "CONTAINER_HOST",
                &[below(&runtime, "podman/podman.sock"), Some("/run/podman/podman.sock".into())],
            ),
            #[cfg(feature = "pkcs11")]
            pkcs11_module: path("PKCS11_MODULE_PATH").or_else(|| path("COSIGN_PKCS11_MODULE_PATH")),
            #[cfg(feature = "pkcs11")]
            pkcs11_pin: text("COSIGN_PKCS11_PIN").map(Into::into),
            snapshot: snapshot(),
            settings: below(&config, "sbomctl/sbomctl.toml").into_iter().collect(),
            named_settings: path("SBOMCTL_CONFIG"),
        }
    }
}

/// The variable that the user names, or that may well be empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    env::var_os(name)
}

fn snapshot() -> Snapshot {
    let said = |name: &str| text(name).unwrap_or_default();
    let correlator: Vec<String> = ["GITHUB_WORKFLOW", "GITHUB_JOB"].into_iter().filter_map(text).collect();
    Snapshot {
        sha: said("GITHUB_SHA"),
        reference: said("GITHUB_REF"),
        job: said("GITHUB_RUN_ID"),
        correlator: correlator.join("_"),
    }
}

/// The time.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_unix(seconds).unwrap_or(Timestamp::UNKNOWN)
}

/// Something that differs between programs that run at the same time. No secret.
pub(crate) fn entropy() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    let nanos =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()));
    nanos ^ (u64::from(std::process::id()) << 32)
}

fn sockets(variable: &str, usual: &[Option<PathBuf>]) -> Vec<PathBuf> {
    match text(variable) {
        // A daemon that the user names is the one to ask, even if it cannot be asked: never another in its place.
        Some(host) => vec![PathBuf::from(host.strip_prefix("unix://").unwrap_or(&host))],
        None => usual.iter().flatten().cloned().collect(),
    }
}

fn path(name: &str) -> Option<PathBuf> {
    raw(name).map(PathBuf::from)
}

fn text(name: &str) -> Option<String> {
    raw(name)?.into_string().ok()
}

/// An empty variable counts as one that is not set.
fn raw(name: &str) -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    env::var_os(name).filter(|value| !value.is_empty())
}

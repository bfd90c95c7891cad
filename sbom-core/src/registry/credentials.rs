//! Credentials for registries: from arguments, or from the files and helpers of Docker and Podman.
//!
//! Source: docker/cli `config.json`, containers/image containers-auth.json(5), docker-credential-helpers. Of the
//! crates that read these files none knows keys with a path (`quay.io/org`) and keeps to bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug},
};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;

use super::helper;
use crate::{limits::Limits, oci::reference::Repository};

/// The key under which Docker keeps what belongs to Docker Hub.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// What proves to a registry who asks. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A token to be exchanged for others (OAuth 2 refresh token).
    IdentityToken(String),
}

impl Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(..)",
            Self::IdentityToken(_) => "IdentityToken(..)",
        })
    }
}

/// Credentials are there but cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A file is not in the form of Docker's configuration.
    #[error("{file} does not hold credentials in the form of Docker's config.json: {source}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An entry is not base64 of a user name, a colon and a password.
    #[error("{file}: the entry for {key} is no base64 of USER:PASSWORD; log in again")]
    Entry {
        /// The file.
        file: String,
        /// The entry's key.
        key: String,
    },
    /// A helper cannot be run, or says something else than credentials.
    #[error("the credential helper docker-credential-{helper} failed: {reason}")]
    Helper {
        /// Its name.
        helper: String,
        /// Why.
        reason: String,
    },
}

/// Knows credentials.
pub trait CredentialStore: Debug + Send + Sync {
    /// The credentials for `repository`; none if it is to be asked anonymously.
    fn find(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError>;
}

/// No credentials at all.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

impl CredentialStore for Anonymous {
    fn find(&self, _: &Repository) -> Result<Option<Credentials>, CredentialError> {
        Ok(None)
    }
}

/// Credentials for the registries that they were given for. All others are asked anonymously, whoever names them.
#[derive(Debug, Clone)]
pub struct Login {
    credentials: Credentials,
    hosts: BTreeSet<String>,
}

impl Login {
    /// `credentials` for the registries of `repositories`.
    pub fn new<'a>(credentials: Credentials, repositories: impl IntoIterator<Item = &'a Repository>) -> Self {
        let hosts = repositories.into_iter().map(|repository| repository.host().to_owned());
        Self { credentials, hosts: hosts.collect() }
    }
}

impl CredentialStore for Login {
    fn find(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        let is_meant = self.hosts.contains(repository.host());
        Ok(is_meant.then(|| self.credentials.clone()))
    }
}

/// Credentials from files in the form of Docker's `config.json`, asked one after the other.
#[derive(Debug, Default)]
pub struct AuthFiles {
    files: Vec<(String, ConfigFile)>,
    limits: Limits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigFile {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(..)")
    }
}

impl AuthFiles {
    /// No files.
    pub fn new(limits: &Limits) -> Self {
        Self { files: Vec::new(), limits: limits.clone() }
    }

    /// Adds a file, by its name for messages and its bytes.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), CredentialError> {
        let file = serde_json::from_slice(bytes)
            .map_err(|source| CredentialError::File { file: name.to_owned(), source })?;
        self.files.push((name.to_owned(), file));
        Ok(())
    }
}

impl CredentialStore for AuthFiles {
    fn find(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        let keys = keys(repository);
        for (name, file) in &self.files {
            let host = repository.host();
            let helper = [host, DOCKER_HUB_KEY].into_iter().find_map(|key| {
                let applies = key == host || host == "docker.io";
                file.cred_helpers.get(key).filter(|_| applies).map(|helper| (key, helper))
            });
            if let Some((key, helper)) = helper {
                let server = if host == "docker.io" { DOCKER_HUB_KEY } else { key };
                if let Some(found) = ask_helper(helper, server, &self.limits)? {
                    return Ok(Some(found));
                }
            }
            for key in &keys {
                if let Some(found) =
                    file.auths.get(key).map(|entry| entry.read(name, key)).transpose()?.flatten()
                {
                    return Ok(Some(found));
                }
            }
            if let Some(helper) = &file.creds_store {
                let server = if host == "docker.io" { DOCKER_HUB_KEY } else { host };
                if let Some(found) = ask_helper(helper, server, &self.limits)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}

/// The keys that may hold credentials for `repository`, the most specific first.
fn keys(repository: &Repository) -> Vec<String> {
    let host = repository.host();
    let mut keys = Vec::new();
    let mut path = repository.path();
    loop {
        keys.push(format!("{host}/{path}"));
        match path.rsplit_once('/') {
            Some((above, _)) => path = above,
            None => break,
        }
    }
    keys.push(host.to_owned());
    keys.extend(
        ["https://", "http://"].iter().flat_map(|scheme| {
            ["", "/", "/v1/", "/v2/"].iter().map(move |end| format!("{scheme}{host}{end}"))
        }),
    );
    if host == "docker.io" {
        keys.push(DOCKER_HUB_KEY.to_owned());
        keys.push("index.docker.io".to_owned());
    }
    keys
}

impl Entry {
    fn read(&self, file: &str, key: &str) -> Result<Option<Credentials>, CredentialError> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(token)));
        }
        if let Some(auth) = filled(&self.auth) {
            let wrong = || CredentialError::Entry { file: file.to_owned(), key: key.to_owned() };
            let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let decoded = GeneralPurpose::new(&STANDARD, config).decode(auth.trim()).ok();
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
            let (username, password) = decoded.split_once(':').ok_or_else(wrong)?;
            // Docker writes NUL bytes behind the password.
            let password = password.trim_end_matches('\0').to_owned();
            return Ok(Some(Credentials::Password { username: username.to_owned(), password }));
        }
        let pair = filled(&self.username).zip(filled(&self.password));
        Ok(pair.map(|(username, password)| Credentials::Password { username, password }))
    }
}

fn ask_helper(helper: &str, server: &str, limits: &Limits) -> Result<Option<Credentials>, CredentialError> {
    helper::ask(helper, server, helper::TIME, limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::reference::Reference;

    fn find(config: &str, image: &str) -> Result<Option<Credentials>, CredentialError> {
        let mut files = AuthFiles::new(&Limits::default());
        files.add("config.json", config.as_bytes())?;
        files.find(image.parse::<Reference>().unwrap().repository())
    }

    fn password(username: &str, password: &str) -> Credentials {
        Credentials::Password { username: username.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn entries_are_found_by_host_and_path_the_longest_first() {
        let config = r#"{"auths": {
            "quay.io": {"auth": "YTox"},
            "quay.io/org": {"auth": "Yjoy"},
            "quay.io/org/repo": {"username": "c", "password": "3:4"},
            "https://index.docker.io/v1/": {"auth": "ZDo1AAA="},
            "https://old.example": {"identitytoken": "t"}
        }}"#;
        for (image, expected) in [
            ("quay.io/other/x", Some(password("a", "1"))),
            ("quay.io/org/x", Some(password("b", "2"))),
            ("quay.io/org/repo", Some(password("c", "3:4"))),
            ("quay.io/organisation/x", Some(password("a", "1"))),
            ("alpine", Some(password("d", "5"))),
            ("old.example/x", Some(Credentials::IdentityToken("t".to_owned()))),
            ("other.example/x", None),
            ("quay.io.evil.example/x", None),
        ] {
            assert_eq!(find(config, image).unwrap(), expected, "{image}");
        }
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_an_error_that_names_it() {
        for bad in ["!", "YQ=="] {
            let config = format!(r#"{{"auths": {{"quay.io": {{"auth": "{bad}"}}}}}}"#);
            let error = find(&config, "quay.io/x").unwrap_err().to_string();
            assert!(error.contains("quay.io") && error.contains("config.json"), "{error}");
        }
        assert!(find("1", "quay.io/x").is_err());
        assert_eq!(find("{}", "quay.io/x").unwrap(), None);
        assert_eq!(find(r#"{"auths": {"quay.io": {}}, "HttpHeaders": {}}"#, "quay.io/x").unwrap(), None);
    }

    #[test]
    fn a_helper_is_named_by_a_plain_word() {
        for helper in ["../evil", "a b", "", "a/b"] {
            let config = format!(r#"{{"credHelpers": {{"quay.io": "{helper}"}}}}"#);
            let error = find(&config, "quay.io/x").unwrap_err().to_string();
            assert!(error.contains("helper"), "{error}");
        }
    }

    #[test]
    fn a_helper_that_is_missing_is_an_error() {
        let error = find(r#"{"credsStore": "surely-not-there"}"#, "quay.io/x").unwrap_err();
        assert!(matches!(error, CredentialError::Helper { .. }));
    }

    #[test]
    fn a_login_is_for_the_registries_it_was_given_for() {
        let repository = |name: &str| name.parse::<Repository>().unwrap();
        let login = Login::new(password("a", "1"), [&repository("Quay.io/x"), &repository("alpine")]);
        for meant in ["quay.io/other/y", "quay.io:443/x", "docker.io/org/x", "registry-1.docker.io/org/x"] {
            assert_eq!(login.find(&repository(meant)).unwrap(), Some(password("a", "1")), "{meant}");
        }
        for other in ["quay.io:5000/x", "quay.io.evil.example/x", "a.quay.io/x", "127.0.0.1:1/quay.io/x"] {
            assert_eq!(login.find(&repository(other)).unwrap(), None, "{other}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let credentials = password("user", "secret");
        assert!(!format!("{credentials:?}").contains("secret"));
        let login = Login::new(credentials, &["alpine".parse().unwrap()]);
        assert!(!format!("{login:?}").contains("secret"));
    }
}

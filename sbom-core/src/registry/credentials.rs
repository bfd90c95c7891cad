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
use crate::{
    limits::Limits,
    oci::reference::{Repository, normal_host},
};

/// Docker Hub as images are named.
const DOCKER_HUB: &str = "docker.io";
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
    files: Vec<AuthFile>,
    limits: Limits,
}

#[derive(Debug)]
struct AuthFile {
    name: String,
    config: ConfigFile,
    /// The keys of `auths` by what they stand for, the plain spelling first: `docker login` keeps `HOST:443` as it is.
    spellings: BTreeMap<String, Vec<String>>,
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
        let config: ConfigFile = serde_json::from_slice(bytes)
            .map_err(|source| CredentialError::File { file: name.to_owned(), source })?;
        let spellings = spellings(config.auths.keys());
        self.files.push(AuthFile { name: name.to_owned(), config, spellings });
        Ok(())
    }
}

impl CredentialStore for AuthFiles {
    fn find(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        let mut found = self.files.iter().map(|file| file.find(repository, &self.limits));
        found.find_map(Result::transpose).transpose()
    }
}

/// A helper and the name by which it is asked for a registry.
type Question = (String, String);

impl AuthFile {
    fn find(&self, repository: &Repository, limits: &Limits) -> Result<Option<Credentials>, CredentialError> {
        let (own, shared) = self.helpers(repository.host());
        if let Some(found) = ask(&own, limits)? {
            return Ok(Some(found));
        }
        for key in keys(repository).iter().flat_map(|key| self.spelt(key)) {
            let entry = self.config.auths.get(key).map(|entry| entry.read(&self.name, key));
            if let Some(found) = entry.transpose()?.flatten() {
                return Ok(Some(found));
            }
        }
        ask(&shared, limits)
    }

    /// The helpers of the registry `host` alone, and that of all, with the names by which they may know it.
    fn helpers(&self, host: &str) -> (Vec<Question>, Vec<Question>) {
        let usual = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { host };
        let mut own = Vec::new();
        let helpers = &self.config.cred_helpers;
        for key in spellings(helpers.keys()).remove(host).unwrap_or_default() {
            let helper = helpers.get(&key).cloned().unwrap_or_default();
            if host == DOCKER_HUB && key != usual {
                own.push((helper.clone(), usual.to_owned()));
            }
            own.push((helper, key));
        }
        let spelt = self.spelt(host).iter().map(String::as_str).filter(|key| *key != usual);
        let names = [usual].into_iter().chain(spelt);
        let shared = self.config.creds_store.iter();
        let shared = shared.flat_map(|helper| names.clone().map(|name| (helper.clone(), name.to_owned())));
        (own, shared.collect())
    }

    /// The keys of `auths` that stand for `key`.
    fn spelt(&self, key: &str) -> &[String] {
        self.spellings.get(key).map(Vec::as_slice).unwrap_or_default()
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
    keys
}

/// `keys` by what they stand for, the plain spelling first.
fn spellings<'a>(keys: impl Iterator<Item = &'a String>) -> BTreeMap<String, Vec<String>> {
    let mut spellings = BTreeMap::<String, Vec<String>>::new();
    for key in keys {
        let Some(plain) = plain(key) else { continue };
        let at = if plain == *key { 0 } else { usize::MAX };
        let known = spellings.entry(plain).or_default();
        known.insert(at.min(known.len()), key.clone());
    }
    spellings
}

/// `HOST` or `HOST/PATH`, with the host spelt as in a [`Repository`], of a key: that, or the URL of a registry.
fn plain(key: &str) -> Option<String> {
    let url = ["https://", "http://"].iter().find_map(|scheme| key.strip_prefix(scheme));
    let (host, path) = url.unwrap_or(key).split_once('/').unwrap_or((url.unwrap_or(key), ""));
    match (url, path) {
        (_, "") | (Some(_), "v1/" | "v2/") => Some(normal_host(host)),
        (Some(_), _) => None,
        (None, path) => Some(format!("{}/{path}", normal_host(host))),
    }
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

/// The first answer to `questions`.
fn ask(questions: &[Question], limits: &Limits) -> Result<Option<Credentials>, CredentialError> {
    let mut answers =
        questions.iter().map(|(helper, server)| helper::ask(helper, server, helper::TIME, limits));
    answers.find_map(Result::transpose).transpose()
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
    fn a_registry_is_known_however_it_is_spelt() {
        let config = r#"{"auths": {
            "reg.corp:443": {"auth": "YTox"},
            "both.corp": {"auth": "YTox"},
            "BOTH.corp:443": {"auth": "Yjoy"},
            "https://url.corp:443/v2/": {"auth": "YTox"},
            "path.corp:443/org": {"auth": "YTox"},
            "[2001:DB8::0]:443": {"auth": "YTox"},
            "http://elsewhere.corp/org": {"auth": "YTox"},
            "empty.corp": {},
            "empty.corp:443": {"auth": "YTox"},
            "registry-1.docker.io": {"auth": "Yjoy"}
        }}"#;
        let (first, second) = (Some(password("a", "1")), Some(password("b", "2")));
        for (image, expected) in [
            ("reg.corp/x", &first),
            ("reg.corp:443/x", &first),
            ("reg.corp:8443/x", &None),
            ("reg.corp:80/x", &None),
            ("both.corp:443/x", &first),
            ("url.corp/x", &first),
            ("path.corp/org/x", &first),
            ("path.corp/other/x", &None),
            ("[2001:db8::]/x", &first),
            ("elsewhere.corp/org/x", &None),
            ("empty.corp/x", &first),
            ("alpine", &second),
        ] {
            assert_eq!(find(config, image).unwrap(), *expected, "{image}");
        }
    }

    #[test]
    fn helpers_are_asked_for_a_registry_as_it_is_spelt_to_them() {
        let config = r#"{
            "auths": {"reg.corp:443": {}, "https://index.docker.io/v1/": {}, "docker.io": {}},
            "credHelpers": {"own.corp:443": "own", "registry-1.docker.io": "hub"},
            "credsStore": "store"
        }"#;
        let mut files = AuthFiles::new(&Limits::default());
        files.add("config.json", config.as_bytes()).unwrap();
        let [file] = files.files.as_slice() else { panic!("one file") };
        let asked = |host: &str| {
            let (own, shared) = file.helpers(host);
            own.iter().chain(&shared).map(|(helper, server)| format!("{helper} {server}")).collect::<Vec<_>>()
        };
        assert_eq!(asked("reg.corp"), ["store reg.corp", "store reg.corp:443"]);
        assert_eq!(asked("own.corp"), ["own own.corp:443", "store own.corp"]);
        let hub = ["hub https://index.docker.io/v1/", "hub registry-1.docker.io"];
        let store = ["store https://index.docker.io/v1/", "store docker.io"];
        assert_eq!(asked("docker.io"), [hub, store].concat());
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

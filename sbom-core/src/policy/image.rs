//! Which images a rule is for: patterns of repositories, tags and digests.

use std::{fmt, str::FromStr};

use crate::{
    digest::Digest,
    oci::reference::{Repository, normal_host},
    query::Glob,
};

/// A pattern of images: `ghcr.io/acme/**`, `docker.io/library/alpine:3.*`, `quay.io/a/b@sha256:…`.
///
/// It is compared with the repository in its full form, so Docker Hub's images begin with `docker.io/`. Other spellings of a
/// registry, with the port of TLS or as `registry-1.docker.io`, are that registry, in patterns as in references. `*` stands for
/// anything within a segment, `**` for any number of segments. With a tag it matches only what was asked for by a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    text: String,
    repository: Glob,
    tag: Option<Glob>,
    digest: Option<Digest>,
}

/// A text is no pattern of images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImagePatternError {
    /// Nothing is named.
    #[error("it names no repository")]
    Empty,
    /// A short form, which no full name can match.
    #[error("it would match nothing: images are named in full, with their registry; write {suggestion:?}")]
    Short {
        /// What was probably meant.
        suggestion: String,
    },
    /// The digest is none.
    #[error("its digest is none: {0}")]
    Digest(#[from] crate::digest::DigestError),
    /// Letters that no repository has.
    #[error("no repository has upper-case letters or blanks in its path")]
    Letters,
    /// A port that is any, which a registry at the usual one does not have.
    #[error(
        "it would not match the registry at its usual port, which no name has: write {suggestion:?}, and a pattern for each \
         other port"
    )]
    Port {
        /// The same without a port.
        suggestion: String,
    },
    /// A pattern of the other names of Docker Hub, which no name has.
    #[error(
        "it would match nothing: Docker Hub is docker.io by whatever name it is asked for; write {suggestion:?}"
    )]
    Hub {
        /// What was probably meant.
        suggestion: String,
    },
}

impl FromStr for ImagePattern {
    type Err = ImagePatternError;

    fn from_str(text: &str) -> Result<Self, ImagePatternError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let after_slash = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, last) = rest.split_at_checked(after_slash).unwrap_or(("", rest));
        let (name, tag) = match last.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (last, None),
        };
        let repository = format!("{folder}{name}");
        if name.is_empty() || tag == Some("") {
            return Err(ImagePatternError::Empty);
        }
        let (host, path) = repository.split_once('/').unwrap_or(("", &repository));
        if path.contains(|c: char| c.is_ascii_uppercase() || c.is_whitespace()) {
            return Err(ImagePatternError::Letters);
        }
        let host = normal_host(host);
        let is_host = host == "localhost" || host.contains(['.', ':', '*', '[']);
        if !is_host && repository != "**" {
            return Err(ImagePatternError::Short { suggestion: suggestion(&repository) });
        }
        check_host(&host, path)?;
        let is_hub = host == "docker.io" && !path.contains('/') && path != "**";
        if is_hub && path.contains('*') {
            return Err(ImagePatternError::Short { suggestion: format!("docker.io/library/{path}") });
        }
        let repository = match host.as_str() {
            "" => repository,
            // An image of Docker Hub without a folder is one of this folder.
            _ if is_hub => format!("{host}/library/{path}"),
            _ => format!("{host}/{path}"),
        };
        Ok(Self {
            text: text.to_owned(),
            repository: Glob::path(&repository.to_ascii_lowercase()),
            tag: tag.map(Glob::path),
            digest,
        })
    }
}

/// What no registry is called once its name has its one spelling would match nothing, and the rule be for no image.
fn check_host(host: &str, path: &str) -> Result<(), ImagePatternError> {
    if let Some((name, port)) = host.rsplit_once(':')
        && port.contains('*')
        && !port.contains(']')
    {
        return Err(ImagePatternError::Port { suggestion: format!("{name}/{path}") });
    }
    let of_hub = [".docker.io", ".hub.docker.com"].iter().any(|end| host.ends_with(end));
    if of_hub && host.contains('*') {
        return Err(ImagePatternError::Hub { suggestion: format!("docker.io/{path}") });
    }
    Ok(())
}

fn suggestion(repository: &str) -> String {
    if repository == "*" {
        return "**".to_owned();
    }
    let full = repository.parse::<Repository>().map(|repository| repository.to_string());
    full.unwrap_or_else(|_pattern| {
        if repository.contains('/') {
            format!("docker.io/{repository}")
        } else {
            format!("docker.io/library/{repository}")
        }
    })
}

impl ImagePattern {
    /// Whether it is for the image of `repository` (in full; empty for what is in no registry) that was asked for by
    /// `tag`, if by any, and has one of `digests`.
    pub fn matches<'a>(
        &self,
        repository: &str,
        tag: Option<&str>,
        mut digests: impl Iterator<Item = &'a Digest>,
    ) -> bool {
        let same_digest = self.digest.as_ref().is_none_or(|wanted| digests.any(|digest| digest == wanted));
        let same_tag = self.tag.as_ref().is_none_or(|pattern| tag.is_some_and(|tag| pattern.matches(tag)));
        self.repository.matches(repository) && same_tag && same_digest
    }
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, repository: &str, tag: Option<&str>) -> bool {
        pattern.parse::<ImagePattern>().unwrap().matches(repository, tag, [Digest::of(b"x")].iter())
    }

    #[test]
    fn patterns_are_compared_segment_by_segment() {
        assert!(check("ghcr.io/acme/**", "ghcr.io/acme/a/b", None));
        assert!(check("ghcr.io/acme/*", "ghcr.io/acme/a", None));
        assert!(!check("ghcr.io/acme/*", "ghcr.io/acme/a/b", None));
        assert!(!check("ghcr.io/acme/**", "ghcr.io/acme-evil/a", None));
        assert!(!check("ghcr.io/acme/app", "ghcr.io/acme/app2", None));
        assert!(!check("ghcr.io/acme/app", "evil.example/ghcr.io/acme/app", None));
        assert!(check("**", "", None) && check("**", "a.b/c", None));
        assert!(check("localhost:5000/a", "localhost:5000/a", None));
        assert!(check("*.example.com/a", "x.example.com/a", None));
        assert!(!check("*.example.com/a", "x.example.com.evil.org/a", None));
    }

    #[test]
    fn another_spelling_of_a_registry_escapes_no_pattern() {
        let full = |name: &str| name.parse::<Repository>().unwrap().to_string();
        for pattern in ["ghcr.io/acme/**", "ghcr.io:443/acme/**", "GHCR.IO/acme/app"] {
            for name in ["ghcr.io/acme/app", "ghcr.io:443/acme/app", "GHCR.io:0443/acme/app"] {
                assert!(check(pattern, &full(name), None), "{pattern} {name}");
            }
        }
        for pattern in [
            "docker.io/library/alpine",
            "docker.io/alpine",
            "registry-1.docker.io/library/*",
            "index.docker.io/**",
        ] {
            for name in ["alpine", "index.docker.io/alpine", "registry-1.docker.io:443/library/alpine"] {
                assert!(check(pattern, &full(name), None), "{pattern} {name}");
            }
        }
        assert!(!check("docker.io/library/**", "docker.io:5000/library/alpine", None));
    }

    #[test]
    fn tags_and_digests_narrow_a_pattern() {
        assert!(check("a.b/c:v*", "a.b/c", Some("v1")));
        assert!(!check("a.b/c:v*", "a.b/c", Some("1")) && !check("a.b/c:v*", "a.b/c", None));
        assert!(check(&format!("a.b/c@{}", Digest::of(b"x")), "a.b/c", Some("v1")));
        assert!(!check(&format!("a.b/c@{}", Digest::of(b"y")), "a.b/c", Some("v1")));
        assert!(check("localhost:5000/a:1", "localhost:5000/a", Some("1")));
    }

    #[test]
    fn what_could_match_nothing_is_an_error_with_what_was_meant() {
        for (text, suggestion) in [
            ("alpine", "docker.io/library/alpine"),
            ("*", "**"),
            ("grafana/grafana", "docker.io/grafana/grafana"),
            ("acme/*", "docker.io/acme/*"),
            ("docker.io/*", "docker.io/library/*"),
        ] {
            let error = text.parse::<ImagePattern>().unwrap_err();
            assert_eq!(error, ImagePatternError::Short { suggestion: suggestion.to_owned() });
        }
        for text in ["", "a.b/", "a.b/c:", "a.b/c@sha256:00", "a.b/C"] {
            assert!(text.parse::<ImagePattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_registry_is_called_is_an_error() {
        for (text, suggestion) in [
            ("ghcr.io:*/acme/**", "ghcr.io/acme/**"),
            ("localhost:50*/a", "localhost/a"),
            ("[::1]:*/a", "[::1]/a"),
            ("*.docker.io/library/**", "docker.io/library/**"),
            ("registry-*.docker.io/**", "docker.io/**"),
            ("*.hub.docker.com/acme/**", "docker.io/acme/**"),
        ] {
            let error = text.parse::<ImagePattern>().expect_err(text).to_string();
            assert!(error.contains(&format!("write {suggestion:?}")), "{text}: {error}");
        }
        assert!(check("*.com/acme/**", "a.com/acme/b", None));
        assert!(check("*docker.io/acme/**", "docker.io/acme/b", None));
        assert!(check("*:5000/a", "localhost:5000/a", None));
    }
}

//! The few URLs a registry client meets: its own, a redirect's target, a token server's.
//!
//! What an answer contains is hostile: only `http` and `https` to a plain host are taken, never user information,
//! which would become credentials, and never anything but printable ASCII.

use std::{fmt, net::IpAddr};

/// The longest URL taken; signed ones of content delivery networks have up to 4 KiB.
const URL_BYTES: usize = 16 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    /// Host and port as written, in lower case.
    authority: String,
    /// Path and query; begins with a slash.
    path: String,
}

impl Url {
    /// The URL of `path`, which begins with a slash, at `authority`, which a [`Repository`] has checked.
    ///
    /// [`Repository`]: crate::oci::reference::Repository
    pub(super) fn new(scheme: Scheme, authority: &str, path: &str) -> Self {
        Self { scheme, authority: authority.to_ascii_lowercase(), path: path.to_owned() }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > URL_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let rest = without_fragment(rest);
        let (authority, path) = match rest.find(['/', '?']).and_then(|at| rest.split_at_checked(at)) {
            Some((authority, path)) if path.starts_with('/') => (authority, path.to_owned()),
            Some((authority, query)) => (authority, format!("/{query}")),
            None => (rest, "/".to_owned()),
        };
        let url = Self { scheme, authority: authority.to_ascii_lowercase(), path };
        url.host_and_port().is_some().then_some(url)
    }

    /// Where `location`, of an answer to a request for `self`, points to.
    pub(super) fn join(&self, location: &str) -> Option<Self> {
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme));
        }
        let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
        if before_path.contains(':') {
            return Self::parse(location);
        }
        let own = self.path.split('?').next().unwrap_or("/");
        let path = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{own}{location}"),
            _ => format!("{}/{location}", own.rsplit_once('/').map_or("", |(folder, _)| folder)),
        };
        Self::parse(&format!("{}://{}{path}", self.scheme, self.authority))
    }

    /// The same URL with `pairs` added to its query.
    pub(super) fn with_query(&self, pairs: &[(&str, &str)]) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{separator}{}", self.path, form(pairs));
        Self { path, ..self.clone() }
    }

    pub(super) fn with_scheme(&self, scheme: Scheme) -> Self {
        Self { scheme, ..self.clone() }
    }

    /// Whether credentials meant for `self` may go to `other`.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.host_and_port() == other.host_and_port()
    }

    /// Whether the host is this machine by its very name, so that nothing sent to it leaves the machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.host_and_port().is_some_and(|(host, _)| is_loopback(host))
    }

    /// Host and port as written.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a port is written, so that the two schemes lead to the same one.
    pub(super) fn names_port(&self) -> bool {
        !self.authority.ends_with(']') && self.authority.contains(':')
    }

    /// The host, IPv6 in brackets, and the port, which the scheme gives where none is written.
    fn host_and_port(&self) -> Option<(&str, u16)> {
        let default = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (self.authority.as_str(), None),
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            Some(_) => return None,
            None => default,
        };
        let valid = if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            address.parse::<std::net::Ipv6Addr>().is_ok()
        } else {
            let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
            !host.is_empty() && host.bytes().all(name)
        };
        (valid && port > 0).then_some((host, port))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Names and values as `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    pairs.join("&")
}

/// Whether `host`, IPv6 in brackets, is `localhost`, within `127.0.0.0/8`, or `::1`.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::digest::hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_are_taken() {
        for good in ["https://a/b?c=d", "http://127.0.0.1:5000/", "https://[::1]:1/x", "https://a_b.c-d/%20"]
        {
            assert_eq!(Url::parse(good).unwrap().to_string(), good);
        }
        assert_eq!(Url::parse("HTTPS://Host?q#f").unwrap().to_string(), "https://host/?q");
        for bad in [
            "",
            "host/x",
            "ftp://host/",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://user@host/",
            "https://user:secret@host/",
            "https://host:/",
            "https://host:0/",
            "https://host:65536/",
            "https://host:+1/",
            "https://ho st/",
            "https://host/a b",
            "https://host/\r\nX: y",
            "https://hö/",
            "https://[::1/",
            "https://[nope]/",
            &format!("https://host/{}", "a".repeat(URL_BYTES)),
        ] {
            assert!(Url::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_location_is_resolved_against_the_request() {
        let base = Url::parse("https://host:1/v2/x/blobs/y?z").unwrap();
        for (location, expect) in [
            ("https://cdn/x", "https://cdn/x"),
            ("//cdn/x?y", "https://cdn/x?y"),
            ("/x", "https://host:1/x"),
            ("w", "https://host:1/v2/x/blobs/w"),
            ("?q", "https://host:1/v2/x/blobs/y?q"),
            ("/x?u=http://other:1/", "https://host:1/x?u=http://other:1/"),
        ] {
            assert_eq!(base.join(location).map(|url| url.to_string()).as_deref(), Some(expect), "{location}");
        }
        assert!(base.join("javascript:alert(1)").is_none());
        assert!(base.join("//user@cdn/").is_none());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = Url::parse("https://host/a").unwrap();
        let same = |other| origin.same_origin(&Url::parse(other).unwrap());
        assert!(same("https://HOST:443/b"));
        assert!(!same("http://host/a") && !same("https://host:444/a") && !same("https://host.evil/a"));
    }

    #[test]
    fn loopback_is_told_by_name_not_by_resolution() {
        let loopback = |host: &str| Url::parse(&format!("http://{host}/")).unwrap().is_loopback();
        for host in ["localhost", "LOCALHOST:5000", "a.localhost", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"] {
            assert!(loopback(host), "{host}");
        }
        for host in ["localhost.evil.tld", "127.0.0.1.evil.tld", "10.0.0.1", "[::2]", "0.0.0.0", "127.evil"] {
            assert!(!loopback(host), "{host}");
        }
    }

    #[test]
    fn a_query_is_added_encoded() {
        let url =
            Url::parse("https://auth/token?a=b").unwrap().with_query(&[("scope", "repository:x/y:pull&z")]);
        assert_eq!(url.to_string(), "https://auth/token?a=b&scope=repository%3Ax%2Fy%3Apull%26z");
    }
}

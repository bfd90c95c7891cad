//! Addresses that may stand in a bill as links.

/// The longest address that is kept.
const MAX_BYTES: usize = 2000;

/// `url`, if it is a syntactically valid `http` or `https` address (RFC 3986); none otherwise.
pub(super) fn http(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") || url.len() > MAX_BYTES {
        return None;
    }
    let host = rest.split(['/', '?', '#']).next()?;
    let named = host
        .rsplit('@')
        .next()?
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
    (named && host_is_valid(host) && rest_is_valid(rest)).then(|| format!("{scheme}://{rest}"))
}

fn host_is_valid(host: &str) -> bool {
    host.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'@')
    })
}

fn rest_is_valid(rest: &str) -> bool {
    let mut fragments = 0;
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let valid = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            b'#' => {
                fragments += 1;
                fragments == 1
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte),
        };
        if !valid {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_web_addresses_pass() {
        for url in [
            "https://busybox.net/",
            "http://a.b/c?d=e&f#g",
            "https://[::1]:80/",
            "https://x.org/%C3%A9",
            "https://a/~b/",
        ] {
            assert_eq!(http(url).as_deref(), Some(url));
        }
        assert_eq!(http(" HTTPS://x.org ").as_deref(), Some("https://x.org"));
        for url in [
            "",
            "none",
            "ftp://x",
            "mailto:a@b",
            "https://",
            "https:///x",
            "http://a b",
            "http://a/%zz",
            "http://a/é",
            "http://a/<b>",
            "http://a#b#c",
            "javascript://a",
            "http://a/\u{7}",
            "http://a/\"b",
        ] {
            assert_eq!(http(url), None, "{url}");
        }
        assert_eq!(http(&format!("http://a/{}", "x".repeat(3000))), None);
    }
}

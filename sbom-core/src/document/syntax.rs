//! Which texts may stand where a specification demands a form: addresses, mail addresses, CPE names.
//!
//! All of them come from images. What does not fit is written as a property instead, so nothing is lost and one
//! odd text does not make a whole document invalid.

use std::borrow::Cow;

use crate::bom::Party;

/// Whether `text` is an absolute address of the form `SCHEME://HOST…` in RFC 3986, without IPv6 literals, or
/// `mailto:MAIL`.
pub(crate) fn is_address(text: &str) -> bool {
    if let Some(mail) = text.strip_prefix("mailto:") {
        return is_mail(mail);
    }
    // In front of the first colon there is a scheme, or nothing that is one.
    let (scheme, rest) = cut(text.as_bytes(), |byte| byte == b':');
    let Some(rest) = rest.strip_prefix(b"://") else { return false };
    let (authority, rest) = cut(rest, |byte| matches!(byte, b'/' | b'?' | b'#'));
    let (path, fragment) = cut(rest, |byte| byte == b'#');
    let at = authority.iter().rposition(|&byte| byte == b'@');
    let (user, host) = at.and_then(|at| authority.split_at_checked(at)).unwrap_or((b"", authority));
    let (host, port) = cut(host.strip_prefix(b"@").unwrap_or(host), |byte| byte == b':');
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !host.is_empty()
        && is_encoded(host, HOST)
        && is_encoded(user, USER)
        && port.strip_prefix(b":").unwrap_or(port).iter().all(u8::is_ascii_digit)
        && is_encoded(path, PATH)
        && is_encoded(fragment.strip_prefix(b"#").unwrap_or(fragment), PATH)
}

/// `text` before the first byte that `ends` it, and from there on.
#[inline]
fn cut(text: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| ends(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, b""))
}

/// Where in an address a character may stand as it is.
const HOST: u8 = 1;
const USER: u8 = 2;
const PATH: u8 = 4;

/// Of each byte, where it may stand: unreserved characters and sub-delimiters everywhere.
static STANDS_IN: [u8; 256] = {
    let mut stands_in = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x7f {
        let places = match byte {
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b';' | b'=' => HOST | USER | PATH,
            b':' => USER | PATH,
            b'@' | b'/' | b'?' => PATH,
            _ if byte.is_ascii_alphanumeric() => HOST | USER | PATH,
            _ => 0,
        };
        #[expect(
            clippy::indexing_slicing,
            reason = "a byte is an index of 256 places, and this is computed once"
        )]
        {
            stands_in[byte as usize] = places;
        }
        byte += 1;
    }
    stands_in
};

/// Characters that may stand in `place`, and percent-encoded bytes.
fn is_encoded(text: &[u8], place: u8) -> bool {
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let places = STANDS_IN.get(usize::from(byte)).copied().unwrap_or_default();
        let mut hex = || bytes.next().is_some_and(u8::is_ascii_hexdigit);
        if places & place == 0 && !(byte == b'%' && hex() && hex()) {
            return false;
        }
    }
    true
}

/// Whether `text` is a mail address of the plain form of RFC 5321, within its lengths.
pub(crate) fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let of_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(of_atom);
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    local.len() <= 64 && domain.len() <= 190 && local.split('.').all(atom) && domain.split('.').all(label)
}

/// Whether `text` is a CPE 2.3 formatted string whose parts need no wildcards inside of words.
pub(crate) fn is_cpe(text: &str) -> bool {
    let Some(text) = text.strip_prefix("cpe:2.3:") else { return false };
    let mut count = 0;
    let all_valid = split_unescaped(text).enumerate().all(|(index, part)| {
        count = index + 1;
        match (index, part) {
            (_, "*" | "-") => true,
            (0, part) => matches!(part, "a" | "h" | "o"),
            (6, part) => is_language(part),
            (_, part) => is_cpe_word(part),
        }
    });
    all_valid && count == 11
}

/// Whether `text` has the form of a package URL: `pkg:TYPE/NAME…` in characters of an address.
pub(super) fn is_purl(text: &str) -> bool {
    let parts = text.strip_prefix("pkg:").and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(kind, name)| {
        !kind.is_empty() && !name.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// Whether `text` is a SHA-1 in lower-case hexadecimal digits.
pub(crate) fn is_sha1(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` is a CPE 2.2 URI.
pub(super) fn is_cpe_22(text: &str) -> bool {
    let Some((part, rest)) = text.strip_prefix("cpe:/").and_then(|text| text.split_at_checked(1)) else {
        return false;
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-~%".contains(c);
    let mut names = rest.split(':');
    matches!(part, "a" | "h" | "o")
        && names.next() == Some("")
        && (1..=6).contains(&names.clone().count())
        && names.all(|name| name.chars().all(valid))
}

fn split_unescaped(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c| {
        let splits = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    })
}

fn is_language(text: &str) -> bool {
    let (language, region) = text.split_once('-').unwrap_or((text, "us"));
    let alphabetic = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (2..=3).contains(&language.len())
        && alphabetic(language)
        && (region.len() == 2 && alphabetic(region) || region.len() == 3 && numeric(region))
}

fn is_cpe_word(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let valid = match c {
            '\\' => chars.next().is_some_and(|c| c.is_ascii_punctuation() && !matches!(c, '-' | '.' | '_')),
            c => c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'),
        };
        if !valid {
            return false;
        }
    }
    !text.is_empty()
}

/// `text` without control characters, each of which becomes a space, and without space around it.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.trim().into();
    }
    text.replace(|c: char| c.is_control(), " ").trim().to_owned().into()
}

/// `Name <mail>`, or whichever of the two there is.
pub(super) fn name_and_mail(party: &Party) -> Option<Cow<'_, str>> {
    let name = one_line(&party.name);
    match party.email.as_deref().map(one_line).filter(|mail| !mail.is_empty()) {
        Some(mail) if name.is_empty() => Some(mail),
        Some(mail) => Some([&name, " <", &mail, ">"].concat().into()),
        None => Some(name).filter(|name| !name.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is: fn(&str) -> bool, valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(is(text), "{text:?} is valid");
        }
        for text in invalid {
            assert!(!is(text), "{text:?} is invalid");
        }
    }

    #[test]
    fn addresses_follow_rfc_3986() {
        check(
            is_address,
            &[
                "https://example.org",
                "http://u:p@example.org:80/a/b;c?x=1&y=%20/?#f?/",
                "git+https://example.org/a.git@v1#sub",
                "oci://example.org/a/b@sha256:ab",
            ],
            &[
                "",
                "example.org",
                "https://",
                "https:///a",
                "https://a b",
                "https://a/%2",
                "https://a/%zz",
                "https://a/\u{e9}",
                "https://a/<b>",
                "https://a/\n",
                "https://a#b#c",
                "https://a:b/",
                "1a://b",
                "https://[::1]/",
                "https://a@b@c/",
                "javascript:alert(1)",
            ],
        );
    }

    #[test]
    fn mail_addresses_follow_rfc_5321() {
        check(
            is_mail,
            &["a@b", "a.b+c@example.org", "team+openssl@tracker.debian.org"],
            &[
                "", "a", "@b", "a@", "a b@c", "a@b c", "a..b@c", ".a@c", "a@b..c", "a@-b", "a@b\n", "<a@b>",
                "a@b@c",
            ],
        );
    }

    #[test]
    fn package_urls_have_a_type_and_a_name() {
        check(
            is_purl,
            &["pkg:deb/debian/bash@5?arch=amd64", "pkg:cargo/serde#a"],
            &["", "pkg:", "pkg:deb", "pkg:/a", "pkg:deb/", "pkg:deb/a b", "deb/a", "pkg:deb/\u{e9}"],
        );
    }

    #[test]
    fn cpe_uris_have_up_to_seven_parts() {
        check(
            is_cpe_22,
            &["cpe:/o:redhat:enterprise_linux:9::baseos", "cpe:/a:a:b%21:1.0-~:u:e:de"],
            &["", "cpe:/", "cpe:/x:a", "cpe:/a", "cpe:/a:b c", "cpe:/a:b:c:1:u:e:de:x", "cpe:2.3:a:b"],
        );
    }

    #[test]
    fn cpe_names_have_eleven_parts_of_allowed_characters() {
        check(
            is_cpe,
            &[
                "cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*",
                "cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*",
                r"cpe:2.3:a:a:c\+\+\:x:1:*:*:en-us:*:*:*:*",
            ],
            &[
                "",
                "cpe:/o:redhat:enterprise_linux:9",
                "cpe:2.3:a:b:c",
                "cpe:2.3:x:a:b:1:*:*:*:*:*:*:*",
                "cpe:2.3:a:a b:b:1:*:*:*:*:*:*:*",
                "cpe:2.3:a::b:1:*:*:*:*:*:*:*",
                "cpe:2.3:a:a:b:1:*:*:english:*:*:*:*",
                "cpe:2.3:a:a:b:1:*:*:*:*:*:*:*:*",
            ],
        );
    }
}

//! The order of Debian versions. Source: Debian policy 5.6.12, deb-version(7).

use std::cmp::Ordering;

/// Compares two versions as dpkg does: epoch, upstream version, revision. A missing epoch or revision counts
/// as `0`; `~` sorts before everything, even the end.
///
/// ```
/// use sbom_core::detect::dpkg::version::compare;
/// assert!(compare("1.0~rc1-1", "1.0-1").is_lt());
/// assert!(compare("1:0.1", "2.0").is_gt());
/// ```
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    digits(a.epoch)
        .cmp(&digits(b.epoch))
        .then_with(|| fragment(a.upstream, b.upstream))
        .then_with(|| fragment(a.revision, b.revision))
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        let version = version.trim();
        let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch: epoch.as_bytes(), upstream: upstream.as_bytes(), revision: revision.as_bytes() }
    }
}

/// A number of any length as something that compares: its length without leading zeros, then its digits.
fn digits(number: &[u8]) -> (usize, &[u8]) {
    let start = number.iter().position(|&digit| digit != b'0').unwrap_or(number.len());
    let significant = number.get(start..).unwrap_or_default();
    (significant.len(), significant)
}

/// Compares alternately what is not a number, character by character, and what is, by value.
fn fragment(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = split(a, |byte| !byte.is_ascii_digit());
        let (text_b, rest_b) = split(b, |byte| !byte.is_ascii_digit());
        let longest = text_a.len().max(text_b.len());
        for index in 0..longest {
            let order = weight(text_a.get(index)).cmp(&weight(text_b.get(index)));
            if order.is_ne() {
                return order;
            }
        }
        let (number_a, rest_a) = split(rest_a, |byte| byte.is_ascii_digit());
        let (number_b, rest_b) = split(rest_b, |byte| byte.is_ascii_digit());
        let order = digits(number_a).cmp(&digits(number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

fn split(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// `~`, then the end of the text, then letters, then everything else.
fn weight(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(&byte) if byte.is_ascii_alphabetic() => 2 + u16::from(byte),
        Some(&byte) => 0x200 + u16::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(a: &str, expected: Ordering, b: &str) {
        assert_eq!(compare(a, b), expected, "{a} {b}");
        assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
    }

    #[test]
    fn versions_are_ordered_as_policy_says() {
        use Ordering::{Equal, Greater, Less};
        for (a, order, b) in [
            ("1", Equal, "1"),
            ("1", Equal, "0:1"),
            ("1", Equal, "1-0"),
            ("1.0", Equal, "1.00"),
            ("1.0", Less, "1.1"),
            ("1.9", Less, "1.10"),
            ("0:1", Less, "1:0"),
            ("10:1", Greater, "9:1"),
            ("1-1", Less, "1-2"),
            ("1-1", Less, "1-1+b1"),
            ("1.0-1", Less, "1.0-1.1"),
            ("~~", Less, "~~a"),
            ("~~a", Less, "~"),
            ("~", Less, ""),
            ("", Less, "a"),
            ("1.0~rc1", Less, "1.0"),
            ("1.0-1~bpo12+1", Less, "1.0-1"),
            ("1.0a", Less, "1.0+"),
            ("1.0a", Less, "1.0.1"),
            ("1.0", Less, "1.0a"),
            ("2.36-9+deb12u1", Less, "2.36-9+deb12u14"),
            ("1.2.3-4-5", Greater, "1.2.3-4-4"),
            ("1-2-3", Less, "1-10-1"),
            ("000000000000000000000000000000001", Equal, "1"),
            ("99999999999999999999999999999998", Less, "99999999999999999999999999999999"),
            ("20240203.1", Greater, "20240203"),
            ("1:2.5.1-4", Less, "1:2.5.1-4+b1"),
            ("6.1.0", Greater, "6.1-5"),
        ] {
            check(a, order, b);
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(versions in proptest::collection::vec("([0-9]:)?[0-9a~.+]{0,6}(-[0-9a~]{0,3})?", 3)) {
            let [a, b, c] = versions.as_slice() else { unreachable!() };
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}

//! What makes two copies of a signature the same one, however it was wrapped, stamped or written since.

use std::collections::BTreeSet;

use crate::{
    attest::bundle::{Bundle, Content},
    digest::Digest,
};

/// The signatures of a bundle, each by what nobody can change of it.
pub(super) fn signatures(bundle: &Bundle) -> BTreeSet<Digest> {
    match &bundle.content {
        Content::Envelope(envelope) => {
            envelope.signatures.iter().map(|signature| identity(&signature.sig)).collect()
        }
        Content::Message { signature, .. } => BTreeSet::from([identity(signature)]),
    }
}

/// Of a signature of ECDSA its first number, of others all of it. The second number may be replaced by its negative, by
/// anybody, and the signature still holds.
fn identity(signature: &[u8]) -> Digest {
    Digest::of(first_number(signature).unwrap_or(signature))
}

/// The first of the two integers of `ECDSA-Sig-Value`, if it is one (RFC 3279, 2.2.3).
fn first_number(der: &[u8]) -> Option<&[u8]> {
    let (numbers, rest) = element(der, 0x30)?;
    let (first, second) = element(numbers, 0x02)?;
    let (_, end) = element(second, 0x02)?;
    (rest.is_empty() && end.is_empty()).then_some(first)
}

/// The content of the element with this tag at the start, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, content) = match der {
        [found, 0x81, length, content @ ..] if *found == tag => (length, content),
        [found, length, content @ ..] if *found == tag && *length < 0x80 => (length, content),
        _ => return None,
    };
    content.split_at_checked(usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_form_of_a_signature_is_the_same_one() {
        let (one, other) = ([0x30, 6, 2, 1, 5, 2, 1, 7], [0x30, 7, 2, 1, 5, 2, 2, 0, 9]);
        assert_eq!(identity(&one), identity(&other));
        assert_ne!(identity(&one), identity(&[0x30, 6, 2, 1, 6, 2, 1, 7]));
        for odd in [&[][..], &[0x30], &[0x30, 6, 2, 1, 5, 2, 1], &[0x30, 0x81], b"plain"] {
            assert_eq!(identity(odd), Digest::of(odd));
        }
    }
}

//! Base64 as JSON of protocol buffers may carry it: either alphabet, with or without padding, but only in the one spelling
//! that writing the bytes again would give.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// A text is not base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64 in its one canonical spelling")]
pub struct NotBase64;

/// The bytes that `text` stands for. These engines refuse white space, bits that are left over, and padding that is wrong,
/// so that no two texts of one alphabet and padding stand for the same bytes.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    let url = memchr::memchr2(b'-', b'_', text.as_bytes()).is_some();
    let engine = match (url, text.len() % 4) {
        (false, 0) => &STANDARD,
        (false, _) => &STANDARD_NO_PAD,
        (true, 0) => &URL_SAFE,
        (true, _) => &URL_SAFE_NO_PAD,
    };
    engine.decode(text).ok().ok_or(NotBase64)
}

/// `bytes` in the standard alphabet, padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        for text in ["+/8=", "-_8=", "+/8", "-_8"] {
            assert_eq!(decode(text), Ok(vec![0xfb, 0xff]), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_the_same_bytes_are_refused() {
        for text in ["+_8=", "+/9=", "+/8= ", "+/8==", "+/\n8=", "+", "=", "+/8=+/8="] {
            assert_eq!(decode(text), Err(NotBase64), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(text in "[A-Za-z0-9+/=]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                let again = encode(&bytes);
                prop_assert_eq!(again.trim_end_matches('='), text.trim_end_matches('='));
            }
        }
    }
}

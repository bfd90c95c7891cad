//! PEM: the one block of a file, decoded.
//!
//! Source: RFC 7468. Text around the block is ignored, as OpenSSL writes some; a byte order mark and CR LF are taken
//! as editors leave them. Two blocks are refused: which of two keys is meant is not for us to guess.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What OpenSSL puts before an elliptic curve's key; it says only what the key says again.
const PARAMETERS: &str = "EC PARAMETERS";

/// The longest label that is repeated in a message.
const LABEL_CHARS: usize = 64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A text does not hold exactly one PEM block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is none, and it is not DER either.
    #[error("there is no PEM block in it (`-----BEGIN …-----`)")]
    None,
    /// It is DER, without PEM around.
    #[error(
        "it is DER; PEM is expected (`openssl pkey -inform DER` converts private keys, with -pubin public ones)"
    )]
    Der,
    /// There are several.
    #[error("there are several PEM blocks in it, {first:?} and {second:?}; exactly one is expected")]
    Several {
        /// The label of the first.
        first: String,
        /// The label of the second.
        second: String,
    },
    /// A block without an end, or with the end of another.
    #[error("the PEM block {label:?} has no end of its own (`-----END {label}-----`)")]
    Unterminated {
        /// Its label.
        label: String,
    },
    /// The legacy form of encryption, of a header and a cipher of its own.
    #[error(
        "the PEM block {label:?} is encrypted in OpenSSL's legacy form; \
         `openssl pkcs8 -topk8 -nocrypt -in FILE` takes the encryption off, `sbomctl key import` puts another on"
    )]
    LegacyEncryption {
        /// Its label.
        label: String,
    },
    /// A header in a block, which none of the forms that are read has.
    #[error("the PEM block {label:?} has headers, which no key has")]
    Headers {
        /// Its label.
        label: String,
    },
    /// Its body is not base64.
    #[error("the body of the PEM block {label:?} is not base64")]
    Base64 {
        /// Its label.
        label: String,
    },
}

/// A block: what it is said to be, and its content.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// The one block of `text`, not counting the parameters of a curve that stand before it.
pub(crate) fn only_block(text: &[u8]) -> Result<Block, PemError> {
    let mut only: Option<(String, Zeroizing<String>)> = None;
    let mut lines = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).split(|&byte| byte == b'\n');
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, BEGIN) else { continue };
        let body = body(label, &mut lines)?;
        match only {
            _ if label == PARAMETERS => {}
            None => only = Some((label.to_owned(), body)),
            Some((first, _)) => {
                return Err(PemError::Several { first: shown(&first), second: shown(label) });
            }
        }
    }
    let Some((label, body)) = only else {
        return Err(if text.first() == Some(&super::der::SEQUENCE) { PemError::Der } else { PemError::None });
    };
    // Room for all of it from the start: growing would leave copies behind that nobody wipes.
    let mut content = Zeroizing::new(Vec::with_capacity(body.len()));
    match STANDARD.decode_vec(body.as_bytes(), &mut content) {
        Ok(()) => Ok(Block { label, content }),
        Err(_) => Err(PemError::Base64 { label: shown(&label) }),
    }
}

/// `content` as a block, in lines of 64 characters.
pub(crate) fn write(label: &str, content: &[u8]) -> Zeroizing<String> {
    let capacity = content.len().saturating_mul(3) / 2 + 2 * label.len() + 64;
    let body = Zeroizing::new(STANDARD.encode(content));
    let mut out = Zeroizing::new(String::with_capacity(capacity));
    for (part, end) in [(BEGIN, ""), (label, ""), (DASHES, "\n")] {
        out.push_str(part);
        out.push_str(end);
    }
    let mut rest = body.as_str();
    while let Some((line, after)) =
        rest.split_at_checked(64.min(rest.len())).filter(|(line, _)| !line.is_empty())
    {
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    for part in [END, label, DASHES, "\n"] {
        out.push_str(part);
    }
    out
}

/// What stands between here and the end of the block `label`, without line ends and blanks.
fn body<'a>(label: &str, lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Zeroizing<String>, PemError> {
    let mut lines = lines.map(<[u8]>::trim_ascii);
    let mut body = Zeroizing::new(String::with_capacity(super::KEY_BYTES));
    loop {
        let line = lines.next().ok_or_else(|| PemError::Unterminated { label: shown(label) })?;
        if let Some(end) = boundary(line, END) {
            if end == label {
                return Ok(body);
            }
            return Err(PemError::Unterminated { label: shown(label) });
        }
        if line.starts_with(DASHES.as_bytes()) {
            return Err(PemError::Unterminated { label: shown(label) });
        }
        if line.starts_with(b"Proc-Type:") || line.starts_with(b"DEK-Info:") {
            return Err(PemError::LegacyEncryption { label: shown(label) });
        }
        if line.contains(&b':') {
            return Err(PemError::Headers { label: shown(label) });
        }
        let base64 = std::str::from_utf8(line).ok().filter(|line| line.is_ascii());
        body.push_str(base64.ok_or_else(|| PemError::Base64 { label: shown(label) })?);
    }
}

/// The label of the line if it is a boundary of this kind.
fn boundary<'a>(line: &'a [u8], kind: &str) -> Option<&'a str> {
    let line = std::str::from_utf8(line.trim_ascii_end()).ok()?;
    let label = line.strip_prefix(kind)?.strip_suffix(DASHES)?;
    let is_printable = label.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_printable.then_some(label)
}

fn shown(label: &str) -> String {
    label.chars().take(LABEL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN A B-----\nAAEC\nAwQF\n-----END A B-----\n";

    fn check(text: impl AsRef<[u8]>, expect: Result<&[u8], PemError>) {
        let found = only_block(text.as_ref()).map(|block| block.content.to_vec());
        assert_eq!(found, expect.map(<[u8]>::to_vec), "{}", String::from_utf8_lossy(text.as_ref()));
    }

    fn label() -> String {
        "A B".to_owned()
    }

    #[test]
    fn one_block_is_read_whatever_surrounds_it() {
        let content: Result<&[u8], PemError> = Ok(&[0, 1, 2, 3, 4, 5]);
        check(BLOCK, content.clone());
        check(BLOCK.trim_end(), content.clone());
        check(BLOCK.replace('\n', "\r\n"), content.clone());
        check(format!("\u{feff}{BLOCK}"), content.clone());
        check(format!("Key Attributes: none\n\n{BLOCK}and text\n"), content.clone());
        check(BLOCK.replace("AAEC\nAwQF", " AAECAw\n\nQF \t"), content.clone());
        check(
            format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{BLOCK}"),
            content,
        );
    }

    #[test]
    fn nothing_and_der_are_told_apart() {
        check("", Err(PemError::None));
        check("-----BEGIN A B----", Err(PemError::None));
        check([0xff, 0xfe], Err(PemError::None));
        check([0x30, 0], Err(PemError::Der));
    }

    #[test]
    fn two_blocks_are_refused() {
        let several = PemError::Several { first: label(), second: label() };
        check(format!("{BLOCK}{BLOCK}"), Err(several));
    }

    #[test]
    fn a_block_needs_an_end_of_its_own() {
        let unterminated = || Err(PemError::Unterminated { label: label() });
        check("-----BEGIN A B-----\nAAEC\n", unterminated());
        check("-----BEGIN A B-----\nAAEC\n-----END A C-----\n", unterminated());
        check(format!("-----BEGIN A B-----\n{BLOCK}"), unterminated());
    }

    #[test]
    fn a_body_is_strict_base64() {
        for body in ["AAE", "AA=C", "AAEC=", "AA_-", "é", "AAF=="] {
            let text = format!("-----BEGIN A B-----\n{body}\n-----END A B-----\n");
            check(text, Err(PemError::Base64 { label: label() }));
        }
    }

    #[test]
    fn legacy_encryption_is_told_from_other_headers() {
        let with = |header: &str| BLOCK.replace("AAEC", &format!("{header}\n\nAAEC"));
        check(with("Proc-Type: 4,ENCRYPTED"), Err(PemError::LegacyEncryption { label: label() }));
        check(with("Comment: x"), Err(PemError::Headers { label: label() }));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 47, 48, 49, 96, 1000] {
            let content = vec![0xa5; length];
            let text = write("A B", &content);
            assert!(text.lines().all(|line| line.len() <= 64) && text.ends_with("-----\n"));
            check(text.as_bytes(), Ok(&content));
        }
    }
}

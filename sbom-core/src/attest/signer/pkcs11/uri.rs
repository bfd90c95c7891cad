//! The URI of a key in a token: `pkcs11:token=…;object=…?module-path=…&pin-source=…`.
//!
//! Source: RFC 7512. What is not understood is refused, since each attribute narrows down which key is meant; of those with names
//! of a vendor's own, too.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::attest::key::Password;

/// The longest URI that is read.
const URI_BYTES: usize = 4096;

const SCHEME: &str = "pkcs11:";

/// Which key of which token is meant, and how to get there. Showing it leaves out the number that opens the token.
#[derive(Clone, Default)]
pub struct KeyUri {
    /// Label of the token.
    pub token: Option<String>,
    /// Maker of the token.
    pub manufacturer: Option<String>,
    /// Model of the token.
    pub model: Option<String>,
    /// Serial number of the token.
    pub serial: Option<String>,
    /// Number of the slot that the token is in.
    pub slot: Option<u64>,
    /// Label of the key.
    pub object: Option<String>,
    /// Identifier of the key.
    pub id: Option<Vec<u8>>,
    /// The library that reaches the token.
    pub module: Option<PathBuf>,
    /// The number that opens the token.
    pub pin: Option<Password>,
    /// The file with the number that opens the token.
    pub pin_file: Option<PathBuf>,
}

/// A text is not the URI of a key in a token. The text is not repeated, since it may hold the number that opens the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// It does not begin with the scheme, or is too long.
    #[error("a PKCS#11 URI begins with `pkcs11:` and has at most {URI_BYTES} bytes")]
    Scheme,
    /// A part is no `NAME=VALUE`.
    #[error("a part of the PKCS#11 URI is not NAME=VALUE")]
    Attribute,
    /// An attribute that is not understood, or not in this place.
    #[error("{name:?} is no attribute of PKCS#11 URIs that is read in this place")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// An attribute that is there twice.
    #[error("{name:?} is there twice in the PKCS#11 URI")]
    Twice {
        /// Its name.
        name: &'static str,
    },
    /// A value that is not what it should be.
    #[error("the value of {name:?} in the PKCS#11 URI is malformed")]
    Value {
        /// The attribute's name.
        name: &'static str,
    },
    /// A URI that names no key.
    #[error("the PKCS#11 URI names no key: it needs `object` or `id`")]
    NoKey,
}

impl FromStr for KeyUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix(SCHEME).filter(|_| text.len() <= URI_BYTES).ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for part in path.split(';').filter(|part| !part.is_empty()) {
            uri.path(part)?;
        }
        for part in query.split('&').filter(|part| !part.is_empty()) {
            uri.query(part)?;
        }
        if uri.object.is_none() && uri.id.is_none() { Err(UriError::NoKey) } else { Ok(uri) }
    }
}

impl KeyUri {
    fn path(&mut self, part: &str) -> Result<(), UriError> {
        let (name, value) = part.split_once('=').ok_or(UriError::Attribute)?;
        match name {
            "token" => put(&mut self.token, "token", text(value)),
            "manufacturer" => put(&mut self.manufacturer, "manufacturer", text(value)),
            "model" => put(&mut self.model, "model", text(value)),
            "serial" => put(&mut self.serial, "serial", text(value)),
            "object" => put(&mut self.object, "object", text(value)),
            "id" => put(&mut self.id, "id", decoded(value)),
            "slot-id" => put(&mut self.slot, "slot-id", value.parse().ok()),
            "type" if matches!(value, "private" | "public") => Ok(()),
            name => Err(unknown(name)),
        }
    }

    fn query(&mut self, part: &str) -> Result<(), UriError> {
        let (name, value) = part.split_once('=').ok_or(UriError::Attribute)?;
        match name {
            "module-path" => put(&mut self.module, "module-path", text(value).map(PathBuf::from)),
            "pin-value" => put(&mut self.pin, "pin-value", decoded(value).map(Password::from)),
            "pin-source" => {
                let path = text(value).map(|path| match path.strip_prefix("file:") {
                    Some(rest) => PathBuf::from(rest.strip_prefix("//").unwrap_or(rest)),
                    None => PathBuf::from(path),
                });
                put(&mut self.pin_file, "pin-source", path.filter(|path| path.is_absolute()))
            }
            name => Err(unknown(name)),
        }
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_deref().map(crate::digest::hex);
        let slot = self.slot.map(|slot| slot.to_string());
        let parts = [
            ("token", self.token.as_deref()),
            ("slot-id", slot.as_deref()),
            ("object", self.object.as_deref()),
            ("id", id.as_deref()),
        ];
        let shown: Vec<String> =
            parts.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}"))).collect();
        write!(f, "{SCHEME}{}", shown.join(";"))
    }
}

impl fmt::Debug for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUri({self})")
    }
}

fn put<T>(field: &mut Option<T>, name: &'static str, value: Option<T>) -> Result<(), UriError> {
    if field.is_some() {
        return Err(UriError::Twice { name });
    }
    *field = Some(value.ok_or(UriError::Value { name })?);
    Ok(())
}

fn unknown(name: &str) -> UriError {
    UriError::Unknown { name: name.chars().take(32).collect() }
}

fn text(value: &str) -> Option<String> {
    String::from_utf8(decoded(value)?).ok()
}

/// The bytes of a value, each as itself or as `%` and two hexadecimal digits.
fn decoded(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut out = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b' '..=b'~' => byte,
            _ => return None,
        });
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_token_key_library_and_number() {
        let uri: KeyUri = "pkcs11:token=my%20token;object=release;id=%01%aB;type=private;slot-id=3\
                           ?module-path=/usr/lib/p.so&pin-value=12%3b34"
            .parse()
            .unwrap();
        assert_eq!(uri.token.as_deref(), Some("my token"));
        assert_eq!(uri.object.as_deref(), Some("release"));
        assert_eq!(uri.id.as_deref(), Some(&[1, 0xab][..]));
        assert_eq!(uri.slot, Some(3));
        assert_eq!(uri.module, Some("/usr/lib/p.so".into()));
        assert_eq!(uri.pin.as_ref().map(Password::as_bytes), Some(&b"12;34"[..]));
        for shown in [uri.to_string(), format!("{uri:?}")] {
            assert!(shown.contains("my token") && !shown.contains("34"), "{shown}");
        }
    }

    #[test]
    fn the_number_may_lie_in_a_file() {
        for source in ["/etc/pin", "file:/etc/pin", "file:///etc/pin"] {
            let uri: KeyUri = format!("pkcs11:object=a?pin-source={source}").parse().unwrap();
            assert_eq!(uri.pin_file, Some("/etc/pin".into()));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_no_number_is_shown() {
        for (text, error) in [
            ("object=a", UriError::Scheme),
            ("pkcs11:", UriError::NoKey),
            ("pkcs11:token=a", UriError::NoKey),
            ("pkcs11:object", UriError::Attribute),
            ("pkcs11:object=a;object=b", UriError::Twice { name: "object" }),
            ("pkcs11:object=a;x-vendor=b", UriError::Unknown { name: "x-vendor".to_owned() }),
            ("pkcs11:object=a;type=cert", UriError::Unknown { name: "type".to_owned() }),
            ("pkcs11:object=a;pin-value=1234", UriError::Unknown { name: "pin-value".to_owned() }),
            ("pkcs11:object=a?pin-source=|cmd", UriError::Value { name: "pin-source" }),
            ("pkcs11:object=%4", UriError::Value { name: "object" }),
            ("pkcs11:object=%zz", UriError::Value { name: "object" }),
            ("pkcs11:object=%ff", UriError::Value { name: "object" }),
            ("pkcs11:slot-id=-1;object=a", UriError::Value { name: "slot-id" }),
        ] {
            assert_eq!(text.parse::<KeyUri>().unwrap_err(), error, "{text}");
        }
        assert_eq!(
            format!("pkcs11:object={}", "a".repeat(5000)).parse::<KeyUri>().unwrap_err(),
            UriError::Scheme
        );
    }
}

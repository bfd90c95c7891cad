//! Who signed, by certificate: issuer and subject, matched exactly, by pattern, or by expression.

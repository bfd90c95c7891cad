//! Facts about verification.

//! in-toto statements: what is said, and about which digests.

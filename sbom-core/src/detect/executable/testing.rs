//! Executables made byte by byte, for tests.

//! The cache as scans use it.

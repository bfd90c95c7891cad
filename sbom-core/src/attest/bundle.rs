//! Sigstore bundles 0.1 to 0.3: read with all that they carry, written for keys.

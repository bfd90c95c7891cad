//! What is trusted: keys, identities, the roots of a Sigstore deployment.

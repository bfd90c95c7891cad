//! Keys that sign and verify: PEM, PKCS#8, encrypted as cosign does.

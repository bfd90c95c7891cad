//! Where attestations lie: beside an image in a registry or an OCI layout, found and put there.

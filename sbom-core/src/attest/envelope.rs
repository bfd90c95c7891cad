//! DSSE envelopes, and the bytes that their signatures cover.

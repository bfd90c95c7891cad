//! Signing with a certificate of an identity, through Fulcio, Rekor and time-stamp authorities.

//! End-to-end tests: images made in code, scanned by the program as users run it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod attach;
mod attest;
mod cache;
mod command_line;
mod corpus;
mod documents;
mod embedded;
mod files;
mod gate;
mod hostile;
mod interop;
mod kept_documents;
mod kept_fuzz_inputs;
#[cfg(feature = "keyless")]
mod keyless;
mod keys;
mod layers;
mod measured;
mod partial;
mod policy;
mod program;
mod stated;
mod told;
mod verdicts;
mod verify;
mod withdrawals;

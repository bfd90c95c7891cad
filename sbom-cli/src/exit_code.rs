//! The exit codes, and which failure leads to which.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Usage = 2,
    BadInput = 3,
    Environment = 4,
    Incomplete = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure with the exit code that it leads to.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) source: anyhow::Error,
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, source: error.into() }
    }

    pub(crate) fn bad_input(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::BadInput, source: error.into() }
    }

    pub(crate) fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Environment, source: error.into() }
    }
}

//! The exit codes, and which failure leads to which.

use std::process::ExitCode;

use sbom_core::{attach::AttachError, scan::ScanError, source::SourceError};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    No = 1,
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

    pub(crate) fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Environment, source: error.into() }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { exit: exit_of(&error), source: error.into() }
    }
}

impl From<AttachError> for Failure {
    fn from(error: AttachError) -> Self {
        let exit = match &error {
            AttachError::Store { source, .. } => exit_of(source),
            _ => Exit::Environment,
        };
        Self { exit, source: error.into() }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        let exit = match &error {
            ScanError::Subject(source) | ScanError::Source { source, .. } => exit_of(source),
            _ => Exit::BadInput,
        };
        Self { exit, source: error.into() }
    }
}

/// Whether the subject is at fault or what lies around it.
fn exit_of(error: &SourceError) -> Exit {
    match error {
        SourceError::Io { .. }
        | SourceError::NoDaemon { .. }
        | SourceError::NotInDaemon { .. }
        | SourceError::Daemon { .. } => Exit::Environment,
        SourceError::Registry(error) if !error.fault.is_of_subject() => Exit::Environment,
        _ => Exit::BadInput,
    }
}

//! Documents that are judged: their bytes, and how they are called.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use sbom_core::limits::{Limits, ReadError, read_capped};

use crate::{
    args::LimitArg,
    exit_code::{Exit, Failure},
};

/// A file, and how messages call it.
#[derive(Debug)]
pub(crate) struct Judged {
    /// What the user called it; `-` is standard input.
    pub(crate) name: String,
    /// Its name without folders; none for standard input.
    pub(crate) file_name: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// The limits as the arguments change them.
pub(crate) fn limits(changes: &[LimitArg]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for change in changes {
        if !limits.set(&change.name, change.value) {
            return Err(Failure::usage(anyhow!("there is no limit {:?}", change.name)));
        }
    }
    Ok(limits)
}

/// Reads a file whole, within the bound of documents.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Judged, Failure> {
    let name = path.display().to_string();
    let bytes = if path == Path::new("-") {
        read_capped(io::stdin().lock(), limits.document_bytes)
    } else {
        let open = File::open(path).map_err(ReadError::Io);
        open.and_then(|file| read_capped(file, limits.document_bytes))
    };
    let bytes = bytes.with_context(|| name.clone()).map_err(unreadable)?;
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Judged { file_name: file_name.filter(|_| path != Path::new("-")), name, bytes })
}

/// A document that is not there, damaged, or over a limit.
pub(crate) fn unreadable(source: anyhow::Error) -> Failure {
    Failure { exit: Exit::BadInput, source }
}

/// Standard input can be read once.
pub(crate) fn check(files: &[PathBuf]) -> Result<(), Failure> {
    if files.iter().filter(|file| *file == Path::new("-")).count() > 1 {
        return Err(Failure::usage(anyhow!("standard input (-) can be read only once")));
    }
    Ok(())
}

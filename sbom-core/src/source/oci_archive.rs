//! OCI layouts in a tar archive.

use std::{path::Path, sync::Arc};

use super::{
    ImageSource, Selection, SourceError, files::base_name, oci_layout, oci_layout::Choice,
    tar_index::TarIndex, unpack::refuse_compressed,
};
use crate::limits::Limits;

/// Opens the OCI archive at `path`, which must not be compressed: its members are read in any order.
pub fn open(
    path: &Path,
    choice: &Choice,
    selection: &Selection,
    limits: &Limits,
) -> Result<Vec<ImageSource>, SourceError> {
    refuse_compressed(path)?;
    let index = TarIndex::open(path, limits)?;
    oci_layout::open_files(Arc::new(index), &base_name(path), choice, selection, limits)
}

//! OCI layouts in a tar archive.

use std::{path::Path, sync::Arc};

use super::{
    ImageSource, Selection, SourceError, both_lists,
    files::{Files, base_name},
    oci_layout,
    oci_layout::Choice,
    tar_index::TarIndex,
    unpack::refuse_compressed,
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
    let files: Arc<dyn Files> = Arc::new(index);
    let images = oci_layout::open_files(Arc::clone(&files), &base_name(path), choice, selection, limits)?;
    both_lists::compare(&files, &images, choice, selection, limits)?;
    Ok(images)
}

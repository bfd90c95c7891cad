//! Real files to test with, which lie beside the repository where they are to be had.

use std::path::{Path, PathBuf};

/// The path of `name` among the real files beside the repository (`../shared`, or the folder that
/// `SBOMCTL_SHARED` names). None, with a line that says which test lacks what, where it is missing.
pub fn shared(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests may be told where the files are")]
    let folder = std::env::var_os("SBOMCTL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: {test}: {name} is not beside the repository");
    }
    None
}

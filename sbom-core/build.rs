//! Tells the library which build it is: a result that was kept is used again only by the code that it came from.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hasher as _},
    io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    // Cargo runs it in the folder of the package.
    let mut files = vec![PathBuf::from("Cargo.toml")];
    collect(Path::new("src"), &mut files)?;
    // Of the versions of what the library depends on, which a path may stand in for, the workspace tells.
    files.extend(Some(PathBuf::from("../Cargo.lock")).filter(|lock| lock.is_file()));
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        let mut content = Vec::new();
        io::copy(&mut File::open(file)?, &mut content)?;
        hasher.write(file.as_os_str().as_encoded_bytes());
        hasher.write_usize(content.len());
        hasher.write(&content);
        println!("cargo::rerun-if-changed={}", file.display());
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=SBOM_CORE_BUILD={:016x}", hasher.finish());
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

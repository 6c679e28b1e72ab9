//! Where things are.

use std::path::{Path, PathBuf};

use crate::failure::{Context as _, Result};

/// The repository: the parent of the folder that cargo runs this package from.
///
/// The path is read at run time. A binary that was built in one checkout and copied to another would otherwise work
/// on, and stop, the suite of the first one.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().unwrap_or(&package).to_owned()
}

/// A path below the repository.
pub(crate) fn at(path: &str) -> PathBuf {
    root().join(path)
}

/// What these commands make. Always in the repository, wherever cargo puts its own files: people read the logs here.
pub(crate) fn target() -> PathBuf {
    at("target")
}

/// Logs and state of local suites.
pub(crate) fn local() -> PathBuf {
    target().join("local")
}

/// The files of a folder of the repository with an extension, sorted.
pub(crate) fn files(folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(at(folder)).context(folder)? {
        let path = entry.context(folder)?.path();
        if path.extension().is_some_and(|it| it == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A path as a person wants to read it: relative to the working directory or else the repository, if it is in there.
pub(crate) fn shown(path: &Path) -> String {
    let working = std::env::current_dir().unwrap_or_default();
    let root = root();
    path.strip_prefix(&working).or_else(|_| path.strip_prefix(&root)).unwrap_or(path).display().to_string()
}

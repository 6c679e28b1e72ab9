//! Reading what the user names, and writing what an action makes.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use mlp_core::codes;
use mlp_core::finding::Finding;
use mlp_core::outcome::{Made, sha256};
use mlp_core::security::{RULE_FILE_LIMIT, RuleFile};
use mlp_core::yaml::Limits;

/// A file that was read.
pub(crate) struct Input {
    /// As the user named it; `<stdin>` for standard input.
    pub(crate) name: String,
    /// Its bytes; one more than the limit when it has more than that.
    pub(crate) bytes: Vec<u8>,
    /// SHA-256 in hexadecimal digits; absent when the file was not read to its end.
    pub(crate) sha256: Option<String>,
}

impl Input {
    /// Reads a file, or standard input for `-`: never more than the limit and one byte, so that the memory is bounded
    /// whatever the path leads to.
    pub(crate) fn read(path: &Path, limits: Limits) -> Result<Self, Finding> {
        let (name, bytes) = if path.as_os_str() == "-" {
            ("<stdin>".to_owned(), up_to(&mut io::stdin().lock(), limits.bytes))
        } else {
            let name = path.display().to_string();
            // Opening a directory works on Linux; reading it gives an error that says less.
            if path.is_dir() {
                let message = format!("`{name}` is a directory; one file is wanted");
                return Err(Finding::error(codes::IO_NOT_A_FILE, "", message).help("name a file in it"));
            }
            (name, File::open(path).and_then(|mut file| up_to(&mut file, limits.bytes)))
        };
        let bytes = bytes.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Finding::error(codes::IO_NOT_FOUND, "", format!("there is no file `{name}`"))
                    .help("check the path")
            }
            _ => Finding::error(codes::IO_UNREADABLE, "", format!("`{name}` can't be read: {error}")),
        })?;
        let sha256 = (bytes.len() <= limits.bytes).then(|| sha256(&bytes));
        Ok(Self { name, bytes, sha256 })
    }
}

fn up_to(source: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The rule files of a folder, in the order of their names: `rules/<name>.guard`, as they would be called in the bucket.
/// Folders in it are not looked into.
pub(crate) fn rules(folder: &Path) -> Result<Vec<RuleFile>, Finding> {
    let unreadable = |path: &Path, error: &io::Error| {
        let message = format!("`{}` can't be read: {error}", path.display());
        Finding::error(codes::IO_UNREADABLE, "", message).help("--rules wants a folder with *.guard files")
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("guard")) {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = File::open(path).and_then(|mut file| up_to(&mut file, RULE_FILE_LIMIT));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(RuleFile { name: format!("rules/{name}"), text: text.map_err(|error| unreadable(path, &error))? })
    };
    paths.iter().map(read).collect()
}

/// Writes an action's files below a folder, and puts their paths into the outcome.
pub(crate) fn write(out: &Path, made: &mut Made) -> Result<(), String> {
    let mut written = Vec::new();
    let mut links = indexmap::IndexMap::new();
    let mut hashes = std::collections::BTreeMap::new();
    for file in &made.files {
        let path = out.join(&file.path);
        whole(&path, file.text.as_bytes(), true)
            .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        let shown = path.display().to_string();
        if let Some(hash) = made.outcome.hashes.get(&file.path) {
            hashes.insert(shown.clone(), hash.clone());
        }
        links.insert(file.kind, shown.clone());
        written.push(shown);
    }
    made.outcome.outputs = written;
    made.outcome.links = links;
    made.outcome.hashes = hashes;
    Ok(())
}

/// Writes a file as a whole or not at all: into a temporary one beside it, which then takes its name.
pub(crate) fn whole(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = ordinary(tempfile::Builder::new().prefix(".mlp-")).tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    if replace { temporary.persist(path) } else { temporary.persist_noclobber(path) }
        .map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file is for its owner only; what it becomes is an ordinary file, for whom the user's umask says.
#[cfg(unix)]
fn ordinary<'a, 'b, 'c>(builder: &'c mut tempfile::Builder<'a, 'b>) -> &'c mut tempfile::Builder<'a, 'b> {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn ordinary<'a, 'b, 'c>(builder: &'c mut tempfile::Builder<'a, 'b>) -> &'c mut tempfile::Builder<'a, 'b> {
    builder
}

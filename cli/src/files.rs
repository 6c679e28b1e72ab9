//! Reading what the user names, and writing what an action makes.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use mlp_product::config::is_scenario;
use mlp_product::outcome::{Made, OutputKind, sha256};
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::security::{RULE_FILE_LIMIT, RuleFile, RuleFileKind};
use mlp_template::yaml::Limits;

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

/// What `--rules` names, read.
pub(crate) struct RulesInput {
    /// The rule files, in the order of their keys in the bucket.
    pub(crate) files: Vec<RuleFile>,
    /// Names of files that look like rule files and are not read.
    pub(crate) overlooked: Vec<String>,
}

/// The rule files that the suite would read if the folder were the bucket's `rules/`: those of its subfolders too, named
/// `rules/<path>` and in the order of S3's listing. A file by itself is `rules/<name>`.
pub(crate) fn rules(path: &Path) -> Result<RulesInput, Finding> {
    let mut found = Vec::new();
    if fs::metadata(path).map_err(|error| no_rules(path, &error))?.is_dir() {
        below(path, "rules", &mut Vec::new(), &mut found)?;
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        found.push((format!("rules/{name}"), path.to_owned()));
    }
    // S3 lists keys by the bytes of their UTF-8 form.
    found.sort();
    let mut input = RulesInput { files: Vec::new(), overlooked: Vec::new() };
    for (name, path) in found {
        match RuleFileKind::of(&name) {
            RuleFileKind::Rules => {
                let text = File::open(&path).and_then(|mut file| up_to(&mut file, RULE_FILE_LIMIT));
                input.files.push(RuleFile { name, text: text.map_err(|error| no_rules(&path, &error))? });
            }
            RuleFileKind::Overlooked => input.overlooked.push(name),
            RuleFileKind::Other => {}
        }
    }
    Ok(input)
}

/// Adds what is below a folder to the list, each with its key in the bucket. `around` are the folders around it: a link to
/// one of them would make an endless path.
fn below(
    folder: &Path,
    key: &str,
    around: &mut Vec<PathBuf>,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), Finding> {
    let real = fs::canonicalize(folder).map_err(|error| no_rules(folder, &error))?;
    if around.contains(&real) {
        let message = format!("`{}` leads back to a folder around it", folder.display());
        return Err(Finding::error(codes::IO_UNREADABLE, "", message).help("remove the link"));
    }
    around.push(real);
    for entry in fs::read_dir(folder).map_err(|error| no_rules(folder, &error))? {
        let entry = entry.map_err(|error| no_rules(folder, &error))?;
        let path = entry.path();
        let key = format!("{key}/{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            below(&path, &key, around, found)?;
        } else if RuleFileKind::of(&key) != RuleFileKind::Other {
            found.push((key, path));
        }
    }
    around.pop();
    Ok(())
}

fn no_rules(path: &Path, error: &io::Error) -> Finding {
    let message = format!("`{}` can't be read: {error}", path.display());
    Finding::error(codes::IO_UNREADABLE, "", message)
        .help("--rules wants a folder with *.guard files, or such a file")
}

/// Warns of templates in the folder that are for the same product in another scenario: deploying both would change one stack.
pub(crate) fn same_product(out: &Path, made: &mut Made) {
    let Some(ml_name) = made.outcome.ml_name.clone() else { return };
    let own: Vec<&str> = made
        .files
        .iter()
        .filter(|file| file.kind == OutputKind::Template)
        .filter_map(|file| file.path.strip_prefix("templates/"))
        .collect();
    let prefix = format!("{ml_name}-");
    let mut others: Vec<String> = fs::read_dir(out.join("templates"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            let scenario = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".yaml"));
            scenario.is_some_and(is_scenario) && !own.contains(&name.as_str())
        })
        .collect();
    if own.is_empty() {
        return;
    }
    others.sort();
    made.outcome.add_findings(others.into_iter().map(|name| {
        let path = out.join("templates").join(&name);
        let message = format!(
            "`{}` is a template of the same product, {ml_name}, in another scenario: both would be one stack",
            path.display()
        );
        Finding::warning(codes::OUTPUT_TAKEN, "", message).help(
            "delete it if this config has changed; if another config makes it, give one of them another tenant_id, use_case, \
             workload or product_name_override",
        )
    }));
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

/// Writes a file as a whole or not at all: into a temporary one beside it, which then takes its name. A pipe or a device, such
/// as `/dev/null`, is written to and stays what it is.
pub(crate) fn whole(path: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    if replace && fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::FileTypeExt as _;

    use super::*;

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        whole(&pipe, b"text", true).unwrap();
        assert_eq!(reader.join().unwrap(), "text");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }
}

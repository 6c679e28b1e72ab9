//! `cargo xtask requirements`: the hashes of the pinned Python packages.
//!
//! A requirements file holds a comment, then every package that is installed with its version and the hashes of all files
//! that the index has of this version, so that the same file serves Linux and macOS on every processor. To change a
//! version, change the pin and run this command: it adds what the new version needs, and writes all hashes anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Context as _, Failure, Result};
use crate::{paths, process, progress, suite, venv};

#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Every requirements file. The last one is pip-tools itself.
const FILES: [&str; 3] = ["infra/local/requirements.txt", "tests/requirements.txt", venv::PIP_TOOLS];

pub(crate) fn run(_: &Arguments) -> Result<()> {
    let tools = venv::pip_tools()?;
    for file in FILES {
        let task = progress::task(&format!("hashes of {file}"));
        let log = suite::log("requirements");
        task.follow(&log);
        let path = paths::at(file);
        let text = fs::read_to_string(&path).context(file)?;
        let (pins, hashed) = work_files(file)?;
        fs::write(&pins, pins_of(&text)).context(paths::shown(&pins))?;
        let mut compile = tools.command("pip-compile");
        // Wheels that happen to be on this machine are no part of the index.
        compile.env_remove("PIP_FIND_LINKS");
        compile.args([
            "--generate-hashes",
            "--strip-extras",
            "--allow-unsafe",
            "--no-annotate",
            "--no-header",
        ]);
        // Where the index is, is the business of the machine.
        compile.args(["--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links"]);
        compile.arg("--no-emit-options").arg("--cache-dir").arg(paths::target().join("pip-tools"));
        compile.arg("--output-file").arg(&hashed).arg(&pins);
        process::run(&mut compile, &log, Duration::from_mins(15))?;
        let made = fs::read_to_string(&hashed).context(paths::shown(&hashed))?;
        let made = format!("{}{}", comment_of(&text), without_comments(&made));
        check(file, &made)?;
        fs::write(&path, made).context(file)?;
        task.done("");
    }
    Ok(())
}

/// Where the pins are and where the result goes. The result is fresh: pip-compile keeps what an earlier one says.
fn work_files(file: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = paths::target().join("requirements").join(Path::new(file).parent().unwrap_or(Path::new("")));
    fs::create_dir_all(&folder).context(paths::shown(&folder))?;
    let hashed = folder.join("hashed.txt");
    if hashed.exists() {
        fs::remove_file(&hashed).context(paths::shown(&hashed))?;
    }
    Ok((folder.join("pins.in"), hashed))
}

/// The comment at the top of a file.
fn comment_of(text: &str) -> String {
    text.lines().take_while(|line| line.starts_with('#')).fold(String::new(), |all, line| all + line + "\n")
}

/// The packages and versions alone.
fn pins_of(text: &str) -> String {
    let pins = text.lines().filter(|line| !line.starts_with(['#', ' ']) && !line.trim().is_empty());
    pins.fold(String::new(), |all, pin| all + pin.trim_end_matches('\\').trim_end() + "\n")
}

fn without_comments(text: &str) -> String {
    let kept = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    kept.fold(String::new(), |all, line| all + line + "\n")
}

/// Whether every package has one version and at least one hash, and nothing says where packages come from.
fn check(file: &str, text: &str) -> Result<()> {
    let mut pin: Option<(&str, usize)> = None;
    let mut wrong = Vec::new();
    let mut end = |pin: Option<(&str, usize)>| match pin {
        Some((package, 0)) => {
            wrong.push(format!("{file}: `{package}` has no hash; run `cargo xtask requirements`"))
        }
        Some((package, _)) if !package.contains("==") => {
            wrong.push(format!("{file}: `{package}` has no version after `==`"));
        }
        _ => {}
    };
    let mut strange = None;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let plain = line.trim().trim_end_matches('\\').trim_end();
        match plain.strip_prefix("--hash=sha256:") {
            Some(hash) if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
                pin = pin.map(|(package, hashes)| (package, hashes + 1));
            }
            Some(_) => strange = Some(line),
            None => {
                end(pin.take());
                if plain.starts_with('-') || plain.contains("://") || plain.contains('@') {
                    strange = Some(line);
                }
                pin = Some((plain, 0));
            }
        }
    }
    end(pin);
    wrong.extend(strange.map(|line| format!("{file}: `{line}` is neither a package nor a SHA-256 hash")));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "    --hash=sha256:13b2beaad985e05e2d6407ee4c4f35590b11f8d693a258a561055cac8f64cab7";

    #[test]
    fn every_package_that_is_installed_has_a_version_and_a_hash() {
        for file in FILES {
            let text = fs::read_to_string(paths::at(file)).unwrap();
            check(file, &text).unwrap_or_else(|failure| panic!("{failure}"));
            assert!(pins_of(&text).lines().count() > 5, "{file}");
        }
    }

    #[test]
    fn a_line_without_a_hash_or_version_or_with_an_address_is_refused() {
        let good = format!("# What it is for.\na==1.0 \\\n{HASH} \\\n{HASH}\nb==2 \\\n{HASH}\n");
        assert!(check("f", &good).is_ok());
        for (bad, why) in [
            (good.clone() + "c==3\n", "`c==3` has no hash"),
            (format!("a==1\nb==2 \\\n{HASH}\n"), "`a==1` has no hash"),
            (format!("a>=1 \\\n{HASH}\n"), "`a>=1` has no version"),
            (format!("--index-url https://index.example/simple\n{good}"), "neither a package"),
            (format!("a @ https://files.example/a.whl \\\n{HASH}\n"), "neither a package"),
            ("a==1 \\\n    --hash=md5:00\n".to_owned(), "neither a package"),
            ("a==1 \\\n    --hash=sha256:00\n".to_owned(), "neither a package"),
        ] {
            let message = check("f", &bad).map_err(|failure| failure.to_string());
            assert!(message.as_ref().is_err_and(|message| message.contains(why)), "{bad}: {message:?}");
        }
    }

    #[test]
    fn pins_and_comment_of_a_file_survive() {
        let text = format!("# One.\n# Two.\na==1.0 \\\n{HASH}\nb==2 \\\n{HASH}\n");
        assert_eq!(pins_of(&text), "a==1.0\nb==2\n");
        assert_eq!(comment_of(&text), "# One.\n# Two.\n");
    }
}

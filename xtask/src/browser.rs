//! A Chromium for the tests of pages: the machine's own, or one that apt-get can bring.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Result;
use crate::process::{self, command};
use crate::{progress, suite};

/// Its names on the path, as Debian, Ubuntu and Google call it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Why there is no browser.
pub(crate) struct Missing(pub(crate) String);

/// The browser; installed when it is missing, the machine has apt-get and this user may use it.
pub(crate) fn find() -> Result<std::result::Result<PathBuf, Missing>> {
    if let Some(found) = on_the_path() {
        return Ok(Ok(found));
    }
    let names = NAMES.join(", ");
    if !nix::unistd::geteuid().is_root() || which("apt-get").is_none() {
        return Ok(Err(Missing(format!("none of {names} is on the path; install one of them"))));
    }
    let task = progress::task("install chromium");
    let log = suite::log("chromium");
    task.follow(&log);
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", "chromium"]] {
        let mut apt = command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        if !process::status(&mut apt, &log, Duration::from_mins(10))?.success() {
            break;
        }
    }
    let Some(found) = on_the_path() else {
        let log = crate::paths::shown(&log);
        let why = format!("none of {names} is on the path, and apt-get could not install it ({log})");
        return Ok(Err(Missing(why)));
    };
    task.done("");
    Ok(Ok(found))
}

fn on_the_path() -> Option<PathBuf> {
    NAMES.into_iter().find_map(which)
}

/// Where a program is on the path.
fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

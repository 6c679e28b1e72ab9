//! `cargo xtask docs`: the pages of `docs/` and the files of `schemas/` that are made from code, and with `--tables` from the
//! data sets of the Python tools.

use std::fs;
use std::time::Duration;

use crate::failure::{Context as _, Failure, Result};
use crate::process::{self, cargo};
use crate::{paths, progress, suite, venv};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only say whether they are up to date
    #[arg(long)]
    check: bool,
    /// First make the tables of `schemas/` that come from cfn-lint's and botocore's data
    #[arg(long, conflicts_with = "check")]
    tables: bool,
}

/// What makes a table of `schemas/`; the same file is the test that the table is up to date.
const TABLES: [&str; 2] = ["tests/goldens/test_taggable.py", "tests/goldens/test_regions.py"];

/// The page, and the example of `the shared crates` that prints it.
const PAGES: [(&str, &str); 6] = [
    ("docs/findings.md", "findings"),
    ("docs/checks.md", "checks"),
    ("docs/deploy-errors.md", "failures"),
    ("docs/macro-reference.md", "macro_reference"),
    ("docs/regions.md", "regions"),
    ("schemas/registry/mlprovisioner-mlops-mlproduct.json", "mlproduct_schema"),
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.tables {
        let tools = venv::tools()?;
        for table in TABLES {
            process::run(
                tools.command("python").args([table, "--write"]),
                &suite::log("tables"),
                Duration::from_mins(5),
            )?;
        }
    }
    made(arguments.check)
}

/// Writes the pages, or says which are out of date.
pub(crate) fn made(check: bool) -> Result<()> {
    let task = progress::task("pages made from code");
    // With the features of the whole workspace, as the tests are built, so that nothing is built twice.
    let log = suite::log("docs");
    task.follow(&log);
    process::run(cargo().args(["build", "--workspace", "--examples"]), &log, Duration::from_hours(1))?;
    for (page, example) in PAGES {
        let text = process::output(&mut process::command(suite::built("examples").join(example)), &log)?;
        let path = paths::at(page);
        if check && fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            return Err(Failure::new(format!("{page} is out of date; `cargo xtask docs` writes it")));
        }
        fs::write(&path, text).context(page)?;
    }
    task.done("");
    Ok(())
}

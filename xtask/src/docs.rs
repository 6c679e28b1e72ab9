//! `cargo xtask docs`: the pages of `docs/`, the files of `schemas/` and the state machines that are generated from code and
//! sources; with `--tables` also the tables that come from the data sets of the Python tools.

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

/// Writes the tables of `schemas/` that come from data of cfn-lint and botocore. Tests compare them.
const TABLES: [&str; 3] = ["tests/write_tables.py", "taggable", "regions"];

/// The file, and the example of a shared crate that prints it, with its arguments.
const PAGES: [(&str, &[&str]); 9] = [
    ("docs/findings.md", &["findings"]),
    ("docs/checks.md", &["checks"]),
    ("docs/deploy-errors.md", &["failures"]),
    ("docs/macro-reference.md", &["macro_reference"]),
    ("docs/regions.md", &["regions"]),
    ("schemas/registry/mlprovisioner-mlops-mlproduct.json", &["mlproduct_schema"]),
    ("infra/state-machines/deploy.asl.json", &["state_machine", "deploy"]),
    ("infra/state-machines/drift.asl.json", &["state_machine", "drift"]),
    ("infra/state-machines/fleet.asl.json", &["state_machine", "fleet"]),
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.tables {
        let tools = venv::tools()?;
        process::run(tools.command("python").args(TABLES), &suite::log("tables"), Duration::from_mins(5))?;
    }
    made(arguments.check)
}

/// Writes the pages, or says which are out of date.
pub(crate) fn made(check: bool) -> Result<()> {
    let task = progress::task("generated pages, schemas and state machines");
    // With the features of the whole workspace, as the tests are built, so that nothing is built twice.
    let log = suite::log("docs");
    task.follow(&log);
    process::run(cargo().args(["build", "--workspace", "--examples"]), &log, Duration::from_hours(1))?;
    for (page, example) in PAGES {
        let (program, arguments) =
            example.split_first().ok_or_else(|| Failure::new("an example has a name"))?;
        let mut command = process::command(suite::built("examples").join(program));
        let text = process::output(command.args(arguments), &log)?;
        let path = paths::at(page);
        if check && fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            return Err(Failure::new(format!("{page} is out of date; `cargo xtask docs` writes it")));
        }
        fs::write(&path, text).context(page)?;
    }
    task.done("");
    Ok(())
}

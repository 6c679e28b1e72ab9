//! The project's own commands.
//!
//! ```text
//! cargo xtask demo           the whole product on this machine: deployed, fed with configs, shown
//! cargo xtask test           everything that must hold, in an order that fails fast
//! cargo xtask bench          how fast and how big it is
//! cargo xtask docs           the generated pages of docs/, schemas and state machines
//! cargo xtask fuzz           the fuzz targets, for a while
//! cargo xtask requirements   the hashes of the pinned Python packages
//! ```
//!
//! Rust and Python are all they need on the machine. What they make lies in `target/`: virtual environments in
//! `target/venv/`, logs and state in `target/local/`.

mod bench;
mod browser;
mod demo;
mod docs;
mod failure;
mod fuzz;
#[cfg(test)]
mod layers;
mod paths;
mod process;
mod progress;
mod pytest;
mod requirements;
mod start;
mod suite;
mod test;
mod venv;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The commands of ML Provisioner's own repository"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Deploy the whole product on this machine, drop configs into its bucket and show what comes out
    Demo(demo::Arguments),
    /// Run everything that must hold: formatting, lints, licenses, templates, documentation, all tests
    Test(test::Arguments),
    /// Measure speed; with --zip also size, start time and memory of what is deployed
    Bench(bench::Arguments),
    /// Write the generated pages of docs/, schemas and state machines
    Docs(docs::Arguments),
    /// Run the fuzz targets, each for a while
    Fuzz(fuzz::Arguments),
    /// Write the hashes of the pinned Python packages into the requirements files
    Requirements(requirements::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = process::end_children_on_signals().and_then(|()| match &arguments.command {
        Command::Demo(arguments) => demo::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Docs(arguments) => docs::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Requirements(arguments) => requirements::run(arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}

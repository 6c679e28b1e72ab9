//! Prints `docs/deploy-errors.md`.

use std::fmt::Write as _;
use std::io::Write as _;

use mlp_operations::execution::failure::Name;

fn main() -> std::io::Result<()> {
    let mut page = String::from(
        "# Errors of executions\n\nThe names by which an execution of the state machine fails. A name never changes its meaning. Made by `cargo xtask docs`\nfrom `shared/operations/src/execution/failure.rs`; edit it there.\n\n| Name | What happened | What to do |\n|---|---|---|\n",
    );
    for name in Name::ALL {
        let _ = writeln!(page, "| `{name}` | {} | {} |", name.meaning(), name.help());
    }
    std::io::stdout().write_all(page.as_bytes())
}

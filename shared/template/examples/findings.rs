//! Prints `docs/findings.md`.

use std::fmt::Write as _;
use std::io::Write as _;

use mlp_template::codes;

const GROUPS: [(&str, &str); 9] = [
    ("MLP-YAML-", "Any file"),
    ("MLP-CFG-", "Configs"),
    ("MLP-GEN-", "Products"),
    ("MLP-TPL-", "Templates"),
    ("MLP-MAC-", "The macro"),
    ("MLP-DEP-", "Executions"),
    ("MLP-PRE-", "Before a deployment"),
    ("MLP-LIC-", "Licences"),
    ("MLP-IO-", "Files"),
];

fn main() -> std::io::Result<()> {
    let mut page = String::from(
        "# Findings\n\nEvery code that ML Provisioner can find something under. A code never changes its meaning. Made by `cargo xtask docs`\nfrom `shared/template/src/codes.rs`; edit it there.\n",
    );
    for (beginning, title) in GROUPS {
        let _ = write!(page, "\n## {title}\n\n| Code | What | Why, and what to do |\n|---|---|---|\n");
        for info in codes::ALL.iter().filter(|info| info.code.starts_with(beginning)) {
            let _ = writeln!(page, "| `{}` | {} | {} |", info.code, info.title, info.explanation);
        }
    }
    std::io::stdout().write_all(page.as_bytes())
}

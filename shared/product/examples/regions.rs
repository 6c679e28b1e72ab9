//! Prints `docs/regions.md`.

use std::fmt::Write as _;
use std::io::Write as _;

use mlp_product::product::availability::{Offer, offer, sources, types};
use mlp_template::region::Region;

const INTRODUCTION: &str = "\
# Regions

Which resource types of the products each region offers. Made by `cargo xtask docs` from `schemas/regions.yaml`, which
`cargo xtask docs --tables` makes from two sources: the resource types that CloudFormation lists in each region (as cfn-lint
ships them) and the endpoints of each service (as botocore ships them).

A config for a region that lacks a type of its product gets the warning [MLP-GEN-005](findings.md), and its template is made.
`deploy-product` and `test-deploy` refuse such a region: the stack would fail. Where the two sources disagree, or nothing is
known, there is the warning MLP-GEN-006 and no refusal.

AWS adds services to regions every month. `aws cloudformation describe-type --type RESOURCE --type-name TYPE --region REGION`
says what is true today.
";

fn main() -> std::io::Result<()> {
    let regions: Vec<Region> = Region::all().collect();
    let has = |kind: &&str, answer| regions.iter().any(|region| offer(kind, region) == answer);
    let lacking = |kind: &&str| has(kind, Offer::Missing) || has(kind, Offer::Doubtful);
    let (some, everywhere): (Vec<&str>, Vec<&str>) = types().partition(lacking);
    let code = |kind: &&str| format!("`{kind}`");
    let list = |kinds: &[&str]| kinds.iter().map(code).collect::<Vec<_>>().join(", ");

    let mut page = INTRODUCTION.to_owned();
    let _ = writeln!(page, "\nSources: {}.\n", sources().collect::<Vec<_>>().join(", "));
    let _ = writeln!(page, "Every region that is known offers {}.\n", list(&everywhere));
    let _ = writeln!(page, "| Region | {} |", some.iter().map(code).collect::<Vec<_>>().join(" | "));
    let _ = writeln!(page, "|---|{}", "---|".repeat(some.len()));
    for region in &regions {
        let cells = some.iter().map(|kind| match offer(kind, region) {
            Offer::Offered => "yes",
            Offer::Missing => "**no**",
            Offer::Doubtful => "listed, but no endpoint is known",
            Offer::Unknown => "not known",
        });
        let _ = writeln!(page, "| `{region}` | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    std::io::stdout().write_all(page.as_bytes())
}

//! Prints `docs/checks.md`.

use std::fmt::Write as _;
use std::io::Write as _;

use mlp_template::security::{self, RULE_FILE_LIMIT, RULE_FILES_LIMIT};

const INTRODUCTION: &str = "\
# Security checks

They run on every finished template before it is stored, in `generate`, in `mlp` and in every other way in, and on any
template with `mlp validate-prov-template TEMPLATE`. An error blocks: the template is not stored. Each finding names its
code, the resource, the property, what was found, why it matters and how to mend it. Made by `cargo xtask docs` from
`schemas/security/*.guard` and `shared/template/src/security/`; edit it there.

A check says only what it can prove. A value that CloudFormation computes later (`!Ref` to a parameter, `!GetAtt`,
`!ImportValue`) is unknown and no finding; both branches of `!If` are looked at. Out of scope on purpose: flow logs,
application security groups, databases, load balancers, instances, and the settings of an account.

Checks marked *enterprise* are for that tier. Templates that ML Provisioner made say their tier in their metadata; in any
other template these checks give warnings.

What the public rule sets say of the same templates, and why we leave it so, stands in [checkov.md](checkov.md).

## Rules of your organisation

Put [CloudFormation Guard](https://docs.aws.amazon.com/cfn-guard/latest/ug/what-is-guard.html) rules below `rules/` in the
suite's bucket, or give `mlp` their folder with `--rules`. They are enforced beside the built-in checks, and what they
find comes out in the same list.

Only files `*.guard` are read, from `rules/` and all folders below it. `mlp --rules PATH` reads a local folder the same way: it
reads the files that the suite would read from the bucket after `aws s3 sync PATH s3://<bucket>/rules/`. `PATH` can also be one
`*.guard` file. Rules that enforce nothing are a finding, [`MLP-RUL-003`](#mlp-rul-003).
";

/// A test of `mlp` runs this rule as it stands on the page.
const FOREIGN_ALERTS: &str = r#"
### Example: alerts to foreign addresses

`alerts_email` accepts an address of any domain. This rule warns when alerts go to another domain than `example.com`.
Replace the domain with your own, and store the rule as `rules/alerts.guard`. To block such configs, remove `warn_` from the
rule's name.

```text
rule warn_foreign_alerts {
    Resources.*[ Type == "AWS::SNS::Subscription" ].Properties {
        when Protocol in ["email", "email-json"] Endpoint is_string {
            Endpoint == /@example\.com$/
                <<alerts go to an address outside of example.com>>
        }
    }
}
```

An address that CloudFormation computes later, such as `!Ref Email`, is unknown and gives no warning.
"#;

fn main() -> std::io::Result<()> {
    let mut page = String::from(INTRODUCTION);
    let _ = writeln!(
        page,
        "\nThere may be {RULE_FILES_LIMIT} files of {} KiB each. A file is read at the next upload of a config; configs that are\nalready stored are not checked again by themselves: upload them once more.",
        RULE_FILE_LIMIT / 1024
    );
    page.push_str(FOREIGN_ALERTS);
    page.push_str("\n| Code | Severity | What |\n|---|---|---|\n");
    for check in security::checks() {
        let _ = writeln!(
            page,
            "| [`{}`](#{}) | {}{} | {} |",
            check.code,
            check.code.to_lowercase(),
            check.severity,
            if check.enterprise_only { ", enterprise" } else { "" },
            check.title
        );
    }
    for check in security::checks() {
        let _ = write!(
            page,
            "\n## {}\n\n**{}** ({}{})\n\n{}\n**Why:** {}\n\n**What to do:** {}.\n",
            check.code,
            check.title,
            check.severity,
            if check.enterprise_only { ", enterprise" } else { "" },
            check.documentation(),
            check.why,
            check.help
        );
    }
    std::io::stdout().write_all(page.as_bytes())
}

//! Result objects in words.

use std::fmt::Write as _;
use std::io;

use mlp_template::finding::Finding;
use mlp_template::printable::printable;
use mlp_template::render::render;
use serde_json::Value as Json;

use super::changes::Detail;
use crate::files::Input;
use crate::show::{self, Shown};

/// Shows a result object: as it is with `--format json`, else its findings and its error on standard error and the rest on
/// standard output.
pub(crate) fn show(
    result: &Json,
    shown: &Shown,
    source: Option<&Input>,
    all: Option<&Detail>,
    warned: &[Finding],
) -> io::Result<()> {
    if shown.is_json() {
        return show::print_json(&format!("{result:#}"));
    }
    let mut findings: Vec<Finding> = Vec::new();
    for place in ["/findings", "/result/findings"] {
        let found = result.pointer(place).cloned().unwrap_or_default();
        findings.extend(serde_json::from_value::<Vec<Finding>>(found).unwrap_or_default());
    }
    findings.retain(|finding| !warned.iter().any(|before| is_same(before, finding)));
    let source = source.map(|input| (input.name.as_str(), input.bytes.as_slice()));
    show::complain_painted(&render(&findings, source, shown.is_colored()));
    show::complain(&left_out(result));
    // An error that only repeats a finding was shown as the finding, with its code.
    let is_repeated = |error: &Json| {
        let message = text(error, "/message").unwrap_or_default();
        findings.iter().any(|it| !it.message.is_empty() && message.starts_with(&it.message))
    };
    if let Some(error) = result.get("error").filter(|error| error.is_object() && !is_repeated(error)) {
        let name = text(error, "/name").unwrap_or("MLProvisioner.Internal");
        shown.named_error(name, &lines_of_error(error));
    }
    show::print(&summary(result, all))
}

/// Whether a finding says what another one has said.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.path == other.path && one.message == other.message
}

/// How many findings a result leaves out, and where they are.
fn left_out(result: &Json) -> String {
    let mut lines = String::new();
    for place in ["", "/result"] {
        let count = result.pointer(&format!("{place}/findings_left_out")).and_then(Json::as_u64);
        let Some(count) = count.filter(|count| *count > 0) else { continue };
        let more = if count == 1 { "1 more finding".to_owned() } else { format!("{count} more findings") };
        let _ = match text(result, &format!("{place}/findings_at")) {
            Some(at) => writeln!(lines, "{more}; all findings are in {}", printable(at)),
            None => writeln!(lines, "{more}, which could not be stored"),
        };
    }
    lines
}

/// A text in a result object, which comes from elsewhere and may hold anything.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

fn lines_of_error(error: &Json) -> String {
    let mut out = printable(text(error, "/message").unwrap_or("it is not said why")).into_owned();
    for cause in error.get("causes").and_then(Json::as_array).into_iter().flatten() {
        let (id, kind) = (text(cause, "/logical_id").unwrap_or("?"), text(cause, "/type").unwrap_or("?"));
        let reason = text(cause, "/reason").unwrap_or("no reason was given");
        let _ = write!(out, "\n  {} ({}): {}", printable(id), printable(kind), printable(reason));
    }
    if let Some(help) = text(error, "/help") {
        let _ = write!(out, "\nhelp: {}", printable(help));
    }
    out
}

fn summary(result: &Json, all: Option<&Detail>) -> String {
    let mut out = String::new();
    let mut line = |title: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(out, "{title:<10} {}", printable(&value));
        }
    };
    let given = |pointer: &str| text(result, pointer).map(str::to_owned);
    let outcome = text(result, "/outcome").unwrap_or("failed");
    let what = given("/ml_name").map(|name| format!(": {name}")).unwrap_or_default();
    // A command that came to nothing has said so already.
    let said = outcome == "failed" && given("/stack_name").is_none() && given("/execution").is_none();
    let action = text(result, "/action").unwrap_or_default();
    line("Outcome", (!said).then(|| format!("{}{what}", words(outcome, action))));
    let status = given("/stack_status").map(|status| format!(" ({status})")).unwrap_or_default();
    line("Stack", given("/stack_name").map(|stack| format!("{stack}{status}")));
    let scenario = given("/scenario").map(|scenario| format!(", scenario {scenario}")).unwrap_or_default();
    line("Tier", given("/tier").map(|tier| format!("{tier}{scenario}")));
    line("Account", place(result));
    line("Asked", given("/requested_by"));
    line("Approved", given("/approved_by"));
    line("Changes", result.get("changes").and_then(changes));
    line("Report", given("/changes/report"));
    line("Data", given("/changes/data"));
    line("Drift", result.get("drift").and_then(drift));
    line("Report", given("/drift/report"));
    line("Fleet", result.get("fleet").and_then(fleet));
    let links = result.pointer("/result/links").and_then(Json::as_object);
    for (kind, link) in links.into_iter().flatten() {
        line("Generated", link.as_str().map(|link| format!("{link} ({kind})")));
    }
    line("Result", given("/result_at"));
    line("Execution", given("/execution"));
    out.push_str(&result.get("changes").map(|changes| in_detail(changes, all)).unwrap_or_default());
    out.push_str(&result.get("fleet").map(products).unwrap_or_default());
    let outputs = result.get("outputs").and_then(Json::as_object).filter(|outputs| !outputs.is_empty());
    if let Some(outputs) = outputs {
        out.push_str("\nOutputs\n");
        for (path, value) in outputs {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(out, "  {}  {}", printable(path), printable(&value));
        }
    }
    let retained = result.get("retained").and_then(Json::as_array).filter(|retained| !retained.is_empty());
    if let Some(retained) = retained {
        out.push_str("\nStays\n");
        for resource in retained {
            let field = |pointer| printable(text(resource, pointer).unwrap_or("?"));
            let (id, kind) = (field("/logical_id"), field("/type"));
            let _ = writeln!(out, "  {id} ({kind}) {}: {}", field("/physical_id"), field("/reason"));
        }
    }
    out
}

fn words<'a>(outcome: &'a str, action: &str) -> &'a str {
    match outcome {
        "answered" if action == "approve" => "The changes were approved",
        "answered" if action == "reject" => "The changes were rejected",
        "waiting-for-approval" => "The changes wait for approval",
        "created" => "The stack was created",
        "updated" => "The stack was updated",
        "unchanged" => "There is nothing to change",
        "deleted" => "The stack was deleted",
        "absent" => "There is no stack to delete",
        "previewed" => "Nothing was changed; this is a preview of the changes",
        "tested" => "The test went well",
        "valid" => "Nothing is wrong",
        "listed" => "The products are listed",
        "generated" => "The files were generated and stored in the bucket",
        "in-sync" => "Nothing has drifted",
        "drifted" => "Something has drifted",
        "cancelled" => "The changes were not made",
        "answered" => {
            "The answer was sent; `mlp follow` shows how the execution continues, or whether it asks again"
        }
        "started" => "The execution runs",
        "fleet" => "The fleet's execution went well",
        "failed" => "It failed",
        other => other,
    }
}

/// The result of a drift check in one line; `None` if it isn't one.
fn drift(drift: &Json) -> Option<String> {
    let totals = drift.get("totals")?;
    let count = |key: &str| totals.get(key).and_then(Json::as_u64);
    let stacks = count("stacks")?;
    let mut text = format!("{stacks} {}", if stacks == 1 { "stack" } else { "stacks" });
    for (key, words) in [
        ("drifted", "drifted"),
        ("could_not_check", "could not be checked"),
        ("deleted", "deleted meanwhile"),
    ] {
        if let Some(count) = count(key).filter(|count| *count > 0) {
            let _ = write!(text, ", {count} {words}");
        }
    }
    Some(text)
}

/// A fleet's figures in one line; `None` if they are none.
fn fleet(summary: &Json) -> Option<String> {
    let count = |key: &str| summary.get(key).and_then(Json::as_u64);
    let total = count("total")?;
    let mut text = format!("{total} {}", if total == 1 { "product" } else { "products" });
    for (key, words) in [
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("without_result", "without a result"),
        ("not_started", "not started"),
    ] {
        if let Some(count) = count(key).filter(|count| *count > 0) {
            let _ = write!(text, ", {count} {words}");
        }
    }
    Some(text)
}

/// The products of a fleet's summary, one line each: those that need somebody's attention.
fn products(summary: &Json) -> String {
    let lines = summary.get("products").and_then(Json::as_array).filter(|lines| !lines.is_empty());
    let mut out = String::new();
    for product in lines.into_iter().flatten() {
        let outcome = text(product, "/outcome").unwrap_or("without a result");
        let why = [text(product, "/error/0"), text(product, "/error/1")].into_iter().flatten();
        let why: Vec<&str> = why.collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(": ")) };
        let config = text(product, "/config").unwrap_or("?");
        let _ = writeln!(out, "  {} {}{}", printable(config), printable(outcome), printable(&why));
    }
    if out.is_empty() { out } else { format!("\nProducts\n{out}") }
}

/// A change summary in one line, replacements and deletions first among what is worth a look; `None` if it isn't one.
pub(crate) fn changes(changes: &Json) -> Option<String> {
    let count = |key: &str| changes.get(key).and_then(Json::as_u64);
    let figures = ["added", "changed", "replaced", "deleted"].map(|key| {
        count(key).map(|count| {
            if key == "replaced" && count > 0 {
                format!("{count} REPLACED")
            } else {
                format!("{count} {key}")
            }
        })
    });
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    (!figures.is_empty()).then(|| figures.join(", "))
}

/// Account and region of a result or a request, in one line.
pub(crate) fn place(json: &Json) -> Option<String> {
    let account = text(json, "/account_id")?;
    let region = text(json, "/region").map(|region| format!(", {region}")).unwrap_or_default();
    Some(format!("{account}{region}"))
}

/// All changes where they could be read, else what the summary names.
pub(crate) fn in_detail(summary: &Json, all: Option<&Detail>) -> String {
    match all {
        Some(Detail::All(text)) => format!("\n{text}"),
        Some(Detail::Summary(why)) => format!("{}\nnote: {}\n", worth_a_look(summary), printable(why)),
        None => worth_a_look(summary),
    }
}

/// What a change summary deletes, replaces and endangers, by name.
pub(crate) fn worth_a_look(changes: &Json) -> String {
    let mut out = String::new();
    let list = |key: &str| changes.get(key).and_then(Json::as_array).filter(|list| !list.is_empty());
    match text(changes, "/deletion") {
        Some("recreated") => out.push_str("\nThe stack is deleted, then created again.\n"),
        Some(_) => out.push_str("\nThe stack is deleted.\n"),
        None => {}
    }
    for (key, title) in [("deletions", "Deleted"), ("replacements", "Replaced")] {
        let Some(resources) = list(key) else { continue };
        let _ = writeln!(out, "\n{title}");
        for resource in resources {
            let may = resource.get("certain").and_then(Json::as_bool) == Some(false);
            let may = if may { " (may be)" } else { "" };
            let _ = writeln!(out, "  {}{may}", named(resource));
        }
        let count = |key: &str| changes.get(key).and_then(Json::as_u64).unwrap_or_default();
        let all = count(if key == "deletions" { "deleted" } else { "replaced" });
        let more = all.saturating_sub(resources.len() as u64);
        if more > 0 {
            let _ = writeln!(out, "  and {more} more; the report has all of them");
        }
    }
    if let Some(risks) = list("risks") {
        out.push_str("\nRisks\n");
        for risk in risks {
            let impact = match text(risk, "/impact") {
                Some("lost") => "data is lost",
                Some("left-behind") => "data stays behind",
                _ => "others may notice",
            };
            let _ = writeln!(out, "  {impact}: {}", named(risk));
            if let Some(lost) = text(risk, "/lost") {
                let _ = writeln!(out, "    lost: {}", printable(lost));
            }
            if let Some(remediation) = text(risk, "/remediation") {
                let _ = writeln!(out, "    remediation: {}", printable(remediation));
            }
        }
    }
    out
}

/// A resource by its names.
fn named(resource: &Json) -> String {
    let field = |pointer| printable(text(resource, pointer).unwrap_or("?")).into_owned();
    let physical = text(resource, "/physical_id").map(|id| format!(", {}", printable(id)));
    format!("{} ({}{})", field("/logical_id"), field("/type"), physical.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_is_told_in_full() {
        let result = json!({
            "outcome": "updated", "ml_name": "a-ml", "stack_name": "a-stack", "stack_status": "UPDATE_COMPLETE",
            "tier": "starter", "scenario": "s3", "execution": "arn",
            "changes": {"added": 1, "changed": 2, "replaced": 1, "deleted": 0, "report": "s3://b/r.html"},
            "outputs": {"/ml/bucket": "a-bucket"},
        });
        assert_eq!(
            summary(&result, None),
            "Outcome    The stack was updated: a-ml\n\
             Stack      a-stack (UPDATE_COMPLETE)\n\
             Tier       starter, scenario s3\n\
             Changes    1 added, 2 changed, 1 REPLACED, 0 deleted\n\
             Report     s3://b/r.html\n\
             Execution  arn\n\
             \n\
             Outputs\n  /ml/bucket  a-bucket\n"
        );
    }

    #[test]
    fn what_is_deleted_replaced_or_in_danger_is_told_by_name() {
        let resource = |id: &str, certain: bool| json!({"logical_id": id, "type": "AWS::S3::Bucket", "physical_id": id.to_lowercase(), "certain": certain});
        let risk = json!({
            "logical_id": "Bucket", "type": "AWS::S3::Bucket", "impact": "lost", "certain": true, "description": "is deleted",
            "lost": "its objects\u{202e}", "remediation": "copy them",
        });
        let changes = json!({
            "added": 0, "changed": 0, "replaced": 1, "deleted": 3, "deletion": "recreated",
            "deletions": [resource("Bucket", true)], "replacements": [resource("Other", false)], "risks": [risk],
        });
        assert_eq!(
            worth_a_look(&changes),
            "\nThe stack is deleted, then created again.\n\
             \nDeleted\n  Bucket (AWS::S3::Bucket, bucket)\n  and 2 more; the report has all of them\n\
             \nReplaced\n  Other (AWS::S3::Bucket, other) (may be)\n\
             \nRisks\n  data is lost: Bucket (AWS::S3::Bucket)\n    lost: its objects[U+202E]\n    remediation: copy them\n"
        );
        assert_eq!(worth_a_look(&json!({"added": 1})), "");
    }

    #[test]
    fn what_was_made_or_found_by_an_execution_is_told_with_its_place() {
        let result = json!({
            "outcome": "generated", "execution": "arn", "result_at": "s3://b/r.json",
            "result": {"links": {"policy": "s3://b/p.json"}},
        });
        assert_eq!(
            summary(&result, None),
            "Outcome    The files were generated and stored in the bucket\n\
             Generated  s3://b/p.json (policy)\n\
             Result     s3://b/r.json\n\
             Execution  arn\n"
        );
        let totals = json!({"stacks": 3, "drifted": 1, "could_not_check": 0});
        let result = json!({"outcome": "drifted", "drift": {"totals": totals, "report": "s3://b/i.html"}, "execution": "arn"});
        assert_eq!(
            summary(&result, None),
            "Outcome    Something has drifted\nDrift      3 stacks, 1 drifted\nReport     s3://b/i.html\n\
             Execution  arn\n"
        );
    }

    #[test]
    fn a_fleet_is_told_in_figures_and_by_the_products_that_need_somebody() {
        let line = json!({"config": "configs/c.yaml", "execution": "fleet-c", "outcome": "failed",
            "error": ["MLProvisioner.StackBusy", "busy\u{1b}[2J"]});
        let fleet = json!({"total": 3, "succeeded": 2, "failed": 1, "without_result": 0, "not_started": 0, "products": [line]});
        let result = json!({"outcome": "fleet", "fleet": fleet, "execution": "arn"});
        assert_eq!(
            summary(&result, None),
            "Outcome    The fleet's execution went well\n\
             Fleet      3 products, 2 succeeded, 1 failed\n\
             Execution  arn\n\
             \nProducts\n  configs/c.yaml failed: MLProvisioner.StackBusy: busy[U+001B][2J\n"
        );
    }

    #[test]
    fn what_stays_after_a_deletion_is_told_with_the_reason() {
        let retained = json!([{"logical_id": "Key", "type": "AWS::KMS::Key", "physical_id": "k-1", "reason": "waits 30 days"}]);
        let result = json!({"outcome": "deleted", "retained": retained});
        assert_eq!(
            summary(&result, None),
            "Outcome    The stack was deleted\n\nStays\n  Key (AWS::KMS::Key) k-1: waits 30 days\n"
        );
    }

    #[test]
    fn an_error_has_its_causes_and_a_way_out_and_steers_no_terminal() {
        let causes = json!([{"logical_id": "Bucket", "type": "AWS::S3::Bucket", "reason": "taken\u{1b}[2J"}]);
        let error = json!({"message": "rolled back", "causes": causes, "help": "choose another name"});
        assert_eq!(
            lines_of_error(&error),
            "rolled back\n  Bucket (AWS::S3::Bucket): taken[U+001B][2J\nhelp: choose another name"
        );
    }

    #[test]
    fn findings_that_are_left_out_are_counted_with_their_place() {
        let at = "s3://suite/deployments/files/one/findings.json";
        let result =
            json!({"findings_left_out": 2_301, "findings_at": at, "result": {"findings_left_out": 1}});
        assert_eq!(
            left_out(&result),
            format!(
                "2301 more findings; all findings are in {at}\n1 more finding, which could not be stored\n"
            )
        );
        for nothing in
            [json!({}), json!({"findings_left_out": 0}), json!([]), json!({"findings_left_out": "x"})]
        {
            assert_eq!(left_out(&nothing), "");
        }
    }

    #[test]
    fn results_of_any_shape_are_shown() {
        let odd = json!({"outcome": 7, "ml_name": [], "execution": "arn", "changes": 3, "outputs": [], "retained": [3]});
        assert_eq!(summary(&odd, None), "Outcome    It failed\nExecution  arn\n\nStays\n  ? (?) ?: ?\n");
        for nothing in [json!(null), json!([1]), json!("text")] {
            assert_eq!(summary(&nothing, None), "");
        }
    }
}

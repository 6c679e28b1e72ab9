//! AWS's Guard engine: rules as text and a template as JSON text in, what failed out.

use std::fmt::Write as _;
use std::io::Cursor;
use std::panic::catch_unwind;

use cfn_guard::commands::Executable;
use cfn_guard::commands::validate::{OutputFormatType, ShowSummaryType};
use cfn_guard::utils::reader::{ReadBuffer, Reader};
use cfn_guard::utils::writer::{WriteBuffer, Writer};
use cfn_guard::{CommandBuilder as _, Error, ParseTreeBuilder, ValidateBuilder, ValidateInput, run_checks};
use serde_json::{Value as Json, json};

/// One clause that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::security) struct Failure {
    /// The rule's name.
    pub(in crate::security) rule: String,
    /// JSON pointer to the value that was looked at, or to the deepest one that was there.
    pub(in crate::security) pointer: String,
    /// The rule's own message, or the clause.
    pub(in crate::security) message: String,
    /// The value, if it is a short one.
    pub(in crate::security) value: Option<String>,
}

/// Why rules could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::security) enum Problem {
    /// They are not written in Guard's language. Line and column count from 1.
    Syntax {
        /// Where the parser stopped.
        place: Option<(u32, u32)>,
        /// What it wanted there.
        reason: String,
    },
    /// They can't be evaluated, for example because they name a rule that isn't there.
    Evaluation(String),
}

/// Guard's tree of the rules; `null` if there are none.
pub(in crate::security) fn parse(rules: &str) -> Result<Json, Problem> {
    let run = || -> Result<String, Error> {
        execute(&ParseTreeBuilder::default().print_json(true).try_build()?, rules.as_bytes().to_vec())
    };
    let text = caught(run)?.map_err(|error| problem(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| Problem::Evaluation(format!("Guard's tree can't be read: {error}")))
}

/// What comes out of evaluating rules over a template.
pub(in crate::security) fn failures(rules: &str, template: &str) -> Result<Vec<Failure>, Problem> {
    // Two ways through the crate: the quick one says pass or fail (its list of failures is cut off at 8 KiB), the other
    // gives all failures and takes several times as long.
    if quick(rules, template)? == Verdict::Passed {
        return Ok(Vec::new());
    }
    let report = whole(rules, template)?;
    let mut failures = Vec::new();
    for file in report.as_array().into_iter().flatten() {
        for rule in file.get("not_compliant").and_then(Json::as_array).into_iter().flatten() {
            clauses(rule, "", &mut failures);
        }
    }
    Ok(failures)
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
}

fn quick(rules: &str, template: &str) -> Result<Verdict, Problem> {
    let run = || {
        let data = ValidateInput { content: template, file_name: "template" };
        run_checks(data, ValidateInput { content: rules, file_name: "rules" }, false)
    };
    let text = caught(run)?.map_err(|error| problem(&error))?;
    // A file of comments gives no text at all.
    let status = serde_json::from_str::<Json>(&text).ok().and_then(|json| json.get("status").cloned());
    let passed = text.is_empty() || status.is_some_and(|status| status == "PASS" || status == "SKIP");
    Ok(if passed { Verdict::Passed } else { Verdict::Failed })
}

/// The structured report of every failure.
fn whole(rules: &str, template: &str) -> Result<Json, Problem> {
    let payload = json!({ "rules": [rules], "data": [as_yaml(template)] }).to_string();
    let run = || -> Result<String, Error> {
        let command = ValidateBuilder::default()
            .payload(true)
            .structured(true)
            .output_format(OutputFormatType::JSON)
            .show_summary(vec![ShowSummaryType::None])
            .try_build()?;
        execute(&command, payload.clone().into_bytes())
    };
    let text = caught(run)?.map_err(|error| problem(&error))?;
    serde_json::from_str(&text)
        .map_err(|error| Problem::Evaluation(format!("Guard's report can't be read: {error}")))
}

fn execute(command: &impl Executable, input: Vec<u8>) -> Result<String, Error> {
    let mut reader = Reader::new(ReadBuffer::Cursor(Cursor::new(input)));
    let mut writer = Writer::new_with_err(WriteBuffer::Vec(Vec::new()), WriteBuffer::Vec(Vec::new()))?;
    command.execute(&mut writer, &mut reader)?;
    writer.into_string()
}

/// This way in reads the template as YAML: what YAML forbids in a text is escaped.
fn as_yaml(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, character| {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            other => text.push(other),
        }
        text
    })
}

/// The crate has `unwrap`s in it; a rule that meets one is a broken rule, not the end of the process.
fn caught<T>(
    run: impl FnOnce() -> Result<T, Error> + std::panic::UnwindSafe,
) -> Result<Result<T, Error>, Problem> {
    catch_unwind(run).map_err(|_| Problem::Evaluation("Guard stopped at an error of its own".to_owned()))
}

fn problem(error: &Error) -> Problem {
    match error {
        Error::ParseError(text) => syntax(text),
        error => Problem::Evaluation(one_line(&error.to_string())),
    }
}

/// Takes Guard's text apart: `... at line 5 at column 17, when handling <what was expected>, fragment = ...`.
fn syntax(text: &str) -> Problem {
    let number = |after: &str| {
        let (_, rest) = text.split_once(after)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let place = number("at line ").zip(number("at column "));
    let reason = text.split_once("when handling ").map_or(text, |(_, reason)| reason);
    let reason = one_line(reason.split(", fragment").next().unwrap_or_default());
    let reason =
        if reason.is_empty() { "this is no clause or block of Guard's language".to_owned() } else { reason };
    Problem::Syntax { place, reason }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Collects the failed clauses below a node of the report.
fn clauses(node: &Json, rule: &str, failures: &mut Vec<Failure>) {
    let Some((kind, body)) = node.as_object().and_then(|object| object.iter().next()) else { return };
    let checks = || body.get("checks").and_then(Json::as_array).into_iter().flatten();
    match kind.as_str() {
        "Rule" => {
            let name = body.get("name").and_then(Json::as_str).unwrap_or_default();
            checks().for_each(|check| clauses(check, name, failures));
        }
        // Every alternative failed: that is one failure, at the place of the first.
        "Disjunctions" => {
            let mut alternatives = Vec::new();
            checks().for_each(|check| clauses(check, rule, &mut alternatives));
            let said = alternatives.iter().position(|failure| failure.value.is_some()).unwrap_or(0);
            let message = alternatives.iter().find(|failure| !is_clause(&failure.message));
            let message = message.map(|failure| failure.message.clone());
            if let Some(first) = alternatives.into_iter().nth(said) {
                failures.push(Failure { message: message.unwrap_or(first.message), ..first });
            }
        }
        "Clause" => {
            if let Some(clause) = body.as_object().and_then(|object| object.values().next()) {
                failures.push(failure(rule, clause));
            }
        }
        _ => failures.push(failure(rule, body)),
    }
}

/// The message that stands in for a missing one begins so.
const CLAUSE: &str = "not so: ";

fn is_clause(message: &str) -> bool {
    message.starts_with(CLAUSE)
}

fn failure(rule: &str, clause: &Json) -> Failure {
    let text = |pointer: &str| clause.pointer(pointer).and_then(Json::as_str).map(one_line);
    let own = text("/messages/custom_message").filter(|message| !message.is_empty());
    let message =
        own.or_else(|| text("/context").map(|context| format!("{CLAUSE}{context}"))).unwrap_or_default();
    let looked_at = clause.get("check").or_else(|| clause.get("unresolved")).and_then(place);
    let (pointer, value) = looked_at.unwrap_or_default();
    Failure { rule: rule.to_owned(), pointer, message, value }
}

/// The first place named below a node, and the value there.
fn place(node: &Json) -> Option<(String, Option<String>)> {
    let object = node.as_object()?;
    if let Some(path) = object.get("path").and_then(Json::as_str) {
        let value = match object.get("value") {
            Some(Json::String(text)) => Some(text.clone()),
            Some(value @ (Json::Bool(_) | Json::Number(_))) => Some(value.to_string()),
            _ => None,
        };
        return Some((path.to_owned(), value.filter(|value| value.len() <= 60)));
    }
    object.values().find_map(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"{"Resources": {"A": {"Type": "T", "Properties": {"Size": 5}},
        "B": {"Type": "T", "Properties": {}}}}"#;

    #[test]
    fn every_failed_clause_comes_with_its_place_message_and_value() {
        let rules = "rule size { Resources.*.Properties { Size exists <<has no size>>\n Size < 3 } }";
        let failures = failures(rules, TEMPLATE).unwrap();
        let shown: Vec<_> = failures
            .iter()
            .map(|it| (it.rule.as_str(), it.pointer.as_str(), it.message.as_str(), it.value.as_deref()))
            .collect();
        assert_eq!(shown[0].1, "/Resources/A/Properties/Size");
        assert_eq!(shown[0].3, Some("5"));
        assert!(shown[0].2.starts_with("not so: "), "{shown:?}");
        assert!(
            shown.iter().any(|it| it.1 == "/Resources/B/Properties" && it.2 == "has no size"),
            "{shown:?}"
        );
    }

    #[test]
    fn a_hundred_failures_are_all_there() {
        let mut resources = serde_json::Map::new();
        for number in 0..100 {
            resources
                .insert(format!("R{number}"), json!({"Type": "T", "Properties": {"Text": "x".repeat(200)}}));
        }
        let template = json!({ "Resources": resources }).to_string();
        let found = failures("rule none { Resources.*.Properties.Text not exists }", &template).unwrap();
        assert_eq!(found.len(), 100);
    }

    #[test]
    fn rules_that_pass_or_ask_about_something_else_give_nothing() {
        for rules in
            ["rule a { Resources exists }", "rule a when Metadata exists { Nope exists }", "# nothing"]
        {
            assert_eq!(failures(rules, TEMPLATE), Ok(Vec::new()), "{rules}");
        }
    }

    #[test]
    fn characters_that_yaml_forbids_are_no_problem() {
        let odd = "a\u{7f}\u{85}\u{feff}\u{ffff}b";
        let template = json!({"Resources": {"A": {"Properties": {"Text": odd}}}}).to_string();
        let found = failures("rule none { Resources.*.Properties.Text not exists }", &template).unwrap();
        assert_eq!((found.len(), found[0].value.as_deref()), (1, Some(odd)));
    }

    #[test]
    fn a_mistake_in_the_rules_has_a_line_and_a_column() {
        let rules = "rule fine {\n  Resources exists\n}\nrule broken {\n  Resources.* ===\n}\n";
        let Err(Problem::Syntax { place, reason }) = failures(rules, TEMPLATE) else {
            panic!("it was understood")
        };
        assert_eq!(place, Some((5, 17)));
        assert!(reason.contains("property access"), "{reason}");
    }

    #[test]
    fn a_variable_that_is_nowhere_is_a_problem_of_evaluation() {
        let found = failures("rule a { Resources == %nowhere }", TEMPLATE);
        assert!(matches!(found, Err(Problem::Evaluation(_))), "{found:?}");
    }
}

//! State machines from their short sources.
//!
//! `infra/state-machines/source/<name>.yaml` says what is particular about each state; `policies.yaml` states each retry and
//! wait policy once. [`compile`] writes both out as a definition in the States Language, which `cargo xtask docs` stores as
//! `infra/state-machines/<name>.asl.json`.
//!
//! A state has one of these keys, and keys of the States Language (`TimeoutSeconds`, `ResultPath`), which are copied:
//!
//! | Key | State |
//! |---|---|
//! | `step: NAME` | a task: the deploy function's step, with the execution's ARN and its state. `work` is another path for the state, `and` adds to the payload, `integration` names another than `lambda:invoke` |
//! | `ask: SERVICE:ACTION` | a task: a call of the AWS SDK integration, with `with`, `select`, `into` |
//! | `call: INTEGRATION` | a task: any other integration, with `with`, `select`, `into` |
//! | `choose` | a choice: the first entry whose conditions all hold, `otherwise` another state. `present: x` and `absent: x` ask for `$.x`; `x: text`, `x: true` and `x: {below: 5}` compare it |
//! | `wait: POLICY` | waits |
//! | `map`, `processor`, `states` | a distributed map |
//! | `pass`, `succeed`, `fail` | the state of that name |
//!
//! `retry` lists policies; a step has `[step]` and a question `[optional-question]` if it names none. `catch` lists names of
//! the machine's `catches` or catchers; a task without it has the machine's `default_catch`. `unanswered: PATH` carries on
//! with the next state, with the error at that path. The first state is the one the machine starts with.

#![expect(clippy::indexing_slicing, reason = "a key that JSON lacks is null")]

use mlp_template::yaml::{self, Limits};
use serde_json::{Map as Object, Value as Json, json};

/// Longest line in which an object or a list of the definition stays whole.
const LINE_WIDTH: usize = 120;

/// What a large answer ends in. `States.ALL` doesn't catch it, so it has a catcher of its own.
///
/// Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows" (`States.ALL` and
/// `States.DataLimitExceeded`).
const TOO_LARGE: &str = "States.DataLimitExceeded";

/// The definition of a state machine.
///
/// # Errors
///
/// A sentence with the state that says what is wrong.
///
/// ```
/// use mlp_testkit::machine_source::compile;
///
/// let policies = "retries: {step: {ErrorEquals: [lambda], MaxAttempts: 6}}\nerrors: {lambda: [Lambda.Unknown]}\nwaits: {}\n";
/// let source = "comment: One step\ntimeout_seconds: 60\nstates:\n  Read: {step: ReadInput, next: Done}\n  Done: {succeed: {}}\n";
/// let definition: serde_json::Value = serde_json::from_str(&compile(source, policies).unwrap()).unwrap();
/// assert_eq!(definition["States"]["Read"]["Retry"][0]["ErrorEquals"][0], "Lambda.Unknown");
///
/// let wrong = compile(&source.replace("next: Done", "next: Over"), policies).unwrap_err();
/// assert_eq!(wrong, "state `Read`: there is no state `Over`");
/// ```
pub fn compile(source: &str, policies: &str) -> Result<String, String> {
    let machine = read(source)?;
    let policies = read(policies)?;
    let compiler = Compiler { policies: &policies, machine: &machine };
    let (start, states) = compiler.states(&machine)?;
    let definition = json!({
        "Comment": machine["comment"],
        "StartAt": start,
        "TimeoutSeconds": machine["timeout_seconds"],
        "States": states,
    });
    let mut text = String::new();
    write(&definition, 0, &mut text);
    text.push('\n');
    Ok(text)
}

fn read(text: &str) -> Result<Json, String> {
    yaml::load(text.as_bytes(), &Limits::config()).map(|document| document.to_json()).map_err(|findings| {
        findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ")
    })
}

struct Compiler<'a> {
    policies: &'a Json,
    machine: &'a Json,
}

impl Compiler<'_> {
    /// The name of the first state, and all states.
    fn states(&self, machine: &Json) -> Result<(String, Json), String> {
        let sources = machine["states"].as_object().ok_or("`states` is missing")?;
        let start = sources.keys().next().ok_or("`states` is empty")?;
        let mut states = Object::new();
        for (name, source) in sources {
            let state = self.state(source).map_err(|error| format!("state `{name}`: {error}"))?;
            states.insert(name.clone(), state);
        }
        for (name, state) in &states {
            if let Some(target) = targets(state).into_iter().find(|target| !states.contains_key(*target)) {
                return Err(format!("state `{name}`: there is no state `{target}`"));
            }
        }
        Ok((start.clone(), Json::Object(states)))
    }

    fn state(&self, source: &Json) -> Result<Json, String> {
        let mut rest = source.as_object().ok_or("a state is a map")?.clone();
        let mut state = Object::new();
        let kind = Kind::take(&mut rest)?;
        state.insert("Type".to_owned(), json!(kind.name()));
        if let Some(comment) = rest.remove("comment") {
            state.insert("Comment".to_owned(), comment);
        }
        match &kind {
            Kind::Task(task) => task.write(&mut rest, &mut state),
            Kind::Choice(choices) => {
                let choices = choices.as_array().ok_or("`choose` is a list")?;
                state.insert("Choices".to_owned(), choices.iter().map(choice).collect::<Result<_, _>>()?);
                state.insert("Default".to_owned(), rest.remove("otherwise").ok_or("`otherwise` is missing")?);
            }
            Kind::Wait(policy) => state.extend(self.policy("waits", policy)?),
            Kind::Map(map) => {
                state.extend(map.as_object().cloned().ok_or("`map` is a map")?);
                let (start, states) = self.states(&json!({"states": rest.remove("states")}))?;
                state.insert(
                    "ItemProcessor".to_owned(),
                    json!({"ProcessorConfig": rest.remove("processor"), "StartAt": start, "States": states}),
                );
            }
            Kind::Other(_, fields) => {
                state.extend(fields.as_object().cloned().ok_or("its fields are a map")?);
            }
        }
        let next = rest.remove("next");
        let (mut retries, mut catchers) = (None, Vec::new());
        if matches!(kind, Kind::Task(_) | Kind::Map(_)) {
            retries = rest.remove("retry").or_else(|| kind.default_retry());
            catchers = self.catchers(&kind, &mut rest, next.as_ref())?;
        }
        for (key, value) in rest {
            if !key.starts_with(|first: char| first.is_ascii_uppercase()) {
                return Err(format!("`{key}` is no key of such a state"));
            }
            state.insert(key, value);
        }
        if let Some(retries) = retries {
            state.insert("Retry".to_owned(), self.retriers(&retries)?);
        }
        if !catchers.is_empty() {
            state.insert("Catch".to_owned(), Json::Array(catchers));
        }
        if let Some(next) = next {
            state.insert("Next".to_owned(), next);
        }
        Ok(Json::Object(state))
    }

    fn policy(&self, table: &str, name: &Json) -> Result<Object<String, Json>, String> {
        let name = name.as_str().ok_or("a policy is named")?;
        self.policies[table][name]
            .as_object()
            .cloned()
            .ok_or_else(|| format!("policies.yaml has no `{name}` in `{table}`"))
    }

    fn retriers(&self, names: &Json) -> Result<Json, String> {
        let names = names.as_array().ok_or("`retry` is a list")?;
        names
            .iter()
            .map(|name| {
                let mut retrier = self.policy("retries", name)?;
                if let Some(Json::Array(errors)) = retrier.get_mut("ErrorEquals") {
                    *errors = errors.iter().flat_map(|error| self.errors(error)).collect();
                }
                Ok(Json::Object(retrier))
            })
            .collect()
    }

    /// The errors of a list with that name, or the error itself.
    fn errors(&self, error: &Json) -> Vec<Json> {
        let list = error.as_str().and_then(|name| self.policies["errors"][name].as_array());
        list.cloned().unwrap_or_else(|| vec![error.clone()])
    }

    fn catchers(
        &self,
        kind: &Kind,
        rest: &mut Object<String, Json>,
        next: Option<&Json>,
    ) -> Result<Vec<Json>, String> {
        if let Some(path) = rest.remove("unanswered") {
            return Ok([TOO_LARGE, "States.ALL"]
                .map(|error| json!({"ErrorEquals": [error], "ResultPath": path, "Next": next}))
                .into());
        }
        let named = match rest.remove("catch") {
            Some(catchers) => catchers,
            None if matches!(kind, Kind::Task(_)) => self.machine["default_catch"].clone(),
            None => Json::Null,
        };
        let named = named.as_array().cloned().unwrap_or_default();
        named
            .into_iter()
            .map(|catcher| match catcher.as_str() {
                Some(name) => match &self.machine["catches"][name] {
                    Json::Null => Err(format!("the machine has no `{name}` in `catches`")),
                    catcher => Ok(catcher.clone()),
                },
                None => Ok(catcher),
            })
            .collect()
    }
}

enum Kind {
    Task(Task),
    Choice(Json),
    Wait(Json),
    Map(Json),
    Other(&'static str, Json),
}

enum Task {
    Step(Json),
    Ask(String),
    Call(String),
}

impl Kind {
    fn take(rest: &mut Object<String, Json>) -> Result<Self, String> {
        let text = |value: Json| value.as_str().map(str::to_owned).ok_or("an integration is a text");
        let mut kinds = Vec::new();
        for key in ["step", "ask", "call", "choose", "wait", "map", "pass", "succeed", "fail"] {
            let Some(value) = rest.remove(key) else { continue };
            kinds.push(match key {
                "step" => Self::Task(Task::Step(value)),
                "ask" => Self::Task(Task::Ask(text(value)?)),
                "call" => Self::Task(Task::Call(text(value)?)),
                "choose" => Self::Choice(value),
                "wait" => Self::Wait(value),
                "map" => Self::Map(value),
                "pass" => Self::Other("Pass", value),
                "succeed" => Self::Other("Succeed", value),
                _ => Self::Other("Fail", value),
            });
        }
        match (kinds.pop(), kinds.is_empty()) {
            (Some(kind), true) => Ok(kind),
            _ => Err("a state has one of `step`, `ask`, `call`, `choose`, `wait`, `map`, `pass`, `succeed`, `fail`"
                .to_owned()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Task(_) => "Task",
            Self::Choice(_) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Map(_) => "Map",
            Self::Other(name, _) => name,
        }
    }

    fn default_retry(&self) -> Option<Json> {
        match self {
            Self::Task(Task::Step(_)) => Some(json!(["step"])),
            Self::Task(Task::Ask(_)) => Some(json!(["optional-question"])),
            _ => None,
        }
    }
}

impl Task {
    /// Writes resource, parameters and limits, and takes what they are made of from the source.
    fn write(&self, rest: &mut Object<String, Json>, state: &mut Object<String, Json>) {
        let resource = |integration: &str| json!(format!("arn:${{Partition}}:states:::{integration}"));
        let mut put = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                state.insert(key.to_owned(), value);
            }
        };
        match self {
            Self::Step(step) => {
                let integration = rest.remove("integration");
                let integration = integration.as_ref().and_then(Json::as_str).unwrap_or("lambda:invoke");
                put("Resource", Some(resource(integration)));
                let mut payload = Object::new();
                payload.insert("step".to_owned(), step.clone());
                payload.insert("execution.$".to_owned(), json!("$$.Execution.Id"));
                if let Some(Json::Object(more)) = rest.remove("and") {
                    payload.extend(more);
                }
                payload.insert("work.$".to_owned(), rest.remove("work").unwrap_or_else(|| json!("$")));
                put("Parameters", Some(json!({"FunctionName": "${DeployFunction}", "Payload": payload})));
                if !rest.contains_key("ResultPath") {
                    put("OutputPath", Some(json!("$.Payload")));
                }
                if !rest.contains_key("TimeoutSecondsPath") {
                    put("TimeoutSeconds", Some(rest.remove("TimeoutSeconds").unwrap_or_else(|| json!(90))));
                }
            }
            Self::Ask(action) => {
                put("Resource", Some(resource(&format!("aws-sdk:{action}"))));
                put("Parameters", Some(rest.remove("with").unwrap_or_else(|| json!({}))));
                put("TimeoutSeconds", Some(rest.remove("TimeoutSeconds").unwrap_or_else(|| json!(60))));
            }
            Self::Call(integration) => {
                put("Resource", Some(resource(integration)));
                put("Parameters", rest.remove("with"));
            }
        }
        put("ResultSelector", rest.remove("select"));
        put("ResultPath", rest.remove("into"));
    }
}

/// An entry of `choose` as a choice rule.
fn choice(entry: &Json) -> Result<Json, String> {
    let mut entry = entry.as_object().cloned().ok_or("an entry of `choose` is a map")?;
    let next = entry.remove("to").ok_or("an entry of `choose` has no `to`")?;
    let mut conditions =
        entry.iter().map(|(key, value)| condition(key, value)).collect::<Result<Vec<_>, _>>()?;
    let mut rule = match conditions.len() {
        0 => return Err("an entry of `choose` has no condition".to_owned()),
        1 => conditions.remove(0),
        _ => Object::from_iter([("And".to_owned(), conditions.into_iter().map(Json::Object).collect())]),
    };
    rule.insert("Next".to_owned(), next);
    Ok(Json::Object(rule))
}

fn condition(key: &str, value: &Json) -> Result<Object<String, Json>, String> {
    let (variable, operator, operand) = match (key, value) {
        ("present", Json::String(path)) => (path.as_str(), "IsPresent", json!(true)),
        ("absent", Json::String(path)) => (path.as_str(), "IsPresent", json!(false)),
        (path, Json::String(_)) => (path, "StringEquals", value.clone()),
        (path, Json::Bool(_)) => (path, "BooleanEquals", value.clone()),
        (path, Json::Object(bound)) if bound.len() == 1 && bound.contains_key("below") => {
            (path, "NumericLessThan", value["below"].clone())
        }
        _ => return Err(format!("`{key}: {value}` is no condition")),
    };
    Ok(Object::from_iter([
        ("Variable".to_owned(), json!(format!("$.{variable}"))),
        (operator.to_owned(), operand),
    ]))
}

/// The states that may come next.
fn targets(state: &Json) -> Vec<&str> {
    let nested = ["Choices", "Catch"].into_iter().filter_map(|list| state[list].as_array()).flatten();
    nested
        .map(|rule| &rule["Next"])
        .chain([&state["Next"], &state["Default"]])
        .filter_map(Json::as_str)
        .collect()
}

/// Writes JSON with an object or a list in one line where it fits.
fn write(value: &Json, depth: usize, text: &mut String) {
    let column = text.len() - text.rfind('\n').map_or(0, |at| at + 1);
    let line = in_line(value);
    let (open, close, entries): (_, _, Vec<(Option<&String>, &Json)>) = match value {
        Json::Object(object) if depth < 3 || column + line.len() > LINE_WIDTH => {
            ('{', '}', object.iter().map(|(key, value)| (Some(key), value)).collect())
        }
        Json::Array(list) if column + line.len() > LINE_WIDTH => {
            ('[', ']', list.iter().map(|value| (None, value)).collect())
        }
        _ => return text.push_str(&line),
    };
    text.push(open);
    for (index, (key, value)) in entries.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        if let Some(key) = key {
            text.push_str(&json!(key).to_string());
            text.push_str(": ");
        }
        write(value, depth + 1, text);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn in_line(value: &Json) -> String {
    let join = |entries: Vec<String>| entries.join(", ");
    match value {
        Json::Object(object) => {
            let entry = |(key, value): (&String, &Json)| format!("{}: {}", json!(key), in_line(value));
            format!("{{{}}}", join(object.iter().map(entry).collect()))
        }
        Json::Array(list) => format!("[{}]", join(list.iter().map(in_line).collect())),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICIES: &str = "\
errors: {lambda: [Lambda.Unknown, Sandbox.Timedout]}
retries:
  step: {ErrorEquals: [lambda, States.Timeout], MaxAttempts: 6}
  optional-question: {ErrorEquals: [States.ALL], MaxAttempts: 3}
waits: {given: {SecondsPath: $.wait.seconds}}
";

    fn states(states: &str) -> Result<Json, String> {
        let source = format!(
            "comment: c\ntimeout_seconds: 60\ncatches:\n  fail: {{ErrorEquals: [States.ALL], Next: Over}}\n\
             default_catch: [fail]\nstates:\n{states}\n  Over: {{fail: {{Error: E, Cause: c}}}}\n"
        );
        let text = compile(&source, POLICIES)?;
        Ok(serde_json::from_str::<Json>(&text).map_err(|error| error.to_string())?["States"].take())
    }

    #[test]
    fn a_step_names_only_what_is_particular() {
        let states = states("  A: {step: Read, and: {token.$: $$.Task.Token}, next: Over}").unwrap();
        assert_eq!(
            states["A"],
            json!({
                "Type": "Task",
                "Resource": "arn:${Partition}:states:::lambda:invoke",
                "Parameters": {
                    "FunctionName": "${DeployFunction}",
                    "Payload": {
                        "step": "Read", "execution.$": "$$.Execution.Id", "token.$": "$$.Task.Token", "work.$": "$",
                    },
                },
                "OutputPath": "$.Payload",
                "TimeoutSeconds": 90,
                "Retry": [{"ErrorEquals": ["Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"], "MaxAttempts": 6}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Over"}],
                "Next": "Over",
            })
        );
    }

    #[test]
    fn a_question_without_an_answer_carries_on_also_when_the_answer_is_too_large() {
        let states = states("  A: {ask: 'iam:getRole', unanswered: $.refused, next: Over}").unwrap();
        assert_eq!(
            states["A"]["Catch"],
            json!([
                {"ErrorEquals": ["States.DataLimitExceeded"], "ResultPath": "$.refused", "Next": "Over"},
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.refused", "Next": "Over"},
            ])
        );
    }

    #[test]
    fn all_conditions_of_an_entry_hold() {
        let states =
            states("  A: {choose: [{round: {below: 5}, ok: true, absent: x, to: Over}], otherwise: Over}");
        assert_eq!(
            states.unwrap()["A"]["Choices"],
            json!([{
                "And": [
                    {"Variable": "$.round", "NumericLessThan": 5},
                    {"Variable": "$.ok", "BooleanEquals": true},
                    {"Variable": "$.x", "IsPresent": false},
                ],
                "Next": "Over",
            }])
        );
    }

    #[test]
    fn mistakes_name_the_state() {
        for (source, error) in [
            ("  A: {next: Over}", "a state has one of"),
            ("  A: {step: Read, wait: given, next: Over}", "a state has one of"),
            ("  A: {step: Read, nxt: Over}", "`nxt` is no key of such a state"),
            ("  A: {step: Read, retry: [often], next: Over}", "policies.yaml has no `often` in `retries`"),
            ("  A: {step: Read, catch: [all], next: Over}", "the machine has no `all` in `catches`"),
            ("  A: {wait: given, retry: [step], next: Over}", "`retry` is no key of such a state"),
            (
                "  A: {choose: [{ok: true, to: Over}], otherwise: Over, catch: [fail]}",
                "`catch` is no key of such a state",
            ),
            ("  A: {choose: [{ok: true, to: Over}]}", "`otherwise` is missing"),
            ("  A: {choose: [{ok: true}], otherwise: Over}", "an entry of `choose` has no `to`"),
            ("  A: {wait: long, next: Over}", "policies.yaml has no `long` in `waits`"),
            ("  A: {choose: [{to: Over}], otherwise: Over}", "has no condition"),
            ("  A: {choose: [{ok: 1, to: Over}], otherwise: Over}", "is no condition"),
            ("  A: {choose: [{ok: true, to: Nowhere}], otherwise: Over}", "there is no state `Nowhere`"),
        ] {
            let found = states(source).unwrap_err();
            assert!(found.starts_with("state `A`: ") && found.contains(error), "{source}: {found}");
        }
    }
}

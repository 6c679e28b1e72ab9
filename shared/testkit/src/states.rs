//! Executions of a state machine by its own definition.
//!
//! The interpreter knows what `infra/state-machines/deploy.asl.json` uses of the States Language: `Task`, `Choice`, `Wait`,
//! `Pass`, `Succeed`, `Fail`, `Retry`, `Catch`, reference paths, `States.Array`, `States.ArrayLength` and
//! `States.JsonToString($)`. Anything else ends the test. Jitter is left out: each retry waits its longest.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test aid may end the test"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde_json::{Value as Json, json};

/// What an execution calls, and its clock.
pub trait Surroundings {
    /// Lets time pass.
    fn sleep(&self, seconds: u64) -> impl Future<Output = ()>;

    /// Carries a task out: the execution's ARN, the end of the state's `Resource` (`lambda:invoke`), its parameters, and the
    /// state with its input.
    fn call(
        &self,
        execution: &str,
        resource: &str,
        parameters: &Json,
        state: (&Json, &Json),
    ) -> impl Future<Output = Result<Json, Thrown>>;
}

/// An error that `Retry` and `Catch` know by its name.
#[derive(Debug, Clone)]
pub struct Thrown {
    /// Its name.
    pub error: String,
    /// Everything else.
    pub cause: String,
}

/// An error.
pub fn thrown(error: &str, cause: &str) -> Thrown {
    Thrown { error: error.to_owned(), cause: cause.to_owned() }
}

/// One execution.
pub struct Execution<'a, S> {
    surroundings: &'a S,
    machine: Json,
    arn: String,
}

impl<'a, S: Surroundings> Execution<'a, S> {
    /// An execution of a state machine, by its definition.
    ///
    /// # Panics
    ///
    /// When the definition is no JSON.
    pub fn new(machine: &str, arn: String, surroundings: &'a S) -> Self {
        Self { surroundings, machine: serde_json::from_str(machine).unwrap(), arn }
    }

    /// The output, or what the execution fails with.
    ///
    /// # Panics
    ///
    /// At anything that the interpreter doesn't know.
    pub async fn run(&self, input: Json) -> Result<Json, Json> {
        let mut data = input;
        let mut at = self.machine["StartAt"].as_str().unwrap().to_owned();
        loop {
            let state = &self.machine["States"][&at];
            let next = match state["Type"].as_str().unwrap() {
                "Task" => {
                    let (next, after) = self.task(state, data).await;
                    data = after;
                    next
                }
                "Choice" => {
                    let choices = state["Choices"].as_array().unwrap();
                    let taken = choices.iter().find(|choice| holds(choice, &data));
                    taken.map_or(&state["Default"], |choice| &choice["Next"]).clone()
                }
                "Wait" => {
                    let seconds = at_path(&data, state["SecondsPath"].as_str().unwrap()).unwrap().as_u64();
                    self.surroundings.sleep(seconds.unwrap()).await;
                    state["Next"].clone()
                }
                "Pass" => {
                    let result = match (state.get("Parameters"), state.get("Result")) {
                        (Some(parameters), _) => self.parameters(parameters, &data),
                        (None, Some(result)) => result.clone(),
                        _ => at_path(&data, state["InputPath"].as_str().unwrap()).unwrap().clone(),
                    };
                    match state.get("ResultPath") {
                        None => data = result,
                        Some(path) => put(&mut data, path, result),
                    }
                    state["Next"].clone()
                }
                "Succeed" => return Ok(data),
                "Fail" => {
                    assert_eq!(state["CausePath"], "States.JsonToString($)", "{at}: {state}");
                    return Err(data);
                }
                other => panic!("{at} is a {other}"),
            };
            next.as_str().unwrap().clone_into(&mut at);
        }
    }

    async fn task(&self, state: &Json, data: Json) -> (Json, Json) {
        let mut attempts: BTreeMap<usize, u64> = BTreeMap::new();
        let thrown = loop {
            let thrown = match self.call(state, &data).await {
                Ok(answer) => return (state["Next"].clone(), after(state, data, answer)),
                Err(thrown) => thrown,
            };
            let retriers = state["Retry"].as_array().map(Vec::as_slice).unwrap_or_default();
            let Some(found) = retriers.iter().position(|retrier| matches(retrier, &thrown.error)) else {
                break thrown;
            };
            let retrier = &retriers[found];
            let made = attempts.entry(found).or_default();
            if *made >= retrier["MaxAttempts"].as_u64().unwrap() {
                break thrown;
            }
            let (interval, rate) =
                (retrier["IntervalSeconds"].as_f64().unwrap(), retrier["BackoffRate"].as_f64().unwrap());
            let most = retrier.get("MaxDelaySeconds").and_then(Json::as_f64).unwrap_or(f64::MAX);
            let delay = (interval * rate.powi(i32::try_from(*made).unwrap())).min(most);
            *made += 1;
            self.surroundings.sleep(Duration::from_secs_f64(delay).as_secs()).await;
        };
        let catchers = state["Catch"].as_array().unwrap();
        let catcher = catchers.iter().find(|catcher| matches(catcher, &thrown.error)).unwrap();
        let mut data = data;
        let output = json!({"Error": thrown.error, "Cause": thrown.cause});
        match catcher.get("ResultPath") {
            Some(path) => put(&mut data, path, output),
            None => data = output,
        }
        (catcher["Next"].clone(), data)
    }

    async fn call(&self, state: &Json, data: &Json) -> Result<Json, Thrown> {
        let parameters = self.parameters(&state["Parameters"], data);
        let resource = state["Resource"].as_str().unwrap().rsplit(":::").next().unwrap();
        self.surroundings.call(&self.arn, resource, &parameters, (state, data)).await
    }

    fn parameters(&self, template: &Json, data: &Json) -> Json {
        if let Json::Array(items) = template {
            return items.iter().map(|item| self.parameters(item, data)).collect();
        }
        let Json::Object(fields) = template else { return template.clone() };
        let fields = fields.iter().map(|(key, value)| match key.strip_suffix(".$") {
            None => (key.clone(), self.parameters(value, data)),
            Some(key) => {
                let value = match value.as_str().unwrap() {
                    "$$.Execution.Id" => Json::from(self.arn.as_str()),
                    "$$.Task.Token" => Json::from("token"),
                    text if text.starts_with("States.Array(") => {
                        let path = text.trim_start_matches("States.Array(").trim_end_matches(')');
                        json!([at_path(data, path).unwrap()])
                    }
                    path => at_path(data, path).unwrap().clone(),
                };
                (key.to_owned(), value)
            }
        });
        Json::Object(fields.collect())
    }
}

fn matches(rule: &Json, error: &str) -> bool {
    rule["ErrorEquals"].as_array().unwrap().iter().any(|it| it == error || it == "States.ALL")
}

/// `ResultPath` and `OutputPath` of a task that went well.
fn after(state: &Json, mut data: Json, answer: Json) -> Json {
    let answer = match state.get("ResultSelector").and_then(Json::as_object) {
        Some(selector) => {
            let value = |path: &str| match path.strip_prefix("States.ArrayLength(") {
                Some(rest) => {
                    let list = at_path(&answer, rest.trim_end_matches(')')).unwrap();
                    json!(list.as_array().unwrap().len())
                }
                None => selected(&answer, path),
            };
            let select = |(key, path): (&String, &Json)| {
                (key.trim_end_matches(".$").to_owned(), value(path.as_str().unwrap()))
            };
            Json::Object(selector.iter().map(select).collect())
        }
        None => answer,
    };
    match state.get("ResultPath") {
        None => data = answer,
        Some(path) => put(&mut data, path, answer),
    }
    match state.get("OutputPath").and_then(Json::as_str) {
        Some(path) => at_path(&data, path).unwrap().clone(),
        None => data,
    }
}

fn put(data: &mut Json, path: &Json, value: Json) {
    if let Some(path) = path.as_str() {
        let pointer = path.strip_prefix('$').unwrap().replace('.', "/");
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        data.pointer_mut(parent).unwrap()[key] = value;
    }
}

/// A path that may go through every entry of a list: `$.Pipelines[*].Name`.
fn selected(data: &Json, path: &str) -> Json {
    match path.split_once("[*]") {
        Some((list, rest)) => {
            let entries = at_path(data, list).unwrap().as_array().unwrap();
            let rest = format!("${rest}");
            entries.iter().filter_map(|entry| at_path(entry, &rest)).cloned().collect()
        }
        None => at_path(data, path).unwrap().clone(),
    }
}

/// What a reference path such as `$.a.b` leads to.
///
/// # Panics
///
/// When it is no such path.
pub fn at_path<'j>(data: &'j Json, path: &str) -> Option<&'j Json> {
    let mut parts = path.split('.');
    assert_eq!(parts.next(), Some("$"), "{path}");
    parts.try_fold(data, |data, part| data.get(part))
}

fn holds(choice: &Json, data: &Json) -> bool {
    if let Some(all) = choice.get("And") {
        return all.as_array().unwrap().iter().all(|choice| holds(choice, data));
    }
    let found = at_path(data, choice["Variable"].as_str().unwrap());
    let (operator, operand) =
        choice.as_object().unwrap().iter().find(|(key, _)| *key != "Variable" && *key != "Next").unwrap();
    match operator.as_str() {
        "IsPresent" => found.is_some() == operand.as_bool().unwrap(),
        "StringEquals" | "BooleanEquals" => found.unwrap() == operand,
        "NumericLessThan" => found.unwrap().as_f64().unwrap() < operand.as_f64().unwrap(),
        other => panic!("{other} is used"),
    }
}

//! One action for many products: a fleet's input and its summary.

pub(crate) mod tasks;

use std::collections::BTreeMap;

use mlp_product::outcome::is_zero;
use mlp_product::outcome::sha256;
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::suggest::Suggestions;
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value as Json, json};

use crate::execution::identity::Execution;
use crate::execution::input::{Action, Input, bucket_name};
use crate::execution::keys;
use crate::execution::outcome::{Error, ExecutionOutcome, Report};

/// The most configs of one fleet. More configs need several fleets with narrower prefixes.
pub const MAX_CONFIGS: usize = 1_000;

/// How many products run at the same time, if the input doesn't say.
pub const DEFAULT_CONCURRENCY: u64 = 5;

/// The most that may be asked for. CloudFormation throttles an account that changes many stacks at once.
pub const MAX_CONCURRENCY: u64 = 50;

/// The percentage of products that may fail before no more are started.
///
/// The state machine's map tolerates all: Step Functions would stop what is under way when too many have failed, and a
/// deployment that is stopped half-way is worse than one that is done (Developer Guide, "Setting failure thresholds for
/// Distributed Map states").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tolerance(pub u64);

impl Tolerance {
    /// Whether more failed than may.
    ///
    /// ```
    /// # use mlp_operations::fleet::Tolerance;
    /// assert!(Tolerance(0).is_exceeded(1, 1_000));
    /// assert!(!Tolerance(25).is_exceeded(1, 4));
    /// assert!(Tolerance(25).is_exceeded(2, 4));
    /// ```
    pub fn is_exceeded(self, failed: usize, total: usize) -> bool {
        (failed as u128) * 100 > u128::from(self.0) * (total as u128)
    }
}

/// A fleet's valid input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetInput {
    /// The bucket with the configs.
    pub bucket: String,
    /// What their keys begin with.
    pub prefix: String,
    /// How many products are worked on at once.
    pub concurrency: u64,
    /// How many of a hundred may fail before no more are begun.
    pub tolerated: Tolerance,
    /// The input of every product's execution besides its config.
    switches: Object<String, Json>,
}

/// One product's execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetItem {
    /// The execution's name, the same when the fleet's task runs twice.
    pub name: String,
    /// The config's key.
    pub config: String,
    /// Its input.
    pub input: Json,
}

/// The summary of a fleet's execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSummary {
    /// [`crate::execution::outcome::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The fleet's execution.
    pub execution: String,
    /// Whether no more failed than was tolerated.
    pub ok: bool,
    /// How many configs there were.
    pub total: usize,
    /// How many products' executions did what was asked.
    pub succeeded: usize,
    /// How many failed or were cancelled.
    pub failed: usize,
    /// How many have no result: they were stopped or timed out.
    pub without_result: usize,
    /// How many were not started, because too many others had failed.
    #[serde(default)]
    pub not_started: usize,
    /// How often each outcome came.
    pub outcomes: BTreeMap<String, usize>,
    /// Each product, in the order of the configs' keys.
    pub products: Vec<ProductSummary>,
    /// Why nothing was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// What is wrong with the fleet's input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many findings are left out here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_left_out: usize,
    /// Where all of them are, `s3://bucket/key`; absent when none is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_at: Option<String>,
}

/// One product of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductSummary {
    /// The config's key.
    pub config: String,
    /// The execution's name; its result is `deployments/results/<name>.json`.
    pub execution: String,
    /// How it ended; absent without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ExecutionOutcome>,
    /// The product's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_name: Option<String>,
    /// The error's name and message, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<(String, String)>,
}

impl FleetInput {
    /// Reads a fleet's input: that of a single execution, with `configs` in place of `config`.
    ///
    /// ```
    /// # use mlp_operations::fleet::FleetInput;
    /// # use serde_json::json;
    /// let input = json!({"action": "deploy-product", "force": true, "configs": {"bucket": "uploads", "prefix": "configs/team-a/"}});
    /// assert_eq!(FleetInput::read(&input).unwrap().concurrency, 5);
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(input: &Json) -> Result<Self, Vec<Finding>> {
        let Json::Object(fields) = input else {
            return Err(vec![wrong("", "the input is not a JSON object")]);
        };
        let mut findings = Vec::new();
        let mut switches = fields.clone();
        let configs = switches.shift_remove("configs");
        let mut number = |key: &str, default: u64, allowed: std::ops::RangeInclusive<u64>| match switches
            .shift_remove(key)
        {
            None | Some(Json::Null) => default,
            Some(value) => value.as_u64().filter(|number| allowed.contains(number)).unwrap_or_else(|| {
                let (least, most) = (allowed.start(), allowed.end());
                findings.push(wrong(
                    &format!("/{key}"),
                    &format!("`{key}` is a whole number from {least} to {most}"),
                ));
                default
            }),
        };
        let concurrency = number("concurrency", DEFAULT_CONCURRENCY, 1..=MAX_CONCURRENCY);
        let tolerated = Tolerance(number("tolerated_failure_percentage", 0, 0..=100));
        let place = |key: &str| {
            let value = configs.as_ref().and_then(|configs| configs.get(key)).and_then(Json::as_str);
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (bucket, prefix) = (place("bucket"), place("prefix"));
        if bucket.is_none() || prefix.is_none() {
            let help = r#"{"bucket": "...", "prefix": "configs/team-a/"}"#;
            findings
                .push(wrong("/configs", "`configs` says neither bucket nor prefix, or only one").help(help));
        }
        if let Some(Err(finding)) = bucket.as_deref().map(|name| bucket_name(name, "/configs/bucket")) {
            findings.push(finding);
        }
        let suggestions = Suggestions::default();
        for key in configs.iter().filter_map(Json::as_object).flat_map(Object::keys) {
            if !["bucket", "prefix"].contains(&key.as_str()) {
                let help = suggestions.did_you_mean(key, ["bucket", "prefix"]);
                let path = mlp_template::yaml::join("/configs", key);
                findings.push(Finding { help, ..wrong(&path, "`configs` has only `bucket` and `prefix`") });
            }
        }
        for key in ["config", "stack", "respond"] {
            if switches.shift_remove(key).is_some() {
                findings.push(wrong(&format!("/{key}"), &format!("a fleet's input has no `{key}`")));
            }
        }
        let fleet = Self {
            bucket: bucket.unwrap_or_default(),
            prefix: prefix.unwrap_or_default(),
            concurrency,
            tolerated,
            switches,
        };
        // The rest is what a single product's execution is told; a bucket that is missing is told already.
        let any = Self { bucket: "any".to_owned(), ..fleet.clone() };
        if let Err(more) = Input::read(&any.input("configs/any.yaml")) {
            findings.extend(more);
        }
        if findings.is_empty() { Ok(fleet) } else { Err(findings) }
    }

    /// Whether products are deployed: only then it matters in which order configs of one product come.
    pub fn deploys(&self) -> bool {
        self.switches.get("action").and_then(Json::as_str) == Some(Action::DeployProduct.as_str())
    }

    fn input(&self, key: &str) -> Json {
        let mut input = self.switches.clone();
        input.insert("config".to_owned(), json!({"bucket": self.bucket, "key": key}));
        Json::Object(input)
    }

    /// What each product's execution is told, for the keys below the prefix that are configs.
    ///
    /// # Errors
    ///
    /// When there is none, or more than [`MAX_CONFIGS`].
    pub fn items(&self, run: FleetRun<'_>, keys: &[String]) -> Result<Vec<FleetItem>, Finding> {
        let is_config = |key: &&String| {
            [".yaml", ".yml"].iter().any(|end| key.ends_with(end)) && key.starts_with(&self.prefix)
        };
        let keys: Vec<&String> = keys.iter().filter(is_config).collect();
        if keys.is_empty() {
            let message =
                format!("there is no config below `{}` in the bucket `{}`", self.prefix, self.bucket);
            return Err(wrong("/configs/prefix", &message));
        }
        if keys.len() > MAX_CONFIGS {
            let message = format!("there are more than {MAX_CONFIGS} configs below `{}`", self.prefix);
            return Err(wrong("/configs/prefix", &message)
                .help("name a narrower prefix, and start one fleet for each"));
        }
        let item =
            |key: &String| FleetItem { name: run.child(key), config: key.clone(), input: self.input(key) };
        Ok(keys.into_iter().map(item).collect())
    }
}

/// A fleet's execution. Step Functions lets its name be used again after 90 days; what an earlier one of that name left in the
/// bucket is not this one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetRun<'a> {
    /// The execution.
    pub execution: Execution<'a>,
    /// When it was started, as Step Functions says it.
    pub started: &'a str,
}

impl FleetRun<'_> {
    /// Where its list and its notes lie.
    pub fn folder(self) -> String {
        keys::fleet(self.execution.name(), &self.digits("folder", 8))
    }

    /// The name of a product's execution. Step Functions takes 80 letters, digits, hyphens and underscores.
    fn child(self, key: &str) -> String {
        let stem = key.rsplit('/').next().unwrap_or(key).split('.').next().unwrap_or(key);
        let stem: String =
            stem.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').take(40).collect();
        format!("fleet-{stem}-{}", self.digits(key, 20))
    }

    fn digits(self, purpose: &str, count: usize) -> String {
        let text = format!("{purpose}\n{}\n{}", self.execution.arn(), self.started);
        sha256(text.as_bytes()).chars().take(count).collect()
    }
}

/// How one item ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEnd {
    /// With a result.
    Result(Box<Report>),
    /// Without one; what Step Functions said of its execution.
    Stopped(String),
    /// It was never begun.
    NotStarted,
}

impl FleetSummary {
    /// What came of the items. `broken` says that the map itself failed.
    pub fn new(
        execution: &str,
        tolerated: Tolerance,
        broken: bool,
        items: Vec<(FleetItem, ProductEnd)>,
    ) -> Self {
        let mut summary = Self {
            schema_version: crate::execution::outcome::SCHEMA_VERSION,
            execution: execution.to_owned(),
            ok: !broken,
            total: items.len(),
            succeeded: 0,
            failed: 0,
            without_result: 0,
            not_started: 0,
            outcomes: BTreeMap::new(),
            products: Vec::new(),
            error: None,
            findings: Vec::new(),
            findings_left_out: 0,
            findings_at: None,
        };
        for (item, ended) in items {
            let (counted, told) = match &ended {
                ProductEnd::NotStarted => (&mut summary.not_started, "not-started".to_owned()),
                ProductEnd::Stopped(_) => (&mut summary.without_result, "without-result".to_owned()),
                ProductEnd::Result(report) => {
                    let counted = if report.ok { &mut summary.succeeded } else { &mut summary.failed };
                    let told = serde_json::to_value(report.outcome).unwrap_or_default();
                    (counted, told.as_str().unwrap_or_default().to_owned())
                }
            };
            *counted += 1;
            *summary.outcomes.entry(told).or_default() += 1;
            let (outcome, ml_name, error) = match ended {
                ProductEnd::Result(report) => {
                    let error = report.error.map(|error| (error.name, error.message));
                    (Some(report.outcome), report.ml_name, error)
                }
                ProductEnd::Stopped(why) => (None, None, Some(("States.TaskFailed".to_owned(), why))),
                ProductEnd::NotStarted => (None, None, None),
            };
            summary.products.push(ProductSummary {
                config: item.config,
                execution: item.name,
                outcome,
                ml_name,
                error,
            });
        }
        let failed = summary.failed + summary.without_result;
        summary.ok &= summary.not_started == 0 && !tolerated.is_exceeded(failed, summary.total);
        summary
    }

    /// For the execution's output, which holds 256 KiB: only the first of what needs somebody's attention.
    #[must_use]
    pub fn short(&self) -> Self {
        let (failed, not_started): (Vec<&ProductSummary>, Vec<&ProductSummary>) = self
            .products
            .iter()
            .filter(|line| line.error.is_some() || line.outcome.is_none())
            .partition(|line| line.error.is_some());
        Self { products: failed.into_iter().chain(not_started).take(50).cloned().collect(), ..self.clone() }
    }
}

fn wrong(path: &str, message: &str) -> Finding {
    Finding::error(codes::DEP_INPUT, path, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_told_also_of_what_each_product_is_told() {
        let input = json!({
            "action": "deploy-product", "configs": {"bucket": "uploads", "prefx": "configs/"}, "concurrency": 0,
            "tolerated_failure_percentage": "all", "kep": true, "config": "x",
        });
        let findings = FleetInput::read(&input).unwrap_err();
        let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        for path in [
            "/concurrency",
            "/tolerated_failure_percentage",
            "/configs",
            "/configs/prefx",
            "/config",
            "/kep",
            "/force",
        ] {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
    }

    #[test]
    fn a_summary_is_ok_as_long_as_no_more_failed_than_was_tolerated() {
        let report = |ok: bool| {
            let outcome = if ok { "created" } else { "failed" };
            let report = json!({"schema_version": 1, "ok": ok, "outcome": outcome, "execution": "e", "generator_version": "0"});
            ProductEnd::Result(Box::new(serde_json::from_value(report).unwrap()))
        };
        let summary = |percentage: u64, ends: Vec<ProductEnd>| {
            let item =
                |n: usize| FleetItem { name: n.to_string(), config: format!("{n}.yaml"), input: json!({}) };
            let items = ends.into_iter().enumerate().map(|(n, end)| (item(n), end)).collect();
            FleetSummary::new("e", Tolerance(percentage), false, items)
        };
        assert!(summary(50, vec![report(true), report(false)]).ok);
        assert!(!summary(49, vec![report(true), report(false)]).ok);
        // Without a result nobody knows: it counts as failed.
        let stopped = summary(49, vec![report(true), ProductEnd::Stopped("ABORTED".to_owned())]);
        assert_eq!((stopped.ok, stopped.failed, stopped.without_result), (false, 0, 1));
        let not_started = summary(100, vec![report(false), ProductEnd::NotStarted]);
        assert_eq!((not_started.ok, not_started.not_started), (false, 1));
        assert_eq!(not_started.outcomes, [("failed".to_owned(), 1), ("not-started".to_owned(), 1)].into());
    }

    #[test]
    fn every_config_has_an_execution_of_its_own_with_the_same_switches() {
        let input = json!({"action": "show-changes", "drift": "revert", "configs": {"bucket": "uploads", "prefix": "configs/"}});
        let fleet = FleetInput::read(&input).unwrap();
        let keys: Vec<String> = ["configs/a.yaml", "configs/team/a.yaml", "configs/readme.md", "other/b.yml"]
            .map(str::to_owned)
            .into();
        let execution = Execution::new("arn:aws:states:us-west-2:123456789012:execution:F:monday");
        let run = FleetRun { execution, started: "2026-11-30T06:00:00Z" };
        let items = fleet.items(run, &keys).unwrap();
        assert_eq!(items.len(), 2);
        assert_ne!(items[0].name, items[1].name);
        assert!(items.iter().all(|item| item.name.len() <= 80 && item.input["drift"] == "revert"));
        assert_eq!(items, fleet.items(run, &keys).unwrap());
        let next_year = FleetRun { started: "2027-11-29T06:00:00Z", ..run };
        assert_ne!(items[0].name, fleet.items(next_year, &keys).unwrap()[0].name);
        assert_ne!(run.folder(), next_year.folder());
        assert!(Input::read(&items[1].input).is_ok());
        assert!(fleet.items(run, &keys[2..]).unwrap_err().message.contains("no config below"));
        let many: Vec<String> = (0..=MAX_CONFIGS).map(|n| format!("configs/{n}.yaml")).collect();
        assert!(fleet.items(run, &many).unwrap_err().message.contains("more than 1000"));
    }
}

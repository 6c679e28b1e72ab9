//! What the suite's stack says.

use std::time::Duration;

use mlp_product::actions::Suite;

/// What the suite's stack says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The suite's bucket.
    pub bucket: String,
    /// The state machine that takes over.
    pub machine: String,
    /// The topic of notifications; none if empty.
    pub topic: String,
    /// How many stacks are checked at the same time.
    pub concurrency: usize,
    /// The state machine checks a run with more stacks than this.
    pub threshold: usize,
    /// How long an invocation for many stacks may check one of them. An invocation of the state machine has its whole
    /// time for one stack.
    pub longest: Duration,
    /// Account and region of the suite.
    pub suite: Suite,
}

impl Settings {
    /// What tells two suites in one account and region apart: the name of the state machine.
    pub fn name(&self) -> &str {
        self.machine.rsplit(':').next().unwrap_or_default()
    }
}

impl Settings {
    /// What the environment says, with account and region of the function's own ARN: `MLP_BUCKET`, `MLP_DRIFT_MACHINE`,
    /// `MLP_DRIFT_TOPIC`, `MLP_DRIFT_CONCURRENCY` (8), `MLP_DRIFT_THRESHOLD` (100).
    ///
    /// # Errors
    ///
    /// Which variable is missing or no number.
    pub fn read(variable: impl Fn(&str) -> Option<String>, function_arn: &str) -> Result<Self, &'static str> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let number = |name: &'static str, usual: usize| match set(name) {
            None => Ok(usual),
            Some(text) => text.parse().map_err(|_| name),
        };
        Ok(Self {
            bucket: set("MLP_BUCKET").ok_or("MLP_BUCKET")?,
            machine: set("MLP_DRIFT_MACHINE").ok_or("MLP_DRIFT_MACHINE")?,
            topic: set("MLP_DRIFT_TOPIC").unwrap_or_default(),
            concurrency: number("MLP_DRIFT_CONCURRENCY", 8)?.max(1),
            threshold: number("MLP_DRIFT_THRESHOLD", 100)?,
            longest: Duration::from_mins(3),
            suite: Suite::of_function(function_arn, &variable),
        })
    }
}

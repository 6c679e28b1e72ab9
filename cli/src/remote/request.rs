//! What an execution is asked to do, found sound before anything is started.

use mlp_operations::execution::failure::Name;
use mlp_operations::execution::input::{Action, Input as Wanted};
use mlp_product::actions::{self, Suite};
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::{Finding, Severity};
use serde_json::{Map as Object, Value as Json, json};

use super::flags::{self};
use super::flags::{Delete, Deploy, Drift, ShowChanges, Start, Stored, TestDeploy};
use super::problem::Problem;

/// The largest input that is sent, in bytes. Step Functions takes 256 KiB for the input and for whatever goes from state to
/// state, and the states add to it.
const SENT: usize = 200 * 1024;

/// What is asked for, but for the config.
pub(crate) struct Request<'a> {
    pub(crate) action: Action,
    pub(crate) config: &'a flags::Config,
    pub(crate) start: &'a Start,
    /// Whether the product's name must be typed.
    pub(crate) asks: bool,
    switches: Object<String, Json>,
}

/// A config that nothing is wrong with, as far as can be seen from here.
pub(crate) struct Checked {
    /// The product's name.
    pub(crate) ml_name: String,
    /// What is worth knowing still.
    pub(crate) warnings: Vec<Finding>,
}

impl<'a> Request<'a> {
    pub(crate) fn deploy(flags: &'a Deploy) -> Self {
        Self::new(Action::DeployProduct, &flags.config, &flags.start)
            .with("force", flags.force.into())
            .with("approval", approval(&flags.approval))
            .with("recreate_failed", flags.recreate_failed.into())
            .with("adopt", flags.adopt.into())
            .with("drift", drift(flags.drift))
    }

    pub(crate) fn test(flags: &'a TestDeploy) -> Self {
        Self::new(Action::TestDeploy, &flags.config, &flags.start)
            .with("approval", approval(&flags.approval))
            .with("keep", flags.keep.into())
    }

    pub(crate) fn delete(flags: &'a Delete) -> Self {
        let request = Self::new(Action::DeleteProduct, &flags.config, &flags.start);
        Self { asks: !flags.yes, ..request }
            .with("force", flags.force.into())
            .with("approval", approval(&flags.approval))
            .with("adopt", flags.adopt.into())
    }

    pub(crate) fn show_changes(flags: &'a ShowChanges) -> Self {
        Self::new(Action::ShowChanges, &flags.config, &flags.start).with("drift", drift(flags.drift))
    }

    fn new(action: Action, config: &'a flags::Config, start: &'a Start) -> Self {
        Self { action, config, start, asks: false, switches: Object::new() }
    }

    /// What is off is left out: the execution's input shows what was asked for.
    fn with(mut self, key: &str, value: Json) -> Self {
        if !matches!(value, Json::Null | Json::Bool(false)) {
            self.switches.insert(key.to_owned(), value);
        }
        self
    }

    /// Whether it was said that it is meant, where that must be said.
    pub(crate) fn is_meant(&self) -> Result<(), Problem> {
        if !self.action.needs_force() || self.switches.contains_key("force") {
            return Ok(());
        }
        let action = self.action.as_str();
        let message = format!("`{action}` needs `--force`");
        let help = match self.action {
            Action::DeleteProduct => "say that the product and what is in its bucket may be deleted: --force",
            _ => "look at `mlp show-changes` first; then say that it is meant: --force",
        };
        let finding = Finding::error(codes::DEP_NOT_FORCED, "", message.as_str()).help(help);
        let nothing = format!("{message}; nothing was started");
        Err(Problem::refused(Name::InvalidInput, nothing).help(help).findings(vec![finding]))
    }

    /// The input with a config's text in it.
    pub(crate) fn with_text(&self, text: &str) -> Result<String, Problem> {
        let input = self.input(text.into())?;
        if input.len() <= SENT {
            return Ok(input);
        }
        let message =
            format!("the config has {} bytes as an execution's input; {SENT} can be sent", input.len());
        let help = "upload it to the suite's bucket and name it: --s3-config s3://BUCKET/configs/NAME.yaml";
        let finding = Finding::error(codes::DEP_INPUT, "", message).help(help);
        Err(found(vec![finding]))
    }

    /// The input with the place of a config in it.
    pub(crate) fn with_place(&self, stored: &Stored) -> Result<String, Problem> {
        let Stored { bucket, key, version } = stored;
        let mut place = json!({"bucket": bucket, "key": key});
        if let (Some(version), Some(place)) = (version, place.as_object_mut()) {
            place.insert("version".to_owned(), version.as_str().into());
        }
        self.input(place)
    }

    fn input(&self, config: Json) -> Result<String, Problem> {
        let mut input = Object::new();
        input.insert("action".to_owned(), self.action.as_str().into());
        input.insert("config".to_owned(), config);
        input.extend(self.switches.clone());
        let input = Json::Object(input);
        // What the suite would refuse is refused here.
        Wanted::read(&input).map_err(found)?;
        Ok(input.to_string())
    }

    /// Looks for mistakes in a config, as the suite of this place will.
    pub(crate) fn check(
        &self,
        config: &[u8],
        suite: &Suite,
    ) -> Result<Result<Checked, Problem>, InternalError> {
        let (outcome, _) = actions::deployed_product(self.action.as_str(), config, suite, None)?;
        let warnings = || outcome.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        Ok(match &outcome.ml_name {
            Some(ml_name) if outcome.ok => {
                Ok(Checked { ml_name: ml_name.clone(), warnings: warnings().cloned().collect() })
            }
            _ => Err(found(outcome.findings)),
        })
    }
}

fn approval(approval: &flags::Approval) -> Json {
    match (approval.approval, approval.approval_timeout) {
        (false, _) => Json::Bool(false),
        (true, None) => Json::Bool(true),
        (true, Some(seconds)) => json!({"timeout_seconds": seconds}),
    }
}

fn drift(drift: Option<Drift>) -> Json {
    drift.map_or(Json::Null, |Drift::Revert| "revert".into())
}

fn found(findings: Vec<Finding>) -> Problem {
    Problem::refused(Name::InvalidInput, "the config has mistakes; nothing was started").findings(findings)
}

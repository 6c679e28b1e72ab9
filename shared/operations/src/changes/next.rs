//! The next steps for a change set.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::summary::{Changes, ChangesContext};
use super::values::safe;
use crate::execution::input::{Action, ConfigSource};

/// The name of the suite's state machine in an account and region.
const STATE_MACHINE_NAME: &str = "MLProvisionerDeploy";

/// What the reader may do with the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// They were only previewed: a deployment of the same config makes them.
    Deploy {
        /// The config.
        config: ConfigSource,
    },
    /// An execution waits for a decision.
    Decide {
        /// The execution's ARN or name.
        execution: String,
        /// Until when it waits, in UTC.
        expires: Option<String>,
        /// The suite's bucket, if it isn't called as `mlp` expects.
        bucket: Option<String>,
    },
    /// They are made, or nothing follows.
    Nothing,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// What.
    pub title: String,
    /// How and why, in plain sentences.
    pub text: String,
    /// Commands and inputs to copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
}

fn step(title: &str, text: &str, commands: &[String]) -> NextStep {
    let commands = commands.iter().map(|command| safe(command)).collect();
    NextStep { title: title.to_owned(), text: safe(text), commands }
}

pub(super) fn steps(changes: &Changes, about: &ChangesContext, next: &Next) -> Vec<NextStep> {
    let set = &changes.change_set;
    let usable = changes.can_be_executed();
    if changes.is_empty() && !usable {
        return if set.failed() {
            let text = "Fix what the reason names, then try again.";
            vec![step("Fix what CloudFormation refuses", text, &[])]
        } else {
            Vec::new()
        };
    }
    let mut steps = Vec::new();
    if !changes.risks.is_empty() {
        let text = "Each risk says what is lost and how to avoid it. Do that first.";
        steps.push(step("Read the risks", text, &[]));
    }
    match next {
        Next::Deploy { config } => steps.extend(deploying(changes, about, config)),
        Next::Decide { execution, expires, bucket } if usable => {
            let mut execution = mlp_product::report::shell::word(execution);
            if let Some(bucket) = bucket {
                execution = format!("{execution} --bucket {}", mlp_product::report::shell::word(bucket));
            }
            let refused = if changes.deletion.is_some() {
                "Nothing is deleted, and the stack stays as it is."
            } else {
                "The change set is deleted, and the stack stays as it is."
            };
            let until = expires.as_ref().map_or_else(String::new, |time| {
                format!(" It waits until {time}; after that it ends, and nothing is changed.")
            });
            steps.push(step(
                "Approve",
                &format!("The execution then makes exactly these changes.{until}"),
                &[format!("mlp approve {execution}")],
            ));
            steps.push(step("Or reject", refused, &[format!("mlp reject {execution} --reason \"...\"")]));
        }
        Next::Decide { .. } => steps.push(step(
            "Start again",
            "This change set can't be executed any more: the stack has changed since, or it was executed already.",
            &[],
        )),
        Next::Nothing => {}
    }
    steps
}

fn deploying(changes: &Changes, about: &ChangesContext, config: &ConfigSource) -> Vec<NextStep> {
    let config = match config {
        ConfigSource::Stored { bucket, key, version: None } => json!({"bucket": bucket, "key": key}),
        ConfigSource::Stored { bucket, key, version } => {
            json!({"bucket": bucket, "key": key, "version": version})
        }
        // A stack without its config can only be deleted.
        ConfigSource::Inline(_)
        | ConfigSource::Deployed { .. }
        | ConfigSource::Products { .. }
        | ConfigSource::Fleet { .. } => Json::from("the text of the config"),
    };
    let mut input = json!({
        "action": Action::DeployProduct.as_str(),
        "config": config,
        "force": true,
        "approval": true,
    });
    if changes.change_set.reverts_drift
        && let Some(input) = input.as_object_mut()
    {
        input.insert("drift".to_owned(), Json::from("revert"));
    }
    let pretty = format!("{input:#}");
    let mut steps = vec![step(
        "Deploy it",
        &format!(
            "In the console of Step Functions, start an execution of `{STATE_MACHINE_NAME}` with this input. With `approval` it shows the changes once more and waits for an approver; leave it out to deploy without an approval."
        ),
        &[pretty],
    )];
    if let (Some(region), Some(account)) = (&about.region, &about.account_id) {
        let partition = about.partition.as_deref().unwrap_or("aws");
        let machine = format!("arn:{partition}:states:{region}:{account}:stateMachine:{STATE_MACHINE_NAME}");
        let options = [
            ("region", mlp_product::report::shell::word(region)),
            ("state-machine-arn", mlp_product::report::shell::word(&machine)),
            ("input", mlp_product::report::shell::word(&input.to_string())),
        ];
        steps.push(step(
            "Or from a shell",
            "The same execution.",
            &[mlp_product::report::shell::aws("stepfunctions start-execution", &options)],
        ));
    }
    steps
}

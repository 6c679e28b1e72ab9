//! What an execution carries from task to task.

use std::collections::BTreeMap;

use mlp_product::outcome::{Outcome, Source};
use mlp_template::finding::Finding;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::changes::ChangeCounts;
use crate::deploy::preflight::{Network, Quotas, Role};
use crate::drift::DriftRunRequest;
use crate::execution::causes::Cause;
use crate::execution::input::{Action, ConfigSource, Input};
use crate::execution::outcome::{DriftSummary, RetainedResource};
use crate::execution::registry::Registry;

/// An execution's work. The state machine reads `next`, `cleanup`, `wait`, `approval` and `announcement` of it; people see all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What is done.
    pub action: Action,
    /// What was asked for.
    pub input: Input,
    /// The product.
    pub product: Facts,
    /// The config, with the version that was read.
    pub source: Source,
    /// The template in the suite's bucket; absent when nothing is deployed.
    pub template: Option<StoredTemplate>,
    /// What comes next.
    pub next: Next,
    /// What is left behind if a later task fails.
    pub cleanup: Cleanup,
    /// Whether a stack that never came to be is being removed, to be made anew.
    pub recreate: bool,
    /// How often the stack turned out to be somebody else's for the moment; names of change sets follow from it.
    pub round: u32,
    /// How often its deletion was begun.
    pub deletions: u32,
    /// How many invocations its bucket was emptied in.
    pub emptyings: u32,
    /// What an action of the library answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The run of the drift function that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftWork>,
    /// The role that IAM is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The network that EC2 is asked about, before anything is touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The quotas that AWS is asked about, before a product is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// The model registry that SageMaker is asked about, before anything is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
    /// The stack.
    pub stack: StackWork,
    /// How long the state machine waits now, and has waited for this operation.
    pub wait: Wait,
    /// Present when somebody must approve.
    pub approval: Option<Approval>,
    /// What the request for approval was answered, while nobody has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Json>,
    /// What somebody has approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approved>,
    /// The changes in figures.
    pub changes: Option<ChangeCounts>,
    /// Whether there was nothing to change.
    pub unchanged: bool,
    /// What was published.
    pub outputs: BTreeMap<String, String>,
    /// What stays after a deletion.
    pub kept: Vec<RetainedResource>,
    /// What is worth saying.
    pub findings: Vec<Finding>,
    /// How many findings are left out here.
    #[serde(default)]
    pub findings_left_out: usize,
    /// Where all of them are; absent when none is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_at: Option<String>,
    /// The error output of a task that met others at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<Json>,
    /// The error output of the task that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Json>,
    /// The error output of the first task that failed, while what it had begun is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Json>,
}

impl Work {
    /// The stack by what was asked for: by its ARN, if that was given, so that one of the same name that was made anew is
    /// not meant.
    pub fn named_stack(&self) -> &str {
        match &self.input.config {
            ConfigSource::Deployed { stack } => stack,
            _ => &self.product.stack_name,
        }
    }

    /// The stack that is to be deleted. A test deletes the one that it created, by its id: another may have its name by now.
    pub fn stack_to_delete(&self) -> &str {
        let own = self.stack.id.as_deref().filter(|_| self.action == Action::TestDeploy);
        own.unwrap_or_else(|| self.named_stack())
    }
}

/// What an action of the library answered, as far as an execution can carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The answer. It says itself how many of its findings are left out.
    pub outcome: Outcome,
    /// The key of the whole in the suite's bucket.
    pub key: String,
}

/// A run of the drift function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftWork {
    /// What the function is called with.
    pub request: DriftRunRequest,
    /// The run's name in keys.
    pub run: String,
    /// What the function answered when it was called the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Json>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<DriftSummary>,
}

/// What is known of the product. Texts are empty where nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name.
    pub ml_name: String,
    /// Its stack's name.
    pub stack_name: String,
    /// Its tier.
    pub tier: String,
    /// Its scenario.
    pub scenario: String,
    /// Its stage.
    pub env: String,
    /// The account that it is for.
    pub account_id: String,
    /// The region that it is for.
    pub region: String,
    /// The SSM paths that its stack publishes.
    pub published: Vec<String>,
    /// Tags of its stack.
    pub tags: Vec<(String, String)>,
    /// How many resources its template has.
    pub resources: usize,
}

/// What comes next, where there is more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// The stack is created or updated.
    Deploy,
    /// The stack is deleted.
    Delete,
    /// The library does it.
    Make,
    /// The drift function looks.
    CheckDrift,
    /// Look again after `wait.seconds`.
    Wait,
    /// The change set is there.
    Ready,
    /// Nothing would change.
    Unchanged,
    /// The changes are shown and nothing else.
    Show,
    /// Somebody must approve.
    Approve,
    /// The change set is executed.
    Execute,
    /// The operation is done.
    Done,
    /// A stack that never came to be is removed first.
    Remove,
    /// The bucket is emptied.
    Empty,
    /// A deletion that somebody has begun is followed.
    Follow,
    /// Everything is done.
    Conclude,
}

/// What must be removed when a later task fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cleanup {
    /// Nothing.
    Nothing,
    /// The change set, and the shell of a stack that it made.
    ChangeSet,
    /// The stack of a `test-deploy`.
    Stack,
}

/// The stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackWork {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its status when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether it is created by this execution.
    pub created: bool,
    /// The random part of the client token of the change set that is made next. It stays the same when the order is repeated,
    /// and nobody who knows the execution's ARN can order a change set of that name and token first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// ARN of the change set that this execution made. Its name can be guessed, so another one may have it meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_set: Option<String>,
    /// Resources that the operation is done with.
    pub done: usize,
    /// Resources that it has to do with.
    pub total: usize,
    /// Why its deletion failed the last time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// Waiting, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// How long now.
    pub seconds: u64,
    /// How long in all, since the operation began.
    pub waited: u64,
}

impl Wait {
    /// Looks again a little later than the last time, up to `longest`; nothing when `most` seconds have been waited.
    pub fn on(&mut self, longest: u64, most: u64) -> Option<()> {
        if self.waited >= most {
            return None;
        }
        self.seconds = (self.seconds * 3 / 2 + 1).min(longest);
        self.waited += self.seconds;
        Some(())
    }
}

/// A template that CloudFormation is told to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTemplate {
    /// Its key in the suite's bucket.
    pub key: String,
    /// The version of it that holds the bytes that were checked; absent in a bucket that was never versioned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What somebody has approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// What [`Approval::about`] said then.
    pub about: String,
    /// Who, an ARN; absent if they didn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The key of the template that a stack is created from again, where its deletion was approved for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates: Option<String>,
}

/// An approval that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// How long it is waited for at most.
    pub longest_seconds: u64,
    /// How long it is waited for.
    pub timeout_seconds: u64,
    /// Until when that is, in UTC.
    pub expires: String,
    /// What is to be approved, as a digest: an approval of something else doesn't count.
    pub about: String,
    /// Whether it is the stack's deletion.
    pub is_deletion: bool,
    /// The subject of the message to the approvers; SNS takes 100 ASCII characters.
    pub subject: String,
    /// The message.
    pub message: String,
    /// What SNS says of the topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
}

/// A topic's subscriptions, as SNS counts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// `SubscriptionsConfirmed`.
    pub confirmed: String,
}

impl Approval {
    /// That nobody hears of it, if that is so. Source: Amazon SNS API Reference, `GetTopicAttributes`.
    pub fn warning(&self) -> Option<&'static str> {
        self.topic.as_ref().filter(|topic| topic.confirmed == "0").map(|_| {
            "no address has confirmed a subscription to the topic of approvals, so nobody was told; set the suite's parameter \
             `ApprovalEmail`, or tell an approver yourself"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_grows_slowly_and_ends() {
        let mut wait = Wait::default();
        let mut seconds = Vec::new();
        while wait.on(30, 120).is_some() {
            seconds.push(wait.seconds);
        }
        assert_eq!(seconds, [1, 2, 4, 7, 11, 17, 26, 30, 30]);
        assert_eq!(wait.waited, seconds.iter().sum::<u64>());
    }
}

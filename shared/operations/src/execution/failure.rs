//! Why an execution failed, by names that the state machine's `Retry` and `Catch` know.

use std::fmt;

use mlp_product::outcome::is_zero;
use mlp_template::finding::{self, Finding, MAX_FINDINGS};
use mlp_template::security::secrets;
use serde::{Deserialize, Serialize};

use super::causes::Cause;

macro_rules! names {
    ($($name:ident = $text:literal, $meaning:literal, $help:literal;)*) => {
        /// A stable name. It never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name { $(#[doc = $meaning] $name,)* }

        impl Name {
            /// Every name.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the state machine knows it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!("MLProvisioner.", $text),)* }
            }

            /// What it means, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What to do, where the failure itself doesn't say.
            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

names! {
    InvalidInput = "InvalidInput", "The execution's input or its config has mistakes; nothing was touched.",
        "mend what the findings name and start a new execution";
    LicenseRefused = "LicenseRefused", "License Manager grants this account no entitlement for the tier.",
        "ask the issuer for the entitlement, or choose another tier";
    LicenseUnavailable = "LicenseUnavailable", "License Manager did not answer, which is not the same as no license.",
        "start the execution again later; license mode `warn` goes on without an answer";
    LicenseDenied = "LicenseDenied", "The function's role may not ask License Manager.",
        "allow the role `license-manager:CheckoutLicense`";
    PreflightFailed = "PreflightFailed", "What the stack needs is missing or belongs to somebody else; nothing was touched.",
        "mend what the findings name and start a new execution";
    StackBusy = "StackBusy", "Somebody else works on the stack, and did for as long as was waited.",
        "wait until the stack's status doesn't end in _IN_PROGRESS, then start a new execution";
    StackStuck = "StackStuck", "The stack's last rollback failed; only a person can tell what may be skipped.",
        "mend what the causes name, run `aws cloudformation continue-update-rollback --stack-name <stack>`, then start a new execution";
    StackNotRecreated = "StackNotRecreated", "The stack never came to be, or could not be deleted, and stands in the way.",
        "if nobody needs what is left of it: start `deploy-product` with `\"recreate_failed\": true` (`mlp`: `--recreate-failed`). It empties the stack's bucket, deletes the stack and creates it again";
    StackProtected = "StackProtected", "Termination protection is on. The suite switches it on for every product in prod; anybody may do so for others.",
        "if it is meant: `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name <stack>`, then start a new execution";
    StackTaken = "StackTaken", "The stack is not this product's: its tags say otherwise, or it has none, or a custom resource owns it.",
        "give the product another use case or workload";
    ChangeSetFailed = "ChangeSetFailed", "CloudFormation could not work out the changes.",
        "mend what the reason names and start a new execution";
    DeploymentFailed = "DeploymentFailed", "CloudFormation could not make the changes and has rolled back.",
        "mend what the causes name and start a new execution; a stack in ROLLBACK_COMPLETE also needs `\"recreate_failed\": true` (`mlp`: `--recreate-failed`)";
    DeletionFailed = "DeletionFailed", "CloudFormation could not delete everything.",
        "remove what the causes name, then start delete-product again";
    BucketNotEmptied = "BucketNotEmptied", "Objects of the product's bucket could not be deleted; the stack was not touched.",
        "look at the bucket's policy, object locks and replication, then start delete-product again";
    OutputsMissing = "OutputsMissing", "The stack was deployed, but its published values can't be read back, or aren't the stack's.",
        "look for who deletes or changes the SSM parameters, then start the execution again with `\"drift\": \"revert\"` (`--drift revert`), which writes them as the stack says; without it CloudFormation changes nothing";
    CouldNotCheck = "CouldNotCheck", "Some stacks could not be looked at; what was found of the others is in the reports.",
        "look into the report; what was throttled or unavailable is looked at by the next execution";
    DriftFailed = "DriftFailed", "The drift function failed for longer than was retried.",
        "start a new execution; nothing that was found is lost";
    Rejected = "Rejected", "Somebody rejected the changes; the change set was deleted.",
        "talk to who rejected them";
    ApprovalTimedOut = "ApprovalTimedOut", "Nobody approved in time; the change set was deleted.",
        "start a new execution; `\"approval\": {\"timeout_seconds\": n}` (`mlp`: `--approval-timeout`) waits longer";
    ApprovalInvalid = "ApprovalInvalid", "The approval doesn't count, so nothing was changed.",
        "start a new execution, and let somebody else approve it with `mlp approve`";
    RequestWithdrawn = "RequestWithdrawn", "CloudFormation no longer works on the custom resource's request; nothing more was made or deleted.",
        "look at the events of the stack that the custom resource is in";
    TimedOut = "TimedOut", "The operation takes longer than was waited for; CloudFormation goes on.",
        "look at the stack; a new execution follows it up when it is done";
    Throttled = "Throttled", "AWS throttled the calls for longer than was retried.",
        "start a new execution later";
    Unavailable = "Unavailable", "AWS did not answer for longer than was retried.",
        "start a new execution later";
    AccessDenied = "AccessDenied", "A role lacks a permission.",
        "give the role the permission that the message names";
    Refused = "Refused", "AWS refused a call as it was made.",
        "look at the message; if it names nothing that you set, it is a defect of ML Provisioner";
    Internal = "Internal", "A defect of ML Provisioner.",
        "report it with the execution's ARN";
}

impl Name {
    /// The name of a text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

/// Where a failure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// What a user asked for, or decided. It is no failure of the suite.
    User,
    /// AWS, or the state of a stack.
    Surroundings,
    /// A defect of ours.
    Defect,
}

impl Name {
    /// Where a failure of this name comes from.
    pub fn origin(self) -> Origin {
        match self {
            Self::InvalidInput
            | Self::PreflightFailed
            | Self::LicenseRefused
            | Self::StackBusy
            | Self::StackNotRecreated
            | Self::StackProtected
            | Self::StackTaken
            | Self::Rejected
            | Self::ApprovalTimedOut => Origin::User,
            Self::Internal => Origin::Defect,
            _ => Origin::Surroundings,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure: what the `deploy` function throws and what the result object tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// By which name.
    pub name: Name,
    /// What happened.
    pub message: String,
    /// What to do; [`Name::help`] if absent.
    pub help: Option<String>,
    /// The first causes, if CloudFormation named any.
    pub causes: Vec<Cause>,
    /// What is wrong with input, config or surroundings.
    pub findings: Vec<Finding>,
    /// How many findings are left out here.
    pub findings_left_out: usize,
    /// Where all of them are, `s3://bucket/key`; absent when none is left out.
    pub findings_at: Option<String>,
}

/// The part of a failure that is no plain text, as it stands behind the message that Step Functions carries.
#[derive(Serialize, Deserialize, Default)]
struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "is_zero")]
    findings_left_out: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    findings_at: Option<String>,
}

/// What Step Functions keeps of an error, in characters; it cuts off the rest. Source: AWS Step Functions API Reference,
/// `HistoryEvent` (`cause`).
const CAUSE_LIMIT: usize = 32_768;

/// Room for the number of findings that are left out.
const ROOM_FOR_COUNT: usize = 40;

/// Room for what Lambda puts around a message, its escapes included.
const WIRE_LIMIT: usize = CAUSE_LIMIT / 2 - 1_024;

impl Failure {
    /// A failure without more to say.
    pub fn new(name: Name, message: impl Into<String>) -> Self {
        let message = secrets::mask(&message.into()).into_owned();
        Self {
            name,
            message,
            help: None,
            causes: Vec::new(),
            findings: Vec::new(),
            findings_left_out: 0,
            findings_at: None,
        }
    }

    /// With the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With first causes.
    #[must_use]
    pub fn causes(mut self, causes: Vec<Cause>) -> Self {
        self.causes = causes;
        self
    }

    /// With findings.
    #[must_use]
    pub fn findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// The text that goes through Lambda and Step Functions: the message for people, and on the next line the rest as JSON.
    /// What doesn't fit is left out, findings first, and counted.
    pub fn to_wire(&self) -> String {
        let message = mlp_product::expand::shortened(&self.message, 4_096);
        let mut details = Details {
            help: self.help.clone(),
            causes: self.causes.clone(),
            findings: self.findings.clone(),
            findings_left_out: self.findings_left_out,
            findings_at: self.findings_at.clone(),
        };
        loop {
            let json = serde_json::to_string(&details).unwrap_or_default();
            if json == "{}" {
                return message;
            }
            let text = format!("{message}\n{json}");
            let excess = text.len().saturating_sub(WIRE_LIMIT);
            if excess == 0 {
                return text;
            }
            if details.findings.is_empty() {
                if details.causes.pop().is_none() {
                    return text;
                }
                continue;
            }
            let room = finding::size(&details.findings).saturating_sub(excess + ROOM_FOR_COUNT);
            details.findings_left_out += finding::keep(&mut details.findings, MAX_FINDINGS, room);
        }
    }

    /// Whether the text that goes through Lambda and Step Functions has all findings.
    pub fn fits(&self) -> bool {
        self.findings_left_out == 0
            && self.findings.len() <= MAX_FINDINGS
            && Self::from_error_output(self.name.as_str(), &self.to_wire()).findings.len()
                == self.findings.len()
    }

    /// The failure that a state caught: the `Error` and `Cause` of Step Functions' error output.
    ///
    /// ```
    /// # use mlp_operations::execution::failure::{Failure, Name};
    /// let failure = Failure::new(Name::StackBusy, "the stack is UPDATE_IN_PROGRESS");
    /// let cause = serde_json::json!({"errorType": "MLProvisioner.StackBusy", "errorMessage": failure.to_wire()});
    /// assert_eq!(Failure::from_error_output("MLProvisioner.StackBusy", &cause.to_string()), failure);
    /// ```
    pub fn from_error_output(error: &str, cause: &str) -> Self {
        let lambda: Option<serde_json::Value> = serde_json::from_str(cause).ok();
        let text = lambda.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str()).unwrap_or(cause);
        if let Some(name) = Name::parse(error) {
            let (message, details) = text.split_once("\n{").unwrap_or((text, ""));
            let details: Details = serde_json::from_str(&format!("{{{details}")).unwrap_or_default();
            return Self {
                help: details.help,
                causes: details.causes,
                findings: details.findings,
                findings_left_out: details.findings_left_out,
                findings_at: details.findings_at,
                ..Self::new(name, message)
            };
        }
        let text = secrets::mask(mlp_product::expand::shortened(text, 1_000).as_str()).into_owned();
        match error {
            "States.Timeout" => Self::new(Name::TimedOut, format!("a step ran out of time: {text}")),
            "Lambda.TooManyRequestsException" | "Lambda.ThrottlingException" => {
                Self::new(Name::Throttled, format!("Lambda throttled the deploy function: {text}"))
            }
            "Lambda.ServiceException"
            | "Lambda.AWSLambdaException"
            | "Lambda.SdkClientException"
            | "Lambda.ClientExecutionTimeoutException" => Self::new(
                Name::Unavailable,
                format!("Lambda could not run the deploy function ({error}): {text}"),
            ),
            "Lambda.Unknown" | "Runtime.ExitError" | "Runtime.OutOfMemory" | "Sandbox.Timedout" => Self::new(
                Name::Unavailable,
                format!("the deploy function was ended half-way ({error}): {text}"),
            ),
            error if error.contains("AccessDenied") => Self::new(Name::AccessDenied, text),
            error => Self::new(Name::Internal, format!("{error}: {text}")),
        }
    }

    /// The message, if it can stand in a log: what AWS or our code says of a call. Messages about configs, and
    /// CloudFormation's reasons, quote values.
    pub fn loggable(&self) -> Option<&str> {
        let is_plain = matches!(
            self.name,
            Name::Throttled
                | Name::Unavailable
                | Name::AccessDenied
                | Name::LicenseDenied
                | Name::LicenseUnavailable
                | Name::TimedOut
                | Name::Internal
        );
        is_plain.then_some(self.message.as_str())
    }

    /// What to do.
    pub fn advice(&self) -> &str {
        self.help.as_deref().unwrap_or_else(|| self.name.help())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_template::codes;

    fn caught(failure: &Failure) -> Failure {
        let cause =
            serde_json::json!({"errorType": failure.name.as_str(), "errorMessage": failure.to_wire()});
        Failure::from_error_output(failure.name.as_str(), &cause.to_string())
    }

    #[test]
    fn a_failure_comes_back_as_it_was_thrown() {
        let cause =
            Cause { logical_id: "Bucket".into(), kind: "AWS::S3::Bucket".into(), reason: "a\n{b".into() };
        let finding = Finding::error(codes::DEP_INPUT, "/action", "x");
        let failure =
            Failure::new(Name::DeploymentFailed, "rolled back").causes(vec![cause]).findings(vec![finding]);
        assert_eq!(caught(&failure), failure);
        assert_eq!(caught(&failure.clone().help("do this")).advice(), "do this");
        assert_eq!(failure.advice(), Name::DeploymentFailed.help());
    }

    #[test]
    fn a_failure_with_a_thousand_findings_still_says_what_it_is() {
        let finding = Finding::error(codes::DEP_INPUT, "/action", "x".repeat(200));
        let failure = Failure::new(Name::InvalidInput, "1000 mistakes").findings(vec![finding; 1_000]);
        let back = caught(&failure);
        assert_eq!(back.message, "1000 mistakes");
        assert!(!back.findings.is_empty() && failure.to_wire().len() <= WIRE_LIMIT);
        assert_eq!(back.findings.len() + back.findings_left_out, 1_000);
        assert!(!failure.fits() && caught(&back).fits() == (back.findings_left_out == 0));
        let stored =
            Failure { findings_at: Some("s3://suite/deployments/files/x/findings.json".into()), ..failure };
        assert_eq!(caught(&stored).findings_at, stored.findings_at);
        // Step Functions hands on what a state caught.
        assert_eq!(caught(&caught(&stored)), caught(&stored));
    }

    #[test]
    fn what_others_throw_is_told_apart() {
        let cases = [
            ("States.Timeout", Name::TimedOut),
            ("Lambda.TooManyRequestsException", Name::Throttled),
            ("Lambda.Unknown", Name::Unavailable),
            ("Lambda.AccessDeniedException", Name::AccessDenied),
            ("Runtime.ExitError", Name::Unavailable),
            ("States.Runtime", Name::Internal),
        ];
        for (error, name) in cases {
            assert_eq!(Failure::from_error_output(error, "no JSON").name, name, "{error}");
        }
    }
}

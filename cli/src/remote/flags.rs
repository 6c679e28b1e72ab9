//! What commands that ask AWS can be told.

use std::path::PathBuf;

use mlp_aws::step_functions::arns::{ExecutionArn, StateMachineArn, is_name};
use mlp_operations::execution::input::LONGEST_APPROVAL_SECONDS;

use super::problem::Problem;

/// What the suite's state machine is called.
const STATE_MACHINE: &str = "MLProvisionerDeploy";

#[derive(clap::Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Say that it is meant; without it nothing is started
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) approval: Approval,
    /// Delete a stack that never came to be or could not be deleted, with what is in its bucket, and create it again
    #[arg(long)]
    pub(crate) recreate_failed: bool,
    /// Take over a stack of ours that has no tags, or whose custom resource no longer exists
    #[arg(long)]
    pub(crate) adopt: bool,
    /// What to do with what was changed by hand: put it back
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) drift: Option<Drift>,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(clap::Args)]
pub(crate) struct TestDeploy {
    #[command(flatten)]
    pub(crate) config: Config,
    #[command(flatten)]
    pub(crate) approval: Approval,
    /// Leave the test's stack behind
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(clap::Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) config: Config,
    /// Say that it is meant; without it nothing is started
    #[arg(long)]
    pub(crate) force: bool,
    /// Don't ask for the product's name
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) approval: Approval,
    /// Also a stack of ours that has no tags, or whose custom resource no longer exists
    #[arg(long)]
    pub(crate) adopt: bool,
    #[command(flatten)]
    pub(crate) start: Start,
}

/// Whether somebody must approve.
#[derive(clap::Args)]
pub(crate) struct Approval {
    /// Have somebody approve it before anything is changed or deleted (`mlp approve`)
    #[arg(long)]
    pub(crate) approval: bool,
    /// How long the approval is waited for; three days by default
    #[arg(long, value_name = "SECONDS", requires = "approval", value_parser = clap::value_parser!(u64).range(60..=LONGEST_APPROVAL_SECONDS))]
    pub(crate) approval_timeout: Option<u64>,
}

#[derive(clap::Args)]
pub(crate) struct ShowChanges {
    #[command(flatten)]
    pub(crate) config: Config,
    /// What to do with what was changed by hand: show what putting it back would change
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) drift: Option<Drift>,
    #[command(flatten)]
    pub(crate) start: Start,
}

#[derive(clap::Args)]
pub(crate) struct CheckDrift {
    /// The product of this config; also compared with it. `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stack", "prefix"])]
    pub(crate) config: Option<PathBuf>,
    /// This stack; may be given more than once
    #[arg(long, value_name = "NAME", conflicts_with = "prefix")]
    pub(crate) stack: Vec<String>,
    /// Stacks whose names begin so; by default every stack with the tag ManagedBy=ml-provisioner
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// What not to count, in the form of drift-ignore.yaml (docs/drift.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore: Option<PathBuf>,
    /// Stacks that are looked at at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = concurrency)]
    pub(crate) concurrency: usize,
    #[command(flatten)]
    pub(crate) suite: Suite,
}

fn concurrency(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|it| (1..=50).contains(it))
        .ok_or_else(|| "a number from 1 to 50 is wanted".to_owned())
}

#[derive(clap::Args)]
pub(crate) struct Follow {
    /// The execution's ARN, or its name
    #[arg(value_name = "EXECUTION", value_parser = execution)]
    pub(crate) execution: Execution,
    #[command(flatten)]
    pub(crate) suite: Suite,
}

#[derive(clap::Args)]
pub(crate) struct Approve {
    /// Don't ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) answered: Answered,
}

#[derive(clap::Args)]
pub(crate) struct Reject {
    /// Why; the execution's result tells it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) answered: Answered,
}

#[derive(clap::Args)]
pub(crate) struct Answered {
    /// The execution's ARN, or its name
    #[arg(value_name = "EXECUTION", value_parser = execution)]
    pub(crate) execution: Execution,
    /// The suite's bucket; `mlp-<account>-<region>` by default
    #[arg(long, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    #[command(flatten)]
    pub(crate) suite: Suite,
}

/// Where the config is: one of both.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Config {
    /// The config; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A config in a bucket, of the version named or of the current one
    #[arg(long, value_name = "s3://BUCKET/KEY[?versionId=ID]", value_parser = stored)]
    pub(crate) s3_config: Option<Stored>,
}

/// How an execution is started.
#[derive(clap::Args)]
pub(crate) struct Start {
    /// The execution's name; the same name with the same config starts no second one. By default a new one
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: Option<String>,
    /// Start it and say how to follow it, without waiting for its end
    #[arg(long)]
    pub(crate) no_follow: bool,
    #[command(flatten)]
    pub(crate) suite: Suite,
}

/// Where the suite is, and as whom it is asked.
#[derive(clap::Args)]
pub(crate) struct Suite {
    /// The suite's state machine, a name or an ARN
    #[arg(long, value_name = "NAME|ARN", env = "MLP_STATE_MACHINE", default_value = STATE_MACHINE, value_parser = machine)]
    pub(crate) state_machine: Machine,
    /// The suite's region; by default what an ARN says, else what AWS's tools would take
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// A profile of ~/.aws/config; it counts more than credentials in the environment
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drift {
    Revert,
}

/// A state machine, as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Machine {
    Named(String),
    At(StateMachineArn),
}

/// An execution, as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Execution {
    Named(String),
    At(ExecutionArn),
}

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

fn machine(text: &str) -> Result<Machine, String> {
    match StateMachineArn::parse(text) {
        Some(arn) => Ok(Machine::At(arn)),
        None if is_name(text) => Ok(Machine::Named(text.to_owned())),
        None => {
            Err("a state machine's name is wanted, or arn:aws:states:REGION:ACCOUNT:stateMachine:NAME"
                .to_owned())
        }
    }
}

fn execution(text: &str) -> Result<Execution, String> {
    match ExecutionArn::parse(text) {
        Some(arn) => Ok(Execution::At(arn)),
        None if is_name(text) => Ok(Execution::Named(text.to_owned())),
        None => Err(
            "an execution's name is wanted, or arn:aws:states:REGION:ACCOUNT:execution:STATE-MACHINE:NAME"
                .to_owned(),
        ),
    }
}

fn name(text: &str) -> Result<String, String> {
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_name(text) && plain(text) {
        Ok(text.to_owned())
    } else {
        Err("1 to 80 letters, digits, `-` and `_` are wanted".to_owned())
    }
}

/// The most that is sent, in characters.
const LONGEST_REASON: usize = 1_000;

impl Reject {
    /// The reason, without blanks around it. It is no value parser: an error of one would show all of it.
    pub(crate) fn reason(&self) -> Result<&str, Problem> {
        let text = self.reason.trim();
        let length = text.chars().count();
        match length {
            0 => Err(Problem::usage("`--reason` is empty; those who asked want to know why")),
            _ if length > LONGEST_REASON => {
                let message =
                    format!("`--reason` has {length} characters; at most {LONGEST_REASON} are allowed");
                Err(Problem::usage(message).help("put the details where the reason can link to them"))
            }
            _ => Ok(text),
        }
    }
}

/// `s3://bucket/key`, perhaps with `?versionId=`.
fn stored(text: &str) -> Result<Stored, String> {
    const WANTED: &str = "s3://BUCKET/KEY or s3://BUCKET/KEY?versionId=ID is wanted";
    let (bucket, rest) = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or(WANTED)?;
    let (key, version) = match rest.rsplit_once("?versionId=") {
        Some((key, version)) => (key, Some(version)),
        None => (rest, None),
    };
    if bucket.is_empty() || key.is_empty() || key.ends_with('/') || version == Some("") {
        return Err(WANTED.to_owned());
    }
    let version = version.map(str::to_owned);
    Ok(Stored { bucket: bucket.to_owned(), key: key.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_with_or_without_its_version() {
        let of = |text: &str| stored(text).map(|stored| (stored.bucket, stored.key, stored.version));
        let s = str::to_owned;
        assert_eq!(of("s3://b/configs/x.yaml"), Ok((s("b"), s("configs/x.yaml"), None)));
        assert_eq!(of("s3://b/x.yaml?versionId=a.b"), Ok((s("b"), s("x.yaml"), Some(s("a.b")))));
        for wrong in
            ["b/x.yaml", "s3://b", "s3://b/", "s3:///x.yaml", "s3://b/configs/", "s3://b/x?versionId="]
        {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn executions_and_state_machines_go_by_name_or_arn() {
        assert_eq!(execution("monday"), Ok(Execution::Named("monday".to_owned())));
        assert!(matches!(
            execution("arn:aws:states:us-west-2:123456789012:execution:M:monday"),
            Ok(Execution::At(_))
        ));
        assert!(matches!(
            machine("arn:aws:states:us-west-2:123456789012:stateMachine:M"),
            Ok(Machine::At(_))
        ));
        for wrong in ["", "a b", "arn:aws:states:us-west-2:123456789012:stateMachine:M"] {
            assert!(execution(wrong).is_err(), "{wrong}");
        }
    }
}

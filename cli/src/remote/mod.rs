//! Commands that the suite in AWS carries out: they start an execution of its state machine, follow it, answer it.
//!
//! What can be found without AWS is found first. The runtime and the SDK's configuration are made only after that.

mod answer;
mod changes;
mod display;
mod drift;
mod flags;
mod follow;
mod place;
mod problem;
mod prompt;
mod report;
mod request;
mod starting;

use std::future::Future;

use clap::Subcommand;
use mlp_aws::calls::Kind;
use mlp_aws::clients;
use mlp_aws::s3::store::BucketStore;
use mlp_aws::step_functions::arns::ExecutionArn;
use mlp_aws::step_functions::executions::Executions;
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use serde_json::Value as Json;

use self::answer::{Answer, Question};
use self::changes::Detail;
use self::display::{Display, time};
use self::follow::{Followed, SystemClock, follow};
use self::place::Place;
use self::problem::Problem;
use self::request::Request;
use crate::show::{Shown, complain};
use crate::{BLOCKED, DONE, INTERRUPTED};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a product's stack, or bring it up to date
    #[command(
        after_help = "Examples:\n  mlp deploy-product --config my.yaml --force\n  mlp deploy-product --s3-config s3://mlp-123456789012-us-west-2/configs/my.yaml --force --approval"
    )]
    DeployProduct(Box<flags::Deploy>),
    /// Deploy a product under a name of its own, look at it, and remove it again
    #[command(after_help = "Example:\n  mlp test-deploy --config my.yaml")]
    TestDeploy(Box<flags::TestDeploy>),
    /// Empty a product's bucket and delete its stack
    #[command(
        after_help = "Example:\n  mlp delete-product --config my.yaml --force\n\nWho starts it types the product's name; scripts say --yes."
    )]
    DeleteProduct(Box<flags::Delete>),
    /// Show what deploying a product would change
    #[command(after_help = "Example:\n  mlp show-changes --config my.yaml")]
    ShowChanges(Box<flags::ShowChanges>),
    /// Look for what is no longer as its template, or its config, says; exit status 0 in sync, 1 drifted, 3 could not check
    #[command(
        after_help = "Examples:\n  mlp check-drift\n  mlp check-drift --config my.yaml\n  mlp check-drift --prefix techcorp-prod- --ignore drift-ignore.yaml --format json"
    )]
    CheckDrift(Box<flags::CheckDrift>),
    /// Follow an execution to its end
    #[command(
        after_help = "Example:\n  mlp follow arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:NAME"
    )]
    Follow(Box<flags::Follow>),
    /// Approve the changes that an execution waits with
    #[command(after_help = "Example:\n  mlp approve NAME --region us-west-2")]
    Approve(Box<flags::Approve>),
    /// Reject the changes that an execution waits with
    #[command(
        after_help = "Example:\n  mlp reject NAME --region us-west-2 --reason \"not before the audit\""
    )]
    Reject(Box<flags::Reject>),
}

/// How a command ended: what is shown, and with which status. `None` when all was said already.
struct Done {
    result: Option<Json>,
    status: u8,
    /// The changes that the result sums up.
    changes: Option<Detail>,
    /// Findings that were shown before the execution was started.
    warned: Vec<Finding>,
}

impl Done {
    fn new(result: Json, status: u8) -> Self {
        Self { result: Some(result), status, changes: None, warned: Vec::new() }
    }

    /// All was said already.
    fn silent(status: u8) -> Self {
        Self { result: None, status, changes: None, warned: Vec::new() }
    }
}

pub(crate) fn run(command: &Command, shown: &Shown) -> Result<u8, InternalError> {
    match command {
        Command::DeployProduct(flags) => starting::run(&Request::deploy(flags), shown),
        Command::TestDeploy(flags) => starting::run(&Request::test(flags), shown),
        Command::DeleteProduct(flags) => starting::run(&Request::delete(flags), shown),
        Command::ShowChanges(flags) => starting::run(&Request::show_changes(flags), shown),
        Command::CheckDrift(flags) => drift::run(flags, shown),
        Command::Follow(flags) => within(follow_one(flags)).map(|done| finish(done, "follow", None, shown)),
        Command::Approve(flags) => within(approve(flags)).map(|done| finish(done, "approve", None, shown)),
        Command::Reject(flags) => within(reject(flags)).map(|done| finish(done, "reject", None, shown)),
    }
}

/// Runs what asks AWS. One thread is enough for somebody who waits.
fn within<T>(future: impl Future<Output = T>) -> Result<T, InternalError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| InternalError::new(format!("no runtime: {error}")))?;
    Ok(runtime.block_on(future))
}

/// Shows how a command ended, and answers its status.
fn finish(done: Result<Done, Problem>, action: &str, source: Option<&crate::Input>, shown: &Shown) -> u8 {
    let done = done.unwrap_or_else(|problem| Done::new(problem.result(action, None), problem.status));
    match done.result {
        Some(result) => shown
            .printed(report::show(&result, shown, source, done.changes.as_ref(), &done.warned), done.status),
        None => done.status,
    }
}

async fn follow_one(flags: &flags::Follow) -> Result<Done, Problem> {
    let Place { config, arn } = place::execution(&flags.suite, &flags.execution).await?;
    let executions = clients::executions(&config);
    let arn = match flags.execution {
        flags::Execution::Named(_) => products_or_fleets(&executions, arn).await,
        flags::Execution::At(_) => arn,
    };
    follow_to_the_end(&executions, &arn, false, interrupted()).await
}

/// The execution of a bare name. Fleets have a state machine of their own: its execution counts if the products' machine
/// doesn't know the name.
async fn products_or_fleets<E: Executions>(executions: &E, arn: ExecutionArn) -> ExecutionArn {
    let is_unknown =
        matches!(executions.describe(&arn.to_string()).await, Err(error) if error.kind == Kind::Gone);
    if !is_unknown {
        return arn;
    }
    let fleets = arn.of_fleet();
    if executions.describe(&fleets.to_string()).await.is_ok() { fleets } else { arn }
}

async fn approve(flags: &flags::Approve) -> Result<Done, Problem> {
    let Place { config, arn } = place::execution(&flags.answered.suite, &flags.answered.execution).await?;
    let executions = clients::executions(&config);
    let question = question(&flags.answered, &config, &arn).await?;
    let words = question.words(question.all(&store(&config, &arn)).await.as_ref());
    if flags.yes {
        complain(&words);
    } else if !prompt::approval(&words)? {
        let named = answer::named(&arn.to_string(), flags.answered.bucket.as_deref());
        complain(&format!(
            "Nothing was approved, and the execution waits on. To end it:\n  mlp reject {named} --reason \"...\"\n"
        ));
        return Ok(Done::new(question.unanswered(&arn), BLOCKED));
    }
    let by = place::who(&config).await?.arn;
    let result = question.answer(&executions, &arn, &Answer::Approve { by: &by }).await?;
    Ok(Done::new(result, DONE))
}

async fn reject(flags: &flags::Reject) -> Result<Done, Problem> {
    let reason = flags.reason()?;
    let Place { config, arn } = place::execution(&flags.answered.suite, &flags.answered.execution).await?;
    let question = question(&flags.answered, &config, &arn).await?;
    let answer = Answer::Reject { reason };
    let result = question.answer(&clients::executions(&config), &arn, &answer).await?;
    Ok(Done::new(result, DONE))
}

/// The suite's bucket. Somebody else may own a bucket of the name that is expected.
fn store(config: &place::Config, arn: &ExecutionArn) -> impl BucketStore + use<> {
    clients::s3_store(config, Some(arn.account().to_owned()))
}

async fn question(
    flags: &flags::Answered,
    config: &place::Config,
    arn: &ExecutionArn,
) -> Result<Question, Problem> {
    let bucket = flags.bucket.clone().unwrap_or_else(|| answer::bucket(arn));
    Question::read(&clients::executions(config), &store(config, arn), &bucket, arn).await
}

/// Follows an execution and says how it ended; `started` when it is known that there is one.
async fn follow_to_the_end<E: Executions>(
    executions: &E,
    arn: &ExecutionArn,
    started: bool,
    interrupt: impl Future<Output = ()>,
) -> Result<Done, Problem> {
    let mut display = Display::standard();
    let arn = arn.to_string();
    match follow(executions, &arn, &mut display, &SystemClock, interrupt).await {
        Followed::Ended(ended) => {
            complain(&format!("The execution has ended after {}.\n", time(ended.took)));
            Ok(Done::new(ended.result, if ended.ok { DONE } else { BLOCKED }))
        }
        Followed::Interrupted => {
            complain(&format!("\nThe execution goes on. Follow it with `mlp follow {arn}`.\n"));
            Ok(Done::silent(INTERRUPTED))
        }
        Followed::Failed { error, seen } => {
            let problem = Problem::of_call(&error, &format!("execution {arn}"));
            if started || seen {
                complain(&format!("The execution goes on. Follow it later with `mlp follow {arn}`.\n"));
            }
            Err(problem)
        }
    }
}

/// Ready when somebody has pressed Ctrl-C. Where that can't be known, the process ends as it would have.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

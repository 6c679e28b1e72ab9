//! The `deploy` Lambda function: the tasks of the state machine that deploys and deletes products; and with
//! `MLP_DEPLOY_MACHINE`, the state machine's ARN, in its environment what takes custom resources' requests. One program is
//! two functions, so that who may name a custom resource may not call a task.
//!
//! Environment: `MLP_BUCKET`, the suite's bucket; `MLP_ACCOUNT_ID`, the account that must own it and products' buckets;
//! `MLP_SERVICE_ROLE_ARN`, the role that CloudFormation assumes; `MLP_PERMISSIONS_BOUNDARY_ARN`, the boundary of every role
//! of a product; `MLP_REQUIRE_APPROVAL`, `none`, `prod` or `all`; `MLP_LICENCE_MODE`, `MLP_LICENCE_SKU` and
//! `MLP_LICENCE_KEY_FINGERPRINT`, the license; `MLP_PARAMETER_PATHS`, the SSM paths that configs may name, with commas
//! between them (all, if absent);
//! `AWS_LAMBDA_LOG_LEVEL`, as Lambda's logging configuration sets it; `AWS_ENDPOINT_URL` for an emulator.

use std::future::Future;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use mlp_aws::clients::{self, SdkConfig};
use mlp_aws::logs;
use mlp_operations::custom_resource::requests::{Front, take};
use mlp_operations::execution::aws::Aws;
use mlp_operations::execution::failure::{Failure, Name};
use mlp_operations::execution::settings::Settings;
use mlp_operations::license::Licenses;
use mlp_operations::rules::RuleBook;
use mlp_operations::tasks::{Task, log, run};
use serde::Deserialize as _;
use serde_json::Value as Json;

/// As in the other functions: a template is thousands of small strings that live and die together.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kept back from the invocation's time, to answer with an error of one's own before Lambda ends the process.
const TIME_TO_ANSWER: Duration = Duration::from_millis(500);

// One thread: a task is one chain of calls.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logs::as_json(&["deploy", "mlp_aws", "mlp_operations", "mlp_product", "mlp_template"]);
    let config = clients::sdk_config().await;
    match std::env::var("MLP_DEPLOY_MACHINE").ok().filter(|machine| !machine.is_empty()) {
        Some(machine) => Box::pin(take_requests(&config, &machine)).await,
        None => Box::pin(carry_out_tasks(&config)).await,
    }
}

/// The tasks of the state machine.
async fn carry_out_tasks(config: &SdkConfig) -> Result<(), lambda_runtime::Error> {
    let owner = clients::expected_owner();
    let store = clients::s3_store(config, owner.clone());
    let (stacks, answers) = (clients::stacks(config), clients::answers(config));
    let (buckets, parameters) = (clients::versioned_buckets(config, owner), clients::parameters(config));
    let (rules, desk, licenses) = (RuleBook::default(), clients::licenses(config), Licenses::default());
    Box::pin(lambda_runtime::run(service_fn(|event: LambdaEvent<Json>| {
        let (store, stacks, buckets, parameters) = (&store, &stacks, &buckets, &parameters);
        let (rules, answers, desk, licenses) = (&rules, &answers, &desk, &licenses);
        async move {
            let (event, context) = event.into_parts();
            let (now, time) = time_of(&context);
            let result = in_time(time, async {
                let settings = settings(&context)?;
                let task = Task::deserialize(&event)
                    .map_err(|error| Failure::new(Name::Internal, format!("this is no task: {error}")))?;
                let settings = &settings;
                let aws = Aws {
                    store,
                    stacks,
                    buckets,
                    parameters,
                    rules,
                    answers,
                    desk,
                    licenses,
                    settings,
                    time,
                    now,
                };
                Box::pin(run(&aws, task)).await
            })
            .await;
            log::task(&event, &result);
            result.map_err(|failure| diagnostic(&failure))
        }
    })))
    .await
}

/// The requests of custom resources.
async fn take_requests(config: &SdkConfig, machine: &str) -> Result<(), lambda_runtime::Error> {
    let store = clients::s3_store(config, clients::expected_owner());
    let (stacks, answers) = (clients::stacks(config), clients::answers(config));
    let executions = clients::executions(config);
    Box::pin(lambda_runtime::run(service_fn(|event: LambdaEvent<Json>| {
        let (store, stacks, executions, answers) = (&store, &stacks, &executions, &answers);
        async move {
            let (event, context) = event.into_parts();
            let (now, time) = time_of(&context);
            let names = log::EventNames::of(&event);
            let result = in_time(time, async {
                let settings = settings(&context)?;
                let front = Front { store, stacks, executions, answers, settings: &settings, machine, now };
                take(&front, event).await
            })
            .await;
            log::event(&names, &result);
            result.map_err(|failure| diagnostic(&failure))
        }
    })))
    .await
}

fn time_of(context: &Context) -> (SystemTime, Duration) {
    let now = SystemTime::now();
    let left = context.deadline().duration_since(now).unwrap_or_default();
    (now, left.saturating_sub(TIME_TO_ANSWER))
}

fn settings(context: &Context) -> Result<Settings, Failure> {
    Settings::read(|name| std::env::var(name).ok(), &context.invoked_function_arn)
        .map_err(|name| Failure::new(Name::Internal, format!("the variable {name} is not set")))
}

async fn in_time<T>(time: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(Name::Unavailable, "the invocation's time ran out; it is tried again")),
    }
}

/// What Lambda hands to Step Functions: the stable name, which `Retry` and `Catch` know, and everything else as text.
fn diagnostic(failure: &Failure) -> Diagnostic {
    Diagnostic { error_type: failure.name.as_str().to_owned(), error_message: failure.to_wire() }
}

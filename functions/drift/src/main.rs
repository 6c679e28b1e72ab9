//! The `drift` Lambda function: a schedule starts a run over all managed stacks; beyond what one invocation can do, the state
//! machine `infra/state-machines/drift.asl.json` calls the same function for each stack and for the summary.
//!
//! Environment: `MLP_BUCKET`, the suite's bucket; `MLP_ACCOUNT_ID`, the account that must own it; `MLP_DRIFT_MACHINE`, the state machine's ARN; `MLP_DRIFT_TOPIC`, who is told;
//! `MLP_DRIFT_CONCURRENCY` and `MLP_DRIFT_THRESHOLD`; `AWS_LAMBDA_LOG_LEVEL`, as Lambda's logging configuration sets it;
//! `AWS_ENDPOINT_URL` for an emulator.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use mlp_aws::drift::{AwsDriftApi, RateLimiter};
use mlp_aws::{clients, logs};
use mlp_operations::drift::run::{Aws, Clock, Event, Failure, Settings, log, run};
use serde_json::Value as Json;
use tokio::time::Instant;

/// As in the other functions: a template is thousands of small strings that live and die together.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kept back from the invocation's time, to answer with an error of one's own before Lambda ends the process.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);

// One thread: it waits for AWS nearly all of the time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logs::as_json(&["drift", "mlp_aws", "mlp_operations", "mlp_product", "mlp_template"]);
    let config = clients::sdk_config().await;
    let api = AwsDriftApi::new(&clients::paced(&config));
    let (store, executions) =
        (clients::s3_store(&config, clients::expected_owner()), clients::executions(&config));
    Box::pin(lambda_runtime::run(service_fn(|event: LambdaEvent<Json>| {
        let (api, store, executions) = (&api, &store, &executions);
        async move {
            let (event, context) = event.into_parts();
            let now = SystemTime::now();
            let left =
                context.deadline().duration_since(now).unwrap_or_default().saturating_sub(TIME_TO_ANSWER);
            let deadline = Instant::now() + left;
            let work = async {
                let event: Event = serde_json::from_value(event).map_err(|_| {
                    Failure::Input(
                        "the event is none: it has `name`, `scheduled`, `prefix`, `stacks`, `config` and `digest`, or nothing"
                            .to_owned(),
                    )
                })?;
                let settings = Settings::read(|name| std::env::var(name).ok(), &context.invoked_function_arn)
                    .map_err(|name| {
                        Failure::Internal(format!("the variable {name} is not set as it must be"))
                    })?;
                let clock = Clock::at(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs());
                let (limiter, request) = (&RateLimiter::default(), context.request_id.as_str());
                let aws = Aws { api, store, executions, limiter, settings: &settings, request, deadline, clock };
                let answer = run(aws, event).await?;
                let (calls, throttled) = limiter.calls();
                log::carried_out(&answer, calls, throttled);
                Ok(answer)
            };
            let result: Result<_, Failure> = match tokio::time::timeout(left, Box::pin(work)).await {
                Ok(result) => result,
                Err(_) => Err(Failure::Time),
            };
            result.map_err(|failure| {
                log::failed(&failure);
                Diagnostic {
                    error_type: "MLProvisioner.DriftFailed".to_owned(),
                    error_message: failure.to_string(),
                }
            })
        }
    })))
    .await
}

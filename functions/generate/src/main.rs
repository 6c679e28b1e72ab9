//! The `generate` Lambda function: somebody drops `configs/<name>.yaml` into the bucket; template, policies, review report
//! and status object are stored in the same bucket.
//!
//! Environment: `MLP_BUCKET`, the suite's bucket (records of others are ignored; all are handled without it);
//! `MLP_ACCOUNT_ID`, the account that must own it;
//! `MLP_PERMISSIONS_BOUNDARY_ARN`, the managed policy that the operator's policies require of every role;
//! `AWS_LAMBDA_LOG_LEVEL`, as Lambda's logging configuration sets it; `AWS_ENDPOINT_URL` for an emulator.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use mlp_aws::{clients, logs};
use mlp_operations::generate::{RecordsFailed, handle};
use mlp_operations::rules::RuleBook;
use mlp_product::actions::{self, Suite};
use mlp_template::security::Rules;
use serde_json::Value;

/// A template is thousands of small strings that live and die together; with the system's allocator half of the time
/// goes into them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kept back from the invocation's time, to answer with an error of one's own before Lambda ends the process.
const TIME_TO_ANSWER: Duration = Duration::from_millis(500);

// One thread: an invocation is one chain of calls, and more threads only cost start time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logs::as_json(&["generate", "mlp_aws", "mlp_operations", "mlp_product", "mlp_template"]);
    let store = clients::s3_store(&clients::sdk_config().await, clients::expected_owner());
    let rules = RuleBook::default();
    let only_bucket = std::env::var("MLP_BUCKET").ok().filter(|bucket| !bucket.is_empty());
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let (store, rules, only_bucket) = (&store, &rules, only_bucket.as_deref());
        async move {
            let (message, context) = event.into_parts();
            let suite = Suite::of_function(&context.invoked_function_arn, |name| std::env::var(name).ok());
            let make = |config: &[u8], rules: &Rules| actions::generate(config, &suite, rules);
            let time = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            let handled = handle(store, &make, rules, only_bucket, &message);
            let handled = tokio::time::timeout(time.saturating_sub(TIME_TO_ANSWER), handled).await;
            let result = handled.unwrap_or_else(|_| {
                let reason = "the invocation's time ran out; it will be tried again";
                tracing::error!(reason, "records were not handled");
                Err(RecordsFailed::whole(reason))
            });
            result.map_err(|error| diagnostic(&error))
        }
    }))
    .await
}

fn diagnostic(error: &RecordsFailed) -> Diagnostic {
    Diagnostic { error_type: RecordsFailed::NAME.to_owned(), error_message: error.to_string() }
}

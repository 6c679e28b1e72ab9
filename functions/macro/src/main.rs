//! The `macro` Lambda function: CloudFormation calls it for every template with `Transform: MLProvisioner`.
//!
//! Environment: `MLP_PERMISSIONS_BOUNDARY_ARN`, the managed policy that bounds the roles of products that name none;
//! `MLP_PARAMETER_PATHS`, the SSM paths that templates may name, with commas between them (all, if absent);
//! `AWS_LAMBDA_LOG_LEVEL`, as Lambda's logging configuration sets it; `AWS_ENDPOINT_URL` for an emulator.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use lambda_runtime::{LambdaEvent, service_fn};
use mlp_aws::{clients, logs};
use mlp_operations::expand::answer;
use mlp_product::expand::ParameterPaths;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

/// A template is thousands of small strings that live and die together; with the system's allocator half of the time
/// goes into them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kept back from the invocation's time, to expand and to answer before Lambda ends the process.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

// One thread: an invocation is one chain of calls, and more threads only cost start time and memory.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logs::as_json(&["macro", "mlp_aws", "mlp_operations", "mlp_product", "mlp_template"]);
    let paths = ParameterPaths::parse(&std::env::var("MLP_PARAMETER_PATHS").unwrap_or_default());
    // Most templates need no values, so no client.
    let parameters = OnceCell::new();
    // The request as it came: its numbers and its id go out as they came in.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| {
        let (parameters, paths) = (&parameters, &paths);
        async move {
            let (request, context) = event.into_parts();
            let time = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
            let store = async || {
                parameters.get_or_init(async || clients::parameters(&clients::sdk_config().await)).await
            };
            let time = time.saturating_sub(TIME_TO_ANSWER);
            let boundary = std::env::var("MLP_PERMISSIONS_BOUNDARY_ARN").ok().filter(|arn| !arn.is_empty());
            Ok::<_, Infallible>(answer(request.get().as_bytes(), boundary, time, paths, store).await)
        }
    }))
    .await
}

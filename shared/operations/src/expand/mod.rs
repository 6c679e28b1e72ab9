//! The `macro` function without its runtime: CloudFormation's request in, an answer out, whatever happens.
//!
//! All rules are in [`mlp_product::expand`]; here values are looked up for it. A function that fails, or that is ended by
//! Lambda, shows the user "Received malformed response from transform" and nothing else, so nothing here fails.

use std::time::Duration;

use mlp_aws::ssm::parameters::{ParameterStore, look_up};
use mlp_product::expand::{Lookups, ParameterPaths, Request, Response};

/// Answers a macro request. `boundary` is the managed policy that bounds the roles of products that name none. `store` is
/// called at most once, and only for a request that needs values; looking them up takes `time` at most. A request with a
/// path that `paths` doesn't allow is refused, and nothing is looked up for it.
pub async fn answer<'s, S: ParameterStore + Sync + 's>(
    request: &[u8],
    boundary: Option<String>,
    time: Duration,
    paths: &ParameterPaths,
    store: impl AsyncFnOnce() -> &'s S,
) -> Response {
    let request = Request::read(request).with_permissions_boundary(boundary).within(paths);
    let names = request.needs();
    let looked_up = if names.is_empty() { Lookups::new() } else { within(time, &names, store).await };
    // Paths and reasons, never values.
    for (name, why) in looked_up.iter().filter_map(|(name, found)| Some((name, found.as_ref().err()?))) {
        tracing::warn!(name, why, "an SSM parameter can't be read");
    }
    let response = request.respond(&looked_up);
    tracing::info!(
        status = response.status.as_str(),
        parameters = names.len(),
        "a macro request was answered"
    );
    response
}

async fn within<'s, S: ParameterStore + Sync + 's>(
    time: Duration,
    names: &[String],
    store: impl AsyncFnOnce() -> &'s S,
) -> Lookups {
    let found = tokio::time::timeout(time, async { look_up(store().await, names).await });
    found.await.unwrap_or_else(|_| {
        let why = "Parameter Store did not answer before the macro's time ran out; try again";
        names.iter().map(|name| (name.clone(), Err(why.to_owned()))).collect()
    })
}

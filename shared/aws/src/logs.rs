//! The functions' log: one JSON object a line.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging, at the level that Lambda's logging configuration has put into `AWS_LAMBDA_LOG_LEVEL`.
///
/// The level is for `ours`, crates by name; of all others only warnings are kept, because the SDK's debug output quotes
/// requests.
pub fn as_json(ours: &[&str]) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    // The runtime's span carries the request id.
    let targets = Targets::new().with_default(LevelFilter::WARN).with_target("lambda_runtime::layers", level);
    let targets = targets.with_targets(ours.iter().map(|target| (*target, level)));
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
}

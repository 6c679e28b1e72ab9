//! The functions' log: one JSON object a line, with each key once.
//!
//! No line contains a config's content, a template, a looked-up value or the text of a finding. A user's mistake is a line
//! of level INFO. So a person who looks for level ERROR finds what the operator of the suite must look at.

use std::panic::PanicHookInfo;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the formatter itself writes into a line. A field of the same name would be there twice.
pub const RESERVED: [&str; 8] =
    ["timestamp", "level", "message", "target", "span", "spans", "filename", "line_number"];

/// Starts logging, at the level that Lambda's logging configuration has put into `AWS_LAMBDA_LOG_LEVEL`.
///
/// The level is for `ours`, crates by name; of all others only warnings are kept, because the SDK's debug output quotes
/// requests.
pub fn as_json(ours: &[&str]) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    std::panic::set_hook(Box::new(panicked));
    tracing_subscriber::registry().with(lines(std::io::stdout)).with(targets(ours, level)).init();
}

/// What writes the lines.
pub fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    json.with_ansi(false).with_writer(writer)
}

/// Which lines are written.
pub fn targets(ours: &[&str], level: LevelFilter) -> Targets {
    // The runtime's span carries the request id.
    let targets = Targets::new().with_default(LevelFilter::WARN).with_target("lambda_runtime::layers", level);
    // The runtime writes the `Debug` text of every error that a handler answers, at level ERROR. The functions write a line
    // of their own, which leaves out what the error quotes; `panicked` writes the line of a panic.
    let targets = targets.with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    targets.with_targets(ours.iter().map(|target| (*target, level)))
}

/// The hook that writes the line of a panic. A message that was put together at run time may quote anything, so only a
/// constant one is kept.
pub fn panicked(info: &PanicHookInfo<'_>) {
    let at = info.location().map(ToString::to_string);
    let reason = info.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(target: "panic", at, reason, "the function panicked");
}

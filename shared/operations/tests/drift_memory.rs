//! What a run holds, beside what lies in the bucket. One test, so that the process is its own.

use std::time::Duration;

use mlp_aws::drift::RateLimiter;
use mlp_operations::drift::DriftRunRequest;
use mlp_operations::drift::run::{Aws, Clock, Event, RunOutcome, Settings, run};
use mlp_testkit::memory::MemoryStore;
use mlp_testkit::memory_executions::MemoryExecutions;
use mlp_testkit::memory_fleet::MemoryFleet;
use tokio::time::Instant;

const STACKS: usize = 2_000;

/// What a config of the highest tier has for its status.
const STATUS: usize = 30 * 1_024;

/// What the process holds, now or at most, in KiB, where the system says so.
fn held(what: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn neither_reports_nor_status_objects_are_held_at_once() {
    let variable = |name: &str| match name {
        "MLP_BUCKET" => Some("suite".to_owned()),
        "MLP_DRIFT_MACHINE" => Some("arn:aws:states:us-west-2:123456789012:stateMachine:Drift".to_owned()),
        "MLP_DRIFT_THRESHOLD" => Some("5000".to_owned()),
        _ => None,
    };
    let settings = Settings::read(variable, "arn:aws:lambda:us-west-2:123456789012:function:drift").unwrap();
    let (api, store) = (MemoryFleet::of(STACKS), MemoryStore::unversioned());
    let filling = "x".repeat(STATUS);
    for number in 0..STACKS {
        let status = serde_json::json!({
            "stack_name": format!("product-{number:04}-stack"),
            "source": {"bucket": "suite", "key": "configs/gone.yaml"},
            "stored": [{"path": format!("templates/{number}.yaml")}],
            "findings": filling,
        });
        store.upload(&format!("status/configs/{number}.json"), status.to_string());
    }
    let Some(before) = held("VmRSS:") else { return };
    let uploaded: usize = STACKS * STATUS / 1_024;
    let aws = Aws {
        api: &api,
        store: &store,
        executions: &MemoryExecutions::default(),
        limiter: &RateLimiter::default(),
        settings: &settings,
        request: "r1",
        deadline: Instant::now() + Duration::from_hours(10),
        clock: Clock::at(1_795_500_000),
    };
    let answer = run(aws, Event::Start(DriftRunRequest::default())).await.unwrap();
    assert!(matches!(answer, RunOutcome::Done { totals, .. } if totals.in_sync == STACKS), "{answer:?}");
    let keys = store.keys().into_iter().filter(|key| key.starts_with("reports/"));
    let reports: usize = keys.map(|key| store.content(&key).unwrap().len()).sum::<usize>() / 1_024;
    let more = (held("VmHWM:").unwrap() - before).saturating_sub(reports);
    println!(
        "{STACKS} stacks: {more} KiB at most, beside {reports} KiB of reports and {uploaded} KiB of status objects"
    );
    // Together the reports, or the status objects, would be more than that.
    assert!(
        more < 40 * 1_024 && uploaded > 50 * 1_024 && reports > 50 * 1_024,
        "{more} KiB more than lies in the bucket"
    );
}

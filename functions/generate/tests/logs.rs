//! The log of the function's own program: one JSON object a line, no key twice, and nothing that a config says.

use mlp_testkit::memory_runtime::{Invoked, invoke};
use serde_json::json;

fn generate(event: &serde_json::Value) -> Invoked {
    invoke(env!("CARGO_BIN_EXE_generate"), &[("MLP_BUCKET", "suite")], &event.to_string())
}

#[test]
fn an_event_that_is_none_is_no_error_in_the_log() {
    let Invoked { answer, lines } = generate(&json!({"hunter2": 1}));
    assert_eq!(answer.unwrap_err()["errorType"], "MLProvisioner.RecordsFailed");
    let log = format!("{lines:?}");
    assert!(lines.iter().all(|line| line["level"] != "ERROR") && !log.contains("hunter2"), "{log}");
    assert!(lines.iter().any(|line| line["message"] == "the event was refused"), "{log}");
}

#[test]
fn a_bucket_that_does_not_answer_is_one_line_of_ours() {
    let object = json!({"key": "configs/a.yaml", "sequencer": "0A"});
    let s3 = json!({"bucket": {"name": "suite"}, "object": object});
    let record =
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventVersion": "2.1", "s3": s3});
    let Invoked { answer, lines } = generate(&json!({"Records": [record]}));
    assert_eq!(answer.unwrap_err()["errorType"], "MLProvisioner.RecordsFailed");
    let failed: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    let [line] = failed.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&line["kind"], &line["store"]), (&json!("store"), &json!("transient")));
    assert_eq!((&line["key"], &line["message"]), (&json!("configs/a.yaml"), &json!("a record failed")));
}

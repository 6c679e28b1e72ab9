//! The log of the function's own program: one JSON object a line, no key twice, no Debug text.

use mlp_operations::drift::fleet::Totals;
use mlp_operations::drift::run::{Failure, RunOutcome, log};
use mlp_testkit::memory_logs::captured;
use mlp_testkit::memory_runtime::{Invoked, invoke};
use serde_json::json;

const VARIABLES: [(&str, &str); 5] = [
    ("MLP_BUCKET", "suite"),
    ("MLP_DRIFT_MACHINE", "arn:aws:states:us-west-2:123456789012:stateMachine:D"),
    ("MLP_DRIFT_TOPIC", ""),
    ("MLP_DRIFT_CONCURRENCY", "8"),
    ("MLP_DRIFT_THRESHOLD", "100"),
];

#[test]
fn an_event_that_is_none_is_no_error_in_the_log_and_step_functions_gets_its_name() {
    let Invoked { answer, lines } = invoke(env!("CARGO_BIN_EXE_drift"), &VARIABLES, r#"{"nmae": "hunter2"}"#);
    assert_eq!(answer.unwrap_err()["errorType"], "MLProvisioner.DriftFailed");
    let log = format!("{lines:?}");
    assert!(lines.iter().all(|line| line["level"] != "ERROR") && !log.contains("hunter2"), "{log}");
    assert!(lines.iter().any(|line| line["message"] == "the event was refused"), "{log}");
}

#[test]
fn what_a_call_came_to_is_said_in_figures() {
    let totals = Totals { stacks: 3, drifted: 1, ..Totals::default() };
    let answers = [
        RunOutcome::Done { run: "r".to_owned(), totals, notified: true },
        RunOutcome::HandedOver { run: "r".to_owned(), execution: "e".to_owned(), checked: 2 },
        RunOutcome::Checked { stack: "s".to_owned() },
        RunOutcome::InProgress { run: "r".to_owned() },
    ];
    let ((), lines) = captured(&["mlp_operations"], || {
        for answer in &answers {
            log::carried_out(answer, 7, 1);
        }
        log::failed(&Failure::Time);
        log::failed(&Failure::Internal("a defect".to_owned()));
    });
    let told = |key: &str| lines.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
    assert_eq!(
        told("outcome"),
        [
            json!("done"),
            json!("handed-over"),
            json!("checked"),
            json!("in-progress"),
            json!(null),
            json!(null)
        ]
    );
    assert_eq!(
        (&lines[0]["drifted"], &lines[0]["notified"], &lines[0]["calls"]),
        (&json!(1), &json!(true), &json!(7))
    );
    assert_eq!(told("level")[4..], [json!("WARN"), json!("ERROR")]);
}

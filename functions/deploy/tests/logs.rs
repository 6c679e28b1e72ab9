//! The log of the function's own program: one JSON object a line, no key twice, and nothing that a config says.

use mlp_operations::execution::failure::{Failure, Name};
use mlp_operations::tasks::log;
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_testkit::memory_logs::captured;
use mlp_testkit::memory_runtime::{Invoked, invoke};
use serde_json::{Value as Json, json};

const EXECUTION: &str = "arn:aws:states:us-west-2:123456789012:execution:M:one";

fn deploy(variables: &[(&str, &str)], event: &Json) -> Invoked {
    let mut all = vec![("MLP_BUCKET", "suite")];
    all.extend(variables);
    invoke(env!("CARGO_BIN_EXE_deploy"), &all, &event.to_string())
}

fn levels(lines: &[Json]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["level"].as_str()).collect()
}

#[test]
fn a_users_mistake_is_no_error_in_the_log_and_step_functions_gets_its_name() {
    let input = json!({"action": "hunter2", "config": {"bucket": "b", "kee": "correct horse"}});
    let event = json!({"step": "ReadInput", "execution": EXECUTION, "work": input});
    let Invoked { answer, lines } = deploy(&[], &event);
    let told = answer.unwrap_err();
    assert_eq!(told["errorType"], "MLProvisioner.InvalidInput");
    // Step Functions gets everything. The log gets what it is and where it is.
    assert!(told["errorMessage"].as_str().unwrap().contains("hunter2"), "{told}");
    let log = format!("{lines:?}");
    assert!(!log.contains("hunter2") && !log.contains("correct horse"), "{log}");
    let line = lines.iter().find(|line| line["error"] == "MLProvisioner.InvalidInput").unwrap();
    assert_eq!((&line["level"], &line["step"]), (&json!("INFO"), &json!("ReadInput")));
    assert_eq!((&line["execution"], &line["codes"]), (&json!(EXECUTION), &json!("MLP-DEP-001")));
    assert!(line["findings"].as_u64().unwrap() >= 1 && line["span"]["requestId"] == "one", "{line}");
    assert!(!levels(&lines).contains(&"ERROR"), "{log}");
}

#[test]
fn a_call_that_aws_does_not_answer_is_a_warning_with_its_reason() {
    let config = json!({"bucket": "suite", "key": "configs/a.yaml"});
    let input = json!({"action": "show-changes", "config": config});
    let Invoked { answer, lines } =
        deploy(&[], &json!({"step": "ReadInput", "execution": EXECUTION, "work": input}));
    let name = answer.unwrap_err()["errorType"].as_str().unwrap().to_owned();
    assert_eq!(name, "MLProvisioner.Unavailable");
    let line = lines.iter().find(|line| line["error"] == name.as_str()).unwrap();
    assert_eq!(line["level"], "WARN");
    assert!(line["reason"].as_str().unwrap().contains("GetObject"), "{line}");
}

#[test]
fn an_event_that_is_no_task_or_no_request_is_refused_without_its_text() {
    let Invoked { answer, lines } = deploy(&[], &json!({"step": "hunter2"}));
    assert_eq!(answer.unwrap_err()["errorType"], "MLProvisioner.Internal");
    assert!(levels(&lines).contains(&"ERROR"), "no state machine of ours sends this: {lines:?}");
    let machine = [("MLP_DEPLOY_MACHINE", "arn:aws:states:us-west-2:123456789012:stateMachine:M")];
    let event = json!({"RequestType": "Create", "LogicalResourceId": 5, "ResponseURL": "https://hunter2"});
    let Invoked { answer, lines } = deploy(&machine, &event);
    assert_eq!(answer.unwrap_err()["errorType"], "MLProvisioner.InvalidInput");
    let log = format!("{lines:?}");
    assert!(!levels(&lines).contains(&"ERROR") && !log.contains("hunter2"), "{log}");
    assert!(lines.iter().any(|line| line["request"] == "Create"), "{log}");
}

#[test]
fn every_failure_is_one_line_whose_level_says_who_must_look() {
    let finding = Finding::error(codes::DEP_INPUT, "/action", "`hunter2` is no action");
    let event = json!({"step": "Preflight", "execution": EXECUTION});
    for name in Name::ALL {
        let failure = Failure::new(*name, "hunter2 quoted").findings(vec![finding.clone(); 3]);
        let result: Result<(), Failure> = Err(failure);
        let ((), lines) = captured(&["mlp_operations"], || log::task(&event, &result));
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&line["error"], &line["findings"]), (&json!(name.as_str()), &json!(3)));
        let level = match name {
            Name::Internal => "ERROR",
            Name::InvalidInput | Name::PreflightFailed | Name::Rejected | Name::ApprovalTimedOut => "INFO",
            _ => continue,
        };
        assert_eq!(line["level"], level, "{line}");
        assert!(*name == Name::Internal || !line.to_string().contains("hunter2"), "{line}");
    }
}

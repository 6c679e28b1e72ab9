//! The log of the function's own program: one JSON object a line, no key twice, and nothing that a template says.

use std::path::Path;

use mlp_testkit::memory_runtime::{Invoked, invoke};

#[test]
fn mistakes_and_look_ups_that_fail_leave_no_error_and_no_text_of_the_template_in_the_log() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/macro");
    for event in ["two-mistakes", "ids-from-parameter-store", "two-resources-and-parameters"] {
        let request = std::fs::read_to_string(events.join(format!("{event}.json"))).unwrap();
        let request = request.replace("fraud-detection", "hunter2");
        let Invoked { answer, lines } = invoke(env!("CARGO_BIN_EXE_macro"), &[], &request);
        let status = answer.unwrap()["status"].clone();
        assert_eq!(status == "success", event == "two-resources-and-parameters", "{event}");
        let log = format!("{lines:?}");
        assert!(lines.iter().all(|line| line["level"] != "ERROR") && !log.contains("hunter2"), "{log}");
        assert!(lines.iter().any(|line| line["status"] == status), "{log}");
    }
}

#[test]
fn a_path_that_the_suite_does_not_allow_is_refused_by_the_program_as_well() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/macro");
    let request = std::fs::read_to_string(events.join("ids-from-parameter-store.json")).unwrap();
    let variables = [("MLP_PARAMETER_PATHS", "/net/*,/sg/*")];
    let Invoked { answer, .. } = invoke(env!("CARGO_BIN_EXE_macro"), &variables, &request);
    let message = answer.unwrap()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("`ParameterPaths`; allowed is a path like `/net/*` or `/sg/*`"), "{message}");
}

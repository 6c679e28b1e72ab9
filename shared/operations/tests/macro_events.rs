//! The recorded requests through the handler, on a parameter store in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::path::Path;
use std::time::Duration;

use mlp_operations::expand::answer;
use mlp_product::expand::ParameterPaths;
use mlp_testkit::memory_parameters::MemoryParameters;
use serde_json::Value;

const ID: &str = "5dba79b5-f117-4de0-9ce4-d40363bfb6ab";
const VPC: &str = "/vpc/main/VPCId";
const SUBNETS: &str = "/vpc/main/PrivateSubnetIds";
const FROM_SSM: &str = "ids-from-parameter-store";

fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/macro").join(format!("{name}.json"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The answer's text, as Lambda hands it to CloudFormation. Time stands still but for time-outs.
fn text(request: &[u8], store: &MemoryParameters) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let answered = runtime.unwrap().block_on(answer(
        request,
        None,
        Duration::from_secs(20),
        &ParameterPaths::any(),
        async || store,
    ));
    serde_json::to_string(&answered).unwrap()
}

fn invoke(request: &[u8], store: &MemoryParameters) -> Value {
    serde_json::from_str(&text(request, store)).unwrap()
}

fn filled() -> MemoryParameters {
    MemoryParameters::default()
        .with(VPC, "vpc-0a1b2c3d4e5f60718")
        .with(SUBNETS, "subnet-0123456789abcdef0,subnet-0fedcba9876543210")
}

/// The message of an answer that is a well-formed failure.
fn failure(answer: &Value) -> &str {
    assert_eq!((&answer["requestId"], &answer["status"]), (&ID.into(), &"failed".into()), "{answer}");
    assert!(answer.get("fragment").is_none(), "{answer}");
    answer["errorMessage"].as_str().unwrap()
}

#[test]
fn a_template_without_look_ups_is_expanded_and_no_client_is_made() {
    let request = recorded("two-resources-and-parameters");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let no_store = async || -> &MemoryParameters { panic!("a client was made") };
    let answered = runtime.block_on(answer(&request, None, Duration::ZERO, &ParameterPaths::any(), no_store));
    let answered = serde_json::to_value(&answered).unwrap();
    assert_eq!((&answered["requestId"], &answered["status"]), (&ID.into(), &"success".into()));
    assert_eq!(answered["fragment"]["Resources"]["FraudArtifactsBucket"]["Type"], "AWS::S3::Bucket");
}

#[test]
fn ids_come_from_the_parameter_store() {
    let store = filled();
    let answered = invoke(&recorded(FROM_SSM), &store);
    assert_eq!(answered["status"], "success", "{answered}");
    let resources = answered["fragment"]["Resources"].as_object().unwrap();
    let group = resources.values().find(|resource| resource["Type"] == "AWS::EC2::SecurityGroup").unwrap();
    assert_eq!(group["Properties"]["VpcId"], "vpc-0a1b2c3d4e5f60718");
    assert_eq!(store.calls(), [[SUBNETS, VPC]]);
}

#[test]
fn a_path_outside_of_what_the_suite_allows_is_refused_before_anything_is_looked_up() {
    let request = recorded(FROM_SSM);
    let answered = |paths: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let no_store = async || -> &MemoryParameters { panic!("a client was made") };
        let paths = ParameterPaths::parse(paths);
        let answered = runtime.block_on(answer(&request, None, Duration::from_secs(20), &paths, no_store));
        serde_json::to_value(&answered).unwrap()
    };
    assert_eq!(
        failure(&answered("/vpc/main/Private*,/sg/*")),
        "Fraud.VpcIntegration.VpcParameterStorePath: the SSM path `/vpc/main/VPCId` is outside of the suite's \
         `ParameterPaths`; allowed is a path like `/vpc/main/Private*` or `/sg/*`; store the value under an allowed path, \
         or ask the suite's operator to add the path to the parameter `ParameterPaths`"
    );
}

#[test]
fn a_wrong_value_is_told_by_its_length_only() {
    let store = filled().with(VPC, "hunter2 is the password");
    let answered = text(&recorded(FROM_SSM), &store);
    assert!(answered.contains("holds a value of 23 characters, but must hold `vpc-`"), "{answered}");
    assert!(!answered.contains("hunter2"), "{answered}");
}

#[test]
fn a_missing_parameter_is_told_with_product_and_property() {
    let store =
        MemoryParameters::default().with(SUBNETS, "subnet-0123456789abcdef0,subnet-0fedcba9876543210");
    assert_eq!(
        failure(&invoke(&recorded(FROM_SSM), &store)),
        "Fraud.VpcIntegration.VpcParameterStorePath: the SSM parameter `/vpc/main/VPCId` can't be read: there is none in \
         this account and region"
    );
}

#[test]
fn a_denied_parameter_is_told_apart_from_its_neighbour() {
    let answered = invoke(&recorded(FROM_SSM), &filled().denying(SUBNETS));
    let message = failure(&answered);
    assert!(message.starts_with("Fraud.VpcIntegration.SubnetParameterStorePath: "), "{message}");
    assert!(message.contains("needs the permission `ssm:GetParameters` on it"), "{message}");
    assert!(!message.contains(VPC), "{message}");
}

#[test]
fn throttling_says_to_try_again() {
    let answered = invoke(&recorded(FROM_SSM), &filled().throttling_after(0));
    let message = failure(&answered);
    assert!(message.contains("Parameter Store did not answer, try again (ThrottlingException"), "{message}");
    assert_eq!(message.matches("can't be read").count(), 2, "{message}");
}

#[test]
fn a_store_that_never_answers_is_a_message_and_not_the_end_of_the_process() {
    let answered = invoke(&recorded(FROM_SSM), &filled().silent());
    assert!(failure(&answered).contains("before the macro's time ran out; try again"), "{answered}");
}

#[test]
fn a_secure_string_is_refused() {
    let answered = invoke(&recorded(FROM_SSM), &filled().with_secure(VPC));
    assert!(failure(&answered).contains("it is a `SecureString`, which is not decrypted"), "{answered}");
}

#[test]
fn mistakes_are_told_at_once_and_nothing_is_looked_up() {
    let store = MemoryParameters::default();
    let answered = invoke(&recorded("two-mistakes"), &store);
    let message = failure(&answered);
    assert!(message.contains("TenantId") && message.contains("Fraud.Tier: "), "{message}");
    let mut broken: Value = serde_json::from_slice(&recorded(FROM_SSM)).unwrap();
    broken["fragment"]["Resources"]["Fraud"]["Properties"]["Tier"] = "gold".into();
    let answered = invoke(broken.to_string().as_bytes(), &store);
    assert!(failure(&answered).starts_with("Fraud.Tier: "), "{answered}");
    assert!(store.calls().is_empty());
}

#[test]
fn an_embedded_transform_is_told_how_to_write_it() {
    let answered = invoke(&recorded("embedded"), &MemoryParameters::default());
    assert!(failure(&answered).contains("write `Transform: MLProvisioner` at the top"), "{answered}");
}

#[test]
fn anything_else_has_a_well_formed_answer_too() {
    for request in ["null", "[]", "\"\"", "{}", r#"{"requestId": [1]}"#] {
        let answered = invoke(request.as_bytes(), &MemoryParameters::default());
        assert_eq!(answered["status"], "failed", "{request}");
        assert!(answered["errorMessage"].as_str().unwrap().contains("not a macro request"), "{answered}");
    }
}

#[test]
fn request_id_and_numbers_go_out_as_they_came_in() {
    let request = r#"{"requestId": 1.50e2, "region": "us-west-2", "accountId": "123456789012",
        "templateParameterValues": {}, "fragment": {"Resources": {"Topic": {
            "Type": "AWS::SNS::Topic", "Metadata": {"Big": 12345678901234567890123, "Exact": 1.10}}}}}"#;
    let answered = text(request.as_bytes(), &MemoryParameters::default());
    for part in [r#""requestId":1.50e2"#, r#""Big":12345678901234567890123"#, r#""Exact":1.10"#] {
        assert!(answered.contains(part), "{answered}");
    }
}

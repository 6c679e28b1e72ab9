//! Findings without end: a status object holds the most important ones and names the object that has all of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::path::Path;

use mlp_operations::generate::status::Status;
use mlp_operations::generate::{RecordsFailed, Summary, handle};
use mlp_operations::rules::RuleBook;
use mlp_product::actions::{self, Suite};
use mlp_product::outcome::AllFindings;
use mlp_template::finding::{Finding, MAX_FINDINGS};
use mlp_template::security::Rules;
use mlp_testkit::memory::{Fault, MemoryStore, run};
use serde_json::{Value, json};

const BUCKET: &str = "suite";
const KEY: &str = "configs/team/a.yaml";
const EXAMPLE: &str = include_str!(
    "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
);

fn wrong(mistakes: usize) -> String {
    let unknown = (0..mistakes).map(|number| format!("unknown_key_number_{number}: x\n"));
    unknown.fold(EXAMPLE.to_owned(), |all, line| all + &line)
}

/// One upload and its event.
fn put(store: &MemoryStore, sequencer: &str, config: &str) -> Result<Summary, RecordsFailed> {
    let version = store.upload(KEY, config);
    event(store, sequencer, version.as_deref())
}

fn event(store: &MemoryStore, sequencer: &str, version: Option<&str>) -> Result<Summary, RecordsFailed> {
    let suite = Suite::default();
    let make = |config: &[u8], rules: &Rules| actions::generate(config, &suite, rules);
    let object = json!({"key": KEY, "sequencer": sequencer, "versionId": version});
    let s3 = json!({"bucket": {"name": BUCKET}, "object": object});
    let record =
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventVersion": "2.1", "s3": s3});
    run(handle(store, &make, &RuleBook::default(), Some(BUCKET), &json!({"Records": [record]})))
}

fn status(store: &MemoryStore) -> Status {
    let bytes = store.content(&format!("status/{KEY}.json")).unwrap();
    assert!(bytes.len() < 300_000, "{} bytes", bytes.len());
    fits("outcome.schema.json", &bytes);
    serde_json::from_slice(&bytes).unwrap()
}

fn all_of(store: &MemoryStore, status: &Status) -> Vec<Finding> {
    let key = status.outcome.findings_at.as_deref().unwrap().strip_prefix("s3://suite/").unwrap();
    assert!(key.starts_with("reports/findings/configs/team/a.yaml/"), "{key}");
    let bytes = store.content(key).unwrap_or_else(|| panic!("there is no {key}"));
    fits("findings.schema.json", &bytes);
    let all: AllFindings = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(all.source, status.outcome.source);
    all.findings
}

fn fits(schema: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(schema);
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let value: Value = serde_json::from_slice(bytes).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(&value).take(3).map(|it| it.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn nine_thousand_mistakes_are_two_hundred_in_the_status_and_all_in_the_object_that_it_names() {
    let store = MemoryStore::versioned();
    let config = wrong(9_000);
    put(&store, "01", &config).unwrap();
    let expected = actions::validate_config(config.as_bytes(), &Suite::default()).unwrap().outcome.findings;
    let status = status(&store);
    assert!(!status.outcome.ok);
    assert!((1..=MAX_FINDINGS).contains(&status.outcome.findings.len()), "{}", status.outcome.findings.len());
    assert_eq!(status.outcome.findings.len() + status.outcome.findings_left_out, expected.len());
    assert_eq!(all_of(&store, &status), expected);
}

#[test]
fn a_newer_event_names_its_own_findings_and_an_older_one_changes_nothing() {
    let store = MemoryStore::versioned();
    let older = store.upload(KEY, wrong(500));
    put(&store, "02", &wrong(400)).unwrap();
    let newest = status(&store);
    event(&store, "01", older.as_deref()).unwrap();
    assert_eq!(status(&store), newest);
    assert_eq!(
        all_of(&store, &newest).len(),
        newest.outcome.findings.len() + newest.outcome.findings_left_out
    );
    put(&store, "03", EXAMPLE).unwrap();
    let good = status(&store).outcome;
    assert_eq!((good.ok, good.findings_left_out, good.findings_at), (true, 0, None));
}

#[test]
fn a_status_is_written_only_when_the_findings_are_stored() {
    let store = MemoryStore::versioned();
    let version = store.upload(KEY, wrong(500));
    store.fail("PutObject", "reports/findings/", Fault::ServerError);
    assert!(event(&store, "01", version.as_deref()).is_err());
    assert_eq!(store.content(&format!("status/{KEY}.json")), None);
    // Lambda delivers it again. An answer that got lost is no second object.
    store.fail("PutObject", "reports/findings/", Fault::LostAnswer);
    let _ = event(&store, "01", version.as_deref());
    event(&store, "01", version.as_deref()).unwrap();
    let found = store.keys().into_iter().filter(|key| key.starts_with("reports/findings/")).count();
    assert_eq!((found, all_of(&store, &status(&store)).len()), (1, 500));
}

//! The recorded events through the handler, on a bucket in memory.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may panic")]

use std::path::Path;

use mlp_operations::generate::storing::Kind;
use mlp_operations::generate::{RecordsFailed, Summary, handle};
use mlp_operations::rules::RuleBook;
use mlp_product::outcome::{Made, Outcome, OutputFile, OutputKind};
use mlp_template::error::InternalError;
use mlp_template::security::Rules;
use mlp_testkit::memory::{Fault, MemoryStore, run};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The bucket that the recorded events name.
const BUCKET: &str = "mlp-123456789012-us-west-2";

/// One output whose path and text are the config's text.
#[expect(clippy::unnecessary_wraps, reason = "the signature of what makes files")]
fn make(config: &[u8], _: &Rules) -> Result<Made, InternalError> {
    let text = String::from_utf8_lossy(config).into_owned();
    let files = vec![OutputFile { path: format!("templates/{text}"), kind: OutputKind::Template, text }];
    Ok(Made { outcome: Outcome::of("create-prov-template", Vec::new()), files })
}

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/s3").join(format!("{name}.json"));
    serde_json::from_slice(
        &std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
    .unwrap()
}

/// A recorded event, with the version ids that the bucket in memory gave.
fn recorded_for(name: &str, versions: &[Option<String>]) -> Value {
    let mut message = recorded(name);
    for (record, version) in message["Records"].as_array_mut().unwrap().iter_mut().zip(versions) {
        record["s3"]["object"]["versionId"] = json!(version);
    }
    message
}

fn invoke(store: &MemoryStore, message: &Value) -> Result<Summary, RecordsFailed> {
    run(handle(store, &make, &RuleBook::default(), Some(BUCKET), message))
}

fn outcomes(summary: &Summary) -> Vec<Kind> {
    summary.records.iter().map(|record| record.outcome).collect()
}

#[test]
fn an_uploaded_config_is_answered_with_its_template_and_status() {
    let store = MemoryStore::versioned();
    let version = store.upload("configs/techcorp-prod.yaml", "one");
    let summary = invoke(&store, &recorded_for("put", &[version])).unwrap();
    assert_eq!(
        serde_json::to_value(&summary).unwrap(),
        json!({"records": [{
            "key": "configs/techcorp-prod.yaml",
            "status_key": "status/configs/techcorp-prod.yaml.json",
            "ok": true,
            "outcome": "generated"
        }]})
    );
    assert!(store.content("templates/one").is_some());
    assert!(store.content("status/configs/techcorp-prod.yaml.json").is_some());
}

#[test]
fn a_key_with_spaces_plus_unicode_and_an_encoded_slash_is_found() {
    let store = MemoryStore::versioned();
    let key = "configs/eu/my shop + büro (100%).yaml";
    let version = store.upload(key, "one");
    let summary = invoke(&store, &recorded_for("put-odd-key", &[version])).unwrap();
    assert_eq!((summary.records[0].key.as_str(), summary.records[0].outcome), (key, Kind::Generated));
    assert!(store.content(&format!("status/{key}.json")).is_some());
}

#[test]
fn one_bad_record_does_not_lose_the_others_and_fails_the_invocation() {
    let store = MemoryStore::versioned();
    let first = store.upload("configs/first.yaml", "one");
    let third = store.upload("configs/third.yaml", "three");
    let message = recorded_for("batch-of-three-with-a-bad-one", &[first, None, third]);
    let failed = invoke(&store, &message).unwrap_err();
    assert_eq!((failed.records, failed.failures.len()), (3, 1));
    assert_eq!(failed.to_string(), "1 of 3 records failed: record 1: the record has no s3.object.key");
    assert!(store.content("templates/one").is_some() && store.content("templates/three").is_some());
}

#[test]
fn a_throttled_record_fails_the_invocation_and_only_it_is_done_on_the_retry() {
    let store = MemoryStore::versioned();
    let first = store.upload("configs/first.yaml", "one");
    let third = store.upload("configs/third.yaml", "three");
    let mut message = recorded_for("batch-of-three-with-a-bad-one", &[first, None, third]);
    message["Records"].as_array_mut().unwrap().remove(1);
    store.fail("PutObject", "templates/one", Fault::Throttled);
    let failed = invoke(&store, &message).unwrap_err();
    assert!(
        failed.to_string().starts_with("1 of 2 records failed: configs/first.yaml: PutObject"),
        "{failed}"
    );
    let retried = invoke(&store, &message).unwrap();
    assert_eq!(outcomes(&retried), [Kind::Generated, Kind::Duplicate]);
}

#[test]
fn a_completed_multipart_upload_is_an_upload() {
    let store = MemoryStore::versioned();
    let version = store.upload("configs/techcorp-prod.yaml", "one");
    let summary = invoke(&store, &recorded_for("multipart-completed", &[version])).unwrap();
    assert_eq!(outcomes(&summary), [Kind::Generated]);
}

#[test]
fn events_without_version_or_sequencer_are_handled() {
    for name in ["without-version-id", "without-sequencer"] {
        let store = MemoryStore::unversioned();
        store.upload("configs/techcorp-prod.yaml", "one");
        assert_eq!(outcomes(&invoke(&store, &recorded(name)).unwrap()), [Kind::Generated], "{name}");
    }
}

#[test]
fn a_config_that_was_removed_meanwhile_is_reported_as_gone() {
    let store = MemoryStore::versioned();
    assert_eq!(outcomes(&invoke(&store, &recorded("put")).unwrap()), [Kind::Deleted]);
    assert!(store.keys().is_empty());
}

#[test]
fn removals_and_keys_that_are_no_configs_are_ignored_without_a_call() {
    let store = MemoryStore::versioned();
    assert_eq!(outcomes(&invoke(&store, &recorded("removed")).unwrap()), [Kind::Ignored]);
    assert_eq!(outcomes(&invoke(&store, &recorded("not-a-config")).unwrap()), [Kind::Ignored; 3]);
    assert!(store.take_calls().is_empty());
}

#[test]
fn records_of_another_bucket_are_ignored() {
    let store = MemoryStore::versioned();
    let summary =
        run(handle(&store, &make, &RuleBook::default(), Some("mlp-other"), &recorded("put"))).unwrap();
    assert_eq!(outcomes(&summary), [Kind::Ignored]);
    assert!(store.take_calls().is_empty());
}

#[test]
fn the_test_message_and_an_empty_batch_are_fine() {
    let store = MemoryStore::versioned();
    for name in ["test-event", "no-records"] {
        assert_eq!(invoke(&store, &recorded(name)).unwrap(), Summary::default(), "{name}");
    }
}

#[test]
fn a_message_that_is_none_of_s3s_fails() {
    let store = MemoryStore::versioned();
    for message in
        [json!({}), json!(null), json!({"Records": {}}), json!([1]), json!({"detail-type": "Object Created"})]
    {
        let failed = invoke(&store, &message).unwrap_err();
        assert!(failed.to_string().contains("no S3 event"), "{failed}");
    }
}

#[test]
fn every_recorded_event_is_used_here() {
    let text = include_str!("generate_events.rs");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/s3")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(text.contains(&format!("\"{name}\"")), "{name} is in no test");
    }
}

/// Names that lead somewhere.
const FIELDS: &[&str] =
    &["Records", "eventName", "eventSource", "s3", "bucket", "object", "key", "name", "versionId"];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(
            &["ObjectCreated:Put", "aws:s3", "configs/a.yaml", "configs/%FF.yaml", BUCKET][..]
        )
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = prop_oneof![prop::sample::select(FIELDS).prop_map(str::to_owned), "\\PC{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_handler_panic(message in any_json()) {
        let _ = invoke(&MemoryStore::versioned(), &message);
    }

    #[test]
    fn no_change_of_a_recorded_event_makes_the_handler_panic(
        (pointer, value) in (prop::sample::select(&["", "/Records", "/Records/0", "/Records/0/s3", "/Records/0/s3/object",
            "/Records/0/s3/object/key", "/Records/0/s3/object/versionId", "/Records/0/s3/object/sequencer",
            "/Records/0/s3/bucket/name", "/Records/0/eventName"][..]), any_json()),
    ) {
        let mut message = recorded("put");
        *message.pointer_mut(pointer).unwrap() = value;
        let store = MemoryStore::versioned();
        store.upload("configs/techcorp-prod.yaml", "one");
        let _ = invoke(&store, &message);
    }
}

/// What a config is made into tells which rules it was held to.
#[expect(clippy::unnecessary_wraps, reason = "the signature of what makes files")]
fn make_with_rules(_: &[u8], rules: &Rules) -> Result<Made, InternalError> {
    let text = rules.names().chain(rules.findings().iter().map(|it| it.message.as_str())).collect();
    let file = OutputFile { path: "templates/rules".to_owned(), kind: OutputKind::Template, text };
    Ok(Made::with(Outcome::of("generate", Vec::new()), vec![file]))
}

#[test]
fn each_upload_is_held_to_the_rules_as_they_are_at_that_moment() {
    let (store, rules) = (MemoryStore::versioned(), RuleBook::default());
    let mut uploads = 0;
    let mut upload = || {
        uploads += 1;
        let version = store.upload("configs/techcorp-prod.yaml", format!("{uploads}"));
        let mut message = recorded_for("put", &[version]);
        message["Records"][0]["s3"]["object"]["sequencer"] = json!(format!("{uploads:04X}"));
        store.take_calls();
        run(handle(&store, &make_with_rules, &rules, Some(BUCKET), &message)).unwrap();
        let text = String::from_utf8(store.content("templates/rules").unwrap()).unwrap();
        (
            text,
            store
                .take_calls()
                .into_iter()
                .filter(|call| call.contains("rules/a"))
                .filter(|call| call.starts_with("Get"))
                .count(),
        )
    };
    assert_eq!(upload(), (String::new(), 0));
    store.upload("rules/a.guard", "rule a { Resources exists }");
    store.upload("rules/README.md", "what these are");
    assert_eq!(upload(), ("rules/a.guard".to_owned(), 1));
    // What hasn't changed is not read again.
    assert_eq!(upload(), ("rules/a.guard".to_owned(), 0));
    store.upload("rules/a.guard", "rule a ===");
    let (broken, _) = upload();
    assert!(broken.starts_with("rules/a.guard, line 1"), "{broken}");
    store.delete("rules/a.guard");
    assert_eq!(upload(), (String::new(), 0));
}

#[test]
fn without_its_rules_a_config_is_not_answered_at_all() {
    for (operation, part) in [("ListObjectsV2", "rules/"), ("GetObject", "rules/a.guard")] {
        let store = MemoryStore::versioned();
        let version = store.upload("configs/techcorp-prod.yaml", "one");
        store.upload("rules/a.guard", "rule a { Resources exists }");
        let message = recorded_for("put", &[version]);
        store.fail(operation, part, Fault::Throttled);
        let error = invoke(&store, &message).unwrap_err();
        assert!(error.to_string().contains(operation), "{error}");
        assert_eq!(store.keys().iter().filter(|key| key.starts_with("status/")).count(), 0);
        assert_eq!(outcomes(&invoke(&store, &message).unwrap()), [Kind::Generated]);
    }
}

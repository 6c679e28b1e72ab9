//! The storing protocol on a bucket in memory: one event at a time, with the faults that S3 has.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use mlp_aws::s3::notification::Upload;
use mlp_aws::s3::sequencer::Sequencer;
use mlp_aws::s3::store::ErrorKind;
use mlp_operations::generate::status::Status;
use mlp_operations::generate::storing::{
    Failure, Kind, META_CONFIG, META_SEQUENCER, META_SHA256, META_VERSION, Settled, Storing,
};
use mlp_product::outcome::{Made, Outcome, OutputFile, OutputKind};
use mlp_template::error::InternalError;
use mlp_template::finding::{Code, Finding, Severity};
use mlp_template::security::Rules;
use mlp_testkit::memory::{Fault, MemoryStore, run};

const KEY: &str = "configs/a.yaml";
const STATUS: &str = "status/configs/a.yaml.json";

/// A generator for tests: each line `path=content` of the config is one output; the line `bad` is a mistake,
/// and the line `blocked` one that leaves the outputs of `report`.
fn make(config: &[u8], _: &Rules) -> Result<Made, InternalError> {
    let config = String::from_utf8_lossy(config);
    let mut outcome = Outcome::of("create-prov-template", Vec::new());
    let mut files = Vec::new();
    for line in config.lines() {
        match line.split_once('=') {
            Some((path, text)) => files.push(OutputFile {
                path: format!("templates/{path}.yaml"),
                kind: OutputKind::Template,
                text: text.to_owned(),
            }),
            None if line == "bad" || line == "blocked" => {
                outcome.add_findings([Finding::error(Code::new("MLP-CFG-001"), "", "this is bad")]);
            }
            None if line == "bug" => return Err(InternalError::new("a defect")),
            None if line == "panic" => panic!("a worse defect"),
            None => {}
        }
    }
    if !outcome.ok {
        let blocked = config.lines().any(|line| line == "blocked");
        files.retain(|file| blocked && file.path == "templates/report.yaml");
    }
    Ok(Made { outcome, files })
}

fn event(key: &str, version_id: Option<String>, sequencer: &str) -> Upload {
    Upload {
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        version_id,
        sequencer: Sequencer::parse(sequencer),
    }
}

fn settle(store: &MemoryStore, upload: &Upload) -> Result<Settled, Failure> {
    run(Storing::new(store, &make, &Rules::none()).settle(upload))
}

/// Uploads a config and handles its event.
fn put(store: &MemoryStore, key: &str, sequencer: &str, config: &str) -> Settled {
    let version_id = store.upload(key, config);
    settle(store, &event(key, version_id, sequencer)).unwrap()
}

fn status(store: &MemoryStore, key: &str) -> Status {
    let bytes = store.content(&format!("status/{key}.json")).expect("no status object");
    serde_json::from_slice(&bytes).unwrap()
}

fn text(store: &MemoryStore, key: &str) -> String {
    String::from_utf8(store.content(key).unwrap_or_else(|| panic!("no {key}"))).unwrap()
}

#[test]
fn a_good_config_leaves_its_outputs_and_a_status_that_names_them() {
    let store = MemoryStore::versioned();
    let settled = put(&store, KEY, "01", "x=one");
    assert_eq!((settled.outcome, settled.ok), (Kind::Generated, Some(true)));
    assert_eq!(settled.status_key.as_deref(), Some(STATUS));
    assert_eq!(text(&store, "templates/x.yaml"), "one");

    let status = status(&store, KEY);
    assert!(status.outcome.ok);
    assert_eq!(status.outcome.outputs, ["templates/x.yaml"]);
    assert_eq!(status.outcome.source.version_id.as_deref(), Some("v1"));
    assert_eq!(status.outcome.source.sequencer.as_deref(), Some("01"));
    assert_eq!(status.outcome.source.sha256.as_ref().map(String::len), Some(64));
    assert_eq!(status.stored[0].sha256, status.outcome.hashes["templates/x.yaml"]);

    let metadata = store.metadata("templates/x.yaml").unwrap();
    assert_eq!(metadata[META_CONFIG], KEY);
    assert_eq!(metadata[META_SEQUENCER], "01");
    assert_eq!(metadata[META_VERSION], "v1");
    assert_eq!(metadata[META_SHA256], status.stored[0].sha256);
}

#[test]
fn the_status_is_written_last() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one\ny=two");
    let puts: Vec<_> = store.take_calls().into_iter().filter(|call| call.starts_with("PutObject")).collect();
    assert_eq!(
        puts,
        ["PutObject templates/x.yaml", "PutObject templates/y.yaml", "PutObject status/configs/a.yaml.json"]
    );
}

#[test]
fn the_version_named_in_the_event_is_read_and_not_the_newest() {
    let store = MemoryStore::versioned();
    let first = store.upload(KEY, "x=one");
    store.upload(KEY, "x=two");
    settle(&store, &event(KEY, first, "01")).unwrap();
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn a_mistake_is_a_status_with_findings_and_the_last_good_output_stays() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    let bad = store.upload(KEY, "bad");
    let settled = settle(&store, &event(KEY, bad.clone(), "02")).unwrap();
    assert_eq!((settled.outcome, settled.ok), (Kind::Findings, Some(false)));
    assert_eq!(text(&store, "templates/x.yaml"), "one");

    let status = status(&store, KEY);
    assert!(!status.outcome.ok);
    assert!(status.outcome.outputs.is_empty());
    assert_eq!(status.outcome.findings[0].code.as_str(), "MLP-CFG-001");
    assert_eq!(status.outcome.source.version_id, bad);
    // Which version the template in the bucket is from.
    assert_eq!(status.stored[0].path, "templates/x.yaml");
    assert_eq!(status.stored[0].version_id.as_deref(), Some("v1"));
    assert_eq!(status.stored[0].sequencer.as_deref(), Some("01"));
}

#[test]
fn what_a_blocked_config_still_makes_is_stored_beside_the_last_good_rest() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one\nreport=fine");
    let settled = put(&store, KEY, "02", "x=two\nreport=blocked, and why\nblocked");
    assert_eq!((settled.outcome, settled.ok), (Kind::Findings, Some(false)));
    assert_eq!(text(&store, "templates/x.yaml"), "one");
    assert_eq!(text(&store, "templates/report.yaml"), "blocked, and why");

    let of_both = status(&store, KEY);
    assert_eq!(of_both.outcome.outputs, ["templates/report.yaml"]);
    let versions: Vec<_> =
        of_both.stored.iter().map(|it| (it.path.as_str(), it.version_id.as_deref())).collect();
    assert_eq!(versions, [("templates/report.yaml", Some("v5")), ("templates/x.yaml", Some("v1"))]);

    put(&store, KEY, "03", "x=three\nreport=fine again");
    assert_eq!(status(&store, KEY).outcome.outputs, ["templates/x.yaml", "templates/report.yaml"]);
    assert_eq!(text(&store, "templates/x.yaml"), "three");
}

#[test]
fn a_torn_report_of_a_blocked_config_is_mended_by_the_next_delivery() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one\nreport=fine");
    let blocked = store.upload(KEY, "x=two\nreport=why\nblocked");
    let event = event(KEY, blocked, "02");
    settle(&store, &event).unwrap();
    store.upload("templates/report.yaml", "edited");
    settle(&store, &event).unwrap();
    assert_eq!(text(&store, "templates/report.yaml"), "why");
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn outputs_that_are_no_longer_made_stay_and_are_named_until_they_are_removed() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    put(&store, KEY, "02", "y=two");
    assert_eq!(text(&store, "templates/x.yaml"), "one");
    assert_eq!(status(&store, KEY).left_behind, ["templates/x.yaml"]);

    put(&store, KEY, "03", "bad");
    assert_eq!(status(&store, KEY).left_behind, ["templates/x.yaml"]);

    store.delete("templates/x.yaml");
    put(&store, KEY, "04", "z=three");
    assert_eq!(status(&store, KEY).left_behind, ["templates/y.yaml"]);

    put(&store, KEY, "05", "y=four");
    assert_eq!(status(&store, KEY).left_behind, ["templates/z.yaml"]);
}

#[test]
fn an_unchanged_output_is_not_written_again_but_the_status_is() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    store.take_calls();
    put(&store, KEY, "02", "x=one\n# a comment");
    let calls = store.take_calls();
    assert!(!calls.contains(&"PutObject templates/x.yaml".to_owned()), "{calls:?}");
    let status = status(&store, KEY);
    assert_eq!(status.outcome.source.sequencer.as_deref(), Some("02"));
    assert_eq!(status.stored[0].version_id, status.outcome.source.version_id);
}

#[test]
fn a_duplicate_writes_nothing() {
    let store = MemoryStore::versioned();
    let upload = event(KEY, store.upload(KEY, "x=one"), "01");
    settle(&store, &upload).unwrap();
    store.take_calls();
    let again = settle(&store, &upload).unwrap();
    assert_eq!((again.outcome, again.ok), (Kind::Duplicate, Some(true)));
    assert!(!store.take_calls().iter().any(|call| call.starts_with("PutObject")));
}

#[test]
fn an_older_event_that_comes_late_changes_nothing() {
    let store = MemoryStore::versioned();
    let first = event(KEY, store.upload(KEY, "x=one"), "01");
    put(&store, KEY, "02", "x=two");
    assert_eq!(settle(&store, &first).unwrap().outcome, Kind::Stale);
    assert_eq!(text(&store, "templates/x.yaml"), "two");
    assert_eq!(status(&store, KEY).outcome.source.sequencer.as_deref(), Some("02"));
}

#[test]
fn a_template_that_was_changed_by_hand_is_mended_by_the_next_delivery() {
    let store = MemoryStore::versioned();
    let upload = event(KEY, store.upload(KEY, "x=one"), "01");
    settle(&store, &upload).unwrap();
    store.upload("templates/x.yaml", "meddled with");
    settle(&store, &upload).unwrap();
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn a_config_whose_version_is_gone_leaves_no_status() {
    let store = MemoryStore::versioned();
    let version_id = store.upload(KEY, "x=one").unwrap();
    store.delete_version(KEY, &version_id);
    let settled = settle(&store, &event(KEY, Some(version_id), "01")).unwrap();
    assert_eq!(settled.outcome, Kind::Deleted);
    assert!(store.keys().is_empty());
}

#[test]
fn a_config_removed_from_an_unversioned_bucket_leaves_no_status() {
    let store = MemoryStore::unversioned();
    store.upload(KEY, "x=one");
    store.delete(KEY);
    assert_eq!(settle(&store, &event(KEY, None, "01")).unwrap().outcome, Kind::Deleted);
    assert!(store.keys().is_empty());
}

#[test]
fn a_bucket_without_versions_works_the_same() {
    let store = MemoryStore::unversioned();
    put(&store, KEY, "01", "x=one");
    put(&store, KEY, "02", "x=two");
    assert_eq!(text(&store, "templates/x.yaml"), "two");
    assert_eq!(status(&store, KEY).outcome.source.version_id, None);
    assert_eq!(put(&store, KEY, "03", "bad").outcome, Kind::Findings);
    assert_eq!(text(&store, "templates/x.yaml"), "two");
}

#[test]
fn an_empty_config_reaches_the_library() {
    let store = MemoryStore::versioned();
    assert_eq!(put(&store, KEY, "01", "").outcome, Kind::Generated);
}

#[test]
fn a_config_above_the_limit_is_read_up_to_one_byte_more() {
    let store = MemoryStore::versioned();
    let version_id = store.upload(KEY, vec![b'#'; 3 * 1024 * 1024]);
    let seen = std::sync::Mutex::new(0);
    let make = |config: &[u8], rules: &Rules| {
        *seen.lock().unwrap() = config.len();
        make(b"bad", rules)
    };
    let settled =
        run(Storing::new(&store, &make, &Rules::none()).settle(&event(KEY, version_id, "01"))).unwrap();
    assert_eq!(settled.outcome, Kind::Findings);
    assert_eq!(*seen.lock().unwrap(), 256 * 1024 + 1);
    // The digest of a part would be taken for that of the whole.
    assert_eq!(status(&store, KEY).outcome.source.sha256, None);
}

// Two configs, one output.

#[test]
fn a_second_config_for_the_same_output_is_refused_and_told_whose_it_is() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    let settled = put(&store, "configs/b.yaml", "01", "x=other");
    assert_eq!(settled.outcome, Kind::Findings);
    assert_eq!(text(&store, "templates/x.yaml"), "one");
    let status = status(&store, "configs/b.yaml");
    let finding = &status.outcome.findings[0];
    assert_eq!(finding.code.as_str(), "MLP-GEN-003");
    assert!(
        finding.message.contains(KEY) && finding.message.contains("templates/x.yaml"),
        "{}",
        finding.message
    );
    assert!(status.stored.is_empty());
}

#[test]
fn a_second_config_for_the_same_product_in_another_scenario_is_told_whose_it_is() {
    let store = MemoryStore::versioned();
    // The product's name is in the outcome; its scenario only in the keys.
    let make = |config: &[u8], rules: &Rules| {
        let mut made = make(config, rules)?;
        let path = String::from_utf8_lossy(config).into_owned();
        made.outcome.ml_name = path.rfind("-ml-").map(|at| path[..at + 3].to_owned());
        Ok(made)
    };
    let put = |key: &str, sequencer: &str, text: &str| {
        let version_id = store.upload(key, text);
        let event = event(key, version_id, sequencer);
        let settled = run(Storing::new(&store, &make, &Rules::none()).settle(&event)).unwrap();
        assert_eq!(settled.outcome, Kind::Generated);
        status(&store, key).outcome.findings
    };
    assert_eq!(put(KEY, "01", "acme-fraud-rt-ml-codecommit-workload=one"), []);
    // Another product, whose longer name begins like this one.
    assert_eq!(put("configs/longer.yaml", "01", "acme-fraud-rt-ml-ml-codecommit=longer"), []);
    let found = put("configs/b.yaml", "01", "acme-fraud-rt-ml-codecommit=two");
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.code.as_str(), finding.severity), ("MLP-GEN-003", Severity::Warning));
    for part in [KEY, "acme-fraud-rt-ml", "templates/acme-fraud-rt-ml-codecommit-workload.yaml"] {
        assert!(finding.message.contains(part), "{}", finding.message);
    }
    // The same config may change its scenario, and a config that is gone holds nothing.
    store.delete("configs/b.yaml");
    assert_eq!(put(KEY, "02", "acme-fraud-rt-ml-s3-workload=one"), []);
}

#[test]
fn a_refused_config_writes_none_of_its_outputs() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    put(&store, "configs/b.yaml", "01", "w=free\nx=taken");
    assert!(store.content("templates/w.yaml").is_none());
}

#[test]
fn an_output_whose_config_was_deleted_is_taken_over() {
    let store = MemoryStore::versioned();
    let first = event(KEY, store.upload(KEY, "x=one"), "01");
    settle(&store, &first).unwrap();
    store.delete(KEY);
    assert_eq!(put(&store, "configs/b.yaml", "01", "x=other").outcome, Kind::Generated);
    assert_eq!(text(&store, "templates/x.yaml"), "other");
    // A late delivery for the deleted config doesn't take it back.
    settle(&store, &first).unwrap();
    assert_eq!(text(&store, "templates/x.yaml"), "other");
}

#[test]
fn an_output_that_its_config_no_longer_makes_is_taken_over_and_no_longer_named_by_it() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    put(&store, KEY, "02", "y=one");
    assert_eq!(put(&store, "configs/b.yaml", "01", "x=other").outcome, Kind::Generated);
    put(&store, KEY, "03", "y=two");
    assert!(status(&store, KEY).left_behind.is_empty());
    assert_eq!(text(&store, "templates/x.yaml"), "other");
}

#[test]
fn a_config_with_a_mistake_still_holds_its_last_good_output() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    put(&store, KEY, "02", "bad");
    assert_eq!(put(&store, "configs/b.yaml", "01", "x=other").outcome, Kind::Findings);
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn an_output_whose_config_is_still_being_handled_is_not_taken_over() {
    let store = MemoryStore::versioned();
    let first = event(KEY, store.upload(KEY, "x=one"), "01");
    store.fail("PutObject", "status/", Fault::ServerError);
    settle(&store, &first).unwrap_err();
    assert_eq!(put(&store, "configs/b.yaml", "01", "x=other").outcome, Kind::Findings);
    assert_eq!(settle(&store, &first).unwrap().outcome, Kind::Generated);
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn an_object_of_nobody_is_replaced() {
    let store = MemoryStore::versioned();
    store.upload("templates/x.yaml", "put there by hand");
    assert_eq!(put(&store, KEY, "01", "x=one").outcome, Kind::Generated);
    assert_eq!(text(&store, "templates/x.yaml"), "one");
}

#[test]
fn a_newer_run_that_has_begun_to_write_is_not_overwritten() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    let second = event(KEY, store.upload(KEY, "x=two"), "02");
    let third = event(KEY, store.upload(KEY, "x=three"), "03");
    store.fail("PutObject", "status/", Fault::ServerError);
    settle(&store, &third).unwrap_err();
    assert_eq!(settle(&store, &second).unwrap().outcome, Kind::Stale);
    assert_eq!(text(&store, "templates/x.yaml"), "three");
    settle(&store, &third).unwrap();
    assert_eq!(status(&store, KEY).outcome.source.sequencer.as_deref(), Some("03"));
}

#[test]
fn the_last_good_output_is_made_again_from_its_own_version() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    let bad = event(KEY, store.upload(KEY, "bad"), "02");
    settle(&store, &bad).unwrap();
    store.upload("templates/x.yaml", "meddled with");
    settle(&store, &bad).unwrap();
    assert_eq!(text(&store, "templates/x.yaml"), "one");
    assert_eq!(status(&store, KEY).stored[0].sequencer.as_deref(), Some("01"));
}

#[test]
fn a_last_good_output_that_is_gone_for_good_is_no_longer_named() {
    let store = MemoryStore::versioned();
    let good = store.upload(KEY, "x=one").unwrap();
    settle(&store, &event(KEY, Some(good.clone()), "01")).unwrap();
    let bad = event(KEY, store.upload(KEY, "bad"), "02");
    settle(&store, &bad).unwrap();
    store.delete("templates/x.yaml");
    store.delete_version(KEY, &good);
    settle(&store, &bad).unwrap();
    let status = status(&store, KEY);
    assert!(status.stored.is_empty() && !status.outcome.ok);
    assert_eq!(status.outcome.findings.len(), 1);
}

// Events without an order.

#[test]
fn without_a_sequencer_the_current_config_is_served_and_the_order_kept() {
    let store = MemoryStore::versioned();
    put(&store, KEY, "01", "x=one");
    let second = event(KEY, store.upload(KEY, "x=two"), "02");
    store.upload(KEY, "x=three");
    let unordered = Upload { sequencer: None, ..second.clone() };
    assert_eq!(settle(&store, &unordered).unwrap().outcome, Kind::Generated);
    assert_eq!(text(&store, "templates/x.yaml"), "three");
    assert_eq!(status(&store, KEY).outcome.source.sequencer.as_deref(), Some("01"));
    // An event that the status doesn't answer yet is still newer, so the newest one always wins in the end.
    assert_eq!(settle(&store, &second).unwrap().outcome, Kind::Generated);
}

// Keys.

#[test]
fn keys_that_are_no_configs_are_ignored() {
    let store = MemoryStore::versioned();
    let long = format!("configs/{}.yaml", "x".repeat(1000));
    let long_encoded = format!("configs/{}.yaml", "é".repeat(140));
    for key in [
        "templates/a.yaml",
        "configs/readme.md",
        "configs/",
        "configs/yaml",
        "configs/../status/a.yaml",
        "configs/./a.yaml",
        "configs/a\u{7}.yaml",
        &long,
        &long_encoded,
    ] {
        let settled = settle(&store, &event(key, None, "01")).unwrap();
        assert_eq!(settled.outcome, Kind::Ignored, "{key}");
        assert!(settled.detail.is_some() && settled.status_key.is_none());
    }
    assert!(store.take_calls().is_empty());
}

#[test]
fn a_key_with_spaces_and_unicode_is_kept_in_metadata_as_ascii() {
    let store = MemoryStore::versioned();
    let key = "configs/eu/büro 100%+1.yaml";
    assert_eq!(put(&store, key, "01", "x=one").outcome, Kind::Generated);
    let owner = &store.metadata("templates/x.yaml").unwrap()[META_CONFIG];
    assert_eq!(owner, "configs/eu/b%C3%BCro%20100%25+1.yaml");
    // Read back as the same key: the second run knows its own output.
    assert_eq!(put(&store, key, "02", "x=two").outcome, Kind::Generated);
    assert_eq!(status(&store, key).outcome.source.key.as_deref(), Some(key));
}

// Faults.

#[test]
fn a_fault_of_any_call_fails_the_event_and_the_next_delivery_repairs_it() {
    for (operation, part) in [
        ("GetObject", "status/"),
        ("GetObject", "configs/"),
        ("HeadObject", "templates/x"),
        ("PutObject", "templates/x"),
        ("PutObject", "templates/y"),
        ("PutObject", "status/"),
    ] {
        for fault in [Fault::Throttled, Fault::ServerError, Fault::LostAnswer, Fault::Denied] {
            let store = MemoryStore::versioned();
            put(&store, KEY, "01", "x=one\ny=one");
            let upload = event(KEY, store.upload(KEY, "x=two\ny=two"), "02");
            store.fail(operation, part, fault);
            let failure = settle(&store, &upload).unwrap_err();
            let Failure::Store(error) = &failure else { panic!("{failure}") };
            let expected = if fault == Fault::Denied { ErrorKind::Denied } else { ErrorKind::Transient };
            assert_eq!((error.kind, error.operation), (expected, operation));
            assert!(!failure.to_string().contains("two"), "{failure}");

            settle(&store, &upload).unwrap();
            assert_eq!(text(&store, "templates/x.yaml"), "two", "{operation} {part} {fault:?}");
            assert_eq!(text(&store, "templates/y.yaml"), "two", "{operation} {part} {fault:?}");
            assert_eq!(status(&store, KEY).outcome.source.sequencer.as_deref(), Some("02"));
        }
    }
}

#[test]
fn a_conditional_write_that_fails_on_its_own_success_is_recognised() {
    for part in ["templates/x", "status/"] {
        let store = MemoryStore::versioned();
        store.fail("PutObject", part, Fault::LostAnswerThenConflict);
        assert_eq!(put(&store, KEY, "01", "x=one").outcome, Kind::Generated, "{part}");
        assert_eq!(text(&store, "templates/x.yaml"), "one");
        let writes = store.take_calls().iter().filter(|call| call.starts_with("PutObject")).count();
        assert_eq!(writes, 2, "nothing was written twice: {part}");
    }
}

#[test]
fn a_write_in_conflict_with_another_is_tried_after_another_look() {
    for part in ["templates/x", "status/"] {
        let store = MemoryStore::versioned();
        store.fail("PutObject", part, Fault::ConcurrentWrite);
        assert_eq!(put(&store, KEY, "01", "x=one").outcome, Kind::Generated, "{part}");
        assert_eq!(text(&store, "templates/x.yaml"), "one");
    }
}

#[test]
fn endless_conflicts_end_as_a_failure_of_the_event() {
    let store = MemoryStore::versioned();
    for _ in 0..100 {
        store.fail("PutObject", "status/", Fault::ConcurrentWrite);
    }
    let version_id = store.upload(KEY, "x=one");
    let failure = settle(&store, &event(KEY, version_id, "01")).unwrap_err();
    assert!(matches!(failure, Failure::Unsettled { .. }), "{failure}");
}

#[test]
fn a_status_that_is_no_json_is_replaced() {
    let store = MemoryStore::versioned();
    store.upload(STATUS, "{ half");
    assert_eq!(put(&store, KEY, "01", "x=one").outcome, Kind::Generated);
    assert!(status(&store, KEY).outcome.ok);
}

#[test]
fn a_defect_of_the_library_fails_the_event_even_if_it_panics() {
    let store = MemoryStore::versioned();
    for config in ["bug", "panic"] {
        let version_id = store.upload(KEY, config);
        let failure = settle(&store, &event(KEY, version_id, "01")).unwrap_err();
        assert!(matches!(failure, Failure::Internal(_)), "{failure}");
    }
    assert!(store.content(STATUS).is_none());
}

// The organization's rules.

#[test]
fn rules_are_read_from_every_folder_and_files_that_nothing_reads_are_named() {
    let store = MemoryStore::versioned();
    let rule = "rule never { Resources.*.Type == \"AWS::None::Such\" }\n";
    for key in ["rules/aws/s3/b.guard", "rules/a.GUARD", "rules/sets/c.ruleset", "rules/README.md"] {
        store.upload(key, rule);
    }
    let rules = run(mlp_operations::rules::RuleBook::default().of(&store, "bucket")).unwrap();
    assert_eq!(rules.names().collect::<Vec<_>>(), ["rules/a.GUARD", "rules/aws/s3/b.guard"]);
    let [finding] = rules.findings() else { panic!("{:?}", rules.findings()) };
    assert_eq!((finding.code.as_str(), finding.severity), ("MLP-RUL-003", Severity::Warning));
    assert!(finding.message.starts_with("rules/sets/c.ruleset is not read"), "{}", finding.message);
}

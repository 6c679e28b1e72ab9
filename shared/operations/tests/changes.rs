//! What a change set changes: golden files of all three forms, every word, and the published schema.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use mlp_operations::changes::{
    self, Changes, ChangesContext, DeletedResource, Detail, Effect, Impact, Next, Page, PropertyChange,
    Replaces, ResourceChange, Target, ValueState,
};
use mlp_operations::changes::{ChangeCounts, NamedResource};
use mlp_operations::execution::input::ConfigSource;
use mlp_product::config::Tier;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/changes")
}

const GOLDENS: [&str; 7] =
    ["deletion", "everything", "hostile", "nothing", "quiet-update", "refused", "revert-drift"];

fn golden(name: &str) -> Changes {
    let input = fs::read_to_string(folder().join(format!("{name}.input.json"))).unwrap();
    let input: Value = serde_json::from_str(&input).unwrap();
    let text = |key: &str| input["about"][key].as_str().map(str::to_owned);
    let about = ChangesContext {
        ml_name: text("ml_name").unwrap(),
        stack_name: text("stack_name").unwrap(),
        tier: [Tier::Starter, Tier::Professional, Tier::Enterprise]
            .into_iter()
            .find(|tier| Some(tier.as_str()) == input["about"]["tier"].as_str()),
        scenario: text("scenario"),
        account_id: text("account_id"),
        region: text("region"),
        partition: text("partition"),
    };
    let next = match &input["next"] {
        Value::Object(next) if next.contains_key("deploy") => {
            Next::Deploy { config: serde_json::from_value(next["deploy"]["config"].clone()).unwrap() }
        }
        Value::Object(next) => Next::Decide {
            execution: next["decide"]["execution"].as_str().unwrap().to_owned(),
            expires: next["decide"]["expires"].as_str().map(str::to_owned),
            bucket: next["decide"]["bucket"].as_str().map(str::to_owned),
        },
        _ => Next::Nothing,
    };
    if let Some(deletion) = input.get("deletion") {
        let gone: Vec<DeletedResource> = deletion["gone"].as_array().unwrap().iter().map(deleted).collect();
        let again: Option<Vec<(String, String)>> = serde_json::from_value(deletion["again"].clone()).unwrap();
        return Changes::of_deletion(
            &about,
            "arn:aws:cloudformation:us-west-2:1:stack/s/1",
            &gone,
            again.as_deref(),
            &next,
        )
        .unwrap();
    }
    let pages: Vec<Page> = serde_json::from_value(input["pages"].clone()).unwrap();
    Changes::new(&about, &pages, &next).unwrap()
}

fn deleted(resource: &Value) -> DeletedResource {
    let text = |key: &str| resource[key].as_str().map(str::to_owned);
    DeletedResource {
        logical_id: text("id").unwrap(),
        kind: text("type").unwrap(),
        physical_id: text("name"),
        is_kept: resource["kept"] == true,
    }
}

/// A change set of a product, given as the changes of its resources.
fn of(resources: Vec<ResourceChange>) -> Changes {
    let page = Page {
        status: Some("CREATE_COMPLETE".to_owned()),
        execution_status: Some("AVAILABLE".to_owned()),
        changes: resources
            .into_iter()
            .map(|resource_change| changes::Change { r#type: None, resource_change })
            .collect(),
        ..Page::default()
    };
    let about = ChangesContext { stack_name: "churn-stack".to_owned(), ..ChangesContext::default() };
    Changes::new(&about, &[page], &Next::Nothing).unwrap()
}

fn change(action: &str, kind: &str, replacement: &str, policy: &str) -> ResourceChange {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ResourceChange {
        action: given(action),
        logical_resource_id: Some("Thing".to_owned()),
        resource_type: given(kind),
        replacement: given(replacement),
        policy_action: given(policy),
        ..ResourceChange::default()
    }
}

fn detail(path: &str, before: Option<&str>, after: Option<&str>, kind: &str) -> Detail {
    Detail {
        target: Target {
            path: Some(path.to_owned()),
            before_value: before.map(str::to_owned),
            after_value: after.map(str::to_owned),
            attribute_change_type: Some(kind.to_owned()),
            ..Target::default()
        },
        ..Detail::default()
    }
}

#[test]
fn golden_files_stay_as_they_are() {
    let mut wrong = Vec::new();
    for name in GOLDENS {
        let changes = golden(name);
        let made = [
            ("json", serde_json::to_string_pretty(&changes).unwrap() + "\n"),
            ("html", changes::html(&changes).unwrap()),
            ("txt", changes::text(&changes)),
        ];
        for (ending, text) in made {
            let file = folder().join(format!("{name}.{ending}"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&file, &text).unwrap();
            } else if fs::read_to_string(&file).ok().as_deref() != Some(text.as_str()) {
                wrong.push(file);
            }
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them): {wrong:#?}");
    let inputs = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let inputs = inputs.filter(|name| name.to_string_lossy().ends_with(".input.json")).count();
    assert_eq!(inputs, GOLDENS.len(), "every input is listed");
}

#[test]
fn every_action_is_told_in_plain_words() {
    let bucket = "AWS::S3::Bucket";
    for (action, replacement, policy, happens, level) in [
        // AWS sends a replacement with what is added.
        ("Add", "True", "", Effect::Added, None),
        ("Modify", "False", "", Effect::Changed, None),
        ("Modify", "", "", Effect::Changed, None),
        ("Modify", "True", "", Effect::Replaced, Some((Impact::Lost, true))),
        ("Modify", "True", "ReplaceAndDelete", Effect::Replaced, Some((Impact::Lost, true))),
        ("Modify", "True", "ReplaceAndRetain", Effect::Replaced, Some((Impact::LeftBehind, true))),
        ("Modify", "True", "ReplaceAndSnapshot", Effect::Replaced, Some((Impact::LeftBehind, true))),
        ("Modify", "Conditional", "ReplaceAndDelete", Effect::MaybeReplaced, Some((Impact::Lost, false))),
        ("Remove", "", "", Effect::Deleted, Some((Impact::Lost, true))),
        ("Remove", "", "Delete", Effect::Deleted, Some((Impact::Lost, true))),
        ("Remove", "", "Snapshot", Effect::Deleted, Some((Impact::LeftBehind, true))),
        ("Remove", "", "Retain", Effect::Released, Some((Impact::LeftBehind, true))),
        ("Import", "", "", Effect::Imported, None),
        ("SyncWithActual", "", "", Effect::Recorded, None),
        ("Dynamic", "", "", Effect::Undetermined, Some((Impact::Lost, false))),
        ("Explode", "", "", Effect::Undetermined, Some((Impact::Lost, false))),
        ("", "", "", Effect::Undetermined, Some((Impact::Lost, false))),
    ] {
        let changes = of(vec![change(action, bucket, replacement, policy)]);
        let case = format!("{action} {replacement} {policy}");
        assert_eq!(changes.resources[0].effect, happens, "{case}");
        let risk = changes.risks.first().map(|risk| (risk.impact, risk.certain));
        assert_eq!(risk, level, "{case}");
        assert_eq!(changes.loses_data(), level.is_some_and(|(level, _)| level == Impact::Lost), "{case}");
    }
    let unknown = of(vec![change("Explode", bucket, "", "")]);
    assert_eq!(unknown.resources[0].description, "gets the change that CloudFormation calls `Explode`");
}

#[test]
fn every_type_that_holds_data_says_what_is_lost_and_what_saves_it() {
    for (kind, lost, remediation) in [
        ("AWS::S3::Bucket", "versions", "copy"),
        ("AWS::KMS::Key", "can't be decrypted", "cancel-key-deletion"),
        ("AWS::CodeCommit::Repository", "history", "git clone --mirror"),
        ("AWS::SageMaker::ModelPackageGroup", "approvals", "another group"),
        ("AWS::Logs::LogGroup", "every event", "create-export-task"),
    ] {
        let risk = &of(vec![change("Remove", kind, "", "Delete")]).risks[0];
        assert!(
            risk.lost.as_ref().unwrap().contains(lost) && risk.remediation.contains(remediation),
            "{risk:?}"
        );
    }
    assert!(of(vec![change("Remove", "AWS::IAM::Role", "", "Delete")]).risks.is_empty());
}

#[test]
fn what_was_deleted_by_hand_is_not_created_again_without_a_word() {
    let again = |kind: &str| {
        let mut added = change("Add", kind, "", "");
        added.resource_drift_status = Some("DELETED".to_owned());
        of(vec![added]).risks
    };
    let key = &again("AWS::KMS::Key")[0];
    assert_eq!((key.impact, key.certain), (Impact::Lost, false));
    assert!(key.remediation.contains("`aws kms cancel-key-deletion`"), "{key:?}");
    assert_eq!(again("AWS::S3::Bucket")[0].impact, Impact::Interrupted);
    assert!(again("AWS::IAM::Role").is_empty());
    assert!(of(vec![change("Add", "AWS::KMS::Key", "", "")]).risks.is_empty());
}

#[test]
fn what_a_tier_says_holds_data_does() {
    let blueprint = mlp_product::product::blueprint(Tier::Enterprise).unwrap();
    for (id, spec) in &blueprint.resources {
        let mut removed = change("Remove", &spec.kind, "", "Delete");
        removed.logical_resource_id = Some(id.clone());
        let changes = of(vec![removed]);
        assert_eq!(changes.resources[0].holds_data, spec.stateful, "{id}");
        assert_eq!(changes.loses_data(), spec.stateful, "{id}");
        assert_eq!(changes.resources[0].purpose.as_deref(), Some(spec.purpose.as_str()));
    }
}

#[test]
fn keeping_things_for_fewer_days_is_a_loss() {
    let days = |before: Option<&str>, after: &str, kind: &str| {
        let mut logs = change("Modify", "AWS::Logs::LogGroup", "False", "");
        logs.details = vec![detail("/Properties/RetentionInDays", before, Some(after), kind)];
        of(vec![logs]).risks
    };
    let shorter = days(Some("365"), "90", "Modify");
    assert_eq!(shorter[0].description, "keeps data for 90 days instead of 365 days");
    assert_eq!(shorter[0].impact, Impact::Lost);
    assert_eq!(days(None, "90", "Add")[0].description, "keeps data for 90 days instead of forever");
    assert_eq!(days(Some("90"), "365", "Modify"), []);
    // Not told what it was.
    assert_eq!(days(None, "90", "Modify"), []);
}

#[test]
fn a_place_with_two_details_is_one_row_and_the_worse_of_them_counts() {
    let mut project = change("Modify", "AWS::CodeBuild::Project", "False", "");
    let mut known = detail("/Properties/EncryptionKey", Some("old"), Some("new"), "Modify");
    known.target.requires_recreation = Some("Never".to_owned());
    known.evaluation = Some("Static".to_owned());
    let mut caused = known.clone();
    caused.target.requires_recreation = Some("Conditionally".to_owned());
    caused.evaluation = Some("Dynamic".to_owned());
    caused.change_source = Some("ResourceAttribute".to_owned());
    caused.causing_entity = Some("KmsKey.Arn".to_owned());
    project.details = vec![caused, known];
    let changes = of(vec![project]);
    let [property] = changes.resources[0].properties.as_slice() else { panic!("{changes:?}") };
    assert_eq!(property.replaces, Some(Replaces::Maybe));
    assert_eq!(property.causes, ["KmsKey.Arn"]);
    assert!(property.certain);
}

#[test]
fn values_that_the_details_lack_come_from_the_contexts() {
    let mut topic = change("Modify", "AWS::SNS::Topic", "False", "");
    topic.before_context = Some(json!({"Properties": {"DisplayName": "a"}}).to_string());
    topic.after_context = Some(json!({"Properties": {"DisplayName": "b"}}).to_string());
    topic.details = vec![Detail {
        target: Target {
            attribute: Some("Properties".to_owned()),
            name: Some("DisplayName".to_owned()),
            ..Target::default()
        },
        ..Detail::default()
    }];
    let changes = of(vec![topic.clone()]);
    let property = &changes.resources[0].properties[0];
    assert_eq!(property.path, "/Properties/DisplayName");
    let shown = [&property.before, &property.after].map(|it| it.as_ref().unwrap().text.as_str());
    assert_eq!(shown, ["a", "b"]);
    // A context that was cut off is no reason to fail.
    topic.before_context = Some("{\"Properties\": {".to_owned());
    assert_eq!(of(vec![topic]).resources[0].properties[0].change, PropertyChange::Added);
}

#[test]
fn a_secret_is_hidden_by_the_name_that_stands_beside_it_wherever_that_stands() {
    let list = |value: &str| json!([{"Name": "DB_PASSWORD", "Value": value}]).to_string();
    let path = "/Properties/Environment/EnvironmentVariables";
    let mut whole = change("Modify", "AWS::CodeBuild::Project", "False", "");
    whole.details = vec![detail(path, Some(&list("hunter2")), Some(&list("hunter3")), "Modify")];
    let mut leaf = change("Modify", "AWS::CodeBuild::Project", "False", "");
    leaf.details = vec![detail(&format!("{path}/0/Value"), Some("hunter2"), Some("hunter3"), "Modify")];
    let environment = |value: &str| json!({"Properties": {"Environment": {"EnvironmentVariables": [{"Name": "DB_PASSWORD", "Value": value}]}}});
    leaf.before_context = Some(environment("hunter2").to_string());
    leaf.after_context = Some(environment("hunter3").to_string());
    let mut added = change("Add", "AWS::CodeBuild::Project", "", "");
    added.after_context = Some(environment("hunter3").to_string());
    for change in [whole, leaf, added] {
        let changes = of(vec![change]);
        let json = serde_json::to_string(&changes).unwrap();
        assert!(!json.contains("hunter") && json.contains("(hidden, 7 characters)"), "{json}");
    }
}

#[test]
fn the_order_is_that_of_the_template_and_dangers_are_read_first_on_the_page() {
    let changes = golden("everything");
    let ids: Vec<&str> = changes.resources.iter().map(|it| it.logical_id.as_str()).collect();
    assert_eq!(
        ids[..6],
        [
            "ModelDeployRepository",
            "ModelBuildProject",
            "CodepipelineRole",
            "BuildPolicy",
            "ArtifactsBucket",
            "KmsKey"
        ]
    );
    let html = changes::html(&changes).unwrap();
    let table = html.split_once("<table class=\"changes").unwrap().1.split_once("</table>").unwrap().0;
    let at = |id: &str| table.find(&format!(">{id}</a>")).unwrap();
    assert!(
        at("SecurityLogGroup") < at("ArtifactsBucket") && at("ArtifactsBucket") < at("ModelBuildProject")
    );
    let levels: Vec<Impact> = changes.risks.iter().map(|it| it.impact).collect();
    assert!(levels.is_sorted() && levels[0] == Impact::Lost, "{levels:?}");
    assert_eq!(html.matches("class=\"resource\"").count(), changes.resources.len());
}

#[test]
fn the_figures_of_a_result_are_those_of_the_changes() {
    let changes = golden("everything");
    let figures = ChangeCounts::from(&changes);
    assert_eq!((figures.added, figures.changed, figures.replaced, figures.deleted), (1, 4, 3, 3));
    let names = |named: &[NamedResource]| named.iter().map(|it| it.logical_id.clone()).collect::<Vec<_>>();
    assert_eq!((names(&figures.replacements).len(), names(&figures.deletions).len()), (3, 3));
    assert_eq!(figures.risks, changes.risks);
    assert_eq!(changes.counts.total, changes.resources.len());
    assert_eq!(
        changes.headline(),
        "1 added, 4 changed, 3 replaced, 3 deleted, 1 kept, no longer managed, 1 imported, 1 recorded, 2 not known yet"
    );
}

#[test]
fn next_steps_are_an_input_that_an_execution_takes() {
    for name in ["quiet-update", "revert-drift"] {
        let changes = golden(name);
        let input: Value = serde_json::from_str(&changes.next[0].commands[0]).unwrap();
        let input = mlp_operations::execution::input::Input::read(&input).unwrap();
        assert!(input.approval_seconds.is_some());
        assert_eq!(input.revert_drift, name == "revert-drift");
        assert!(matches!(input.config, ConfigSource::Stored { .. }));
    }
    let waiting = golden("everything");
    let commands: Vec<&str> =
        waiting.next.iter().flat_map(|step| &step.commands).map(String::as_str).collect();
    assert_eq!(
        commands,
        [
            "mlp approve arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday",
            "mlp reject arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday --reason \"...\""
        ]
    );
    assert!(golden("nothing").next.is_empty() && !golden("nothing").change_set.failed());
    assert!(golden("refused").next[0].title.contains("refuses"));
}

#[test]
fn a_huge_change_set_is_cut_off_with_a_count_of_the_rest() {
    let mut many: Vec<ResourceChange> = Vec::new();
    for index in 0..300 {
        let mut one = change("Modify", "AWS::S3::Bucket", "True", "ReplaceAndDelete");
        one.logical_resource_id = Some(format!("Bucket{index}"));
        one.physical_resource_id = Some("漢".repeat(3_000));
        let places = (0..5).map(|place| {
            let path = format!("/Properties/P{place}");
            detail(&path, Some(&"a".repeat(9_000)), Some(&"b".repeat(9_000)), "Modify")
        });
        one.details = places.collect();
        many.push(one);
    }
    let changes = of(many);
    let text = changes::text(&changes);
    assert!(text.len() < 200_000, "{}", text.len());
    assert!(text.contains(" risks more; the report has all of them"), "{}", &text[text.len() - 400..]);
    assert!(text.contains(" resources more; the report has all of them"));
    let shown = &changes.resources[0].properties[0].before.as_ref().unwrap();
    assert_eq!((shown.state, shown.characters), (ValueState::Truncated, Some(9_000)));
    assert_eq!(changes.resources.len(), 300);
}

#[test]
fn long_values_that_begin_alike_are_shown_from_where_they_differ() {
    let mut project = change("Modify", "AWS::CodeBuild::Project", "False", "");
    let spec = |end: &str| format!("{}{end}", "phases: ".repeat(50));
    project.details =
        vec![detail("/Properties/Source/BuildSpec", Some(&spec("old")), Some(&spec("new")), "Modify")];
    let text = changes::text(&of(vec![project]));
    assert!(text.contains("BuildSpec: ...es: phases: phases: old -> ...es: phases: phases: new\n"), "{text}");
}

fn problems(value: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/changes.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn what_is_made_fits_the_published_schema_and_comes_back_whole() {
    for name in GOLDENS {
        let changes = golden(name);
        let value = json!(changes);
        assert_eq!(problems(&value), Vec::<String>::new(), "{name}");
        assert_eq!(serde_json::from_value::<Changes>(value).unwrap(), changes, "{name}");
    }
    assert_eq!(problems(&json!(of(Vec::new()))), Vec::<String>::new());
}

/// The schema lists every member: a new one in the code doesn't fit before it stands there.
#[test]
fn every_member_is_described() {
    let mut value = json!(golden("everything"));
    for block in
        ["", "/change_set", "/counts", "/risks/0", "/resources/1", "/resources/1/properties/0", "/next/0"]
    {
        value.pointer_mut(block).unwrap()["new"] = json!(1);
        assert_eq!(problems(&value).len(), 1, "{block}");
        value.pointer_mut(block).unwrap().as_object_mut().unwrap().remove("new");
    }
    let words: Vec<Value> = Effect::ALL.iter().map(|it| json!(it)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/changes.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(schema["$defs"]["resource"]["properties"]["effect"]["enum"], json!(words));
}

#[test]
fn a_page_has_no_script_no_inline_style_and_loads_nothing() {
    for name in GOLDENS {
        let html = changes::html(&golden(name)).unwrap();
        for tag in html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap().to_lowercase()) {
            let element = tag.split([' ', '\n']).next().unwrap();
            assert!(
                !["script", "img", "link", "iframe", "object", "embed", "base"].contains(&element),
                "{tag}"
            );
            for attribute in
                [" src=", " srcset=", " style=", " onload=", " onerror=", " onclick=", " action="]
            {
                assert!(!tag.contains(attribute), "{tag}");
            }
        }
        assert!(html.contains("content=\"default-src &#39;none&#39;; style-src &#39;sha256-"));
        assert!(html.contains("base-uri &#39;none&#39;"));
    }
}

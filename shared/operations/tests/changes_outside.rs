//! What a change set changes, told with texts from outside: never markup, never a key, never refused.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use mlp_operations::changes::{
    self, Change, Changes, ChangesContext, Detail, ModuleInfo, Next, Page, ResourceChange, Target,
};
use mlp_operations::execution::input::ConfigSource;
use mlp_product::config::Tier;
use proptest::prelude::*;
use serde_json::{Value, json};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/changes.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

/// Characters that a reader can't see, as far as the property tests make them.
fn hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || (c.is_control() && c != '\n' && c != '\t')
}

/// Written apart from the page's own escaper.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c if hidden(c) => format!("[U+{:04X}]", c as u32),
            c => c.to_string(),
        })
        .collect()
}

const KEY: &str = "AKIAABCDEFGHIJKLMNOP";

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>alert(1)</script>".to_owned()),
        Just("\"><img src=x onerror=alert(1)>".to_owned()),
        Just("' onmouseover='x".to_owned()),
        Just("</style></title></code></pre></details>".to_owned()),
        Just("{{ 7*7 }}{% raw %}".to_owned()),
        Just("\u{202e}\u{2066}\u{200b}\u{1b}[31m\r".to_owned()),
        Just(format!(" {KEY} ")),
        Just(format!("={KEY}/")),
        Just("{{changeSet:KNOWN_AFTER_APPLY}}".to_owned()),
        "[ -_a-~äß漢😀]{1,12}".prop_map(|text| text.replace('`', "")),
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// How many characters of markup a page has.
fn markup(html: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|c| html.matches(c).count())
}

/// A change set with these texts in every place that AWS or a user fills.
fn filled(texts: &[String]) -> Changes {
    let text = |index: usize| texts[index % texts.len()].clone();
    // A place that would be left out of a page when it is empty.
    let full = |index: usize| Some(format!("t{}", text(index)));
    let about = ChangesContext {
        ml_name: format!("n{}", text(0)),
        stack_name: format!("s{}", text(1)),
        tier: Some(Tier::Starter),
        scenario: Some(text(2)),
        account_id: Some(text(3)),
        region: Some(text(4)),
        partition: Some(text(5)),
    };
    let replaced = ResourceChange {
        action: Some("Modify".to_owned()),
        replacement: Some("True".to_owned()),
        logical_resource_id: Some(text(6)),
        resource_type: Some(text(7)),
        physical_resource_id: full(8),
        change_set_id: Some(text(9)),
        module_info: Some(ModuleInfo { logical_id_hierarchy: Some(text(10)), type_hierarchy: None }),
        details: vec![Detail {
            target: Target {
                path: Some(format!("/{}", text(11))),
                before_value: full(12),
                after_value: full(13),
                attribute_change_type: Some("Modify".to_owned()),
                ..Target::default()
            },
            change_source: Some(text(14)),
            causing_entity: Some(text(15)),
            evaluation: None,
        }],
        ..ResourceChange::default()
    };
    let properties = json!({"Properties": {"P": {"a": text(16)}, format!("k{}", text(17)): text(18)}});
    let removed = ResourceChange {
        action: Some("Remove".to_owned()),
        resource_type: Some("AWS::S3::Bucket".to_owned()),
        before_context: Some(properties.to_string()),
        ..ResourceChange::default()
    };
    let page = Page {
        change_set_name: Some(text(19)),
        change_set_id: Some(text(20)),
        stack_id: Some(text(21)),
        description: full(22),
        creation_time: Some(text(23)),
        status: Some(text(24)),
        status_reason: full(25),
        execution_status: Some(text(26)),
        changes: [replaced, removed].map(|resource_change| Change { r#type: None, resource_change }).into(),
        ..Page::default()
    };
    let next = Next::Deploy {
        config: ConfigSource::Stored { bucket: text(27), key: text(28), version: Some(text(29)) },
    };
    Changes::new(&about, &[page], &next).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_from_outside_is_never_markup_and_no_key_comes_out_whole(texts in proptest::collection::vec(hostile_text(), 30)) {
        let plain = filled(&["a".to_owned()]);
        let changes = filled(&texts);
        let html = changes::html(&changes).unwrap();
        prop_assert_eq!(markup(&html), markup(&changes::html(&plain).unwrap()));
        prop_assert!(!html.chars().any(hidden));
        let text = changes::text(&changes);
        prop_assert!(!text.chars().any(|c| hidden(c) || c == '\t'), "{:?}", text);
        let json = serde_json::to_string(&changes).unwrap();
        for made in [&html, &text, &json] {
            prop_assert!(!made.contains(KEY), "{}", made);
        }
        for text in [&changes.ml_name, &changes.stack_name, &changes.resources[0].logical_id, &changes.resources[0].properties[0].path] {
            prop_assert!(html.contains(&escaped(text)), "{:?}", text);
        }
        prop_assert!(SCHEMA.is_valid(&json!(changes)));
        prop_assert_eq!(serde_json::from_str::<Changes>(&json).unwrap(), changes);
    }

    #[test]
    fn no_answer_of_cloudformation_is_refused(action in "\\PC{0,9}", replacement in "\\PC{0,9}", value in proptest::option::of("\\PC{0,40}"), extra in "\\PC{0,9}") {
        let page: Page = serde_json::from_value(json!({
            "Status": action, "Novel": extra, "Capabilities": [extra], "CreationTime": 1.5,
            "Changes": [{"ResourceChange": null}, {"ResourceChange": {"Details": [{"Target": null}]}}, {"Type": action, "HookInvocationCount": 3, "ResourceChange": {
                "Action": action, "Replacement": replacement, "PolicyAction": replacement, "Scope": null,
                "LogicalResourceId": null, "AfterContext": {"Properties": {"A": value}}, "BeforeContext": value,
                "Details": [{"Target": {"Attribute": value, "Name": value, "Path": value, "BeforeValue": value,
                    "AttributeChangeType": action, "RequiresRecreation": replacement}, "ChangeSource": action}],
            }}],
        })).unwrap();
        let changes = Changes::new(&ChangesContext::default(), &[page.clone(), page], &Next::Nothing).unwrap();
        prop_assert_eq!(changes.resources.len(), 6);
        changes::html(&changes).unwrap();
        prop_assert!(changes::text(&changes).contains(&changes.headline()));
        prop_assert!(SCHEMA.is_valid(&json!(changes)));
    }
}

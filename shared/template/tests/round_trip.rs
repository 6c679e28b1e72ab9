//! Whatever a template holds: written as YAML or JSON and read again, it is the same template.

#![expect(clippy::panic, reason = "tests may panic")]

use std::fmt::Debug;

use indexmap::IndexMap;
use mlp_template::template::{
    Expansion, Function, Map, Output, Parameter, Resource, Section, Sub, SubPart, Template, Value, map, read,
};
use mlp_template::yaml::{self, Limits};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Texts that one YAML reader or another takes for something else.
#[rustfmt::skip]
const NASTY: &[&str] = &[
    "", " ", "y", "Y", "n", "yes", "No", "ON", "off", "true", "False", "null", "Null", "NULL", "~", "nan", ".nan",
    ".inf", "-.INF", "0", "-0", "+1", "1.0", "1e3", "1E-3", "0o7", "0x1F", "0b101", "010", "08", "1_000", "12:30",
    "12:30:45", "22:22", "2012-10-17", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "<<", "=", "-", "--",
    "---", "--- a", "...", "?", "? a", ":", ": a", "a:", "a: b", "a :b", "a #b", "#a", "a#b", "&a", "*a", "!a", "!!str a",
    "|", ">", "|-", "%a", "@a", "`a`", "'a'", "\"a\"", "it's", "a\"b", "[a]", "[", "]", "{a}", "{", "}", "{}", "[]", ",",
    "a,b", " a", "a ", "\ta", "a\tb", "a\t", "\n", "a\n", "a\n\n", "\na", "a\nb", "a\nb\n", "a\n\nb", " a\nb", "a\n b",
    "a \nb", "a\n  b\n c\n", "a\r\nb", "a\rb", "a\n\tb", "\u{85}", "a\u{85}b", "\u{2028}", "a\u{2029}b", "\u{feff}a",
    "\u{fffe}", "\0", "\u{1b}[0m", "\u{7f}", "\u{9f}", "\u{a0}", "é", "日本", "😀", "a\\b", "\\n", "C:\\x", "${", "${}",
    "${A}", "${!A}", "$${A}", "a ${ b", "${A.B}", "${A", "}", "${a${b}", "${!", "${a: b}", "# a\nb", "a\n# b", "a: |\nb",
    "arn:aws:s3:::b/*", "https://a/b?c=d&e=f", "10.0.0.0/16", "000012345678", "1.2.3.4", "%", "a%", "!Ref x", "Ref",
    "Fn::Join", "*", "s3:*", "<tag>", "key: {a: [b, c]}", "- a", "-a", "a - b", "é: è", "a\n...\nb", "a\n---\nb",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(NASTY).prop_map(str::to_owned),
        2 => "[a-zA-Z0-9:/._-]{0,12}",
        1 => "\\PC{0,12}",
        1 => any::<String>(),
        1 => "[a-z :#'\"\\n\\t{}$!,-]{0,24}",
    ]
}

/// A key that makes no function of its map.
fn key() -> impl Strategy<Value = String> {
    text().prop_filter("a function's key", |key| {
        !key.starts_with("Fn::") && key != "Ref" && key != "Condition" && key.chars().count() < 300
    })
}

fn id() -> impl Strategy<Value = String> {
    let words = vec!["Yes", "No", "Null", "True", "On", "Y", "E1"];
    prop_oneof!["[A-Za-z][A-Za-z0-9]{0,8}", select(words).prop_map(str::to_owned)]
}

fn sub(variables: impl Strategy<Value = Map>) -> impl Strategy<Value = Value> {
    (text(), text(), variables)
        .prop_map(|(a, b, variables)| Value::Sub(Sub { variables, ..Sub::parse(&format!("{a}{b}")) }))
}

/// Any value; `numbers` are texts of numbers that are no whole numbers of 64 bits.
fn value(numbers: &'static [&'static str]) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => select(numbers).prop_map(|text| Value::Number(text.to_owned())),
        6 => text().prop_map(Value::Str),
        2 => text().prop_map(Value::Ref),
        2 => (text(), text()).prop_map(|(name, attribute)| Value::GetAtt(name, attribute)),
        2 => sub(Just(Map::default())),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 0..4).prop_map(Value::List),
            3 => vec((key(), inner.clone()), 0..4).prop_map(|entries| Value::Map(entries.into_iter().collect())),
            1 => sub(vec((key(), inner.clone()), 1..3).prop_map(|entries| entries.into_iter().collect())),
            3 => (function(), inner).prop_map(|(function, value)| Value::Call(function, Box::new(value))),
        ]
    })
    .boxed()
}

/// Functions that take any argument; the others have a variant or a place of their own.
fn function() -> impl Strategy<Value = Function> {
    let typed = [Function::Ref, Function::GetAtt, Function::Sub, Function::Condition];
    select(Function::ALL.iter().copied().filter(|function| !typed.contains(function)).collect::<Vec<_>>())
}

fn condition(numbers: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let call = |function, list| Value::Call(function, Box::new(Value::List(list)));
    let leaf = prop_oneof![
        text().prop_map(|name| Value::Call(Function::Condition, Box::new(Value::Str(name)))),
        vec(value(numbers), 2).prop_map(move |list| call(Function::Equals, list)),
    ];
    leaf.prop_recursive(3, 8, 3, move |inner| {
        (select(vec![Function::And, Function::Or, Function::Not]), vec(inner, 1..3))
            .prop_map(move |(function, list)| call(function, list))
    })
}

fn entries(numbers: &'static [&'static str]) -> impl Strategy<Value = Map> {
    vec((key(), value(numbers)), 0..4).prop_map(|entries| entries.into_iter().collect())
}

fn some_text() -> impl Strategy<Value = String> {
    text().prop_filter("empty", |text| !text.is_empty())
}

fn resource(numbers: &'static [&'static str]) -> impl Strategy<Value = Resource> {
    (
        some_text(),
        proptest::option::of(text()),
        vec(text(), 0..3),
        proptest::option::of(value(numbers)),
        proptest::option::of(value(numbers)),
        entries(numbers),
        entries(numbers),
    )
        .prop_map(|(kind, condition, depends_on, deletion_policy, update, metadata, properties)| {
            Resource {
                comment: None,
                kind,
                condition,
                depends_on,
                deletion_policy,
                update_replace_policy: update.clone(),
                attributes: update.map(|value| map([("UpdatePolicy", value)])).unwrap_or_default(),
                metadata,
                properties,
            }
        })
}

fn output(numbers: &'static [&'static str]) -> impl Strategy<Value = Output> {
    let (text, value) = (|| proptest::option::of(text()), || proptest::option::of(value(numbers)));
    (text(), self::value(numbers), text(), value())
        .prop_map(|(description, value, condition, export)| Output { description, value, condition, export })
}

fn parameter(numbers: &'static [&'static str]) -> impl Strategy<Value = Parameter> {
    (some_text(), value(numbers), text()).prop_map(|(kind, default, description)| Parameter {
        kind,
        attributes: map([("Default", default), ("Description", Value::Str(description))]),
    })
}

fn named<T: Debug, M: FromIterator<(String, T)> + Debug>(
    entry: impl Strategy<Value = T>,
) -> impl Strategy<Value = M> {
    vec((id(), entry), 0..4).prop_map(|entries| entries.into_iter().collect::<M>())
}

/// Loops among the resources, each in a place that the section has.
fn expansions(resources: usize, loops: Vec<(usize, Value)>) -> Vec<Expansion> {
    let mut least = 0;
    let mut expansions = Vec::new();
    for (index, (gap, value)) in loops.into_iter().enumerate() {
        let position = (least + gap).min(resources + index);
        expansions.push(Expansion {
            section: Section::Resources,
            position,
            key: format!("Fn::ForEach::Loop{index}"),
            value,
        });
        least = position + 1;
    }
    expansions
}

fn template(numbers: &'static [&'static str]) -> impl Strategy<Value = Template> {
    let mappings = named(named(named(value(numbers)).prop_map(Value::Map)).prop_map(Value::Map));
    let settings = (
        proptest::option::of(text()),
        entries(numbers),
        named(parameter(numbers)),
        mappings,
        named(value(numbers)),
    );
    let body = (named(condition(numbers)), named(resource(numbers)), named(output(numbers)));
    let macros = (
        vec((0..4_usize, value(numbers)), 0..3),
        proptest::option::of(value(numbers)),
        proptest::option::of(some_text()),
    );
    (settings, body, macros).prop_map(
        |(settings, (conditions, resources, outputs), (loops, hooks, transform))| {
            let (description, metadata, parameters, mappings, rules) = settings;
            Template {
                description,
                metadata,
                parameters,
                mappings,
                conditions,
                rules,
                transform: transform.map(Value::Str),
                expansions: expansions(IndexMap::len(&resources), loops),
                resources,
                outputs,
                other: hooks.map(|value| map([("Hooks", value)])).unwrap_or_default(),
            }
        },
    )
}

fn from_yaml(text: &str) -> Template {
    let document =
        yaml::load(text.as_bytes(), &Limits::template()).unwrap_or_else(|found| panic!("{found:#?}\n{text}"));
    read::from_document(&document).0
}

/// Numbers as YAML may have them, and as JSON writes them.
#[rustfmt::skip]
const YAML_NUMBERS: &[&str] =
    &["1.5", "-0.25", "1e3", ".5", "0o7", "0x1F", "010", "+1", "-0", "1_000", "12:30", "0b101", "12345678901234567890"];
const JSON_NUMBERS: &[&str] = &["1.5", "-0.25", "12345678901234567890"];

/// Half of the usual 256 cases, since a case is a whole template; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(2), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_template_survives_yaml(template in template(YAML_NUMBERS)) {
        let text = template.to_yaml();
        let again = from_yaml(&text);
        prop_assert_eq!(&again, &template, "{}", text);
        // Maps compare without their order; their text does not.
        prop_assert_eq!(again.to_yaml(), text);
    }

    #[test]
    fn a_template_survives_json(template in template(JSON_NUMBERS)) {
        let json = template.to_json();
        let (again, _) = read::from_json(&json);
        prop_assert_eq!(&again, &template);
        prop_assert_eq!(serde_json::to_string(&again.to_json()).unwrap(), serde_json::to_string(&json).unwrap());
    }

    #[test]
    fn checking_any_template_ends_and_gives_the_same_twice(template in template(YAML_NUMBERS)) {
        prop_assert_eq!(mlp_template::check::structure(&template), mlp_template::check::structure(&template));
    }

    #[test]
    fn a_text_in_a_value_survives_yaml(text in text()) {
        let template = with(Value::Str(text));
        prop_assert_eq!(from_yaml(&template.to_yaml()), template);
    }

    #[test]
    fn text_in_a_sub_never_becomes_a_reference(text in text()) {
        let mut sub = Sub::default();
        sub.push_text(&text);
        prop_assert_eq!(Sub::parse(&sub.to_text()), sub);
    }

    #[test]
    fn a_sub_survives_being_written(before in text(), name in "[A-Za-z:]{1,8}", after in text()) {
        // A `${` that never closes can't be told from one that the next reference closes.
        prop_assume!(before.rfind("${").is_none_or(|start| before[start..].contains('}')));
        let mut sub = Sub::default();
        sub.push_text(&before);
        sub.parts.push(SubPart::Ref(name.clone()));
        sub.parts.push(SubPart::GetAtt(name, "Arn".to_owned()));
        sub.push_text(&after);
        prop_assert_eq!(Sub::parse(&sub.to_text()), sub);
    }
}

fn with(value: Value) -> Template {
    let properties = map([("Value", value)]);
    let resource = Resource { kind: "A::B::C".into(), properties, ..Resource::default() };
    Template { resources: [("Resource".into(), resource)].into(), ..Template::default() }
}

#[test]
fn what_any_yaml_reader_takes_otherwise_is_quoted() {
    // YAML 1.1's type repository and 1.2's core schema: null, booleans, numbers, dates, merge and value keys.
    #[rustfmt::skip]
    let words = [
        "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "true", "True",
        "TRUE", "false", "False", "FALSE", "on", "On", "ON", "off", "Off", "OFF", "0", "-1", "+1", "0o7", "0x1f", "010",
        "0b1", "1_000", "190:20:30", "1.5", "-1.5e+3", "1e3", ".5", ".inf", "-.Inf", ".NaN", "2012-10-17",
        "2001-12-14t21:59:43.10-05:00", "<<", "=", "000012345678",
    ];
    for word in words {
        let text = with(Value::str(word)).to_yaml();
        assert!(text.contains(&format!("Value: \"{word}\"\n")), "{word}: {text}");
        let text = with(Value::map([(word, Value::str("a"))])).to_yaml();
        assert!(text.contains(&format!("\"{word}\": a\n")), "{word}: {text}");
    }
}

#[test]
fn a_key_longer_than_yaml_allows_beside_a_colon_is_written_apart() {
    for length in [100, 1023, 1025, 5000] {
        let key = "k".repeat(length);
        let items = Value::list([Value::map([(&*key, Value::str("a"))])]);
        let template = with(Value::map([(&*key, items), ("b", Value::str("c"))]));
        assert_eq!(from_yaml(&template.to_yaml()), template);
    }
}

#[test]
fn a_template_without_resources_is_written_with_an_empty_map() {
    assert!(Template::default().to_yaml().ends_with("\nResources: {}\n"));
}

#[test]
fn a_comment_stays_on_its_line() {
    let mut template = with(Value::str("a"));
    template.resources["Resource"].comment = Some("one\ntwo\u{85}three\u{2028}four\0".to_owned());
    let text = template.to_yaml();
    assert!(text.contains("  # one two three four \n"), "{text}");
    template.resources["Resource"].comment = None;
    assert_eq!(from_yaml(&text), template);
}

#[test]
fn functions_that_have_no_safe_short_form_are_written_long() {
    let list = || Box::new(Value::list([Value::str("a")]));
    for function in [Function::Length, Function::ToJsonString, Function::GetStackOutput, Function::Transform]
    {
        let text = with(Value::Call(function, list())).to_yaml();
        assert!(text.contains(&format!("{}:\n", function.long())), "{text}");
    }
    // YAML allows no two tags on one value.
    let nested = Value::Call(Function::Base64, Box::new(Value::sub("${A}")));
    assert!(with(nested).to_yaml().contains("Fn::Base64: !Sub ${A}\n"));
}

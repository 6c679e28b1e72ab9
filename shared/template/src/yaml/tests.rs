use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::super::{Entry, Node, NodeValue, join};
use super::*;

fn document(text: &str) -> Document {
    load(text.as_bytes(), &Limits::template()).unwrap_or_else(|findings| panic!("{text:?}: {findings:#?}"))
}

/// Code, line and column of every finding.
fn found(bytes: &[u8]) -> Vec<(String, u32, u32)> {
    let findings = load(bytes, &Limits::config()).expect_err("findings");
    let place = |finding: &Finding| (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
    findings.iter().map(|f| (f.code.as_str().replace("MLP-YAML-", ""), place(f).0, place(f).1)).collect()
}

fn assert_one(text: &str, code: &str, line: u32, column: u32) {
    assert_eq!(found(text.as_bytes()), [(code.to_owned(), line, column)], "{text:?}");
}

#[test]
fn plain_scalars_are_what_the_core_schema_says() {
    for (text, json) in [
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("TRUE", json!(true)),
        ("~", json!(null)),
        ("'~'", json!("~")),
        ("012", json!(12)),
        ("0o14", json!(12)),
        ("0xC", json!(12)),
        ("-0xC", json!("-0xC")),
        ("1e3", json!(1000.0)),
        ("-.5", json!(-0.5)),
        ("1.", json!(1.0)),
        (".", json!(".")),
        ("1_000", json!("1_000")),
        ("2024-01-01", json!("2024-01-01")),
        (".inf", json!(".inf")),
        ("99999999999999999999", json!(1e20)),
        ("|-\n  12", json!("12")),
    ] {
        assert_eq!(document(&format!("a: {text}")).to_json(), json!({ "a": json }), "{text}");
    }
}

#[test]
fn a_number_keeps_its_text_even_beyond_64_bits() {
    for (text, kind) in [
        ("012345678901", ScalarKind::Int(12_345_678_901)),
        ("99999999999999999999", ScalarKind::Float),
        ("0xFFFFFFFFFFFFFFFF", ScalarKind::Float),
    ] {
        let document = document(text);
        let scalar = document.root.scalar().unwrap();
        assert_eq!((scalar.text.as_str(), scalar.kind), (text, kind));
    }
}

#[test]
fn places_count_characters_and_every_line_break() {
    let document = document("\u{feff}# é\r\nä: ö\rlist:\n- x\n- 'kéy': v\n");
    assert_eq!(document.place("/ä").unwrap().value, (2, 4));
    assert_eq!(document.place("/list").unwrap().key, Some((3, 1)));
    assert_eq!(document.place("/list/1/kéy").unwrap().value, (5, 10));
}

#[test]
fn an_alias_stands_where_it_is_written_and_its_contents_where_they_are() {
    let document = document("a: &x [1]\nb: *x\n");
    assert_eq!(document.place("/b").unwrap().value, (2, 4));
    assert_eq!(document.place("/b/0").unwrap().value, (1, 8));
}

#[test]
fn what_yaml_allows_is_read() {
    for (text, json) in [
        ("---\na: 1\n...\n", json!({"a": 1})),
        ("%YAML 1.2\n---\na: 1\n", json!({"a": 1})),
        ("&k key: *k\n", json!({"key": "key"})),
        ("a: &k x\n*k : 1\n", json!({"a": "x", "x": 1})),
        ("'<<': 1", json!({"<<": 1})),
        ("{\"a\":[1,{\"b\":\"c\\u00e9\"}],\"d\":null}", json!({"a": [1, {"b": "cé"}], "d": null})),
        (
            "a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!str\ne: ! 4",
            json!({"a":"1","b":2,"c":3.0,"d":"","e":"4"}),
        ),
        ("a: x\n# \ttab\nb: 'x\n \ty'\n", json!({"a": "x", "b": "x y"})),
    ] {
        assert_eq!(document(text).to_json(), json, "{text:?}");
    }
}

#[test]
fn local_tags_are_kept_where_they_are_allowed() {
    let document = document("a: !Sub '${b}'\nc: !Join ['', [!Ref d]]\ne: !<!Verbatim> f\n");
    for (pointer, tag) in [("/a", "Sub"), ("/c", "Join"), ("/c/1/0", "Ref"), ("/e", "Verbatim")] {
        assert_eq!(document.node(pointer).unwrap().tag.as_deref(), Some(tag));
    }
}

#[test]
fn each_mistake_has_its_code_and_place() {
    for (text, code, line, column) in [
        ("", "007", 0, 0),
        ("# only\n\n", "007", 0, 0),
        ("---\n", "007", 0, 0),
        ("a: b\nc: \0", "012", 2, 4),
        ("a: \u{7f}", "012", 1, 4),
        ("a: \u{feff}b", "012", 1, 4),
        ("a: 1\n---\nb: 2\n", "006", 2, 1),
        ("a: 1\n...\nb: 2\n", "006", 3, 1),
        ("a:\n\tb: 1\n", "010", 2, 1),
        ("client:\n  a: 1\n\tb: 2\n", "010", 3, 1),
        ("\ta: 1\n", "010", 1, 1),
        ("a:\n \tb: 1\n", "010", 2, 2),
        ("\t- a\n", "010", 1, 1),
        ("a:\tb", "010", 1, 3),
        ("a: !Ref b\n", "009", 1, 4),
        ("a: !!binary b\n", "009", 1, 4),
        ("a: !!int x\n", "009", 1, 4),
        ("a: !!map [1]\n", "009", 1, 4),
        ("a: *nothing\n", "013", 1, 4),
        ("a: &a [*a]\n", "013", 1, 8),
        ("a:\n  <<: {b: 1}\n", "013", 2, 3),
        ("? [a]\n: 1\n", "011", 1, 3),
        ("null: 1\n", "011", 1, 1),
        (": 1\n", "011", 1, 1),
    ] {
        assert_one(text, code, line, column);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_named_with_their_place() {
    for (bytes, message, place) in [
        (&b"a: 1\nb: caf\xe9\n"[..], "the byte 0xE9 is not UTF-8 here", (2, 7)),
        (b"\xff\xfea\0", "UTF-16 (little endian)", (1, 1)),
        (b"\xfe\xff\0a", "UTF-16 (big endian)", (1, 1)),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-32 (little endian)", (1, 1)),
        (b"\0\0\xfe\xff\0\0\0a", "UTF-32 (big endian)", (1, 1)),
    ] {
        let finding = &load(bytes, &Limits::config()).unwrap_err()[0];
        assert_eq!((&finding.code, finding.line), (&codes::YAML_NOT_UTF8, Some(place.0)));
        assert!(finding.message.contains(message) && finding.column == Some(place.1), "{finding:?}");
    }
}

#[test]
fn a_syntax_error_is_told_in_plain_words() {
    for (text, place, message) in [
        ("a:1\nb: 2\n", (1, 1), "no colon with a space"),
        ("a: 1\nb\n\n# c\nd: 1", (2, 1), "no colon with a space"),
        ("a: 1\n  b: 2\n", (2, 4), "indented deeper than the one in line 1"),
        ("a: b: c\n", (1, 5), "second `: `"),
        ("a:\n    b: 1\n  c: 2\n", (3, 3), "indented differently"),
        ("a: \"x\nb: 1\n", (1, 4), "not closed"),
        ("a: 'it's'\n", (1, 8), "closing quote"),
        ("a: [1, 2\n", (1, 4), "list that begins in line 1, column 4"),
        ("a: {x: 1\n", (1, 4), "map that begins in line 1, column 4"),
        ("a: [", (1, 4), "has no `]`"),
        ("a: @x\n", (1, 4), "can't begin with `@`"),
        ("a: %x\n", (1, 4), "can't begin with `%`"),
        ("a: `x`\n", (1, 4), "can't begin with ```"),
        ("a: &\n", (1, 4), "name is missing behind the `&`"),
        ("a: ]\n", (1, 4), "closes nothing"),
    ] {
        let findings = load(text.as_bytes(), &Limits::config()).unwrap_err();
        let [finding] = findings.as_slice() else { panic!("{text:?}: {findings:#?}") };
        assert_eq!(finding.code, codes::YAML_SYNTAX, "{text:?}");
        assert_eq!((finding.line.unwrap(), finding.column.unwrap()), place, "{text:?}: {}", finding.message);
        assert!(
            finding.message.contains(message) && finding.message.contains("the parser says"),
            "{finding:?}"
        );
        assert!(finding.help.is_some());
    }
}

#[test]
fn every_duplicate_is_found_at_once_and_together_with_the_rest() {
    let findings = load(b"a: 1\na: 2\nb:\n  - c: 1\n    c: !x 2\na: [\n", &Limits::config()).unwrap_err();
    let paths: Vec<_> =
        findings.iter().map(|f| (f.code.as_str(), f.path.as_str(), f.line.unwrap())).collect();
    let expected = [
        ("MLP-YAML-008", "/a", 2),
        ("MLP-YAML-008", "/b/0/c", 5),
        ("MLP-YAML-009", "/b/0/c", 5),
        ("MLP-YAML-008", "/a", 6),
        ("MLP-YAML-002", "", 6),
    ];
    assert_eq!(paths, expected);
    assert_eq!(findings[0].message, "the key `a` is in this map already, in line 1");
}

#[test]
fn aliases_are_counted_and_measured_when_expanded() {
    let nested =
        format!("a: &a {}{}\nb: {}*a{}\n", "[".repeat(20), "]".repeat(20), "[".repeat(20), "]".repeat(20));
    assert_one(&nested, "004", 2, 24);
    let limits = Limits { nodes: 6, ..Limits::config() };
    assert!(load(b"a: &a [1, 2]\nb: 1\nc: 1", &limits).is_ok());
    assert_eq!(load(b"a: &a [1, 2]\nb: *a", &limits).unwrap_err()[0].line, Some(2));
}

#[test]
fn trees_stay_shallow_enough_to_be_dropped_whatever_the_limits_say() {
    let all = Limits { bytes: usize::MAX, depth: usize::MAX, nodes: usize::MAX, tags: true, lenient: true };
    let findings = load("- ".repeat(100_000).as_bytes(), &all).unwrap_err();
    assert_eq!(findings[0].code, codes::YAML_TOO_DEEP);
    assert!(load("- ".repeat(DEEPEST).as_bytes(), &all).is_ok());
}

#[test]
fn a_huge_key_is_not_copied_into_every_finding() {
    let text = format!("? {}\n: {{{}}}", "k".repeat(100_000), "a: 1, ".repeat(200));
    let findings = load(text.as_bytes(), &Limits::config()).unwrap_err();
    assert_eq!(findings.len(), FINDINGS);
    assert!(findings.iter().all(|finding| finding.path.is_empty()));
}

/// Writes a tree as block YAML, its texts in double quotes.
fn emit(node: &Node, indent: usize, out: &mut String) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let start = format!("\n{}", " ".repeat(indent));
    match &node.value {
        NodeValue::Scalar(Scalar { plain: true, text, .. }) => out.push_str(text),
        NodeValue::Scalar(scalar) => out.push_str(&quoted(&scalar.text)),
        NodeValue::Seq(items) if items.is_empty() => out.push_str("[]"),
        NodeValue::Map(entries) if entries.is_empty() => out.push_str("{}"),
        NodeValue::Seq(items) => {
            for item in items {
                let _ = write!(out, "{start}- ");
                emit(item, indent + 2, out);
            }
        }
        NodeValue::Map(entries) => {
            for entry in entries {
                let _ = write!(out, "{start}{}: ", quoted(&entry.key));
                emit(&entry.value, indent + 2, out);
            }
        }
    }
}

fn without_places(node: &mut Node) {
    (node.line, node.column) = (0, 0);
    match &mut node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Seq(items) => items.iter_mut().for_each(without_places),
        NodeValue::Map(entries) => entries.iter_mut().for_each(|entry| {
            (entry.line, entry.column) = (0, 0);
            without_places(&mut entry.value);
        }),
    }
}

fn trees() -> impl Strategy<Value = Node> {
    let node = |value| Node { line: 0, column: 0, tag: None, value };
    let scalar = |text: String, kind, plain| NodeValue::Scalar(Scalar { text, kind, plain });
    let leaf = prop_oneof![
        "[ -~é日\t\n]{0,12}".prop_map(move |text| node(scalar(text, ScalarKind::Str, false))),
        any::<i64>().prop_map(move |n| node(scalar(n.to_string(), ScalarKind::Int(n), true))),
        any::<bool>().prop_map(move |b| node(scalar(b.to_string(), ScalarKind::Bool(b), true))),
        Just(node(scalar("~".to_owned(), ScalarKind::Null, true))),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let entry = |(key, value)| Entry { key, line: 0, column: 0, value };
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(move |items| node(NodeValue::Seq(items))),
            proptest::collection::btree_map("[ -~é]{0,8}", inner, 0..6)
                .prop_map(move |map| node(NodeValue::Map(map.into_iter().map(entry).collect()))),
        ]
    })
}

fn assert_sound(bytes: &[u8]) -> Result<(), TestCaseError> {
    let text = String::from_utf8_lossy(bytes);
    let lines = Lines::of(text.strip_prefix('\u{feff}').unwrap_or(&text));
    let inside = |line: u32, column: u32| line <= lines.count() && column <= lines.length(line) + 1;
    for limits in [Limits::config(), Limits::template()] {
        match load(bytes, &limits) {
            Ok(document) => assert_places(&document.root, "", &document, &inside)?,
            Err(findings) => {
                prop_assert!(!findings.is_empty());
                for finding in findings {
                    let place = finding.line.zip(finding.column);
                    prop_assert!(place.is_none_or(|(line, column)| inside(line, column)), "{finding:?}");
                }
            }
        }
    }
    Ok(())
}

fn assert_places(
    node: &Node,
    pointer: &str,
    document: &Document,
    inside: &impl Fn(u32, u32) -> bool,
) -> Result<(), TestCaseError> {
    prop_assert!(node.line > 0 && node.column > 0 && inside(node.line, node.column), "{pointer} {node:?}");
    prop_assert!(document.node(pointer).is_some());
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                assert_places(item, &join(pointer, &index.to_string()), document, inside)?;
            }
        }
        NodeValue::Map(entries) => {
            for entry in entries {
                prop_assert!(inside(entry.line, entry.column), "{entry:?}");
                assert_places(&entry.value, &join(pointer, &entry.key), document, inside)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_a_document_or_findings_with_places_inside_the_file(bytes in vec(any::<u8>(), 0..300)) {
        assert_sound(&bytes)?;
    }

    #[test]
    fn any_text_of_indicators_is_a_document_or_findings_with_places_inside_the_file(
        text in "([-?:,\\[\\]{}#&*!|>'\"%@` \t\r\nab0é\u{feff}]|: |- |\\? |\n  |&a |\\*a |!!str |---|\\.\\.\\.){0,60}"
    ) {
        assert_sound(text.as_bytes())?;
    }

    #[test]
    fn a_tree_written_as_yaml_is_read_as_the_same_tree(tree in trees()) {
        let mut text = String::new();
        emit(&tree, 0, &mut text);
        let mut read = load(text.as_bytes(), &Limits::config())
            .map_err(|findings| TestCaseError::fail(format!("{text}\n{findings:#?}")))?;
        without_places(&mut read.root);
        prop_assert_eq!(read.root, tree, "{}", text);
    }

    #[test]
    fn a_tree_written_as_json_is_read_as_the_same_json(tree in trees()) {
        let json = tree.to_json();
        let read = load(json.to_string().as_bytes(), &Limits::config());
        prop_assert_eq!(read.map(|document| document.to_json()), Ok(json));
    }
}

/// Text in quotes and brackets at any column, a comment right behind them: CloudFormation reads it, a config may not have it.
const LENIENT: [(&str, &str); 15] = [
    ("a:\n  b: '{\n  x\n  }'\n  c: 1\n", "a:\n  b: '{\n    x\n    }'\n  c: 1\n"),
    ("a:\n  b: \"{\nx\n\ny\"\n  c: 1\n", "a:\n  b: \"{\n    x\n\n    y\"\n  c: 1\n"),
    ("a:\n  b: \"x\\\ny\\\"\nz\"\n", "a:\n  b: \"x\\\n    y\\\"\n    z\"\n"),
    ("a:\n  b: 'x''\ny\n'\n", "a:\n  b: 'x''\n    y\n    '\n"),
    ("a:\n  b: {\n    c: 1,\n d: [\n2\n]\n  }\n  e: 3\n", "a:\n  b: {c: 1, d: [2]}\n  e: 3\n"),
    ("a:\n  - !Sub [\n  'x\n y', {\n'z': !Ref w}\n  ]\n", "a:\n  - !Sub ['x y', {'z': !Ref w}]\n"),
    ("a: 'x'# one\nb: [1]# two\nc: {\n'd': \"e\"# three\n}\n", "a: 'x'\nb: [1]\nc: {'d': \"e\"}\n"),
    ("a:\r\n  b: 'x\r\n  y'\r\n  c: 1\r\n", "a:\n  b: 'x y'\n  c: 1\n"),
    ("a:\n  b: \"x\n\ty\"\n  c: 1\n", "a:\n  b: \"x y\"\n  c: 1\n"),
    ("a:\n  b: 'x\n\t\n\t\ty\n\t'\n", "a:\n  b: \"x\\ny \"\n"),
    ("a: [\n  'x\n\ty',\n  \"z\n \t w\"\n]\n", "a: ['x y', \"z w\"]\n"),
    ("a:\n  - 'x\n\ty'\n  - \"z\n\t\"# c\n", "a:\n  - 'x y'\n  - \"z \"\n"),
    ("a: \"\\\\ud83d \\ud83d\\ude80x\\uD842\\uDFB7\"\nb: 1\n", "a: \"\\\\ud83d 🚀x𠮷\"\nb: 1\n"),
    ("a: {b: '\\ud83d\\ude80', c: \"é\n  \\ud83d\\ude80\"}\n", "a: {b: '\\ud83d\\ude80', c: \"é 🚀\"}\n"),
    ("a:\n  ? 'x\n  y'\n  : [\n  é, '{']\n", "a:\n  x y: [é, '{']\n"),
];

/// A document without its places.
fn content(document: &Document) -> String {
    fn shown(node: &Node) -> String {
        let tag = node.tag.as_ref().map(|tag| format!("!{tag} ")).unwrap_or_default();
        match &node.value {
            NodeValue::Scalar(scalar) => format!("{tag}{:?}", scalar.text),
            NodeValue::Seq(nodes) => format!("{tag}{:?}", nodes.iter().map(shown).collect::<Vec<_>>()),
            NodeValue::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}: {}", entry.key, shown(&entry.value)));
                format!("{tag}{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
    shown(&document.root)
}

#[test]
fn templates_may_have_text_in_quotes_and_brackets_at_any_column() {
    for (text, same) in LENIENT {
        assert_eq!(content(&document(text)), content(&document(same)), "{text:?}");
        let strict = Limits { lenient: false, ..Limits::template() };
        assert!(load(text.as_bytes(), &strict).is_err(), "{text:?}");
        assert!(load(same.as_bytes(), &strict).is_ok(), "{same:?}");
    }
}

#[test]
fn places_are_those_of_the_file_after_a_repair() {
    let pairs = document("a: {b: \"\\ud83d\\ude80\", c: 1}\nd: [\n 'x\n\ty', z]\n");
    for (pointer, place) in [("/a/b", (1, 8)), ("/a/c", (1, 27)), ("/d/1", (4, 6))] {
        assert_eq!(pairs.place(pointer).unwrap().value, place, "{pointer}");
    }
    let text =
        "a:\n  b: {\n    c: 1,\n d: [\n2, !Ref é\n]\n  }# x\n  e: 'f\n  g'# h\n  i: {j: 'k'# l\n, m: n}\n";
    let document = document(text);
    for (pointer, place) in [
        ("/a/b", (2, 6)),
        ("/a/b/c", (3, 8)),
        ("/a/b/d", (4, 5)),
        ("/a/b/d/0", (5, 1)),
        ("/a/e", (8, 6)),
        ("/a/i/j", (10, 10)),
        ("/a/i/m", (11, 6)),
    ] {
        assert_eq!(document.place(pointer).unwrap().value, place, "{pointer}");
    }
}

#[test]
fn what_other_readers_refuse_too_stays_an_error_at_its_place() {
    for (text, line, column) in [
        // Not closed.
        ("a:\n  b: 'x\n  c: 1\n", 2, 6),
        ("a:\n  b: [\n  1\n", 3, 3),
        // A mistake behind what is repaired.
        ("a:\n  b: 'x\n  y'\n  c: @d\n", 4, 6),
        ("a:\n  b: [\n  1\n  ]\n  c: @d\n", 5, 6),
        // A tab in the indentation, behind one that is inside of quotes.
        ("a:\n  b: 'x\n\ty'\n\tc: 1\n", 4, 1),
        ("a:\n  b: 'x\n\ty'\n  c: @d\n", 4, 6),
        // A `#` behind plain text is no comment.
        ("a: b\nc:\n  d: {e}f# g\n", 3, 9),
    ] {
        let findings = load(text.as_bytes(), &Limits::template()).expect_err(text);
        assert_eq!(
            (findings[0].line, findings[0].column),
            (Some(line), Some(column)),
            "{text:?}: {findings:?}"
        );
    }
}

#[test]
fn repairs_without_end_stop() {
    let one = |number: usize| format!("  r{number}:\n    a: '{}\n    '\n", "x".repeat(2_000));
    let text = format!("a:\n{}", (0..450).map(one).collect::<String>());
    assert!(load(text.as_bytes(), &Limits::template()).is_err());
    let text = format!("a:\n{}", (0..20).map(one).collect::<String>());
    assert!(load(text.as_bytes(), &Limits::template()).is_ok());
}

//! Whatever somebody uploads, the answer is a clear finding in bounded time and memory.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests may panic")]

use std::fmt::Write as _;

use mlp_product::actions::{self, Suite};
use mlp_template::codes;
use mlp_template::finding::{Code, Finding};
use proptest::prelude::*;

/// Every finding of a config's bytes.
fn findings(bytes: &[u8]) -> Vec<Finding> {
    actions::validate_config(bytes, &Suite::default()).unwrap().outcome.findings
}

/// The first finding has this code, and stands in this line if it has a place.
fn assert_first(name: &str, bytes: &[u8], code: &Code, line: u32) {
    let findings = findings(bytes);
    let first = findings.first().unwrap_or_else(|| panic!("{name}: no finding"));
    assert_eq!((&first.code, first.line.unwrap_or(line)), (code, line), "{name}: {first:?}");
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_file_of_5_mb_is_refused_by_its_size() {
    assert_first("text", "a: b\n".repeat(1_000_000).as_bytes(), &codes::YAML_TOO_LARGE, 1);
    assert_first("brackets", "[".repeat(5_000_000).as_bytes(), &codes::YAML_TOO_LARGE, 1);
}

#[test]
fn aliases_that_multiply_end_at_the_budget() {
    let mut lists = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut maps = "a0: &a0 {x: 1, y: 2, z: 3}\n".to_owned();
    for level in 1..20 {
        let below = level - 1;
        let _ = writeln!(lists, "a{level}: &a{level} [{}]", vec![format!("*a{below}"); 10].join(", "));
        let _ = writeln!(maps, "a{level}: &a{level} {{x: *a{below}, y: *a{below}, z: *a{below}}}");
    }
    let list = |item: &str, count| vec![item; count].join(", ");
    let quadratic = format!("a: &a [{}]\nb: [{}]\n", list("x", 3_000), list("*a", 3_000));
    let texts = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), list("*a", 20_000));
    assert_first("lists", lists.as_bytes(), &codes::YAML_TOO_MANY_NODES, 4);
    assert_first("maps", maps.as_bytes(), &codes::YAML_TOO_MANY_NODES, 8);
    assert_first("quadratic", quadratic.as_bytes(), &codes::YAML_TOO_MANY_NODES, 2);
    assert_first("texts", texts.as_bytes(), &codes::YAML_TOO_MANY_NODES, 2);
}

#[test]
fn aliases_that_deepen_each_other_end_at_the_limit() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        let _ = writeln!(text, "a{level}: &a{level} [*a{}]", level - 1);
    }
    assert_first("deepening", text.as_bytes(), &codes::YAML_TOO_DEEP, 32);
}

#[test]
fn nesting_100_000_deep_is_refused_in_every_shape() {
    for shape in ["[", "{", "- ", "? ", ": "] {
        let found = findings(shape.repeat(100_000).as_bytes());
        assert!(found.iter().any(|finding| finding.code == codes::YAML_TOO_DEEP), "{shape}: {found:?}");
        // A map or nothing as a key is told beside it, once.
        assert!(found.len() <= 2 || shape == ": ", "{shape}: {found:?}");
    }
    assert_first("mixed", "[[{a: ".repeat(40_000).as_bytes(), &codes::YAML_TOO_DEEP, 1);
}

#[test]
fn files_that_are_no_utf8_text_are_named() {
    for (name, bytes, code, line) in [
        ("NUL", b"client:\n  company_name: \0\n".to_vec(), codes::YAML_CONTROL_CHARACTER, 2),
        ("escape", b"a: 1\nb: \x1b[2J\n".to_vec(), codes::YAML_CONTROL_CHARACTER, 2),
        ("Latin-1", b"client:\n  company_name: Caf\xe9\n".to_vec(), codes::YAML_NOT_UTF8, 2),
        ("UTF-16", utf16("client:\n  a: 1\n"), codes::YAML_NOT_UTF8, 1),
        ("UTF-32", b"\xff\xfe\0\0a\0\0\0".to_vec(), codes::YAML_NOT_UTF8, 1),
        ("zip", b"PK\x03\x04\x14\0\x08\0".to_vec(), codes::YAML_CONTROL_CHARACTER, 1),
    ] {
        assert_first(name, &bytes, &code, line);
    }
}

#[test]
fn files_that_hold_not_exactly_one_document_are_named() {
    assert_first("empty", b"", &codes::YAML_EMPTY, 1);
    assert_first("comments", b"# a config\n\n# will follow\n", &codes::YAML_EMPTY, 1);
    assert_first("marker only", b"---\n", &codes::YAML_EMPTY, 1);
    assert_first("two", b"client: {}\n---\nclient: {}\n", &codes::YAML_SEVERAL_DOCUMENTS, 2);
}

#[test]
fn a_tab_is_found_where_it_stands() {
    for (name, text, line) in [
        ("first", "client:\n\tcompany_name: x\n", 2),
        ("behind a value", "client:\n  company_name: x\n\tcompany_prefix: y\n", 3),
        ("behind a space", "client:\n \tcompany_name: x\n", 2),
        ("Windows", "client:\r\n  company_name: x\r\n\tcompany_prefix: y\r\n", 3),
    ] {
        assert_first(name, text.as_bytes(), &codes::YAML_TAB, line);
    }
}

#[test]
fn every_duplicate_key_is_told_at_once() {
    let text = b"client:\n  tenant_id: a\n  tenant_id: b\ntags: {a: 1, a: 2}\nclient: {}\n";
    let found: Vec<_> = findings(text)
        .into_iter()
        .filter(|finding| finding.code == codes::YAML_DUPLICATE_KEY)
        .map(|finding| finding.line.unwrap())
        .collect();
    assert_eq!(found, [3, 4, 5]);
}

#[test]
fn a_windows_file_is_no_mistake() {
    let found = findings(b"\xef\xbb\xbfclient:\r\n  company_name: 'x'\r\n");
    assert!(!found.iter().any(|finding| finding.code.as_str().starts_with("MLP-YAML")), "{found:?}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_what_is_no_utf8_is_always_told(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000)
    ) {
        let found = findings(&bytes);
        prop_assert!(std::str::from_utf8(&bytes).is_ok() || !found.is_empty());
    }
}

//! From bytes to a [`Document`].

use std::collections::HashMap;
use std::num::IntErrorKind;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::{Document, Entry, Limits, Node, NodeValue, Scalar, ScalarKind};
use crate::codes;
use crate::finding::{self, Finding};

/// Reads one YAML document.
///
/// Never panics, and ends in time and memory that grow with `limits` and the input only: aliases are counted while they
/// are expanded, and reading stops at the first thing over a limit.
///
/// # Errors
///
/// All findings, when the bytes are no document within `limits`.
pub fn load(bytes: &[u8], limits: &Limits) -> Result<Document, Vec<Finding>> {
    let text = text(bytes, limits).map_err(|finding| vec![finding])?;
    Builder {
        limits: *limits,
        findings: Vec::new(),
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        kept: 0,
    }
    .run(text)
}

/// The bytes as text that YAML allows, without a byte order mark.
fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, Finding> {
    if bytes.len() > limits.bytes {
        let message = format!("the file has more than {} bytes", limits.bytes);
        return Err(Finding::error(codes::YAML_TOO_LARGE, "", message)
            .at(1, 1)
            .help("is this the right file?"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "the file is UTF-16 (it begins with its byte order mark); UTF-8 is needed";
        return Err(Finding::error(codes::YAML_NOT_UTF8, "", message)
            .at(1, 1)
            .help("save the file as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
        let (line, column) = end_of(std::str::from_utf8(good).unwrap_or_default());
        let byte = bad.first().copied().unwrap_or_default();
        Finding::error(codes::YAML_NOT_UTF8, "", format!("the byte 0x{byte:02x} is not UTF-8"))
            .at(line, column)
            .help("save the file as UTF-8; it may be Latin-1 or Windows-1252")
    })?;
    if let Some((at, bad)) = text.char_indices().find(|(_, character)| !is_printable(*character)) {
        let (line, column) = end_of(text.get(..at).unwrap_or_default());
        let message = format!("the character U+{:04X} can't stand in YAML", u32::from(bad));
        let help = "delete it; the file may be binary, damaged or UTF-16";
        return Err(Finding::error(codes::YAML_CONTROL_CHARACTER, "", message).at(line, column).help(help));
    }
    Ok(text)
}

/// YAML 1.2, production 1, `c-printable`.
fn is_printable(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// Line and column of what follows `text`.
fn end_of(text: &str) -> (u32, u32) {
    let (mut line, mut column, mut after_return) = (1u32, 1u32, false);
    for character in text.chars() {
        match character {
            '\n' if after_return => {}
            '\n' | '\r' => (line, column) = (line.saturating_add(1), 1),
            _ => column = column.saturating_add(1),
        }
        after_return = character == '\r';
    }
    (line, column)
}

/// A marker as a place: the parser counts lines from 1 and columns, in characters, from 0.
fn place(marker: &Marker) -> (u32, u32) {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    (number(marker.line().max(1)), number(marker.col()).saturating_add(1))
}

type Place = (u32, u32);

/// A list or map that isn't closed yet.
struct Frame {
    place: Place,
    tag: Option<String>,
    anchor: usize,
    open: Open,
}

enum Open {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Place>, key: Option<(String, Place, bool)> },
}

/// A document without a problem so far; `Err` ends the reading.
type Step = Result<(), Finding>;

struct Builder {
    limits: Limits,
    findings: Vec<Finding>,
    stack: Vec<Frame>,
    /// What anchors stand for, with its size in nodes.
    anchors: HashMap<usize, (Node, usize)>,
    /// Nodes of the document, aliases expanded.
    nodes: usize,
    /// Nodes kept for anchors.
    kept: usize,
}

impl Builder {
    fn run(mut self, text: &str) -> Result<Document, Vec<Finding>> {
        let root = match self.read(text) {
            Ok(root) => root,
            Err(finding) => {
                self.findings.push(finding);
                None
            }
        };
        match root {
            Some(root) if self.findings.is_empty() => Ok(Document { root }),
            _ => {
                finding::sort(&mut self.findings);
                Err(self.findings)
            }
        }
    }

    fn read(&mut self, text: &str) -> Result<Option<Node>, Finding> {
        let mut parser = Parser::new_from_str(text);
        let mut root = None;
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| syntax(&error, text))?;
            let at = place(&span.start);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let message = "a second document begins here; one file holds one document";
                        return Err(Finding::error(codes::YAML_SEVERAL_DOCUMENTS, "", message)
                            .at(at.0, at.1)
                            .help("make one file of each document"));
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    self.count(1, at)?;
                    let node = self.scalar(value.into_owned(), style, tag.as_deref(), at);
                    self.complete(node, anchor, &mut root)?;
                }
                Event::Alias(anchor) => {
                    let node = self.alias(anchor, at)?;
                    self.complete(node, 0, &mut root)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.open(Open::Seq(Vec::new()), anchor, tag.as_deref(), at)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let open = Open::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                    self.open(open, anchor, tag.as_deref(), at)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(frame) = self.stack.pop() {
                        let value = match frame.open {
                            Open::Seq(nodes) => NodeValue::Seq(nodes),
                            Open::Map { entries, .. } => NodeValue::Map(entries),
                        };
                        let node = Node { line: frame.place.0, column: frame.place.1, tag: frame.tag, value };
                        self.complete(node, frame.anchor, &mut root)?;
                    }
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        if documents == 0 {
            return Err(Finding::error(
                codes::YAML_EMPTY,
                "",
                "the file holds nothing but white space and comments",
            )
            .at(1, 1));
        }
        Ok(root)
    }

    fn count(&mut self, nodes: usize, at: Place) -> Step {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= self.limits.nodes {
            return Ok(());
        }
        let message =
            format!("with its aliases expanded, the document has more than {} values", self.limits.nodes);
        Err(Finding::error(codes::YAML_TOO_MANY_NODES, "", message)
            .at(at.0, at.1)
            .help("write values out instead of repeating aliases"))
    }

    fn open(&mut self, open: Open, anchor: usize, tag: Option<&Tag>, at: Place) -> Step {
        self.count(1, at)?;
        if self.stack.len() >= self.limits.depth {
            let message = format!("lists and maps are nested more than {} levels deep", self.limits.depth);
            return Err(Finding::error(codes::YAML_TOO_DEEP, "", message).at(at.0, at.1));
        }
        let wanted = if matches!(open, Open::Seq(_)) { "seq" } else { "map" };
        let tag = match self.tag(tag, at) {
            TagMeaning::Local(name) => Some(name),
            TagMeaning::Core(name) if name != wanted => {
                self.bad_tag(&format!("!!{name}"), at);
                None
            }
            TagMeaning::None | TagMeaning::Core(_) | TagMeaning::Text => None,
        };
        self.stack.push(Frame { place: at, tag, anchor, open });
        Ok(())
    }

    /// A node is complete: it becomes a key, a value, an item or the root.
    fn complete(&mut self, node: Node, anchor: usize, root: &mut Option<Node>) -> Step {
        if anchor != 0 {
            let size = size_of(&node);
            self.kept = self.kept.saturating_add(size);
            if self.kept > self.limits.nodes {
                let message = format!("anchors stand for more than {} values", self.limits.nodes);
                return Err(
                    Finding::error(codes::YAML_TOO_MANY_NODES, "", message).at(node.line, node.column)
                );
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let pointer = if self.findings.len() < MOST_FINDINGS { pointer(&self.stack) } else { String::new() };
        match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => *root = Some(node),
            Some(Open::Seq(nodes)) => nodes.push(node),
            Some(Open::Map { entries, seen, key }) => {
                if let Some((key, (line, column), keep)) = key.take() {
                    if keep {
                        entries.push(Entry { key, line, column, value: node });
                    }
                    return Ok(());
                }
                let at = (node.line, node.column);
                let (text, problem) = key_text(node);
                let first = if problem.is_none() { seen.insert(text.clone(), at) } else { None };
                let problem = problem.or_else(|| first.map(|(line, _)| duplicate(&text, line)));
                *key = Some((text, at, problem.is_none()));
                if let Some(mut finding) = problem.filter(|_| self.findings.len() < MOST_FINDINGS) {
                    finding.path = pointer;
                    self.findings.push(finding.at(at.0, at.1));
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<Node, Finding> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Finding::error(codes::YAML_ALIAS, "", "this alias stands inside of what it repeats")
                .at(at.0, at.1)
                .help("write the value out"));
        };
        let size = *size;
        let depth = depth_of(node);
        if self.stack.len() + depth > self.limits.depth {
            let message = format!("lists and maps are nested more than {} levels deep", self.limits.depth);
            return Err(Finding::error(codes::YAML_TOO_DEEP, "", message).at(at.0, at.1));
        }
        let mut node = node.clone();
        self.count(size, at)?;
        // The root of the copy stands where the alias does; what is in it keeps its own place.
        (node.line, node.column) = at;
        Ok(node)
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, at: Place) -> Node {
        let plain = style == ScalarStyle::Plain;
        let mut text = text;
        let (mut kind, mut local) = (if plain { kind_of(&text) } else { ScalarKind::Str }, None);
        match self.tag(tag, at) {
            TagMeaning::None => {}
            TagMeaning::Text => kind = ScalarKind::Str,
            TagMeaning::Core("str") => {
                // `!!str` with nothing behind it: the parser writes `~` for an empty scalar.
                if plain && text == "~" {
                    text.clear();
                }
                kind = ScalarKind::Str;
            }
            TagMeaning::Core(name) => {
                let asked = kind_of(&text);
                let fits = matches!(
                    (name, asked),
                    ("int", ScalarKind::Int(_))
                        | ("float", ScalarKind::Int(_) | ScalarKind::Float)
                        | ("bool", ScalarKind::Bool(_))
                        | ("null", ScalarKind::Null)
                );
                if fits {
                    kind = asked;
                } else {
                    self.bad_tag(&format!("!!{name}"), at);
                }
            }
            TagMeaning::Local(name) => {
                if plain && text == "~" {
                    text.clear();
                }
                kind = ScalarKind::Str;
                local = Some(name);
            }
        }
        Node { line: at.0, column: at.1, tag: local, value: NodeValue::Scalar(Scalar { text, kind, plain }) }
    }

    fn tag(&mut self, tag: Option<&Tag>, at: Place) -> TagMeaning {
        const CORE: [&str; 7] = ["str", "int", "float", "bool", "null", "map", "seq"];
        let Some(tag) = tag else { return TagMeaning::None };
        if tag.is_yaml_core_schema() {
            if let Some(name) = CORE.into_iter().find(|name| *name == tag.suffix) {
                return TagMeaning::Core(name);
            }
            self.bad_tag(&format!("!!{}", tag.suffix), at);
            return TagMeaning::None;
        }
        // A lone `!` means "not resolved": text.
        if tag.suffix.is_empty() || (tag.handle.is_empty() && tag.suffix == "!") {
            return TagMeaning::Text;
        }
        if self.limits.tags && tag.handle == "!" {
            return TagMeaning::Local(tag.suffix.clone());
        }
        self.bad_tag(&format!("{}{}", tag.handle, tag.suffix), at);
        TagMeaning::None
    }

    fn bad_tag(&mut self, tag: &str, at: Place) {
        if self.findings.len() >= MOST_FINDINGS {
            return;
        }
        let finding = if self.limits.tags {
            Finding::error(
                codes::YAML_TAG,
                pointer(&self.stack),
                format!("the tag `{tag}` is not known here"),
            )
            .help("use CloudFormation's short forms, such as `!Ref`")
        } else {
            Finding::error(
                codes::YAML_TAG,
                pointer(&self.stack),
                format!("the tag `{tag}` can't stand in a config"),
            )
            .help("a config is plain data; put text that begins with `!` into quotes")
        };
        self.findings.push(finding.at(at.0, at.1));
    }
}

/// More findings than anybody reads; what is beyond is not reported.
const MOST_FINDINGS: usize = 200;

enum TagMeaning {
    None,
    Text,
    Core(&'static str),
    Local(String),
}

/// The JSON pointer of the map or list that is being read.
fn pointer(stack: &[Frame]) -> String {
    let mut pointer = String::new();
    for frame in stack.iter().take(stack.len().saturating_sub(1)) {
        pointer = match &frame.open {
            Open::Seq(nodes) => super::join(&pointer, &nodes.len().to_string()),
            Open::Map { key: Some((key, ..)), .. } => super::join(&pointer, key),
            Open::Map { key: None, .. } => pointer,
        };
    }
    pointer
}

fn duplicate(key: &str, first: u32) -> Finding {
    let message = format!("the key `{key}` stands twice in this map, first in line {first}");
    Finding::error(codes::YAML_DUPLICATE_KEY, "", message).help("delete one of them")
}

/// A key's text, or why it can't be a key.
fn key_text(node: Node) -> (String, Option<Finding>) {
    let problem = |message: &str, help: &str| Some(Finding::error(codes::YAML_KEY, "", message).help(help));
    match node.value {
        NodeValue::Scalar(scalar) if scalar.plain && scalar.text == "<<" => {
            let message = "merge keys (`<<`) are not read: YAML 1.2 has none";
            (scalar.text, Some(Finding::error(codes::YAML_ALIAS, "", message).help("write the entries out")))
        }
        NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Null => (
            scalar.text,
            problem("a key is missing before the colon", "write a key, or put `null` into quotes"),
        ),
        NodeValue::Scalar(scalar) => (scalar.text, None),
        NodeValue::Seq(_) | NodeValue::Map(_) => (
            String::new(),
            problem(
                "a list or map stands where a key must be",
                "put text that begins with `{` or `[` into quotes",
            ),
        ),
    }
}

fn size_of(node: &Node) -> usize {
    1 + match &node.value {
        NodeValue::Scalar(_) => 0,
        NodeValue::Seq(nodes) => nodes.iter().map(size_of).sum(),
        NodeValue::Map(entries) => entries.iter().map(|entry| size_of(&entry.value)).sum(),
    }
}

fn depth_of(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar(_) => 0,
        NodeValue::Seq(nodes) => 1 + nodes.iter().map(depth_of).max().unwrap_or(0),
        NodeValue::Map(entries) => 1 + entries.iter().map(|entry| depth_of(&entry.value)).max().unwrap_or(0),
    }
}

/// YAML 1.2, "Core Schema, Tag Resolution".
fn kind_of(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" => return ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => return ScalarKind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return ScalarKind::Float,
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return ScalarKind::Str;
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| !digits.starts_with(['+', '-'])) {
            return i64::from_str_radix(digits, radix).map_or(ScalarKind::Str, ScalarKind::Int);
        }
    }
    match text.parse::<i64>() {
        Ok(number) => return ScalarKind::Int(number),
        Err(error) if matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            return ScalarKind::Float;
        }
        Err(_) => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return ScalarKind::Float;
    }
    let digits_first = unsigned.starts_with(|c: char| c.is_ascii_digit())
        || unsigned.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // Rust's grammar for what begins with a digit is YAML's.
    if digits_first && text.parse::<f64>().is_ok() { ScalarKind::Float } else { ScalarKind::Str }
}

/// What the parser says, with what is most often the cause.
fn syntax(error: &ScanError, text: &str) -> Finding {
    let (line, column) = place(error.marker());
    let info = error.info();
    // `str::lines` knows no lone carriage return; a wrong line here would only cost the help.
    let line_text = |number: u32| {
        text.lines().nth(usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1)).unwrap_or("")
    };
    for number in [line, line.saturating_sub(1)] {
        let indentation =
            line_text(number).chars().take_while(|c| matches!(c, ' ' | '\t')).position(|c| c == '\t');
        if let Some(tab) = indentation.filter(|_| number > 0) {
            let column = u32::try_from(tab).unwrap_or(u32::MAX).saturating_add(1);
            return Finding::error(
                codes::YAML_TAB,
                "",
                "a tab stands in the indentation; YAML allows spaces only",
            )
            .at(number, column)
            .help("replace the tab by spaces");
        }
    }
    if info.contains("recursion limit") {
        // The parser's own limit lies far above ours, but it may look ahead.
        let message = "lists and maps are nested too deep";
        return Finding::error(codes::YAML_TOO_DEEP, "", message).at(line, column);
    }
    if info.contains("unknown anchor") {
        return Finding::error(
            codes::YAML_ALIAS,
            "",
            "this alias names an anchor that isn't there before it",
        )
        .at(line, column)
        .help("write the value out, or put text that begins with `*` into quotes");
    }
    let here = line_text(line);
    let value = here.split_once(": ").map_or(here, |(_, value)| value).trim_start();
    let help = if value.starts_with(['@', '`', '%', '*', '&', '!', '|', '>']) {
        "put text that begins with a special character into quotes"
    } else if info.contains("mapping values are not allowed") || info.contains("simple key") {
        "check the indentation and the colons: text that contains `: ` needs quotes, and a key needs a colon and a space"
    } else if info.contains("quoted scalar") || info.contains("end of stream") {
        "a quote or bracket is opened and never closed"
    } else {
        "compare the indentation with the lines around it"
    };
    Finding::error(codes::YAML_SYNTAX, "", format!("this is not YAML: {info}")).at(line, column).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::json;

    fn ok(text: &str) -> Document {
        load(text.as_bytes(), &Limits::config()).unwrap_or_else(|findings| panic!("{text:?}: {findings:#?}"))
    }

    fn codes_of(bytes: &[u8]) -> Vec<(String, Option<u32>, Option<u32>)> {
        let findings = load(bytes, &Limits::config()).expect_err("findings");
        findings.into_iter().map(|finding| (finding.code.to_string(), finding.line, finding.column)).collect()
    }

    fn one(bytes: &[u8]) -> (String, u32, u32) {
        let found = codes_of(bytes);
        assert_eq!(found.len(), 1, "{found:?}");
        let (code, line, column) = found[0].clone();
        (code, line.unwrap_or(0), column.unwrap_or(0))
    }

    #[test]
    fn scalars_have_the_types_of_the_core_schema() {
        let text = "a: [yes, true, 12, 012, 0o14, 0xC, -3, 1.5, 1e3, .5, ~, null, '12', 2024-01-01, 1_000, 99999999999999999999]";
        let expected = json!([
            "yes",
            true,
            12,
            12,
            12,
            12,
            -3,
            1.5,
            1000.0,
            0.5,
            null,
            null,
            "12",
            "2024-01-01",
            "1_000",
            1e20
        ]);
        assert_eq!(ok(text).to_json()["a"], expected);
    }

    #[test]
    fn a_number_keeps_the_text_it_was_written_with() {
        let document = ok("id: 012345678901");
        let scalar = document.node("/id").and_then(Node::scalar).unwrap();
        assert_eq!((scalar.text.as_str(), scalar.kind), ("012345678901", ScalarKind::Int(12_345_678_901)));
    }

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        let document = ok("\u{feff}# é\r\nä: ö\r\nlist:\r\n  - x\r\n  - kéy: value\r\n");
        assert_eq!(document.place("/ä").unwrap(), super::super::Place { key: Some((2, 1)), value: (2, 4) });
        assert_eq!(document.place("/list/0").unwrap().value, (4, 5));
        assert_eq!(
            document.place("/list/1/kéy").unwrap(),
            super::super::Place { key: Some((5, 5)), value: (5, 10) }
        );
        assert_eq!(document.place("/nothing"), None);
    }

    #[test]
    fn what_is_not_a_document_is_a_finding_with_its_place() {
        for (bytes, expected) in [
            (&b""[..], ("MLP-YAML-007", 1, 1)),
            (b"# only\n\n", ("MLP-YAML-007", 1, 1)),
            (b"a: \xe9", ("MLP-YAML-001", 1, 4)),
            (b"\xff\xfea\0", ("MLP-YAML-001", 1, 1)),
            (b"a: b\nc: \0", ("MLP-YAML-012", 2, 4)),
            (b"a: 1\n---\nb: 2\n", ("MLP-YAML-006", 2, 1)),
            (b"a: 1\nb: 2\na: 3\n", ("MLP-YAML-008", 3, 1)),
            (b"a:\n\tb: 1\n", ("MLP-YAML-010", 2, 1)),
            (b"a: !Ref b\n", ("MLP-YAML-009", 1, 4)),
            (b"a: *nothing\n", ("MLP-YAML-013", 1, 4)),
            (b"a: &a [*a]\n", ("MLP-YAML-013", 1, 8)),
            (b"a: &a {b: 1}\nc:\n  <<: *a\n", ("MLP-YAML-013", 3, 3)),
            (b"? [a]\n: 1\n", ("MLP-YAML-011", 1, 3)),
            (b"a: 'open\n", ("MLP-YAML-002", 1, 4)),
        ] {
            let (code, line, column) = one(bytes);
            assert_eq!((code.as_str(), line, column), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn every_duplicate_is_found_at_once_with_its_map() {
        let findings = load(b"a: 1\na: 2\nb:\n  - c: 1\n    c: 2\n", &Limits::config()).unwrap_err();
        let found: Vec<_> =
            findings.iter().map(|finding| (finding.path.as_str(), finding.line.unwrap())).collect();
        assert_eq!(found, [("", 2), ("/b/0", 5)]);
        assert!(findings[0].message.contains("first in line 1"));
    }

    #[test]
    fn anchors_repeat_what_they_stand_for() {
        assert_eq!(ok("a: &x [1, 2]\nb: *x\n").to_json(), json!({"a": [1, 2], "b": [1, 2]}));
    }

    #[test]
    fn one_leading_marker_and_one_trailing_are_fine() {
        assert_eq!(ok("---\na: 1\n...\n").to_json(), json!({"a": 1}));
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(
            ok("{\"a\": [1, {\"b\": \"c\\u00e9\"}], \"d\": null}").to_json(),
            json!({"a": [1, {"b": "cé"}], "d": null})
        );
    }

    #[test]
    fn templates_keep_local_tags() {
        let document = load(b"a: !Sub '${b}'\nc: !Join ['', [!Ref d]]\n", &Limits::template()).unwrap();
        assert_eq!(document.node("/a").unwrap().tag.as_deref(), Some("Sub"));
        assert_eq!(document.node("/c/1/0").unwrap().tag.as_deref(), Some("Ref"));
    }

    #[test]
    fn core_tags_say_what_a_scalar_is() {
        assert_eq!(
            ok("a: !!str 12\nb: !!int '12'\nc: !!str\n").to_json(),
            json!({"a": "12", "b": 12, "c": ""})
        );
        assert_eq!(one(b"a: !!int x\n").0, "MLP-YAML-009");
    }

    #[test]
    fn alias_bombs_end_at_the_budget() {
        let mut wide = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            let _ = writeln!(wide, "a{level}: &a{level} [{aliases}]");
        }
        assert_eq!(one(wide.as_bytes()).0, "MLP-YAML-005");
        let many = format!("a: &a [{}]\nb: [{}]\n", vec!["x"; 5000].join(","), vec!["*a"; 5000].join(","));
        assert_eq!(one(many.as_bytes()).0, "MLP-YAML-005");
    }

    #[test]
    fn nesting_ends_at_the_limit_in_every_shape() {
        for text in [
            "[".repeat(100_000),
            "{a: ".repeat(50_000),
            "- ".repeat(100_000),
            "? ".repeat(100_000),
            "a:\n".to_owned() + &"- ".repeat(40),
        ] {
            let (code, ..) = one(text.as_bytes());
            assert_eq!(code, "MLP-YAML-004", "{}", text.get(..20).unwrap());
        }
        assert_eq!(one("[".repeat(33).as_bytes()).0, "MLP-YAML-004");
    }

    #[test]
    fn a_file_over_the_limit_is_not_even_parsed() {
        assert_eq!(codes_of(&vec![b'a'; 5 * 1024 * 1024])[0].0, "MLP-YAML-003");
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_document_or_findings_inside_the_file(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            check(&bytes)?;
        }

        #[test]
        fn any_text_of_yaml_characters_gives_a_document_or_findings_inside_the_file(
            text in "([-?:,\\[\\]{}#&*!|>'\"%@` \t\r\nab0é]|: |- |\n  |\n){0,80}"
        ) {
            check(text.as_bytes())?;
        }
    }

    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        for limits in [Limits::config(), Limits::template()] {
            match load(bytes, &limits) {
                Ok(document) => drop(document.to_json()),
                Err(findings) => {
                    prop_assert!(!findings.is_empty());
                    let lines = bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count() + 1;
                    for finding in findings {
                        let line = finding.line.unwrap_or(1) as usize;
                        prop_assert!((1..=lines + 1).contains(&line), "{finding:?}");
                    }
                }
            }
        }
        Ok(())
    }
}

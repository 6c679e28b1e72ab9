//! Templates as YAML for people: CloudFormation's section order, short-form functions, a comment above each resource,
//! literal blocks for long texts.
//!
//! Written by hand because no YAML library writes short-form tags, comments and a chosen layout. What it writes is read
//! back by the loader to the same template (property test), and by two YAML 1.1 readers in CI (cfn-lint, `PyYAML`), so
//! a text that either YAML version would take for a number, a date or a boolean is quoted.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{Entry, FORMAT_VERSION, Function, Map, Output, Parameter, Resource, Section, Template, Value};

/// A template as YAML.
pub(super) fn template(template: &Template) -> String {
    // An enterprise template is about 75 KB; one allocation serves.
    let mut out = Writer { text: String::with_capacity(96 * 1024) };
    out.entry(0, "AWSTemplateFormatVersion", &Value::str(FORMAT_VERSION));
    if let Some(transform) = &template.transform {
        out.entry(0, "Transform", transform);
    }
    if let Some(description) = &template.description {
        out.entry(0, "Description", &Value::str(description.as_str()));
    }
    out.section("Metadata", &template.metadata);
    out.typed(template, Section::Parameters);
    out.section("Mappings", &template.mappings);
    out.section("Rules", &template.rules);
    out.section("Conditions", &template.conditions);
    for (name, value) in &template.other {
        out.text.push('\n');
        out.entry(0, name, value);
    }
    out.typed(template, Section::Resources);
    out.typed(template, Section::Outputs);
    out.text
}

impl Parameter {
    /// The parameter as CloudFormation writes it.
    pub(super) fn to_value(&self) -> Value {
        let mut entries = type_of(&self.kind);
        entries.extend(self.attributes.iter().map(|(key, value)| (key.clone(), value.clone())));
        Value::Map(entries)
    }
}

impl Resource {
    /// The resource as CloudFormation writes it.
    pub(super) fn to_value(&self) -> Value {
        let mut entries = self.attributes_to_map();
        for (key, map) in [("Metadata", &self.metadata), ("Properties", &self.properties)] {
            if !map.is_empty() {
                entries.insert(key.to_owned(), Value::Map(map.clone()));
            }
        }
        Value::Map(entries)
    }

    /// Everything but metadata and properties, which come last.
    fn attributes_to_map(&self) -> Map {
        let mut entries = type_of(&self.kind);
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                entries.insert(key.to_owned(), value);
            }
        };
        add("Condition", self.condition.as_deref().map(Value::str));
        add(
            "DependsOn",
            (!self.depends_on.is_empty())
                .then(|| Value::list(self.depends_on.iter().map(|id| Value::str(id.as_str())))),
        );
        add("DeletionPolicy", self.deletion_policy.clone());
        add("UpdateReplacePolicy", self.update_replace_policy.clone());
        for (key, value) in &self.attributes {
            add(key, Some(value.clone()));
        }
        entries
    }
}

/// The resource as CloudFormation's JSON.
impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.attributes_to_map() {
            map.serialize_entry(key, value)?;
        }
        for (key, entries) in [("Metadata", &self.metadata), ("Properties", &self.properties)] {
            if !entries.is_empty() {
                map.serialize_entry(key, entries)?;
            }
        }
        map.end()
    }
}

/// `Type`; a template from outside may have forgotten it.
fn type_of(kind: &str) -> Map {
    if kind.is_empty() { Map::default() } else { super::map([("Type", Value::str(kind))]) }
}

impl Output {
    /// The output as CloudFormation writes it.
    pub(super) fn to_value(&self) -> Value {
        let mut entries = Map::default();
        if let Some(description) = &self.description {
            entries.insert("Description".to_owned(), Value::str(description.as_str()));
        }
        if let Some(condition) = &self.condition {
            entries.insert("Condition".to_owned(), Value::str(condition.as_str()));
        }
        entries.insert("Value".to_owned(), self.value.clone());
        if let Some(name) = &self.export {
            entries.insert("Export".to_owned(), Value::map([("Name", name.clone())]));
        }
        Value::Map(entries)
    }
}

struct Writer {
    text: String,
}

impl Writer {
    fn heading(&mut self, name: &str) {
        let _ = write!(self.text, "\n{name}:\n");
    }

    fn section(&mut self, name: &str, entries: &Map) {
        if entries.is_empty() {
            return;
        }
        self.heading(name);
        for (key, value) in entries {
            self.entry(1, key, value);
        }
    }

    /// Parameters, resources or outputs; resources apart from each other, each under its comment.
    fn typed(&mut self, template: &Template, section: Section) {
        let mut entries = template.entries(section).peekable();
        if entries.peek().is_none() {
            if section == Section::Resources {
                self.text.push_str("\nResources: {}\n");
            }
            return;
        }
        self.heading(section.name());
        for (index, (name, entry)) in entries.enumerate() {
            if section == Section::Resources && index > 0 {
                self.text.push('\n');
            }
            if let Entry::Resource(Resource { comment: Some(comment), .. }) = &entry {
                let _ = writeln!(
                    self.text,
                    "  # {}",
                    comment.replace(|c: char| c.is_control() || is_odd(c), " ")
                );
            }
            match entry {
                Entry::Resource(resource) => self.resource(name, resource),
                other => self.entry(1, name, &other.to_value()),
            }
        }
    }

    /// A resource, its properties as they lie: a copy of them would take longer than the writing.
    fn resource(&mut self, name: &str, resource: &Resource) {
        let attributes = resource.attributes_to_map();
        let maps = [("Metadata", &resource.metadata), ("Properties", &resource.properties)];
        if attributes.is_empty() && maps.iter().all(|(_, map)| map.is_empty()) {
            return self.entry(1, name, &Value::Map(attributes));
        }
        self.indent(1);
        self.key(1, name);
        self.text.push('\n');
        for (key, value) in &attributes {
            self.entry(2, key, value);
        }
        for (key, map) in maps.into_iter().filter(|(_, map)| !map.is_empty()) {
            self.indent(2);
            self.key(2, key);
            self.text.push('\n');
            for (key, value) in map {
                self.entry(3, key, value);
            }
        }
    }

    fn indent(&mut self, depth: usize) {
        const BLANKS: &str = "                                                                ";
        let mut left = depth * 2;
        while left > 0 {
            let now = left.min(BLANKS.len());
            self.text.push_str(BLANKS.get(..now).unwrap_or(BLANKS));
            left -= now;
        }
    }

    /// `key: value` on a line of its own (and the lines below it).
    fn entry(&mut self, depth: usize, key: &str, value: &Value) {
        self.indent(depth);
        self.entry_here(depth, key, value);
    }

    /// `key: value` where the line's indentation stands already.
    fn entry_here(&mut self, depth: usize, key: &str, value: &Value) {
        self.key(depth, key);
        self.after_colon(depth, value);
    }

    /// `key:`
    fn key(&mut self, depth: usize, key: &str) {
        // YAML allows a simple key 1,024 characters, and an escape takes up to six.
        if key.len() > 1024 / 6 && key.chars().count() > 1024 / 6 {
            self.text.push_str("? ");
            self.scalar(key, None);
            self.text.push('\n');
            self.indent(depth);
        } else {
            self.scalar(key, None);
        }
        self.text.push(':');
    }

    /// What follows `key:` up to and with the line's end. Children stand one level deeper than `depth`.
    fn after_colon(&mut self, depth: usize, value: &Value) {
        match value {
            Value::List(values) if !values.is_empty() => {
                self.text.push('\n');
                self.items(depth + 1, values);
            }
            Value::Map(entries) if !entries.is_empty() => {
                self.text.push('\n');
                for (key, value) in entries {
                    self.entry(depth + 1, key, value);
                }
            }
            Value::Call(function, argument) if needs_long_form(*function, argument) => {
                self.text.push('\n');
                self.entry(depth + 1, function.long(), argument);
            }
            other => {
                self.text.push(' ');
                self.inline(depth, other);
            }
        }
    }

    /// `- item` lines.
    fn items(&mut self, depth: usize, values: &[Value]) {
        for value in values {
            self.indent(depth);
            self.text.push('-');
            match value {
                // The first entry shares the line with the dash.
                Value::Map(entries) if !entries.is_empty() => {
                    for (index, (key, value)) in entries.iter().enumerate() {
                        if index == 0 {
                            self.text.push(' ');
                        } else {
                            self.indent(depth + 1);
                        }
                        self.entry_here(depth + 1, key, value);
                    }
                }
                Value::Call(function, argument) if needs_long_form(*function, argument) => {
                    self.text.push(' ');
                    self.entry_here(depth + 1, function.long(), argument);
                }
                Value::List(inner) if !inner.is_empty() => {
                    self.text.push('\n');
                    self.items(depth + 1, inner);
                }
                other => {
                    self.text.push(' ');
                    self.inline(depth, other);
                }
            }
        }
    }

    /// A value that starts on the current line, up to and with the line's end.
    fn inline(&mut self, depth: usize, value: &Value) {
        match value {
            Value::Null => self.text.push_str("null\n"),
            Value::Bool(value) => {
                let _ = writeln!(self.text, "{value}");
            }
            Value::Int(value) => {
                let _ = writeln!(self.text, "{value}");
            }
            Value::Number(text) => {
                let _ = writeln!(self.text, "{text}");
            }
            Value::Str(text) => {
                self.scalar(text, Some(depth));
                self.text.push('\n');
            }
            Value::List(_) => self.text.push_str("[]\n"),
            Value::Map(_) => self.text.push_str("{}\n"),
            Value::Ref(name) => self.tagged(depth, "!Ref ", name),
            // The text form ends the logical id at the first dot.
            Value::GetAtt(name, attribute) if name.contains('.') => {
                self.text.push_str("!GetAtt\n");
                self.items(depth + 1, &[Value::str(name.as_str()), Value::str(attribute.as_str())]);
            }
            Value::GetAtt(name, attribute) => self.tagged(depth, "!GetAtt ", &format!("{name}.{attribute}")),
            Value::Sub(sub) if sub.variables.is_empty() => self.tagged(depth, "!Sub ", &sub.to_text()),
            Value::Sub(sub) => {
                self.text.push_str("!Sub\n");
                self.items(depth + 1, &[Value::Str(sub.to_text()), Value::Map(sub.variables.clone())]);
            }
            Value::Call(function, argument) => {
                let _ = write!(self.text, "!{}", function.short());
                self.after_colon(depth, argument);
            }
        }
    }

    fn tagged(&mut self, depth: usize, tag: &str, text: &str) {
        self.text.push_str(tag);
        self.scalar(text, Some(depth));
        self.text.push('\n');
    }

    /// A text: plain where every YAML reader takes it for text, a literal block (only where `block` gives the depth)
    /// for several clean lines, else in double quotes.
    fn scalar(&mut self, text: &str, block: Option<usize>) {
        if is_plain(text) {
            self.text.push_str(text);
        } else if let Some(depth) = block.filter(|_| is_literal_block(text)) {
            self.text.push_str(if text.ends_with('\n') { "|" } else { "|-" });
            for line in text.lines() {
                self.text.push('\n');
                if !line.is_empty() {
                    self.indent(depth + 1);
                    self.text.push_str(line);
                }
            }
        } else {
            self.quoted(text);
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            let _ = match character {
                '"' => self.text.write_str("\\\""),
                '\\' => self.text.write_str("\\\\"),
                '\n' => self.text.write_str("\\n"),
                '\r' => self.text.write_str("\\r"),
                '\t' => self.text.write_str("\\t"),
                // C0, DEL, C1, the line and paragraph separators, the BOM and non-characters must be escaped in YAML.
                '\0'..='\u{1f}'
                | '\u{7f}'..='\u{9f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{feff}'
                | '\u{fffe}'
                | '\u{ffff}' => {
                    write!(self.text, "\\u{:04x}", u32::from(character))
                }
                other => self.text.write_char(other),
            };
        }
        self.text.push('"');
    }
}

/// Whether a function is written as `Fn::X:` instead of `!X`.
fn needs_long_form(function: Function, argument: &Value) -> bool {
    // YAML knows no two tags on one node (`!Base64 !Sub x`), and takes a tagged scalar for text (`!Base64 5`).
    let tagged = !matches!(argument, Value::Str(_) | Value::List(_) | Value::Map(_));
    // What only a transform or `Rules` knows has no short form in CloudFormation's YAML, the short form of
    // `GetStackOutput` must not hold other short forms, and what is left of `Ref`, `GetAtt` and `Sub` holds functions
    // where names stand.
    let long = matches!(
        function,
        Function::Length
            | Function::ToJsonString
            | Function::Transform
            | Function::GetStackOutput
            | Function::Contains
            | Function::EachMemberEquals
            | Function::EachMemberIn
            | Function::RefAll
            | Function::ValueOf
            | Function::ValueOfAll
            | Function::Ref
            | Function::GetAtt
            | Function::Sub
    );
    tagged || long
}

/// Several lines that a literal block keeps exactly: no carriage return, no control character, no blank at a line's
/// end, no blank before the first line, at most one line break at the end.
fn is_literal_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(|c| c == '\n' || (c >= ' ' && !('\u{7f}'..='\u{9f}').contains(&c) && !is_odd(c)))
        && text.lines().all(|line| !line.ends_with(' '))
}

fn is_odd(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Bytes that a bare text may hold: whether each byte is among them.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let others = b"_./:*@+=-${}!,()<> ;";
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let is_word = (byte as u8).is_ascii_alphanumeric();
        plain[byte] = is_word;
        byte += 1;
    }
    let mut index = 0;
    while index < others.len() {
        plain[others[index] as usize] = true;
        index += 1;
    }
    plain
};

/// Whether YAML 1.1 and 1.2 both read the bare text as this very text.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts_well = match bytes {
        [b'$', b'{', ..] => true,
        [first, ..] => first.is_ascii_alphabetic() || matches!(first, b'/' | b'_'),
        [] => false,
    };
    if !starts_well || matches!(bytes, [.., b':' | b' ']) {
        return false;
    }
    let mut after_colon = false;
    for &byte in bytes {
        if !PLAIN.get(usize::from(byte)).is_some_and(|plain| *plain) || (after_colon && byte == b' ') {
            return false;
        }
        after_colon = byte == b':';
    }
    !is_yaml_keyword(text)
}

/// The words that YAML 1.1 or 1.2 takes for a boolean, null or a merge.
fn is_yaml_keyword(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    const LONGEST: usize = 5;
    text.len() <= LONGEST && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

//! From bytes to text that a YAML parser may see, and places in it.

use crate::codes;
use crate::finding::Finding;

/// What an encoding begins with. UTF-32 stands first because UTF-16's mark begins its own.
const MARKS: [(&[u8], &str); 4] = [
    (&[0xFF, 0xFE, 0, 0], "UTF-32 (little endian)"),
    (&[0, 0, 0xFE, 0xFF], "UTF-32 (big endian)"),
    (&[0xFF, 0xFE], "UTF-16 (little endian)"),
    (&[0xFE, 0xFF], "UTF-16 (big endian)"),
];

/// The text without its byte order mark, all of its characters allowed by YAML.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, Finding> {
    if let Some((_, encoding)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Err(Finding::error(
            codes::YAML_NOT_UTF8,
            "",
            format!("the file is {encoding}; only UTF-8 is read"),
        )
        .at(1, 1)
        .help("save the file as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    match text.char_indices().find(|(_, char)| !allowed(*char)) {
        None => Ok(text),
        Some((index, char)) => Err(forbidden(text.get(..index).unwrap_or_default(), char)),
    }
}

fn not_utf8(bytes: &[u8], index: usize) -> Finding {
    let before = bytes.get(..index).and_then(|before| str::from_utf8(before).ok()).unwrap_or_default();
    let (line, column) = end(before);
    let byte = bytes.get(index).copied().unwrap_or_default();
    let finding = Finding::error(
        codes::YAML_NOT_UTF8,
        "",
        format!("the byte 0x{byte:02X} is not UTF-8 here; only UTF-8 is read"),
    )
    .at(line, column);
    if byte >= 0xA0 {
        let char = char::from(byte);
        finding.help(format!(
            "save the file as UTF-8. In Latin-1, which editors also write, the byte is `{char}`"
        ))
    } else {
        finding.help("save the file as UTF-8")
    }
}

fn forbidden(before: &str, char: char) -> Finding {
    let (line, column) = end(before);
    let (what, help) = if char == '\0' {
        (
            "a NUL character (U+0000)".to_owned(),
            "the file may be binary, damaged or UTF-16. Save it as UTF-8 text",
        )
    } else {
        (
            format!("the character U+{:04X}", u32::from(char)),
            "delete it; in double quotes it can be written as an escape such as `\\x1B`",
        )
    };
    Finding::error(codes::YAML_CONTROL_CHARACTER, "", format!("the file holds {what}, which YAML forbids"))
        .at(line, column)
        .help(help)
}

/// YAML 1.2's `c-printable`.
fn allowed(char: char) -> bool {
    matches!(char,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The 1-based line and column of what follows `before`.
fn end(before: &str) -> (u32, u32) {
    let lines = Lines::of(before);
    (lines.count(), lines.length(lines.count()) + 1)
}

fn slash_escapes(number: u32, line: &str) -> Vec<(u32, u32)> {
    let mut places = Vec::new();
    let mut escaped = false;
    for (column, char) in (1..).zip(line.chars()) {
        if escaped && char == '/' {
            places.push((number, column));
        }
        escaped = !escaped && char == '\\';
    }
    places
}

/// A text's lines, by YAML's line breaks: `\n`, `\r\n` and `\r`.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    /// The places of slashes behind an odd number of backslashes, in order.
    slash_escapes: Vec<(u32, u32)>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut rest = text;
        while let Some(index) = rest.find(['\n', '\r']) {
            let (line, tail) = rest.split_at(index);
            lines.push(line);
            rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
        }
        lines.push(rest);
        let with_escapes = (1..).zip(&lines).filter(|(_, line)| line.contains("\\/"));
        let slash_escapes = with_escapes.flat_map(|(number, line)| slash_escapes(number, line)).collect();
        Self { lines, slash_escapes }
    }

    /// How many there are; what follows the last line break is a line, even if it is empty.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// A line by its 1-based number; empty beyond the end.
    pub(super) fn line(&self, number: u32) -> &'a str {
        self.lines.get((number as usize).wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// A line's length in characters.
    pub(super) fn length(&self, number: u32) -> u32 {
        u32::try_from(self.line(number).chars().count()).unwrap_or(u32::MAX)
    }

    /// The place itself, or the text's end: there the parser points to the line behind.
    pub(super) fn inside(&self, (line, column): (u32, u32)) -> (u32, u32) {
        let last = self.count();
        if line > last { (last, self.length(last) + 1) } else { (line, column) }
    }

    /// What a line holds from a place on.
    pub(super) fn rest(&self, (line, column): (u32, u32)) -> &'a str {
        let text = self.line(line);
        let start = text.char_indices().nth((column as usize).saturating_sub(1)).map(|(index, _)| index);
        start.and_then(|start| text.get(start..)).unwrap_or_default()
    }

    /// Whether the text between two places has the escape `\/`. It takes the same time wherever the places are in a long line.
    pub(super) fn has_slash_escape(&self, begin: (u32, u32), end: (u32, u32)) -> bool {
        let first = self.slash_escapes.partition_point(|place| *place < begin);
        self.slash_escapes.get(first).is_some_and(|place| *place < end)
    }

    /// The first character of the line's content before a place; of an earlier line when there is none.
    pub(super) fn content_before(&self, (line, column): (u32, u32)) -> (u32, u32) {
        let before = self.line(line).chars().take((column as usize).saturating_sub(1));
        let own = before.clone().any(|char| !matches!(char, ' ' | '\t'));
        let found = if own {
            Some(line)
        } else {
            (1..line).rev().find(|number| {
                let text = self.line(*number).trim_matches([' ', '\t']);
                !text.is_empty() && !text.starts_with('#')
            })
        };
        let Some(found) = found else { return (line, column) };
        let indent = self.line(found).chars().take_while(|char| matches!(char, ' ' | '\t')).count();
        (found, u32::try_from(indent + 1).unwrap_or(u32::MAX))
    }

    /// The 1-based column of the first tab in a line's indentation.
    pub(super) fn tab(&self, number: u32) -> Option<u32> {
        let spaces = self.line(number).chars().take_while(|char| *char == ' ').count();
        let next = self.line(number).as_bytes().get(spaces);
        (next == Some(&b'\t')).then(|| u32::try_from(spaces + 1).unwrap_or(u32::MAX))
    }
}

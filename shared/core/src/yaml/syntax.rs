//! What a parser's error means to the person who wrote the file.

use saphyr_parser::ScanError;

use super::Limits;
use super::load::{Record, What, place, shown, too_deep};
use super::text::Lines;
use crate::codes;
use crate::finding::Finding;

/// A tab that stands for indentation.
pub(super) fn tab((line, column): (u32, u32)) -> Finding {
    Finding::error(codes::YAML_TAB, "", "a tab stands here, where YAML allows only spaces")
        .at(line, column)
        .help("replace the tabs by spaces; most editors can do that for the whole file")
}

/// The finding for a parser's error. `open` is the list or map that was being read.
pub(super) fn explain(
    error: &ScanError,
    lines: &Lines<'_>,
    open: Option<&Record>,
    limits: &Limits,
) -> Finding {
    let info = error.info();
    let at = lines.inside(place(error.marker()));
    let rest = lines.from(at);
    if info == "recursion limit exceeded" {
        return too_deep(at, limits);
    }
    if info.contains("unknown anchor") {
        return unknown_anchor(at, rest);
    }
    if info.contains("byte order mark") {
        let message = "the file holds a byte order mark (U+FEFF) inside of its text";
        return Finding::error(codes::YAML_CONTROL_CHARACTER, "", message)
            .at(at.0, at.1)
            .help("delete it; editors don't show it");
    }
    if let Some(place) = find_tab(info, at, lines) {
        return tab(place);
    }

    let (place, message, help) = cause(info, at, lines, open);
    let message = format!("{message} (the parser says: {info})");
    let finding = Finding::error(codes::YAML_SYNTAX, "", message).at(place.0, place.1);
    if help.is_empty() { finding } else { finding.help(help) }
}

fn unknown_anchor((line, column): (u32, u32), rest: &str) -> Finding {
    let name = rest.split([' ', '\t', ',', '[', ']', '{', '}']).next().unwrap_or_default();
    let message = format!("the alias `{}` has no anchor before it", shown(name));
    Finding::error(codes::YAML_ALIAS, "", message)
        .at(line, column)
        .help("if the `*` is meant as text, put quotes around the text")
}

/// The tab that an error is about: the parser names the place where it noticed.
fn find_tab(info: &str, (line, column): (u32, u32), lines: &Lines<'_>) -> Option<(u32, u32)> {
    if let Some(column) = lines.tab(line) {
        return Some((line, column));
    }
    if !info.contains("tab") && !info.contains("valid YAML whitespace") {
        return None;
    }
    let before = lines.line(line).chars().take(column as usize);
    if let Some(index) = before.enumerate().filter(|(_, char)| *char == '\t').map(|(index, _)| index).last() {
        return Some((line, u32::try_from(index + 1).unwrap_or(u32::MAX)));
    }
    (line..=lines.count()).find_map(|line| Some((line, lines.tab(line)?))).or(Some((line, column)))
}

/// Place, message and help (or nothing) for an error.
#[expect(clippy::too_many_lines, reason = "a table, one entry an error of the parser")]
fn cause(
    info: &str,
    at: (u32, u32),
    lines: &Lines<'_>,
    open: Option<&Record>,
) -> ((u32, u32), String, &'static str) {
    let first = lines.from(at).chars().next();
    match info {
        _ if info.starts_with("unexpected character") => (
            at,
            format!("a text can't begin with `{}` unless it stands in quotes", first.unwrap_or(' ')),
            "put quotes around the text",
        ),
        _ if info.starts_with("while scanning an anchor or alias") => (
            at,
            format!("a name is missing behind the `{}`", first.unwrap_or('&')),
            "if it is meant as text, put quotes around the text",
        ),
        "mapping values are not allowed in this context" => second_colon(at, lines),
        "simple key expect ':'" | "simple key expected" => (
            lines.content_before(at),
            "here `key: value` is wanted, but there is no colon with a space behind it".to_owned(),
            "write a space behind the colon: `key: value`",
        ),
        "invalid indentation in quoted scalar"
        | "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator" => (
            at,
            "the quote that begins here is not closed".to_owned(),
            "put the same quote at the end. In single quotes, write an apostrophe twice: `'it''s'`",
        ),
        "invalid trailing content after double-quoted scalar" => (
            at,
            "something follows a closing quote in the same line".to_owned(),
            "put all of the text in quotes. Inside of single quotes write an apostrophe twice (`'it''s'`), inside of double \
             quotes write `\\\"`",
        ),
        "while parsing a quoted scalar, found unknown escape character" => (
            at,
            "in this text in double quotes, a backslash stands before a character that it can't escape"
                .to_owned(),
            "write the backslash twice, or use single quotes",
        ),
        "while parsing a quoted scalar, found invalid Unicode character escape code" => (
            at,
            "in this text in double quotes, an escape such as `\\uD83D` is no Unicode character".to_owned(),
            "write the character itself, or `\\U` with its 8 hexadecimal digits: YAML reads no surrogate pairs",
        ),
        "while parsing a flow sequence, expected ',' or ']'"
        | "while parsing a flow mapping, did not find expected ',' or '}'"
        | "illegal placement of ':' indicator" => unclosed(at, lines, open),
        "misplaced bracket" => (
            at,
            format!("the `{}` closes nothing", first.unwrap_or(']')),
            "delete it; if it is meant as text, put quotes around the text",
        ),
        "block sequence entries are not allowed in this context" => (
            at,
            "a list item (`-`) can't stand here".to_owned(),
            "begin the list in a line of its own; if the `-` is meant as text, put quotes around the text",
        ),
        "while parsing a block mapping, did not find expected key" => (
            at,
            if matches!(lines.from(lines.content_before(at)).strip_prefix('-'), Some(item) if item.starts_with([' ']) || item.is_empty())
            {
                "a list item stands among the keys of a map".to_owned()
            } else {
                "the indentation of this line is not that of any map above it".to_owned()
            },
            "give all keys of a map exactly the same indentation",
        ),
        "while parsing a block collection, did not find expected '-' indicator" => (
            at,
            "this line stands where the next item of a list (`- `) is expected".to_owned(),
            "begin it with `- `, or give it the indentation of the map that it belongs to",
        ),
        "comment intercepting the multiline text" => (
            at,
            "a comment stands inside of a text of several lines".to_owned(),
            "move the comment, or put quotes around the text",
        ),
        "did not find expected <document start>" if lines.line(at.0).starts_with('%') => (
            at,
            "a line that begins with `%` is a directive, which needs a `---` behind it".to_owned(),
            "delete the line; if it is meant as text, put quotes around the text",
        ),
        "did not find expected <document start>" => (
            at,
            "the document has ended before this line, by its indentation".to_owned(),
            "give the line the indentation of the first one, and check for a missing `key: ` above",
        ),
        "while parsing a node, did not find expected node content" => (
            at,
            match first {
                Some(char) => format!("no value can begin with `{char}` here"),
                None => "the file ends where a value is expected".to_owned(),
            },
            "if it is meant as text, put quotes around the text",
        ),
        _ if info.contains("indentation") || info.contains("indented") => (
            at,
            "the indentation is wrong here".to_owned(),
            "give all keys of a map exactly the same indentation",
        ),
        _ if info.contains("tag") => (
            at,
            "the tag is written wrongly".to_owned(),
            "if the `!` is meant as text, put quotes around the text",
        ),
        _ => (at, "the file is not YAML here".to_owned(), ""),
    }
}

/// A `: ` that can't be one of a key.
fn second_colon(at: (u32, u32), lines: &Lines<'_>) -> ((u32, u32), String, &'static str) {
    let (line, column) = at;
    let before: String = lines.line(line).chars().take(column.saturating_sub(1) as usize).collect();
    if before.contains(": ") {
        let message = "a second `: ` stands in this line".to_owned();
        return (at, message, "put quotes around a text that holds `: `");
    }
    let above = lines.content_before((line, 1));
    let text = lines.from(above);
    if text.contains(": ") {
        let message = format!(
            "this key is indented deeper than the one in line {}, which has a value already",
            above.0
        );
        (at, message, "give all keys of a map exactly the same indentation")
    } else {
        let message = "line {} is no `key: value`: it has no colon with a space behind it"
            .replace("{}", &above.0.to_string());
        (above, message, "write a space behind the colon: `key: value`")
    }
}

/// A list or map in brackets that does not end.
fn unclosed(at: (u32, u32), lines: &Lines<'_>, open: Option<&Record>) -> ((u32, u32), String, &'static str) {
    let (what, bracket) = match open.map(|record| &record.what) {
        Some(What::Map { .. }) => ("map", '}'),
        _ => ("list", ']'),
    };
    let begin = open.map_or(at, |record| record.place);
    let message = format!(
        "the {what} that begins in line {}, column {} has no `{bracket}`, or a comma is missing",
        begin.0, begin.1
    );
    let at_end = at.0 == lines.count() && lines.from(at).is_empty();
    (if at_end { begin } else { at }, message, "close every bracket, and put a comma between items")
}

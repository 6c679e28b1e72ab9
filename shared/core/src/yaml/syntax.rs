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
    let rest = lines.rest(at);
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
    if let Some(finding) = two_tags(at, lines).filter(|_| limits.tags) {
        return finding;
    }

    let Cause { place: (line, column), message, help } = cause(info, at, lines, open);
    let message = format!("{message} (the parser says: {info})");
    Finding::error(codes::YAML_SYNTAX, "", message).at(line, column).help(help)
}

fn unknown_anchor((line, column): (u32, u32), rest: &str) -> Finding {
    let name = rest.split([' ', '\t', ',', '[', ']', '{', '}']).next().unwrap_or_default();
    let message = format!("the alias `{}` has no anchor before it", shown(name));
    Finding::error(codes::YAML_ALIAS, "", message)
        .at(line, column)
        .help("if the `*` is meant as text, put quotes around the text")
}

/// A tag right behind another one, such as `!ImportValue !Sub "${Stack}-vpc"`.
fn two_tags((line, column): (u32, u32), lines: &Lines<'_>) -> Option<Finding> {
    let tag = |text: &str| text.strip_prefix('!').filter(|it| !it.is_empty()).map(str::to_owned);
    let inner = tag(lines.rest((line, column)).split_whitespace().next()?)?;
    let before: String = lines.line(line).chars().take(column.saturating_sub(1) as usize).collect();
    let outer = tag(before.split_whitespace().next_back()?)?;
    let message = format!("a value has two tags, `!{}` and `!{}`", shown(&outer), shown(&inner));
    let help = format!(
        "a YAML value has one tag; write the outer function in its long form, on a line of its own: `Fn::{}: !{} ...`",
        shown(&outer),
        shown(&inner)
    );
    Some(Finding::error(codes::YAML_SYNTAX, "", message).at(line, column).help(help))
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

/// What the parser says, what that means, and what to do.
const CAUSES: &[(&[&str], &str, &str)] = &[
    (
        &["invalid indentation in quoted scalar"],
        "the quote that begins here is not closed, or its text goes on in a line that is not indented deeper than its key",
        "put the same quote at the end, and indent the lines between deeper than the key. In single quotes, write an apostrophe \
         twice: `'it''s'`",
    ),
    (
        &[
            "while scanning a quoted scalar, found unexpected end of stream",
            "while scanning a quoted scalar, found unexpected document indicator",
        ],
        "the quote that begins here is not closed",
        "put the same quote at the end. In single quotes, write an apostrophe twice: `'it''s'`",
    ),
    (
        &["invalid trailing content after double-quoted scalar"],
        "something follows a closing quote in the same line",
        "put all of the text in quotes; write a single quote inside of single quotes twice (`'it''s'`)",
    ),
    (
        &["while parsing a quoted scalar, found unknown escape character"],
        "in this text in double quotes, a backslash stands before a character that it can't escape",
        "write the backslash twice, or use single quotes",
    ),
    (
        &["while parsing a quoted scalar, found invalid Unicode character escape code"],
        "in this text in double quotes, an escape such as `\\uD83D` is no Unicode character",
        "write the character itself, or `\\U` and 8 hexadecimal digits: YAML reads no surrogate pairs",
    ),
    (
        &["misplaced bracket"],
        "this bracket closes nothing",
        "delete it; if it is meant as text, put quotes around the text",
    ),
    (
        &["block sequence entries are not allowed in this context"],
        "a list item (`-`) can't stand here",
        "begin the list in a line of its own; if the `-` is meant as text, put quotes around the text",
    ),
    (
        &["while parsing a block mapping, did not find expected key"],
        "this line is no key of the map that it stands in, or is indented differently",
        "give all keys of a map exactly the same indentation",
    ),
    (
        &["while parsing a block collection, did not find expected '-' indicator"],
        "the next item of a list (`- `) is expected here",
        "begin the line with `- `, or give it the indentation of the map that it belongs to",
    ),
    (
        &["comment intercepting the multiline text"],
        "a comment stands inside of a text of several lines",
        "move the comment, or put quotes around the text",
    ),
    (
        &["did not find expected <document start>"],
        "the document has ended before this line, by its indentation",
        "give the line the indentation of the first one, and check for a missing `key: ` above",
    ),
    (
        &["while parsing a node, did not find expected node content"],
        "no value can begin with this character",
        "if it is meant as text, put quotes around the text",
    ),
];

/// What an error means.
struct Cause {
    place: (u32, u32),
    message: String,
    help: &'static str,
}

fn cause(info: &str, at: (u32, u32), lines: &Lines<'_>, open: Option<&Record>) -> Cause {
    let first = lines.rest(at).chars().next();
    let quote = "if it is meant as text, put quotes around the text";
    let here = |message: String, help| Cause { place: at, message, help };
    match (info, first) {
        ("mapping values are not allowed in this context", _) => second_colon(at, lines),
        ("simple key expect ':'" | "simple key expected", _) => Cause {
            place: lines.content_before(at),
            message: "here `key: value` is wanted, but there is no colon with a space behind it".to_owned(),
            help: "write a space behind the colon: `key: value`",
        },
        (
            "while parsing a flow sequence, expected ',' or ']'"
            | "while parsing a flow mapping, did not find expected ',' or '}'"
            | "illegal placement of ':' indicator",
            _,
        )
        | ("while parsing a node, did not find expected node content", None) => unclosed(at, lines, open),
        ("invalid indentation" | "invalid indentation in flow construct", _) => {
            let Cause { message, .. } = unclosed(at, lines, open);
            Cause {
                place: at,
                message: format!("{message}, or this line is not indented deeper than its key"),
                help: "close every bracket, and indent the lines between brackets deeper than the key",
            }
        }
        ("did not find expected <document start>", _) if lines.line(at.0).starts_with('%') => here(
            "a line that begins with `%` is a directive, which needs a `---` behind it".to_owned(),
            "delete the line; if it is meant as text, put quotes around the text",
        ),
        (_, Some(first)) if info.starts_with("unexpected character") => {
            here(format!("a text can't begin with `{first}` unless it stands in quotes"), quote)
        }
        (_, Some(first)) if info.starts_with("while scanning an anchor or alias") => {
            here(format!("a name is missing behind the `{first}`"), quote)
        }
        _ => match CAUSES.iter().find(|(infos, ..)| infos.contains(&info)) {
            Some((_, message, help)) => here((*message).to_owned(), help),
            None => here("the file is not YAML here".to_owned(), "compare the line with those around it"),
        },
    }
}

/// A `: ` that can't be one of a key.
fn second_colon(at: (u32, u32), lines: &Lines<'_>) -> Cause {
    let (line, column) = at;
    let before: String = lines.line(line).chars().take(column.saturating_sub(1) as usize).collect();
    if before.contains(": ") {
        return Cause {
            place: at,
            message: "a second `: ` stands in this line".to_owned(),
            help: "put quotes around a text that holds `: `",
        };
    }
    let above = lines.content_before((line, 1));
    if lines.rest(above).contains(": ") {
        let message = format!(
            "this key is indented deeper than the one in line {}, which has a value already",
            above.0
        );
        Cause { place: at, message, help: "give all keys of a map exactly the same indentation" }
    } else {
        Cause {
            place: above,
            message: "here `key: value` is wanted, but there is no colon with a space behind it".to_owned(),
            help: "write a space behind the colon: `key: value`",
        }
    }
}

/// A list or map in brackets that does not end.
fn unclosed(at: (u32, u32), lines: &Lines<'_>, open: Option<&Record>) -> Cause {
    let (what, bracket) = match open.map(|record| &record.what) {
        Some(What::Map { .. }) => ("map", '}'),
        _ => ("list", ']'),
    };
    let begin = open.map_or(at, |record| record.place);
    let at_end = at.0 == lines.count() && lines.rest(at).is_empty();
    Cause {
        place: if at_end { begin } else { at },
        message: format!(
            "the {what} that begins in line {}, column {} has no `{bracket}`, or a comma is missing",
            begin.0, begin.1
        ),
        help: "close every bracket, and put a comma between items",
    }
}

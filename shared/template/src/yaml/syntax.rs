//! What a parser's error means to the person who wrote the file.

use saphyr_parser::ScanError;

use super::Limits;
use super::load::{Record, What, place, shown, too_deep};
use super::text::Lines;
use crate::codes;
use crate::finding::Finding;
use crate::printable;

/// A tab in the indentation, or where the parser takes only spaces.
pub(super) fn tab((line, column): (u32, u32)) -> Finding {
    tab_finding((line, column), "a tab stands here, where YAML allows only spaces")
}

fn tab_finding((line, column): (u32, u32), message: &str) -> Finding {
    Finding::error(codes::YAML_TAB, "", message)
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
        return if lines.tab(place.0) == Some(place.1) {
            tab(place)
        } else {
            tab_finding(place, "a tab stands here, where only spaces are read")
        };
    }
    if let Some(finding) = two_tags(at, lines).filter(|_| limits.tags) {
        return finding;
    }

    if let Some(finding) = quoted_mail(lines) {
        return finding;
    }
    let cause = cause(info, at, lines, open);
    let Cause { place: (line, column), message, help } =
        unseen(info, [at.0, cause.place.0], lines).unwrap_or(cause);
    let message = format!("{message} (the parser says: {info})");
    Finding::error(codes::YAML_SYNTAX, "", message).at(line, column).help(help)
}

/// What the parser says when the structure is not what it looks like: indentation, colons and dashes.
const OF_STRUCTURE: &[&str] = &[
    "mapping values are not allowed in this context",
    "simple key expect ':'",
    "simple key expected",
    "while parsing a block mapping, did not find expected key",
    "while parsing a block collection, did not find expected '-' indicator",
    "block sequence entries are not allowed in this context",
    "did not find expected <document start>",
];

/// A character that looks like a space or like nothing, in a place where it makes the structure another one than the one
/// that is seen. It is searched in the lines of the error and in the line with content before them.
fn unseen(info: &str, error: [u32; 2], lines: &Lines<'_>) -> Option<Cause> {
    if !OF_STRUCTURE.contains(&info) {
        return None;
    }
    let [at, cause] = error;
    let before = lines.content_before((at, 1)).0;
    let (line, column, c) = [cause, at, before].into_iter().find_map(|line| {
        let (column, c) = unseen_in(lines.line(line)).or_else(|| wide_colon(lines.line(line)))?;
        Some((line, column, c))
    })?;
    if let Some((meant, name)) = printable::look_alike(c) {
        let message = format!(
            "the character `{c}` (U+{:04X}, {name}) is here, where YAML needs `{meant}`",
            u32::from(c)
        );
        let help = "write it with the keyboard's own character, and without the input method that put it in";
        return Some(Cause { place: (line, column), message, help });
    }
    let message = if printable::is_odd_blank(c) {
        format!("the character {} is here, where YAML needs a space", printable::named(c))
    } else {
        format!("the invisible character {} is here, and is read as text", printable::named(c))
    };
    let help = if printable::is_odd_blank(c) {
        "replace it by a space, here and in other lines; text from web pages and word processors holds such characters"
    } else {
        "delete it, here and in other lines; text from web pages and word processors holds such characters"
    };
    Some(Cause { place: (line, column), message, help })
}

/// The first character of a line that can't be seen and stands where the structure is: in the indentation, behind a sign of
/// YAML, or before a colon.
fn unseen_in(line: &str) -> Option<(u32, char)> {
    let is_blank = |c: char| matches!(c, ' ' | '\t') || printable::is_unseen(c);
    let mut rest = line;
    let mut start = 0;
    loop {
        let from = rest.find(printable::is_unseen)?;
        let (before, run) = rest.split_at(from);
        let end = run.find(|c| !is_blank(c)).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        let opens = before.trim_end_matches(is_blank);
        let is_structure = (opens.is_empty() && start == 0)
            || opens.ends_with([':', '-', ',', '[', '{', '?'])
            || after.starts_with(':');
        let column = start + before.chars().count() + 1;
        if is_structure {
            return Some((u32::try_from(column).unwrap_or(u32::MAX), run.chars().next()?));
        }
        start += (before.chars().count()) + run.chars().count();
        rest = after;
    }
}

/// A colon of another width where YAML's own is missing: the line has no `:` that ends a key.
fn wide_colon(line: &str) -> Option<(u32, char)> {
    if line.contains(": ") || line.trim_end().ends_with(':') {
        return None;
    }
    let (index, c) = line.chars().enumerate().find(|(_, c)| *c == '\u{ff1a}')?;
    Some((u32::try_from(index + 1).unwrap_or(u32::MAX), c))
}

/// A file that was copied from an answer to a mail: every line begins with `>`.
fn quoted_mail(lines: &Lines<'_>) -> Option<Finding> {
    let written: Vec<(u32, &str)> = (1..=lines.count())
        .map(|line| (line, lines.line(line)))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    let (first, _) = *written.first()?;
    (written.len() > 1 && written.iter().all(|(_, line)| line.starts_with('>'))).then(|| {
        let message = "every line begins with `>`, as quoted text in a mail does";
        let finding = Finding::error(codes::YAML_SYNTAX, "", message).at(first, 1);
        finding.help("delete the `>` and the space behind it in each line")
    })
}

/// A quote that is closed with a sign that only looks like one, at the end of the line.
fn typographic_end((line, column): (u32, u32), lines: &Lines<'_>) -> Option<Cause> {
    let last = lines.rest((line, column)).trim_end().chars().next_back()?;
    let (meant, name) = printable::look_alike(last).filter(|(meant, _)| matches!(meant, '\'' | '"'))?;
    let message = format!(
        "the quote that begins here is not closed: `{last}` (U+{:04X}, {name}) at the end of the line only looks like `{meant}`",
        u32::from(last)
    );
    let help = "write the quote of the keyboard in its place; word processors put the other one in";
    Some(Cause { place: (line, column), message, help })
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
    if info.contains("quoted scalar")
        && let Some(cause) = typographic_end(at, lines)
    {
        return cause;
    }
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
        (_, Some('`')) if lines.rest(at).starts_with("```") => here(
            "a code fence of Markdown (three backticks) is here".to_owned(),
            "delete this line and the one that ends the block: the file is what is between them",
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

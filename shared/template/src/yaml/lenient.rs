//! What CloudFormation reads and YAML 1.2 forbids: text inside of quotes or brackets that is not indented deeper than its key,
//! a line inside of quotes that begins with a tab, a surrogate pair as two escapes, and a comment right behind a closing quote or
//! bracket.
//!
//! CloudFormation reads YAML 1.1 ("Template format" in its User Guide), and readers of that family (`libyaml`, `PyYAML`, `SnakeYAML`)
//! ignore indentation there: cfn-lint, which reads with `PyYAML`, accepts such templates, AWS publishes some
//! (aws-samples/amazon-sagemaker-secure-mlops, `create-base-infra-pipeline.yaml`), and CloudFormation deploys them
//! (perlpunk/YAML-PP-p5#41).
//!
//! The strict parser stays the reader. Where it refuses such a place, blanks are put into the text where they mean nothing, and
//! the parser reads again: blanks at the beginning of a line inside of quotes are folded away, and between brackets they are
//! nothing at all. Places are those of the text without the blanks.

use std::fmt::Write as _;

use saphyr_parser::{Event, Marker, Parser, ScanError, Span};

/// The most bytes that are read again for one file: each repair reads all of it.
pub(super) const READ_AGAIN: usize = 32 * 1024 * 1024;

/// So many blanks before a tab are deeper than the keys around it: more than [`super::Limits::depth`] allows, two a level.
const BEFORE_TAB: u32 = 256;

/// Blanks that a text got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// So many in front of each line of a range that isn't empty and doesn't only hold spaces.
    Shift { first: u32, last: u32, width: u32 },
    /// One before a column, 1-based.
    Blank { line: u32, column: u32 },
    /// No blank: `\U0001F680` in the place of the 12 characters `\ud83d\ude80` that begin at a column, 1-based.
    Pair { line: u32, column: u32, char: char },
}

/// A repair, and where the brackets or quotes begin that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) edit: Edit,
    /// 1-based line and column, in the repaired text too.
    pub(super) begin: Option<(u32, u32)>,
}

/// The place in the text without the blanks.
pub(super) fn original(edits: &[Edit], (line, column): (u32, u32)) -> (u32, u32) {
    let column = edits.iter().rev().fold(column, |column, edit| match *edit {
        Edit::Shift { first, last, width } if (first..=last).contains(&line) => {
            column.saturating_sub(width).max(1)
        }
        Edit::Blank { line: at, column: blank } if at == line && column > blank => column - 1,
        Edit::Pair { line: at, column: pair, .. } if at == line && column > pair => column + SHORTER,
        _ => column,
    });
    (line, column)
}

/// The text with the blanks.
pub(super) fn applied(text: &str, edit: Edit) -> String {
    let mut edited = String::with_capacity(text.len() + 64);
    for (number, line) in (1_u32..).zip(lines(text)) {
        match edit {
            Edit::Shift { first, last, width }
                if (first..=last).contains(&number) && !line.trim_matches([' ', '\n', '\r']).is_empty() =>
            {
                edited.extend(std::iter::repeat_n(' ', width as usize));
                edited.push_str(line);
            }
            Edit::Blank { line: at, column } if at == number => {
                let index = byte(line, column);
                edited.push_str(line.get(..index).unwrap_or_default());
                edited.push(' ');
                edited.push_str(line.get(index..).unwrap_or_default());
            }
            Edit::Pair { line: at, column, char } if at == number => {
                let index = byte(line, column);
                edited.push_str(line.get(..index).unwrap_or_default());
                // Writing to a String can't fail.
                let _ = write!(edited, "\\U{:08X}", u32::from(char));
                edited.push_str(line.get(index + PAIR..).unwrap_or_default());
            }
            _ => edited.push_str(line),
        }
    }
    edited
}

/// The length of two escapes, and how much shorter the one is that stands for them.
const PAIR: usize = 12;
const SHORTER: u32 = 2;

/// What makes the text readable where the parser gave up; nothing when it is wrong for other readers too.
///
/// `open` is where the outermost open bracket begins, as far as the parser reported it, and `read` how far it had read.
pub(super) fn repair(
    text: &str,
    error: &ScanError,
    open: Option<(u32, u32)>,
    read: (u32, u32),
) -> Option<Repair> {
    let at = super::load::place(error.marker());
    match error.info() {
        "comments must be separated from other tokens by whitespace" => comment(text, at),
        // Only a line inside of quotes gives this error: there a tab at its beginning means as little as a space does.
        "tab cannot be used as indentation" => {
            let edit = Edit::Shift { first: at.0, last: at.0, width: BEFORE_TAB };
            Some(Repair { edit, begin: None })
        }
        // The parser names the quote.
        "while parsing a quoted scalar, found invalid Unicode character escape code" => surrogates(text, at),
        // Here the parser names the quote.
        "invalid indentation in quoted scalar" => quoted(text, at),
        "invalid indentation" | "invalid indentation in flow construct" => match open {
            Some(open) => within(text, bracket(text, open)?, at).map(|it| Repair { begin: Some(open), ..it }),
            // The parser reads ahead: the bracket may be one that it did not report yet.
            None => brackets(text, read, at).into_iter().find_map(|open| within(text, open, at)),
        },
        _ => None,
    }
}

/// The first surrogate pair of the text in double quotes that begins at a place. Readers in Java take such a pair for the one
/// character that it is (`SnakeYAML`), JSON's do too (RFC 8259, section 7), and `PyYAML` writes it back as it was.
fn surrogates(text: &str, (line, column): (u32, u32)) -> Option<Repair> {
    for (number, found) in (line..).zip(lines(text).skip((line as usize).checked_sub(1)?)) {
        let from = if number == line { byte(found, column) } else { 0 };
        let mut rest = found.get(from..)?;
        while let Some(index) = rest.find('\\') {
            rest = rest.get(index..)?;
            if let Some(char) = super::pasted::pair(rest) {
                let before = found.get(..found.len() - rest.len())?;
                let column = u32::try_from(before.chars().count() + 1).ok()?;
                return Some(Repair { edit: Edit::Pair { line: number, column, char }, begin: None });
            }
            // The character behind it belongs to it.
            let escaped = rest.get(1..)?.chars().next().map_or(0, char::len_utf8);
            rest = rest.get(1 + escaped..)?;
        }
    }
    None
}

/// A blank before a `#` behind a closing quote or bracket.
fn comment(text: &str, (line, column): (u32, u32)) -> Option<Repair> {
    let found = line_of(text, line);
    let index = byte(found, column);
    let closed = found.get(..index)?.ends_with(['\'', '"', ']', '}']);
    (closed && found.get(index..)?.starts_with('#'))
        .then_some(Repair { edit: Edit::Blank { line, column }, begin: None })
}

/// Moves the lines of the text in quotes that begins at a place to the right.
fn quoted(text: &str, begin: (u32, u32)) -> Option<Repair> {
    let alone = text.get(offset(text, begin)?..)?;
    let quote = alone.chars().next().filter(|char| matches!(char, '\'' | '"'))?;
    let mut chars = alone.char_indices().skip(1).peekable();
    while let Some((index, char)) = chars.next() {
        if char == '\\' && quote == '"' {
            chars.next();
        } else if char == quote && quote == '\'' && chars.peek().is_some_and(|(_, next)| *next == quote) {
            // A quote that is written twice is text.
            chars.next();
        } else if char == quote {
            let breaks = lines(alone.get(..index)?).filter(|line| line.ends_with(['\n', '\r'])).count();
            let breaks = u32::try_from(breaks).ok()?;
            let edit = Edit::Shift { first: begin.0 + 1, last: begin.0 + breaks, width: begin.1 };
            return (breaks > 0).then_some(Repair { edit, begin: None });
        }
    }
    None
}

/// Moves the lines of the brackets that begin at a place to the right, when they reach to `error`.
fn within(text: &str, begin: (u32, u32), error: (u32, u32)) -> Option<Repair> {
    let (line, column) = begin;
    let start = offset(text, begin)?;
    let last = match end(text.get(start..)?) {
        Ok(end) => line + u32::try_from(end.line()).ok()?.checked_sub(1)?,
        Err(inner) => {
            // Inside of them stands something else that only the strict parser refuses.
            let (inner_line, inner_column) = super::load::place(inner.marker());
            let place = match inner_line {
                1 => (line, column + inner_column - 1),
                _ => (line + inner_line - 1, inner_column),
            };
            return (inner.info() == "comments must be separated from other tokens by whitespace")
                .then(|| comment(text, place))
                .flatten();
        }
    };
    // Right of the place where they begin is right of every key around them.
    let edit = Edit::Shift { first: line + 1, last, width: column };
    (last > line && last >= error.0).then_some(Repair { edit, begin: Some(begin) })
}

/// Where the first node of a text ends. Alone, no key is above it, so that nothing is indented too little.
fn end(alone: &str) -> Result<Marker, ScanError> {
    let mut depth = 0_usize;
    let mut last = Marker::default();
    for event in Parser::new_from_str(alone) {
        let (event, Span { end, .. }) = event?;
        last = end;
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            Event::Scalar(..) | Event::Alias(_) => {}
            _ => continue,
        }
        if depth == 0 {
            break;
        }
    }
    Ok(last)
}

/// The bracket of a node: behind its tag and anchor, which may come first.
fn bracket(text: &str, place: (u32, u32)) -> Option<(u32, u32)> {
    brackets(text, place, (place.0, u32::MAX)).into_iter().next()
}

/// Opening brackets between two places.
fn brackets(text: &str, from: (u32, u32), to: (u32, u32)) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for (number, line) in (1_u32..).zip(lines(text)) {
        if number < from.0 || number > to.0 {
            continue;
        }
        for (column, char) in (1_u32..).zip(line.chars()) {
            let place = (number, column);
            if matches!(char, '[' | '{') && place >= from && place < to {
                found.push(place);
            }
        }
    }
    found
}

/// The lines of a text with their line breaks: `\n`, `\r\n` and `\r`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = match rest.find(['\n', '\r']) {
            Some(index) if rest.get(index..).is_some_and(|it| it.starts_with("\r\n")) => index + 2,
            Some(index) => index + 1,
            None => rest.len(),
        };
        let (line, behind) = rest.split_at(end);
        rest = behind;
        Some(line)
    })
}

fn line_of(text: &str, number: u32) -> &str {
    lines(text).nth((number as usize).saturating_sub(1)).unwrap_or_default()
}

/// The index of a 1-based column in a line.
fn byte(line: &str, column: u32) -> usize {
    line.char_indices().nth((column as usize).saturating_sub(1)).map_or(line.len(), |(index, _)| index)
}

fn offset(text: &str, (line, column): (u32, u32)) -> Option<usize> {
    let before: usize = lines(text).take((line as usize).checked_sub(1)?).map(str::len).sum();
    Some(before + byte(line_of(text, line), column))
}

//! Findings as text: message, place, the offending line with a caret, why, help.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::finding::{Finding, Severity};
use crate::printable::{self, printable};
use crate::security::secrets::{hides_its_line, mask};
use crate::security::title;

/// How much of a long line is shown around the caret, in characters.
const WIDEST: usize = 110;

/// Findings as a person reads them, in the manner of `rustc`; ends with a line that counts them.
///
/// `source` is the file's name and bytes; without it, or for findings without a place, the line is left out. `color`
/// adds ANSI colours. Nothing from the user's file reaches the terminal unescaped.
///
/// ```
/// use mlp_template::codes;
/// use mlp_template::finding::Finding;
/// use mlp_template::render::render;
/// let findings = [Finding::error(codes::UNKNOWN_KEY, "/client/tenant", "unknown key `tenant` in `client`")
///     .at(2, 3)
///     .help("did you mean `tenant_id`?")];
/// let text = render(&findings, Some(("my.yaml", b"client:\n  tenant: a001\n")), false);
/// assert_eq!(text, "\
/// error[MLP-CFG-001]: unknown key `tenant` in `client`
///  --> my.yaml:2:3 (/client/tenant)
/// 2 |   tenant: a001
///   |   ^
/// help: did you mean `tenant_id`?
///
/// 1 error
/// ");
/// ```
pub fn render(findings: &[Finding], source: Option<(&str, &[u8])>, color: bool) -> String {
    let mut out = String::new();
    if findings.is_empty() {
        return out;
    }
    let paint = Paint { on: color };
    let text = source
        .map(|(_, bytes)| String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)));
    let lines: Vec<&str> = text.as_deref().map(split_lines).unwrap_or_default();
    let hidden = findings.iter().filter(|finding| hides_its_line(finding.code.as_str()));
    let page = Page {
        paint,
        file: source.map(|(name, _)| printable(name).into_owned()).unwrap_or_default(),
        lines,
        hidden: hidden.filter_map(|finding| finding.line).collect(),
    };
    for group in groups(findings) {
        match group.as_slice() {
            [finding] => page.one(&mut out, finding),
            several => page.several(&mut out, several),
        }
        out.push('\n');
    }
    let count = |severity: Severity, word: &str| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number > 0).then(|| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
    };
    let counts: Vec<String> = [count(Severity::Error, "error"), count(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect();
    let _ = writeln!(out, "{}", counts.join(", "));
    out
}

/// From this many on, findings that differ in nothing but place and message are shown together.
const MANY: usize = 4;

/// Findings in the order in which they are shown, those that are shown together in one group at the place of the first.
/// Only findings that say why are grouped: the same reason and help many times over would hide the rest.
fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let kind = |finding: &Finding| {
        finding.why.clone().map(|why| (finding.code.clone(), finding.severity, why, finding.help.clone()))
    };
    let mut counts = HashMap::new();
    for kind in findings.iter().filter_map(kind) {
        *counts.entry(kind).or_insert(0_usize) += 1;
    }
    counts.retain(|_, count| *count >= MANY);
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut begun = HashMap::new();
    for finding in findings {
        let Some(kind) = kind(finding).filter(|kind| counts.contains_key(kind)) else {
            groups.push(vec![finding]);
            continue;
        };
        let group = *begun.entry(kind).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// What is shown of the file, and how.
struct Page<'a> {
    paint: Paint,
    file: String,
    lines: Vec<&'a str>,
    /// Numbers of lines that hold a secret.
    hidden: Vec<u32>,
}

impl Page<'_> {
    fn one(&self, out: &mut String, finding: &Finding) {
        self.head(out, finding, &finding.message);
        let whereabouts = self.whereabouts(finding);
        if !whereabouts.is_empty() {
            let _ = writeln!(out, "{} {whereabouts}", self.paint.dim(" -->"));
        }
        self.excerpt(out, finding);
        self.foot(out, finding);
    }

    /// Findings of one kind: what it is, then each place with what was found there.
    fn several(&self, out: &mut String, findings: &[&Finding]) {
        let Some(first) = findings.first() else { return };
        let title = title(first.code.as_str()).unwrap_or(first.message.as_str());
        self.head(out, first, &format!("{title}: {} times", findings.len()));
        for finding in findings {
            let message = printable(&finding.message);
            let _ = match self.whereabouts(finding) {
                place if place.is_empty() => writeln!(out, "{} {message}", self.paint.dim(" -->")),
                place => writeln!(out, "{} {place}: {message}", self.paint.dim(" -->")),
            };
        }
        self.foot(out, first);
    }

    fn head(&self, out: &mut String, finding: &Finding, message: &str) {
        let head = format!("{}[{}]", finding.severity, printable(finding.code.as_str()));
        let (head, message) =
            (self.paint.severity(&head, finding.severity), self.paint.bold(&printable(message)));
        let _ = writeln!(out, "{head}: {message}");
    }

    fn foot(&self, out: &mut String, finding: &Finding) {
        for (word, text) in [("why", &finding.why), ("help", &finding.help)] {
            if let Some(text) = text {
                let _ = writeln!(out, "{}: {}", self.paint.bold(word), printable(text));
            }
        }
    }

    /// File, line, column and pointer, as far as they are known.
    fn whereabouts(&self, finding: &Finding) -> String {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            _ => self.file.clone(),
        };
        let pointer =
            if finding.path.is_empty() { String::new() } else { format!("({})", printable(&finding.path)) };
        [place, pointer].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The line, with a caret under the place.
    fn excerpt(&self, out: &mut String, finding: &Finding) {
        let (Some(number), Some(column)) = (finding.line, finding.column) else { return };
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        // A line with a secret in it is shown for no finding, whatever that one is about.
        let Some(line) = self.lines.get(index).filter(|_| !self.hidden.contains(&number)) else { return };
        let line = mask(line);
        let (shown, caret) = excerpt(&line, usize::try_from(column).unwrap_or(1));
        let gutter = number.to_string();
        let _ = writeln!(out, "{} {shown}", self.paint.dim(&format!("{gutter} |")));
        let bar = self.paint.dim(&format!("{} |", " ".repeat(gutter.len())));
        let _ = writeln!(out, "{bar} {}{}", " ".repeat(caret), self.paint.severity("^", finding.severity));
    }
}

/// Lines as YAML counts them: ended by a line feed, a carriage return or both.
fn split_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        let (line, after) = rest.split_at(end);
        lines.push(line);
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    lines.push(rest);
    lines
}

/// The part of a line around a column (from 1), and how far in the caret stands, in terminal cells.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let characters: Vec<char> = line.chars().collect();
    let at = column.saturating_sub(1).min(characters.len());
    let from = if characters.len() > WIDEST { at.saturating_sub(WIDEST / 2) } else { 0 };
    let to = characters.len().min(from + WIDEST);
    let part = |from: usize, to: usize| -> String {
        let characters = characters.get(from..to).unwrap_or_default().iter().copied();
        characters.fold(String::new(), |mut shown, character| {
            printable::push_of_file(&mut shown, character);
            shown
        })
    };
    let before = if from > 0 { "..." } else { "" };
    let after = if to < characters.len() { "..." } else { "" };
    let lead = format!("{before}{}", part(from, at));
    let caret = lead.chars().map(width).sum();
    (format!("{lead}{}{after}", part(at, to)).trim_end().to_owned(), caret)
}

/// Cells that a character takes: 2 for the wide blocks of East Asian scripts and emoji, 0 for combining marks.
fn width(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

struct Paint {
    on: bool,
}

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn severity(&self, text: &str, severity: Severity) -> String {
        self.with(if severity == Severity::Error { "1;31" } else { "1;33" }, text)
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::finding::Code;

    fn at(line: u32, column: u32) -> Vec<Finding> {
        vec![Finding::error(codes::WRONG_SHAPE, "", "m").at(line, column)]
    }

    /// The source line and the caret line.
    fn shown(source: &[u8], line: u32, column: u32) -> (String, String) {
        let text = render(&at(line, column), Some(("f", source)), false);
        let lines: Vec<&str> = text.lines().collect();
        (lines[2].to_owned(), lines[3].to_owned())
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(shown(b"a: 1\r\nb: 2\r\n", 2, 4), ("2 | b: 2".to_owned(), "  |    ^".to_owned()));
        assert_eq!(shown("é: ü".as_bytes(), 1, 4), ("1 | é: ü".to_owned(), "  |    ^".to_owned()));
        assert_eq!(shown("日本: x".as_bytes(), 1, 5), ("1 | 日本: x".to_owned(), "  |       ^".to_owned()));
        assert_eq!(shown(b"\ta: b", 1, 2), ("1 |  a: b".to_owned(), "  |  ^".to_owned()));
        assert_eq!(shown(b"\xef\xbb\xbfa", 1, 1), ("1 | a".to_owned(), "  | ^".to_owned()));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let (source, caret) = shown(line.as_bytes(), 1, 5001);
        assert!(source.chars().count() < 130 && source.starts_with("1 | ...a") && source.ends_with("b..."));
        assert_eq!(source.chars().nth(caret.chars().position(|c| c == '^').unwrap()), Some('X'));
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let mut findings = at(1, 1);
        findings[0].message = "found `\u{1b}[2J`\u{202e}".to_owned();
        let text = render(&findings, Some(("f\u{7}", b"a: \x1b[31m\x9b\x00")), false);
        assert!(!text.contains(printable::is_hidden), "{text:?}");
    }

    #[test]
    fn the_caret_stands_under_the_place_behind_hidden_characters() {
        let (source, caret) = shown("a\u{202e}\u{ad}b: c".as_bytes(), 1, 4);
        assert_eq!(
            (source.as_str(), caret.as_str()),
            ("1 | a[U+202E][U+00AD]b: c", "  |                  ^")
        );
    }

    #[test]
    fn blanks_that_are_no_spaces_are_seen() {
        let (source, caret) = shown("\u{a0}\u{a0}b:\u{3000}c".as_bytes(), 1, 5);
        assert_eq!(
            (source.as_str(), caret.as_str()),
            ("1 | [U+00A0][U+00A0]b:[U+3000]c", "  |                   ^")
        );
    }

    #[test]
    fn colour_comes_only_when_asked_for() {
        assert!(!render(&at(1, 1), None, false).contains('\u{1b}'));
        assert!(render(&at(1, 1), None, true).contains("\u{1b}[1;31m"));
    }

    #[test]
    fn why_it_matters_stands_before_what_to_do() {
        let finding = Finding::error(codes::WRONG_SHAPE, "", "m").why("w\u{1b}").help("h");
        assert_eq!(
            render(&[finding], None, false),
            "error[MLP-CFG-005]: m\nwhy: w[U+001B]\nhelp: h\n\n1 error\n"
        );
    }

    #[test]
    fn many_of_a_kind_are_shown_together_and_few_are_not() {
        let tag = |line: u32| {
            let message = format!("`T{line}` has no tags");
            Finding::warning(Code::new("MLP-TAG-001"), format!("/T{line}"), message)
                .at(line, 1)
                .why("w")
                .help("h")
        };
        let other = Finding::error(codes::WRONG_SHAPE, "/T2", "m").at(2, 2);
        let findings = [tag(1), tag(2), other.clone(), tag(3), tag(4)];
        assert_eq!(
            render(&findings, Some(("f", b"")), false),
            "warning[MLP-TAG-001]: A resource without tags: 4 times\n \
             --> f:1:1 (/T1): `T1` has no tags\n --> f:2:1 (/T2): `T2` has no tags\n \
             --> f:3:1 (/T3): `T3` has no tags\n --> f:4:1 (/T4): `T4` has no tags\nwhy: w\nhelp: h\n\n\
             error[MLP-CFG-005]: m\n --> f:2:2 (/T2)\n\n1 error, 4 warnings\n"
        );
        let text = render(&[tag(1), tag(2), other, tag(3)], None, false);
        assert_eq!(text.matches("why: w").count(), 3);
    }

    #[test]
    fn findings_without_a_place_or_file_are_shown_too() {
        let finding = Finding::warning(codes::MISSING_TAG, "/tags", "m").help("h");
        let text = render(&[finding], None, false);
        assert_eq!(text, "warning[MLP-CFG-015]: m\n --> (/tags)\nhelp: h\n\n1 warning\n");
        assert_eq!(render(&[], None, true), "");
        assert!(render(&at(99, 1), Some(("f", b"a")), false).contains("f:99:1"));
    }
}

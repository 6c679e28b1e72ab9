//! Configs as people paste them: JSON of other programs, and tabs between a key and its value.

use serde::de::IgnoredAny;

use super::load::load;
use super::text::{Lines, decode};
use super::{Document, Limits, Node, NodeValue};
use crate::codes;
use crate::finding::Finding;

/// Tabs that are read as spaces; each costs another reading.
const TABS: usize = 50;

/// Reads one YAML document as [`load`] does. Only what [`load`] refuses is read in other ways, and its places stay those of
/// the file:
///
/// - JSON with tabs between its tokens, and with characters beyond U+FFFF as two escapes, which Python's `json.dumps` writes
///   (RFC 8259, section 7: "the character may be represented as a 12-character sequence, encoding the UTF-16 surrogate
///   pair").
/// - A tab between the colon of a plain key and its value, which YAML 1.2 allows (6.2, "Separation Spaces").
///
/// # Errors
///
/// As [`load`].
///
/// ```
/// use mlp_template::yaml::{Limits, load_pasted};
///
/// let document = load_pasted(br#"{"a": "\ud842\udfb7", "b": 1}"#, &Limits::config()).unwrap();
/// assert_eq!(document.node("/a").unwrap().scalar().unwrap().text, "𠮷");
/// assert_eq!(document.place("/b").unwrap().value, (1, 28));
///
/// let document = load_pasted(b"a:\t1\n", &Limits::config()).unwrap();
/// assert_eq!(document.place("/a").unwrap().value, (1, 4));
/// ```
pub fn load_pasted(bytes: &[u8], limits: &Limits) -> Result<Document, Vec<Finding>> {
    let mut findings = match load(bytes, limits) {
        Ok(document) => return Ok(document),
        Err(findings) => findings,
    };
    // What isn't even text stays as it is.
    let Ok(text) = (if bytes.len() > limits.bytes { Err(()) } else { decode(bytes).map_err(drop) }) else {
        return Err(findings);
    };
    if text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return load_json(text, limits);
    }
    let mut spaced = text.to_owned();
    for _ in 0..TABS {
        let Some(tab) = findings.iter().find_map(|finding| separating_tab(&spaced, finding)) else { break };
        spaced.replace_range(tab..=tab, " ");
        match load(spaced.as_bytes(), limits) {
            Ok(document) => return Ok(document),
            Err(others) => findings = others,
        }
    }
    Err(findings)
}

/// The index of the tab that a finding is about, if it stands between the colon of a plain key and a value.
fn separating_tab(text: &str, finding: &Finding) -> Option<usize> {
    let (line, column) = finding.line.zip(finding.column).filter(|_| finding.code == codes::YAML_TAB)?;
    let lines = Lines::of(text);
    let rest = lines.rest((line, column));
    let line = lines.line(line);
    let before = line.get(..line.len() - rest.len())?;
    let key = before.trim_end_matches([' ', '\t']).strip_suffix(':')?;
    let is_plain = !key.trim().is_empty() && !key.contains(['"', '\'', '#', '\t', '{', '[']);
    // Lines are slices of the text, so the difference of their addresses is the index.
    let index = (rest.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (is_plain && rest.starts_with('\t')).then_some(index)
}

/// Reads a JSON text, also with tabs between its tokens and with surrogate pairs, which YAML doesn't have.
pub(crate) fn load_json(text: &str, limits: &Limits) -> Result<Document, Vec<Finding>> {
    let (yaml, pairs) = without_pairs(text);
    match load(yaml.as_bytes(), limits) {
        Ok(mut document) => {
            pairs.restore(&mut document.root);
            Ok(document)
        }
        Err(mut findings) => {
            for finding in &mut findings {
                if let (Some(line), Some(column)) = (finding.line, finding.column) {
                    finding.column = Some(pairs.column(line, column));
                }
            }
            Err(findings)
        }
    }
}

/// Where escapes were written shorter: the line, and the column behind the escape in the new text.
struct Pairs(Vec<(u32, u32)>);

/// A pair of escapes has this many characters more than the one escape that stands for it.
const SHORTER: u32 = 2;

impl Pairs {
    /// The column that a place had.
    fn column(&self, line: u32, column: u32) -> u32 {
        let before = self.0.iter().filter(|(at, behind)| *at == line && *behind <= column).count();
        column.saturating_add(SHORTER.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX)))
    }

    fn restore(&self, node: &mut Node) {
        if self.0.is_empty() {
            return;
        }
        node.column = self.column(node.line, node.column);
        match &mut node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::Seq(nodes) => nodes.iter_mut().for_each(|node| self.restore(node)),
            NodeValue::Map(entries) => {
                for entry in entries {
                    entry.column = self.column(entry.line, entry.column);
                    self.restore(&mut entry.value);
                }
            }
        }
    }
}

/// A JSON text as YAML reads it: a space for each tab, which can stand only between tokens, and `\U0001F680` for
/// `\ud83d\ude80`.
fn without_pairs(json: &str) -> (String, Pairs) {
    let mut text = String::with_capacity(json.len());
    let (mut pairs, mut line, mut column) = (Vec::new(), 1_u32, 1_u32);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        let mut written = 1;
        if c == '\\' {
            if let Some(pair) = pair(rest) {
                let escape = format!("\\U{:08X}", u32::from(pair));
                text.push_str(&escape);
                (length, written) = (12, 10);
                pairs.push((line, column.saturating_add(written)));
            } else {
                // The character behind it belongs to it.
                length += rest.get(1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                text.push_str(rest.get(..length).unwrap_or_default());
                written = 2;
            }
        } else {
            text.push(if c == '\t' { ' ' } else { c });
        }
        let next = rest.get(length..).unwrap_or_default();
        if c == '\n' || (c == '\r' && !next.starts_with('\n')) {
            (line, column) = (line.saturating_add(1), 1);
        } else {
            column = column.saturating_add(written);
        }
        rest = next;
    }
    (text, Pairs(pairs))
}

/// The character of a surrogate pair that a text begins with.
pub(super) fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok().filter(|_| escape.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    char::decode_utf16([unit(0)?, unit(6)?]).next()?.ok().filter(|c| u32::from(*c) > 0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Document {
        load(text.as_bytes(), &Limits::config()).unwrap()
    }

    fn pasted(text: &str) -> Document {
        load_pasted(text.as_bytes(), &Limits::config()).unwrap()
    }

    #[test]
    fn json_of_other_programs_is_read_and_its_places_are_those_of_the_file() {
        let json = "{\n\t\"a\":\t[\"x\\ud83d\\ude80\\\\ud83d\", \"\\ud83d\\ude80\", 1],\r\n\t\"\\ud842\\udfb7\": {\"c\": 2}\r}";
        let document = pasted(json);
        let text = |pointer: &str| document.node(pointer).unwrap().scalar().unwrap().text.clone();
        assert_eq!((text("/a/0"), text("/a/1")), ("x🚀\\ud83d".to_owned(), "🚀".to_owned()));
        let value = |pointer: &str| document.place(pointer).unwrap().value;
        assert_eq!((value("/a/0"), value("/a/1"), value("/a/2")), ((2, 8), (2, 32), (2, 48)));
        assert_eq!(
            document.place("/𠮷/c").unwrap(),
            super::super::Place { key: Some((3, 19)), value: (3, 24) }
        );
    }

    #[test]
    fn mistakes_in_json_of_other_programs_have_the_places_of_the_file() {
        let json = r#"{"x": "\ud83d\ude80", "a": 1, "a": 2}"#;
        let findings = load_pasted(json.as_bytes(), &Limits::config()).unwrap_err();
        assert_eq!((findings[0].code.clone(), findings[0].column), (codes::YAML_DUPLICATE_KEY, Some(31)));
        // One half of a pair is no character: not even in JSON.
        assert!(load_pasted(br#"{"x": "\ud83d"}"#, &Limits::config()).is_err());
    }

    #[test]
    fn a_tab_between_key_and_value_is_a_space() {
        let document = pasted("a:\n  env:\tprod\t\n  region: \t us-west-2\n  list:\n    - x:\t1\n");
        assert_eq!(document.to_json(), strict("a: {env: prod, region: us-west-2, list: [{x: 1}]}").to_json());
        assert_eq!(document.place("/a/env").unwrap().value, (2, 8));
    }

    #[test]
    fn other_tabs_are_refused_as_before() {
        for text in ["a:\n\tb: 1\n", "a:\n  - \tb: 1\n    c: 2\n", "a:\tb: c\n", "\"a:\tb\": [\n\t1\n"] {
            let plain = load(text.as_bytes(), &Limits::config());
            assert_eq!(load_pasted(text.as_bytes(), &Limits::config()).is_ok(), plain.is_ok(), "{text:?}");
        }
    }
}

//! `drift-ignore.yaml`: what people decided to live with, for how long, and why.
//!
//! ```yaml
//! ignore:
//!   - stack: techcorp-dev-*        # a stack's name; `*` stands for anything
//!     logical_id: CodebuildRole    # `*` stands for anything
//!     property: /ManagedPolicyArns # a JSON pointer; `*` stands for anything
//!     reason: The security team attaches its read-only policy
//!     who: jane@techcorp.example
//!     expires: 2027-06-30          # on this day it counts for the last time
//! ```

use serde::{Deserialize, Serialize};

use super::report::{Finding as Drift, Kind};
use crate::codes;
use crate::finding::Finding;
use crate::yaml::{self, Document, Limits};

/// Where the list lies in the suite's bucket.
pub const KEY: &str = "drift-ignore.yaml";

const FIELDS: [&str; 6] = ["stack", "logical_id", "property", "reason", "who", "expires"];

/// The ignore list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ignore {
    entries: Vec<Entry>,
    mistakes: Vec<Finding>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Stacks by name.
    pub stack: String,
    /// Resources by logical id.
    pub logical_id: String,
    /// Properties by JSON pointer.
    pub property: String,
    /// Why.
    pub reason: String,
    /// Who decided it.
    pub who: String,
    /// The last day, `YYYY-MM-DD`.
    pub expires: String,
    /// Its line in the file.
    pub line: u32,
}

impl Ignore {
    /// Reads the list. With a mistake anywhere in it nothing is ignored: what was meant is not known, and a finding too many
    /// is better than one too few.
    pub fn read(bytes: &[u8]) -> Self {
        let document = match yaml::load(bytes, &Limits::config()) {
            Ok(document) => document,
            Err(mistakes) => return Self { entries: Vec::new(), mistakes },
        };
        let mut list = Self::default();
        let json = document.to_json();
        match json.get("ignore") {
            Some(serde_json::Value::Array(entries)) => {
                for (index, entry) in entries.iter().enumerate() {
                    list.entry(&document, index, entry);
                }
            }
            _ => list.mistake(
                &document,
                "",
                "the file has no list `ignore`",
                "write `ignore:` and below it `- stack: ...`",
            ),
        }
        for key in json.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| *key != "ignore") {
            let message = format!("`{key}` is no key of this file; allowed is `ignore`");
            list.mistake(&document, &yaml::join("", key), message, "remove it");
        }
        if !list.mistakes.is_empty() {
            list.entries.clear();
        }
        list
    }

    fn mistake(&mut self, document: &Document, path: &str, message: impl Into<String>, help: &str) {
        let place = document.nearest_place(path);
        let (line, column) = place.key.unwrap_or(place.value);
        self.mistakes.push(Finding::error(codes::DRIFT_IGNORE, path, message).help(help).at(line, column));
    }

    fn entry(&mut self, document: &Document, index: usize, entry: &serde_json::Value) {
        let path = format!("/ignore/{index}");
        let Some(fields) = entry.as_object() else {
            self.mistake(
                document,
                &path,
                "an entry is a map",
                "give it `stack`, `logical_id`, `property`, `reason`, `who` and `expires`",
            );
            return;
        };
        for key in fields.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
            let message = format!("`{key}` is no key of an entry; allowed are {}", FIELDS.join(", "));
            self.mistake(document, &yaml::join(&path, key), message, "remove it, or mend its spelling");
        }
        let mut value = |key: &str| {
            let text =
                fields.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.trim().is_empty());
            if text.is_none() {
                let at = yaml::join(&path, key);
                let message = format!("an entry needs `{key}`, a text that isn't empty");
                self.mistake(
                    document,
                    &at,
                    message,
                    "`*` stands for anything in `stack`, `logical_id` and `property`",
                );
            }
            text.unwrap_or_default().to_owned()
        };
        let [stack, logical_id, property, reason, who, expires] = FIELDS.map(&mut value);
        if !expires.is_empty() && !is_date(&expires) {
            let message = format!("`expires` is `{expires}`, which is no date");
            self.mistake(document, &yaml::join(&path, "expires"), message, "write it as 2027-06-30");
        }
        let line = document.nearest_place(&path).value.0;
        self.entries.push(Entry { stack, logical_id, property, reason, who, expires, line });
    }

    /// The entry by which a finding doesn't count. What could not be checked is never ignored. `at` is an RFC 3339 time.
    pub fn entry_for(&self, stack: &str, finding: &Drift, at: &str) -> Option<(usize, &Entry)> {
        if finding.kind == Kind::CouldNotCheck {
            return None;
        }
        let today = at.get(..10).unwrap_or(at);
        self.entries.iter().enumerate().find(|(_, entry)| {
            entry.expires.as_str() >= today
                && matches(&entry.stack, stack)
                && matches(&entry.logical_id, &finding.logical_id)
                && matches(&entry.property, &finding.property)
        })
    }

    /// What is wrong with the list itself: mistakes in it, entries whose time is over, and those that matched nothing in a
    /// whole run. `used` are the numbers of the entries that matched.
    pub fn problems(
        &self,
        used: &std::collections::BTreeSet<usize>,
        at: &str,
        whole_run: bool,
    ) -> Vec<Finding> {
        let today = at.get(..10).unwrap_or(at);
        let mut problems = self.mistakes.clone();
        for (number, entry) in self.entries.iter().enumerate() {
            let path = format!("/ignore/{number}");
            let who = format!(
                "`{}` `{}` `{}` ({}: {})",
                entry.stack, entry.logical_id, entry.property, entry.who, entry.reason
            );
            let mut problem = if entry.expires.as_str() < today {
                Finding::warning(
                    codes::DRIFT_IGNORE_EXPIRED,
                    path,
                    format!("the entry for {who} expired on {}", entry.expires),
                )
                .help("remove it, or decide anew and give it a later day")
            } else if whole_run && !used.contains(&number) {
                Finding::warning(
                    codes::DRIFT_IGNORE_UNUSED,
                    path,
                    format!("the entry for {who} matched nothing"),
                )
                .help("remove it, or mend its spelling")
            } else {
                continue;
            };
            problem.line = Some(entry.line);
            problems.push(problem);
        }
        problems
    }
}

/// Whether `*` in a pattern can stand for something that makes it the text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            match rest.find(middle).and_then(|at| rest.get(at + middle.len()..)) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Whether a text is a day of the calendar, near enough to be compared.
fn is_date(text: &str) -> bool {
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    text.len() == 10 && matches!(parts.as_slice(), [Some(2000..=9999), Some(1..=12), Some(1..=31)])
}

#[cfg(test)]
mod tests {
    use super::super::report::{Severity, Source};
    use super::*;

    fn finding(logical_id: &str, property: &str) -> Drift {
        Drift {
            kind: Kind::Drifted,
            severity: Severity::High,
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: "AWS::IAM::Role".to_owned(),
            property: property.to_owned(),
            expected: None,
            actual: None,
            source: Source::Probe,
            message: String::new(),
            mend: String::new(),
            fingerprint: String::new(),
        }
    }

    const LIST: &str = "ignore:
  - stack: team-*-stack
    logical_id: BuildRole
    property: /ManagedPolicyArns*
    reason: read-only for security
    who: jane
    expires: 2027-06-30
";

    #[test]
    fn an_entry_counts_for_what_it_names_until_its_last_day() {
        let list = Ignore::read(LIST.as_bytes());
        assert_eq!(list.mistakes, []);
        let (day, later) = ("2027-06-30T23:00:00Z", "2027-07-01T00:00:00Z");
        let of = |stack, id, property, at| list.entry_for(stack, &finding(id, property), at).is_some();
        assert!(of("team-a-stack", "BuildRole", "/ManagedPolicyArns", day));
        assert!(!of("team-a-stack", "BuildRole", "/ManagedPolicyArns", later));
        assert!(!of("team-a-stack", "OtherRole", "/ManagedPolicyArns", day));
        assert!(!of("team-a-stack", "BuildRole", "/Policies", day));
        assert!(!of("others", "BuildRole", "/ManagedPolicyArns", day));
        let problems = |used: &[usize], at| list.problems(&used.iter().copied().collect(), at, true);
        assert_eq!(problems(&[0], day), []);
        assert_eq!(problems(&[], day).first().map(|it| it.code.clone()), Some(codes::DRIFT_IGNORE_UNUSED));
        let expired = problems(&[0], later);
        assert_eq!(
            expired.first().map(|it| (it.code.clone(), it.line)),
            Some((codes::DRIFT_IGNORE_EXPIRED, Some(2)))
        );
    }

    #[test]
    fn mistakes_are_told_at_once_with_their_lines_and_nothing_is_ignored_then() {
        let list = Ignore::read(
            LIST.replace("expires: 2027-06-30", "expires: soon\n    whom: x")
                .replace("    who: jane\n", "")
                .as_bytes(),
        );
        let told: Vec<_> = list.mistakes.iter().map(|it| (it.line, it.path.as_str())).collect();
        assert_eq!(
            told,
            [(Some(7), "/ignore/0/whom"), (Some(2), "/ignore/0/who"), (Some(6), "/ignore/0/expires")]
        );
        assert!(
            list.entry_for("team-a-stack", &finding("BuildRole", "/ManagedPolicyArns"), "2026").is_none()
        );
        assert_eq!(Ignore::read(b"[]").mistakes.len(), 1);
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "x", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("abc", "abc", true),
            ("ab", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}

//! `drift-ignore.yaml`: which findings the operators accept, until when, and why.
//!
//! ```yaml
//! ignore:
//!   - stack: techcorp-dev-*        # a stack's name; `*` stands for anything
//!     logical_id: CodebuildRole    # `*` stands for anything
//!     property: /ManagedPolicyArns/arn:aws:iam::aws:policy~1ReadOnlyAccess # a JSON pointer; `*` stands for anything
//!     reason: The security team attaches its read-only policy
//!     who: jane@techcorp.example
//!     expires: 2027-06-30          # on this day it counts for the last time
//! ```

use std::collections::BTreeSet;

use mlp_product::outcome::sha256;
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::glob::matches;
use mlp_template::yaml::{self, Document, Limits};
use serde::{Deserialize, Serialize};

use super::report::{DriftFinding, FindingKind};

/// The key of the list in the suite's bucket.
pub const KEY: &str = "drift-ignore.yaml";

const FIELDS: [&str; 6] = ["stack", "logical_id", "property", "reason", "who", "expires"];

/// The ignore list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IgnoreList {
    entries: Vec<IgnoreEntry>,
    mistakes: Vec<Finding>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreEntry {
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

impl IgnoreEntry {
    /// The fingerprint doesn't depend on the entry's position: the list may be edited during a run.
    pub fn fingerprint(&self) -> String {
        let Self { stack, logical_id, property, reason, who, expires, line: _ } = self;
        let parts = [stack, logical_id, property, reason, who, expires].map(String::as_str).join("\n");
        sha256(parts.as_bytes()).chars().take(16).collect()
    }
}

impl IgnoreList {
    /// Reads the list. If it has a mistake, nothing is ignored: a finding too many is better than one too few.
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
            let message = format!("`{key}` is not a key of this file; only `ignore` is allowed");
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
            let message = format!("`{key}` is not a key of an entry; allowed are {}", FIELDS.join(", "));
            self.mistake(document, &yaml::join(&path, key), message, "remove it, or fix its spelling");
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
            let message = format!("`expires` is `{expires}`, which is not a date");
            self.mistake(document, &yaml::join(&path, "expires"), message, "write it as 2027-06-30");
        }
        let line = document.nearest_place(&path).value.0;
        self.entries.push(IgnoreEntry { stack, logical_id, property, reason, who, expires, line });
    }

    /// All entries that match a finding. A failed check is never ignored. `at` is an RFC 3339 time.
    pub fn entries_for(&self, stack: &str, finding: &DriftFinding, at: &str) -> Vec<&IgnoreEntry> {
        if finding.kind == FindingKind::CouldNotCheck {
            return Vec::new();
        }
        let today = at.get(..10).unwrap_or(at);
        let names_it = |entry: &&IgnoreEntry| {
            entry.expires.as_str() >= today
                && matches(&entry.stack, stack)
                && matches(&entry.logical_id, &finding.logical_id)
                && matches(&entry.property, &finding.property)
        };
        self.entries.iter().filter(names_it).collect()
    }

    /// What is wrong with the list itself: mistakes in it, entries whose time is over, and those that matched nothing in a
    /// whole run. `used` are the fingerprints of the entries that matched.
    pub fn problems(&self, used: &BTreeSet<String>, at: &str, whole_run: bool) -> Vec<Finding> {
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
                .help("remove it, or give it a later date")
            } else if whole_run && !used.contains(&entry.fingerprint()) {
                Finding::warning(
                    codes::DRIFT_IGNORE_UNUSED,
                    path,
                    format!("the entry for {who} matched nothing"),
                )
                .help("remove it, or fix its spelling")
            } else {
                continue;
            };
            problem.line = Some(entry.line);
            problems.push(problem);
        }
        problems
    }
}

/// Whether a text is a day of the calendar.
fn is_date(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let parts: Vec<Option<u32>> = text.split('-').map(|part| part.parse().ok()).collect();
    let [Some(year @ 2000..=9999), Some(month), Some(day)] = parts.as_slice() else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    is_digits && lengths == [4, 2, 2] && (1..=days).contains(day)
}

#[cfg(test)]
mod tests {
    use super::super::report::{DriftSeverity, FindingSource};
    use super::*;

    fn finding(logical_id: &str, property: &str) -> DriftFinding {
        DriftFinding {
            kind: FindingKind::Drifted,
            severity: DriftSeverity::High,
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: "AWS::IAM::Role".to_owned(),
            property: property.to_owned(),
            expected: None,
            actual: None,
            source: FindingSource::Probe,
            message: String::new(),
            remediation: String::new(),
            fingerprint: String::new(),
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for good in ["2026-11-29", "2028-02-29", "2027-02-28", "2000-02-29", "2026-12-31"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "2027-02-30",
            "2027-02-29",
            "2100-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-1-001",
            "2026-+1-01",
            "x",
        ] {
            assert!(!is_date(bad), "{bad}");
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
        let list = IgnoreList::read(LIST.as_bytes());
        assert_eq!(list.mistakes, []);
        let (day, later) = ("2027-06-30T23:00:00Z", "2027-07-01T00:00:00Z");
        let of = |stack, id, property, at| !list.entries_for(stack, &finding(id, property), at).is_empty();
        assert!(of("team-a-stack", "BuildRole", "/ManagedPolicyArns", day));
        assert!(!of("team-a-stack", "BuildRole", "/ManagedPolicyArns", later));
        assert!(!of("team-a-stack", "OtherRole", "/ManagedPolicyArns", day));
        assert!(!of("team-a-stack", "BuildRole", "/Policies", day));
        assert!(!of("others", "BuildRole", "/ManagedPolicyArns", day));
        let used: BTreeSet<String> = list.entries.iter().map(IgnoreEntry::fingerprint).collect();
        assert_eq!(list.problems(&used, day, true), []);
        let unused = list.problems(&BTreeSet::new(), day, true);
        assert_eq!(unused.first().map(|it| it.code.clone()), Some(codes::DRIFT_IGNORE_UNUSED));
        let expired = list.problems(&used, later, true);
        assert_eq!(
            expired.first().map(|it| (it.code.clone(), it.line)),
            Some((codes::DRIFT_IGNORE_EXPIRED, Some(2)))
        );
    }

    #[test]
    fn every_entry_that_names_a_finding_is_used_wherever_it_stands() {
        let another = LIST.replace("ignore:\n", "").replace("/ManagedPolicyArns*", "'*'");
        let list = IgnoreList::read(format!("{LIST}{another}").as_bytes());
        let day = "2026-11-24T06:00:00Z";
        let found = list.entries_for("team-a-stack", &finding("BuildRole", "/ManagedPolicyArns/a"), day);
        let used: BTreeSet<String> = found.into_iter().map(IgnoreEntry::fingerprint).collect();
        assert_eq!(used.len(), 2);
        assert_eq!(list.problems(&used, day, true), []);
        // Somebody puts an entry before them in the middle of the run.
        let new = LIST.replace("BuildRole", "NobodysRole");
        let rest = LIST.replace("ignore:\n", "");
        let edited = IgnoreList::read(format!("{new}{rest}{another}").as_bytes());
        let lines: Vec<_> = edited.problems(&used, day, true).iter().map(|it| it.line).collect();
        assert_eq!(lines, [Some(2)], "the new one matched nothing, and the others did");
    }

    #[test]
    fn mistakes_are_told_at_once_with_their_lines_and_nothing_is_ignored_then() {
        let list = IgnoreList::read(
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
            list.entries_for("team-a-stack", &finding("BuildRole", "/ManagedPolicyArns"), "2026").is_empty()
        );
        assert_eq!(IgnoreList::read(b"[]").mistakes.len(), 1);
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

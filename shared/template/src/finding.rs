//! What is wrong with an input, where, what is allowed and what to do.
//!
//! A check never stops at its first finding: everything is collected, sorted by place and shown at once.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pointer;

/// Whether a finding blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Blocks: nothing is generated.
    Error,
    /// Worth reading; generation goes on.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A finding's stable name, such as `MLP-CFG-003`. It never changes its meaning and is never used again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A code of our own (see [`crate::codes`]).
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One finding, in the shape that the status object and `mlp --format json` publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name of the rule.
    pub code: Code,
    /// Whether it blocks.
    pub severity: Severity,
    /// RFC 6901 JSON pointer into the document; empty for the document itself.
    pub path: String,
    /// 1-based line in the user's file, when the input was a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// 1-based column in characters (not bytes), when the input was a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The resource that it is about, in findings on templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_id: Option<String>,
    /// The property that it is about, dotted, below the resource's `Properties`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// What was found and what is allowed, one sentence.
    pub message: String,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// A blocking finding without a place yet.
    pub fn error(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            path: bounded(path.into()),
            line: None,
            column: None,
            logical_id: None,
            property: None,
            message: message.into(),
            why: None,
            help: None,
        }
    }

    /// A finding that doesn't block, without a place yet.
    pub fn warning(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says why it matters.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Names the resource and the property that its pointer into a template leads to.
    ///
    /// ```
    /// # use mlp_template::codes;
    /// # use mlp_template::finding::Finding;
    /// let path = "/Resources/Key/Properties/KeyPolicy/Statement/0/Principal";
    /// let finding = Finding::error(codes::TPL_SHAPE, path, "...").in_resource();
    /// assert_eq!(finding.logical_id.as_deref(), Some("Key"));
    /// assert_eq!(finding.property.as_deref(), Some("KeyPolicy.Statement.0.Principal"));
    /// ```
    #[must_use]
    pub fn in_resource(mut self) -> Self {
        let mut steps = pointer::tokens(&self.path).collect::<Vec<_>>().into_iter();
        if steps.next().as_deref() != Some("Resources") {
            return self;
        }
        let logical_id = steps.next();
        if steps.next().as_deref() == Some("Properties") {
            self.property = Some(steps.collect::<Vec<_>>().join(".")).filter(|path| !path.is_empty());
        }
        self.logical_id = logical_id;
        self
    }

    /// Adds the place: 1-based line, 1-based column in characters. Line 0 is that of a node without a place.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        if line > 0 {
            self.line = Some(line);
            self.column = Some(column);
        }
        self
    }
}

/// The longest step of a finding's pointer, in characters. Names of CloudFormation have 255 at most.
const LONGEST_STEP: usize = 300;

/// A pointer whose longer steps are cut off: thousands of findings below one endless name would otherwise each hold all
/// of it.
pub(crate) fn bounded(pointer: String) -> String {
    if pointer.len() <= LONGEST_STEP {
        return pointer;
    }
    let steps = pointer.split('/').map(|step| match step.char_indices().nth(LONGEST_STEP) {
        Some((end, _)) => format!("{}…", step.get(..end).unwrap_or_default()),
        None => step.to_owned(),
    });
    steps.collect::<Vec<_>>().join("/")
}

/// Whether any finding blocks.
pub fn blocks(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// The most findings that a stored result, a status object or an execution holds. Another object has all of them.
pub const MAX_FINDINGS: usize = 200;

/// The most that these findings take as JSON, in bytes. Step Functions carries 256 KiB from state to state.
pub const MAX_FINDINGS_BYTES: usize = 100_000;

/// What a list of findings takes as JSON, in bytes.
pub fn size(findings: &[Finding]) -> usize {
    findings.iter().map(size_of).sum()
}

/// What a finding takes in a list, in bytes of JSON.
fn size_of(finding: &Finding) -> usize {
    serde_json::to_string(finding).map_or(0, |text| text.len() + 1)
}

/// Leaves the most important findings, so many and of so many bytes at most: errors before warnings, and of each the first.
/// Their order stays. The answer is how many were left out.
pub fn keep(findings: &mut Vec<Finding>, most: usize, bytes: usize) -> usize {
    let all = findings.len();
    if all <= most && size(findings) <= bytes {
        return 0;
    }
    let mut by_rank: Vec<usize> = (0..all).collect();
    // Stable: within a rank the order of the file stays.
    by_rank.sort_by_key(|index| findings.get(*index).map(|finding| finding.severity));
    let (mut count, mut left) = (0, bytes);
    let mut kept = vec![false; all];
    for index in by_rank {
        let rest = findings.get(index).and_then(|finding| left.checked_sub(size_of(finding)));
        if let (Some(rest), Some(kept), true) = (rest, kept.get_mut(index), count < most) {
            (*kept, left, count) = (true, rest, count + 1);
        }
    }
    let mut kept = kept.into_iter();
    findings.retain(|_| kept.next().unwrap_or_default());
    all - findings.len()
}

/// Puts findings into the order in which every output shows them: by place, then code, then message; doubles go.
pub fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.line.unwrap_or(0), a.column.unwrap_or(0), &a.path, &a.code, &a.message).cmp(&(
            b.line.unwrap_or(0),
            b.column.unwrap_or(0),
            &b.path,
            &b.code,
            &b.message,
        ))
    });
    findings.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn errors_are_kept_before_warnings_and_the_order_stays() {
        let made = |severity, index: usize| {
            let finding = Finding::error(codes::TPL_SHAPE, format!("/{index}"), "x".repeat(50));
            Finding { severity, ..finding }
        };
        let all: Vec<Finding> = (0..300)
            .map(|index| made(if index % 3 == 0 { Severity::Error } else { Severity::Warning }, index))
            .collect();
        let kept = |most, bytes| {
            let mut findings = all.clone();
            let left_out = keep(&mut findings, most, bytes);
            assert_eq!(findings.len() + left_out, 300);
            assert!(findings.is_sorted_by_key(|it| it.path[1..].parse::<usize>().unwrap()));
            findings
        };
        assert_eq!(kept(300, usize::MAX), all);
        let some = kept(200, usize::MAX);
        assert_eq!(some.len(), 200);
        assert_eq!(some.iter().filter(|it| it.severity == Severity::Error).count(), 100);
        let few = kept(200, size(&all[..20]));
        assert!((15..=20).contains(&few.len()) && few.iter().all(|it| it.severity == Severity::Error));
        assert!(size(&few) <= size(&all[..20]));
        assert_eq!(kept(200, 10), []);
    }

    #[test]
    fn a_pointer_keeps_every_step_and_cuts_off_endless_ones() {
        let usual = format!("/Resources/{}/Properties/Tags/0", "A".repeat(255));
        assert_eq!(Finding::error(codes::TPL_SHAPE, usual.clone(), "").path, usual);
        let endless = Finding::error(codes::TPL_SHAPE, format!("/Resources/{}/Type", "é".repeat(9_000)), "");
        assert_eq!(endless.path, format!("/Resources/{}…/Type", "é".repeat(300)));
    }
}

//! Every built-in check with its documentation, from which `docs/checks.md` is made.

use crate::finding::{Code, Finding, Severity};

use super::{guard, organisation, policies, resource_access, secrets, tags};

/// A check: what it is called, what it means, and what to do.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Such as `MLP-IAM-001`. It never changes its meaning.
    pub code: &'static str,
    /// Whether it blocks.
    pub severity: Severity,
    /// A few words.
    pub title: &'static str,
    /// Why it matters, one sentence.
    pub why: &'static str,
    /// How to mend it, one sentence.
    pub help: &'static str,
    /// What it looks at and what not, with an example, in Markdown.
    pub details: &'static str,
    /// Whether it is for the enterprise tier: nothing in the other tiers, a warning in templates that aren't ours.
    pub enterprise_only: bool,
}

impl Check {
    /// The details as Markdown, freed from the marks of the comment that they stand in.
    pub fn documentation(&self) -> String {
        self.details.trim().lines().fold(String::new(), |mut text, line| {
            let line = line.strip_prefix('#').unwrap_or(line);
            text.push_str(line.strip_prefix(' ').unwrap_or(line));
            text.push('\n');
            text
        })
    }

    /// A finding of this check, without a place.
    pub(super) fn finding(&self, message: impl Into<String>) -> Finding {
        let finding = Finding::error(Code::new(self.code), "", message).why(self.why).help(self.help);
        Finding { severity: self.severity, ..finding }
    }
}

/// Declares a check: the doc comment is what users read.
macro_rules! check {
    ($(#[doc = $details:literal])* $name:ident = $code:literal, $severity:ident, $title:literal;
     why: $why:literal; help: $help:literal;) => {
        pub(super) const $name: $crate::security::Check = $crate::security::Check {
            code: $code,
            severity: $crate::finding::Severity::$severity,
            title: $title,
            why: $why,
            help: $help,
            details: concat!($($details, "\n"),*),
            enterprise_only: false,
        };
    };
}
pub(super) use check;

/// Every check, in the order of their codes.
pub fn checks() -> Vec<Check> {
    let mut all: Vec<Check> = guard::CHECKS.iter().map(|rule| rule.check).collect();
    for checks in
        [policies::CHECKS, resource_access::CHECKS, tags::CHECKS, secrets::CHECKS, organisation::CHECKS]
    {
        all.extend_from_slice(checks);
    }
    all.sort_by_key(|check| check.code);
    all
}

/// What a check's code means, in a few words.
pub(crate) fn title(code: &str) -> Option<&'static str> {
    checks().iter().find(|check| check.code == code).map(|check| check.title)
}

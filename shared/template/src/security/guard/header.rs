//! The comment above a rule: what it is called, what it means, and what users read about it.
//!
//! ```text
//! # MLP-S3-001 error enterprise
//! # A bucket that can be made public
//! # Why: ...
//! # Help: ...
//! # Types: AWS::S3::Bucket
//! #
//! # Details in Markdown.
//! rule bucket_can_be_public {
//! ```

use super::GuardCheck;
use crate::finding::Severity;
use crate::security::Check;

/// The checks of a file. A rule without a whole header is left out; a test sees to it that there is none.
pub(super) fn checks(file: &'static str) -> Vec<GuardCheck> {
    let mut checks = Vec::new();
    let mut rest = file;
    while let Some(start) = rest.find("# MLP-") {
        let (_, from) = rest.split_at(start);
        let Some((header, after)) = from.split_once("\nrule ") else { break };
        checks.extend(read(header, after));
        rest = after;
    }
    checks
}

fn read(header: &'static str, rule: &'static str) -> Option<GuardCheck> {
    let mut lines = header.lines().map(|line| line.trim_start_matches('#').trim());
    let mut first = lines.next()?.split(' ');
    let code = first.next()?;
    let severity = match first.next()? {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => return None,
    };
    let enterprise_only = first.next() == Some("enterprise");
    let title = lines.next()?;
    let why = lines.next()?.strip_prefix("Why: ")?;
    let help = lines.next()?.strip_prefix("Help: ")?;
    let types = lines.next()?.strip_prefix("Types: ")?.split(' ').collect();
    let (_, details) = header.split_once("\n#\n")?;
    // Variables of the file may stand between the comment and the rule.
    let details = details.split_once("\nlet ").map_or(details, |(details, _)| details);
    let rule = rule.split([' ', '{']).next()?;
    let check = Check { code, severity, title, why, help, details, enterprise_only };
    Some(GuardCheck { check, rule, types })
}

//! Checks over finished templates, ours and anybody's.
//!
//! [`structure`] finds what CloudFormation itself would refuse, so that nobody waits for a change set to learn of a
//! typing error. It doesn't know the properties of resource types: `cfn-lint` does that better. One file a concern;
//! each adds to one [`Report`], none stops at its first finding.
//!
//! # Templates with macros
//!
//! A template with a `Transform` is not what CloudFormation will see. How much is known depends on the macro:
//!
//! - `AWS::LanguageExtensions` is part of the language: its functions are checked like all others, and the names that a
//!   `Fn::ForEach` makes are known by their pattern.
//! - SAM (`AWS::Serverless-...`) makes several resources of one; their names begin with that resource's. So does
//!   `MLProvisioner`. Other unknown names are warnings under SAM.
//! - Any other macro may change everything, so whatever is found is a warning.

mod circles;
mod functions;
mod graph;
mod limits;
mod outputs;
pub(crate) mod places;
mod references;
mod sections;
pub mod sizes;
mod written;

use std::collections::HashSet;

pub use limits::parameter_and_resource;
pub use references::made_by_loop;

use crate::codes;
use crate::finding::{self, Code, Finding, Severity};
use crate::suggest::Suggestions;
use crate::template::{Path, Template, Transforms, read};
use crate::yaml::{self, Document};

/// The most characters of a managed policy, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
pub const MAX_POLICY_SIZE: usize = 6144;

/// The findings on a template's structure; without line and column, for templates that were never a file.
///
/// ```
/// # use mlp_template::check;
/// # use mlp_template::template::{Resource, Template, Value, map};
/// let bucket = Resource {
///     kind: "AWS::S3::Bucket".into(),
///     properties: map([("BucketName", Value::reference("Nmae"))]),
///     ..Resource::default()
/// };
/// let template = Template { resources: [("Bucket".into(), bucket)].into(), ..Template::default() };
/// let findings = check::structure(&template);
/// assert_eq!(findings[0].code.as_str(), "MLP-TPL-005");
/// assert_eq!(findings[0].path, "/Resources/Bucket/Properties/BucketName");
/// ```
pub fn structure(template: &Template) -> Vec<Finding> {
    run(template, None, &Suggestions::default())
}

/// The findings on the structure of a template that [`read::from_document`] read from this document. Their pointers
/// lead into the document as it is written: `!Join [",", [x]]` has no `Fn::Join` in it.
pub fn structure_of(template: &Template, document: &Document) -> Vec<Finding> {
    run(template, Some(document), &Suggestions::default())
}

/// Reads and checks a document: what [`read::from_document`] and [`structure_of`] find.
pub fn document(document: &Document) -> (Vec<Finding>, Template) {
    let suggestions = Suggestions::default();
    let (template, mut findings) = read::with_suggestions(document, &suggestions);
    // What could not be read is missing from the template; that it is missing is no second finding.
    let unread: HashSet<String> = findings.iter().map(|finding| finding.path.clone()).collect();
    let found = run(&template, Some(document), &suggestions).into_iter();
    findings.extend(found.filter(|it| !unread.contains(&it.path)));
    findings.extend(written::check(document, template.transforms()));
    finding::sort(&mut findings);
    (findings, template)
}

/// Reads and checks the text of a template, YAML or JSON. No template: the text is neither.
pub fn text(bytes: &[u8]) -> (Vec<Finding>, Option<Template>) {
    match load(bytes) {
        Ok(found) => {
            let (findings, template) = document(&found);
            (findings, Some(template))
        }
        Err(findings) => (findings, None),
    }
}

/// Circles of resources in a template.
pub fn circles(template: &Template) -> Vec<Finding> {
    let suggestions = Suggestions::default();
    let transforms = template.transforms();
    let mut report =
        Report { template, document: None, transforms, suggestions: &suggestions, findings: Vec::new() };
    circles::check(&mut report);
    let Report { mut findings, .. } = report;
    weigh(&mut findings, transforms);
    findings
}

/// A macro that may change everything makes every finding a warning.
fn weigh(findings: &mut [Finding], transforms: Transforms) {
    if transforms.open {
        for finding in findings {
            finding.severity = Severity::Warning;
        }
    }
}

/// Whether a finished template's text is within CloudFormation's size.
pub fn size(text: &str) -> Option<Finding> {
    limits::size(text)
}

/// The text of a template, YAML or JSON, as a document.
///
/// JSON is YAML, with two exceptions that matter: tabs between its tokens, and characters beyond 16 bits as two escapes.
///
/// # Errors
///
/// The findings, when the text is neither.
pub fn load(bytes: &[u8]) -> Result<Document, Vec<Finding>> {
    let limits = yaml::Limits::template();
    // PowerShell and Visual Studio write a byte order mark, also before JSON.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let begins_like_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let json = str::from_utf8(bytes).ok().filter(|json| {
        begins_like_json
            && json.len() <= limits.bytes
            && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok()
    });
    let Some(json) = json else {
        return match str::from_utf8(bytes).ok().and_then(line_break_of_yaml_1_1) {
            Some(finding) => Err(vec![finding]),
            None => yaml::load(bytes, &limits),
        };
    };
    let read = yaml::load_json(json, &limits).map(|document| Document { remarks: Vec::new(), ..document });
    read.or_else(|findings| {
        let syntax = findings.iter().all(|finding| finding.code == codes::YAML_SYNTAX);
        // The last resort has no places. Numbers keep their digits in it.
        match yaml::Node::from_json_text(json) {
            Ok(root) if syntax => Ok(Document::of(root)),
            _ => Err(findings),
        }
    })
}

/// A character that ends a line in YAML 1.1, which CloudFormation reads, and is text in YAML 1.2: it would be read in two ways.
///
/// Source: YAML 1.1, 4.1.4 "Line Break Characters" (next line, line separator and paragraph separator); YAML 1.2.2, 5.4 ("they
/// are treated as non-break characters"). `PyYAML`, with which cfn-lint reads, follows 1.1.
fn line_break_of_yaml_1_1(text: &str) -> Option<Finding> {
    let (index, c) = text.char_indices().find(|(_, c)| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}'))?;
    let before = text.get(..index)?;
    let lines = before.split(['\n', '\r']).count() - before.matches("\r\n").count();
    let column = before.rsplit(['\n', '\r']).next()?.chars().count() + 1;
    let number = format!("U+{:04X}", u32::from(c));
    let message =
        format!("the file holds the character {number}, which CloudFormation reads as the end of a line");
    let help = format!("delete it; in double quotes, write it as the escape `\\u{:04X}`", u32::from(c));
    let finding = Finding::error(codes::YAML_CONTROL_CHARACTER, "", message).help(help);
    Some(finding.at(u32::try_from(lines).ok()?, u32::try_from(column).ok()?))
}

fn run(template: &Template, document: Option<&Document>, suggestions: &Suggestions) -> Vec<Finding> {
    let transforms = template.transforms();
    let mut report = Report { template, document, transforms, suggestions, findings: Vec::with_capacity(8) };
    sections::check(&mut report);
    limits::check(&mut report);
    functions::check(&mut report);
    references::check(&mut report);
    outputs::check(&mut report);
    circles::check(&mut report);
    let Report { mut findings, transforms, .. } = report;
    weigh(&mut findings, transforms);
    finding::sort(&mut findings);
    findings
}

/// What the checks share, and where they leave their findings.
struct Report<'t> {
    template: &'t Template,
    document: Option<&'t Document>,
    transforms: Transforms,
    suggestions: &'t Suggestions,
    findings: Vec<Finding>,
}

/// Which of the two places of an entry a finding shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Key,
    Value,
}

impl Report<'_> {
    /// "did you mean ...?", if there is something near.
    fn did_you_mean<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
        self.suggestions.did_you_mean(word, candidates)
    }

    /// An error about the value at `path`.
    fn error(&mut self, code: Code, path: &Path<'_>, message: impl Into<String>, help: impl Help) {
        self.add(Severity::Error, code, (path, Spot::Value), message.into(), help);
    }

    /// An error about the entry at `path`, shown at its key.
    fn error_at_key(&mut self, code: Code, path: &Path<'_>, message: impl Into<String>, help: impl Help) {
        self.add(Severity::Error, code, (path, Spot::Key), message.into(), help);
    }

    fn add(
        &mut self,
        severity: Severity,
        code: Code,
        (path, spot): (&Path<'_>, Spot),
        message: String,
        help: impl Help,
    ) {
        let finding = Finding { severity, help: help.text(), ..Finding::error(code, String::new(), message) };
        self.findings.push(match self.document {
            Some(document) => places::place(document, &path.tokens(), spot, finding),
            None => Finding { path: finding::bounded(path.to_string()), ..finding },
        });
    }
}

/// Help is optional, and either fixed or made.
trait Help {
    fn text(self) -> Option<String>;
}

impl Help for &str {
    fn text(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl Help for Option<String> {
    fn text(self) -> Option<String> {
        self
    }
}

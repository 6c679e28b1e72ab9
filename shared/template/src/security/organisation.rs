//! An organisation's own rules, written in Guard's language.

use super::catalogue::{Check, check};
use super::guard::circles::{self, LONGEST_CHAIN};
use super::guard::engine::{self, Problem};
use super::inspection::Inspection;
use crate::finding::{Finding, Severity};

pub(super) const CHECKS: &[Check] = &[RULE_FAILED, RULE_FILE_BROKEN, RULE_FILE_EMPTY];

check! {
    /// A rule of `rules/**/*.guard` in the bucket, or of the path given by `mlp --rules`, failed. Its message, the rule's name
    /// and its file are shown. Rules see the template as CloudFormation's JSON, intrinsic functions in long form; ours say
    /// in `Metadata.MLProvisioner` which tier, scenario, account and region they are for.
    ///
    /// A rule whose name begins with `warn_` gives warnings. A rule that is skipped by its `when` says nothing.
    ///
    /// ```text
    /// rule buckets_keep_versions when Metadata.MLProvisioner.Tier != "starter" {
    ///     Resources.*[ Type == "AWS::S3::Bucket" ].Properties.VersioningConfiguration.Status == "Enabled"
    ///         <<our buckets keep old versions; see the storage standard>>
    /// }
    /// ```
    RULE_FAILED = "MLP-RUL-001", Error, "A rule of the organisation failed";
    why: "The organisation that runs this suite asks for it.";
    help: "change the config, or ask whoever keeps the rules";
}

check! {
    /// A rule file can't be read as Guard or can't be evaluated. Nothing passes until it is mended or
    /// removed, because skipping it would enforce nothing and tell nobody.
    RULE_FILE_BROKEN = "MLP-RUL-002", Error, "A rule file that can't be used";
    why: "A rule that can't be evaluated protects nobody.";
    help: "mend the file or take it out of the folder; `cfn-guard validate` of AWS reads the same language";
}

check! {
    /// A rule file is empty or has only comments, as the placeholders in AWS's public registry of Guard rules do. It enforces
    /// nothing. The same finding reports a file whose name ends with `.rules` or `.ruleset` (only `*.guard` files are read), and
    /// a `mlp --rules PATH` without any `*.guard` file.
    RULE_FILE_EMPTY = "MLP-RUL-003", Warning, "Rules that enforce nothing";
    why: "Whoever put them there may believe that they enforce something.";
    help: "write the rule, or take the file away";
}

/// A rule file may have this many bytes.
pub const RULE_FILE_LIMIT: usize = 256 * 1024;

/// There may be this many rule files.
pub const RULE_FILES_LIMIT: usize = 100;

/// Brackets may stand this deep in each other; the parser calls itself for each.
const DEEPEST: usize = 16;

/// What a file is to the rules, by its name: the same in the suite's bucket and in a folder of `mlp --rules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleFileKind {
    /// A rule file, `*.guard`.
    Rules,
    /// A file that looks like one and is not read: `*.rules` and `*.ruleset`, which AWS's tools also write.
    Overlooked,
    /// Anything else: folders, notes.
    Other,
}

impl RuleFileKind {
    /// The kind of a file with this name, or of an object with this key.
    ///
    /// ```
    /// # use mlp_template::security::RuleFileKind;
    /// assert_eq!(RuleFileKind::of("rules/s3/encryption.GUARD"), RuleFileKind::Rules);
    /// assert_eq!(RuleFileKind::of("rules/s3.ruleset"), RuleFileKind::Overlooked);
    /// assert_eq!(RuleFileKind::of("rules/README.md"), RuleFileKind::Other);
    /// ```
    pub fn of(name: &str) -> Self {
        let is = |wanted: &str| {
            name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
        };
        if is("guard") {
            Self::Rules
        } else if is("rules") || is("ruleset") {
            Self::Overlooked
        } else {
            Self::Other
        }
    }
}

/// A rule file, not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Such as `rules/storage.guard`; it is shown in findings.
    pub name: String,
    /// Its bytes, or one more than [`RULE_FILE_LIMIT`] of them.
    pub text: Vec<u8>,
}

/// The rules of an organisation: those that can be used, and findings on those that can't.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    files: Vec<Usable>,
    findings: Vec<Finding>,
}

#[derive(Debug, Clone)]
struct Usable {
    name: String,
    text: String,
}

impl Rules {
    /// No rules but the built-in ones.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads rule files. What is wrong with them is a finding of every check that follows.
    ///
    /// ```
    /// # use mlp_template::security::{RuleFile, Rules};
    /// let file = RuleFile { name: "rules/a.guard".into(), text: b"rule a { Resources.* === }".to_vec() };
    /// let rules = Rules::parse(&[file]);
    /// assert!(rules.findings()[0].message.starts_with("rules/a.guard, line 1, column 24: "));
    /// ```
    pub fn parse(files: &[RuleFile]) -> Self {
        let mut rules = Self::default();
        for file in files.iter().take(RULE_FILES_LIMIT) {
            match read(file) {
                Ok(text) => rules.files.push(Usable { name: file.name.clone(), text }),
                Err(Unusable::Broken(reason)) => rules.findings.push(broken(&file.name, &reason)),
                Err(Unusable::Empty) => {
                    let message = format!("{} has no rule", file.name);
                    rules.findings.push(RULE_FILE_EMPTY.finding(message));
                }
            }
        }
        if files.len() > RULE_FILES_LIMIT {
            let message = format!("there are {} rule files; {RULE_FILES_LIMIT} are allowed", files.len());
            rules.findings.push(RULE_FILE_BROKEN.finding(message).help("put the rules into fewer files"));
        }
        rules
    }

    /// Adds a finding for each file that looks like a rule file and isn't read.
    #[must_use]
    pub fn with_overlooked<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names.into_iter().take(RULE_FILES_LIMIT) {
            let message = format!("{name} is not read: the name of a rule file ends with `.guard`");
            let finding = RULE_FILE_EMPTY.finding(message).help("rename the file, or take it away");
            self.findings.push(finding);
        }
        self
    }

    /// Adds a finding that nothing was read from the place that was named for rules.
    #[must_use]
    pub fn with_nothing_read(mut self, place: &str) -> Self {
        let message = format!("no rule was read: there is no `*.guard` file in `{place}`");
        let finding =
            RULE_FILE_EMPTY.finding(message).help("name a folder with `*.guard` files, or such a file");
        self.findings.push(finding);
        self
    }

    /// What is wrong with the files themselves.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The names of the files that are enforced.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    pub(super) fn check(&self, inspection: &mut Inspection<'_>) {
        for finding in &self.findings {
            inspection.add_as_it_is(finding.clone());
        }
        if self.files.is_empty() {
            return;
        }
        let template = inspection.template.to_json().to_string();
        for file in &self.files {
            match engine::failures(&file.text, &template) {
                Ok(failures) => {
                    for failure in failures {
                        let message = format!("{} (rule {} of {})", failure.message, failure.rule, file.name);
                        let mut finding = RULE_FAILED.finding(message);
                        if failure.rule.starts_with("warn_") {
                            finding.severity = Severity::Warning;
                        }
                        inspection.add_at(&failure.pointer, finding);
                    }
                }
                Err(problem) => inspection.add_as_it_is(broken(&file.name, &said(&problem))),
            }
        }
    }
}

/// Why a file enforces nothing.
enum Unusable {
    /// What is wrong with it, to follow its name.
    Broken(String),
    Empty,
}

/// The text of a file that can be used.
fn read(file: &RuleFile) -> Result<String, Unusable> {
    if file.text.len() > RULE_FILE_LIMIT {
        let reason = format!(": the file has more than {} KiB", RULE_FILE_LIMIT / 1024);
        return Err(Unusable::Broken(reason));
    }
    let text = std::str::from_utf8(&file.text).map_err(|error| {
        let line = file.text.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        Unusable::Broken(format!(", line {line}: the file is not UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(Unusable::Empty);
    }
    if depth(text) > DEEPEST {
        return Err(Unusable::Broken(format!(": brackets stand more than {DEEPEST} deep in each other")));
    }
    // What only an evaluation shows hangs on the template; that it can't be read doesn't.
    let tree = engine::parse(text).map_err(|problem| Unusable::Broken(said(&problem)))?;
    match circles::endless(&tree) {
        None => Ok(text.to_owned()),
        Some(name) => Err(Unusable::Broken(format!(
            ": `{name}` leads to itself, or over more than {LONGEST_CHAIN} other rules and variables"
        ))),
    }
}

fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// What follows the file's name.
fn said(problem: &Problem) -> String {
    match problem {
        Problem::Syntax { place: Some((line, column)), reason } => {
            format!(", line {line}, column {column}: {reason}")
        }
        Problem::Syntax { place: None, reason } | Problem::Evaluation(reason) => format!(": {reason}"),
    }
}

fn broken(name: &str, reason: &str) -> Finding {
    RULE_FILE_BROKEN.finding(format!("{name}{reason}"))
}

/// The built-in rules could not be evaluated over a template: nobody may take that for a pass.
pub(super) fn built_in_failed(problem: &Problem) -> Finding {
    broken("the built-in rules", &said(problem))
        .help("please report it with the template; until then nothing can be said about it")
}

//! Whatever happens to a config, [`config::load`] answers, and its findings stand inside of the file.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::path::Path;

use mlp_product::config;
use mlp_template::codes;
use mlp_template::finding::{Finding, Severity};
use proptest::prelude::*;

/// One change to a text. Indexes are taken modulo what is there.
#[derive(Debug, Clone)]
enum Change {
    DeleteLine(usize),
    RepeatLine(usize, usize),
    SwapLines(usize, usize),
    Indent(usize),
    Key(usize, &'static str),
    Value(usize, &'static str),
    Bytes(usize, usize, Vec<u8>),
    Cut(usize),
}

const KEYS: &[&str] = &[
    "tier",
    "tenant",
    "vpc_integration",
    "mode",
    "tags",
    "s3_prefix",
    "client",
    "",
    "~",
    "? a",
    "aws:x",
    "a/b~c",
    "é",
    "<<",
    "\"a\\nb\"",
    "{}",
    "build",
    "sg_parameter_store_path",
];

const VALUES: &[&str] = &[
    "",
    "~",
    "null",
    "\"\"",
    "''",
    "\" \"",
    "[]",
    "{}",
    "[[]]",
    "[~]",
    "{a: 1}",
    "{? : }",
    "true",
    "yes",
    "-1",
    "0",
    "012",
    "1e3",
    "0x1F",
    ".inf",
    ".nan",
    "99999999999999999999",
    "starter",
    "professional",
    "enterprise",
    "s3",
    "codecommit",
    "connection",
    "standalone",
    "sgprov",
    "ssm",
    "direct",
    "us-west2",
    "cn-north-1",
    "sthree-x",
    "10.0.0.1/8",
    "a@b.c",
    "&a [*a]",
    "*a",
    "&a x",
    "!Ref x",
    "!!binary aGk=",
    "|\n    text",
    ">-\n    text",
    "\"\\0\"",
    "'unclosed",
    "a: b: c",
    "- x",
    "# c",
    "\u{feff}",
    "日本語",
    "@",
    "%",
    "`",
    "\u{85}",
];

fn change() -> impl Strategy<Value = Change> {
    let at = 0..10_000_usize;
    prop_oneof![
        at.clone().prop_map(Change::DeleteLine),
        (at.clone(), at.clone()).prop_map(|(a, b)| Change::RepeatLine(a, b)),
        (at.clone(), at.clone()).prop_map(|(a, b)| Change::SwapLines(a, b)),
        at.clone().prop_map(Change::Indent),
        (at.clone(), prop::sample::select(KEYS)).prop_map(|(line, key)| Change::Key(line, key)),
        (at.clone(), prop::sample::select(VALUES)).prop_map(|(line, value)| Change::Value(line, value)),
        (at.clone(), 0..4_usize, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(at, length, bytes)| Change::Bytes(at, length, bytes)),
        at.prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, config: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&config).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.is_empty() {
            return config;
        }
        let count = lines.len();
        match self {
            Self::DeleteLine(line) => drop(lines.remove(line % count)),
            Self::RepeatLine(from, to) => lines.insert(to % count, lines[from % count].clone()),
            Self::SwapLines(a, b) => lines.swap(a % count, b % count),
            Self::Indent(line) => lines[line % count].insert_str(0, "  "),
            Self::Key(line, key) => {
                let line = &mut lines[line % count];
                if let Some((old, value)) = line.clone().split_once(':') {
                    let indent: String = old.chars().take_while(|c| *c == ' ').collect();
                    *line = format!("{indent}{key}:{value}");
                }
            }
            Self::Value(line, value) => {
                let line = &mut lines[line % count];
                if let Some((key, _)) = line.clone().split_once(':') {
                    *line = format!("{key}: {value}");
                }
            }
            Self::Bytes(at, length, bytes) => {
                let at = at % config.len();
                let end = (at + length).min(config.len());
                return [&config[..at], bytes, &config[end..]].concat();
            }
            Self::Cut(at) => return config[..at % config.len()].to_vec(),
        }
        lines.join("\n").into_bytes()
    }
}

fn examples() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/examples");
    ["starter", "professional", "enterprise"]
        .into_iter()
        .flat_map(|tier| std::fs::read_dir(folder.join(tier)).unwrap())
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

/// Lines as an editor counts them, in characters. What is about the file as a whole has no place.
fn is_inside(finding: &Finding, config: &[u8]) -> bool {
    let text = String::from_utf8_lossy(config).replace("\r\n", "\n").replace('\r', "\n");
    let (Some(line), Some(column)) = (finding.line, finding.column) else {
        return finding.code == codes::YAML_EMPTY || finding.code == codes::YAML_TOO_LARGE;
    };
    let Some(line) = text.split('\n').nth(line as usize - 1) else { return false };
    (1..=line.chars().count() + 1).contains(&(column as usize))
}

fn check(config: &[u8]) -> Result<(), TestCaseError> {
    let (findings, is_refused) = match config::load(config) {
        Ok(loaded) => (loaded.findings, false),
        Err(findings) => (findings, true),
    };
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    prop_assert_eq!(errors > 0, is_refused, "{:#?}", findings);
    for finding in &findings {
        prop_assert!(is_inside(finding, config), "{:?}", finding);
        prop_assert!(!finding.message.is_empty(), "{:?}", finding);
        if finding.code.as_str().starts_with("MLP-CFG") {
            let shown = format!("{}{}", finding.message, finding.help.as_deref().unwrap_or_default());
            prop_assert!(!shown.contains('\n') && shown.chars().count() < 1000, "{:?}", finding);
        }
        prop_assert!(finding.help.as_deref() != Some(""), "{:?}", finding);
    }
    let mut sorted = findings.clone();
    mlp_template::finding::sort(&mut sorted);
    prop_assert_eq!(sorted, findings);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoiled_config_is_answered_with_findings_inside_of_it(
        example in prop::sample::select(examples()),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        check(&changes.iter().fold(example, |config, change| change.apply(config)))?;
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn any_value_in_any_place_is_answered(
        example in prop::sample::select(examples()),
        values in prop::collection::vec((0..100_usize, prop::sample::select(VALUES)), 1..8),
    ) {
        check(&values.iter().fold(example, |config, (line, value)| Change::Value(*line, value).apply(config)))?;
    }
}

//! What a user is told about a mistake in a config: `tests/golden/configs/<name>.yaml` and the findings in
//! `<name>.txt`.
//!
//! `UPDATE_GOLDEN=1 cargo test --workspace --test config_errors` writes the findings again: read the difference.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mlp_product::config;
use mlp_template::finding::Finding;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/configs")
}

/// Every case: its name and its config.
fn cases() -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(file).unwrap()))
        .collect()
}

fn findings(config: &[u8]) -> Vec<Finding> {
    match config::load(config) {
        Ok(loaded) => loaded.findings,
        Err(findings) => findings,
    }
}

fn describe(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { code, severity, path, line, column, message, help, .. } in findings {
        // What is about the file as a whole has no place in it.
        let place = line.zip(*column).map_or_else(String::new, |(line, column)| format!("{line}:{column} "));
        writeln!(text, "{place}{severity} {code} {path}\n  {message}").unwrap();
        if let Some(help) = help {
            writeln!(text, "  help: {help}").unwrap();
        }
    }
    text
}

#[test]
fn every_mistake_is_told_as_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    let cases = cases();
    assert!(cases.len() >= 35, "the cases are gone");
    for (name, config) in cases {
        let told = describe(&findings(&config));
        let file = folder().join(format!("{name}.txt"));
        if update {
            std::fs::write(file, told).unwrap();
        } else {
            let expected = std::fs::read_to_string(file).unwrap_or_default();
            if told != expected {
                write!(wrong, "{name}\n--- expected\n{expected}--- told\n{told}\n").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}UPDATE_GOLDEN=1 takes these over");
}

#[test]
fn one_mistake_gives_one_finding() {
    for (name, config) in cases() {
        let expected = match name.as_str() {
            "ten-mistakes" => 10,
            "letters-of-other-alphabets" => 7,
            "vpc-source-of-other-keys" | "blanks-at-the-end" => 3,
            "ids-with-capital-letters" | "tags-with-separators-of-lines" => 2,
            _ => 1,
        };
        let findings = findings(&config);
        assert_eq!(findings.len(), expected, "{name}\n{}", describe(&findings));
    }
}

#[test]
fn every_expectation_has_its_case() {
    let cases = cases();
    for file in std::fs::read_dir(folder()).unwrap() {
        let file = file.unwrap().path();
        assert!(cases.contains_key(file.file_stem().unwrap().to_str().unwrap()), "{}", file.display());
    }
}

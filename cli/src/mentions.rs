//! Every `mlp ...` that documentation, messages and comments name is a command with flags that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use crate::Arguments;

/// What is named between backticks: `mlp` and the words after it.
fn mentions(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.split('`').filter_map(|span| {
        let words: Vec<&str> = span.strip_prefix("mlp ")?.split_whitespace().collect();
        (!words.is_empty()).then_some(words)
    })
}

/// Why a mention can't be typed.
fn problem(words: &[&str]) -> Option<String> {
    let command = Arguments::command();
    let longs = |command: &clap::Command| -> BTreeSet<String> {
        let arguments = command.get_arguments().filter_map(|it| it.get_long()).map(str::to_owned);
        arguments.chain(["help", "version", "format", "color"].map(str::to_owned)).collect()
    };
    let first = words.first()?;
    let known = match command.find_subcommand(first) {
        Some(found) => longs(found),
        None if first.starts_with("--") => command.get_subcommands().flat_map(longs).collect(),
        None => return Some(format!("there is no command `{first}`")),
    };
    let flag = |word: &str| {
        let word = word.trim_start_matches('[').strip_prefix("--")?;
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(word.len());
        word.get(..end).map(str::to_owned)
    };
    let missing = words.iter().filter_map(|word| flag(word)).find(|flag| !known.contains(flag))?;
    Some(format!("`{first}` has no flag `--{missing}`"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "golden"].contains(&name.as_str()) {
            files(&path, found);
        } else if [".rs", ".md", ".yaml", ".json", ".html"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

#[test]
fn every_command_that_is_named_exists_with_its_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = vec![root.join("README.md")];
    for folder in ["docs", "shared", "functions", "infra/state-machines", "schemas", "cli/src"] {
        files(&root.join(folder), &mut found);
    }
    let (mut count, mut wrong) = (0, Vec::new());
    for path in found {
        for words in mentions(&fs::read_to_string(&path).unwrap_or_default()) {
            // Code that puts the rest together, and this file's own examples.
            if words.iter().any(|word| word.contains(['{', '"', '.'])) {
                continue;
            }
            count += 1;
            wrong.extend(problem(&words).map(|why| format!("{}: {why}", path.display())));
        }
    }
    assert!(count > 50, "{count}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_command_or_flag_that_is_not_there_is_found() {
    assert_eq!(problem(&["reject", "EXECUTION", "--reason", "TEXT"]), None);
    assert_eq!(problem(&["generate", "[--out", "DIR]"]), None);
    assert_eq!(problem(&["--profile"]), None);
    assert!(problem(&["lint"]).is_some_and(|why| why.contains("no command `lint`")));
    assert!(problem(&["follow", "--bucket"]).is_some_and(|why| why.contains("no flag `--bucket`")));
}

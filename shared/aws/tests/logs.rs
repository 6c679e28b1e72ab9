//! What the functions may write into their logs, and the line of a panic.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use mlp_aws::logs::{self, RESERVED};
use mlp_testkit::memory_logs::captured;

/// The Rust sources of a folder and of the folders in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// The arguments of every `tracing` macro in a source, without texts.
fn arguments(source: &str) -> Vec<String> {
    let levels = ["trace", "debug", "info", "warn", "error"];
    let starts = levels.iter().flat_map(|level| {
        let call = format!("tracing::{level}!(");
        source.match_indices(&call).map(|(at, call)| at + call.len()).collect::<Vec<_>>()
    });
    let mut starts: Vec<usize> = starts.collect();
    starts.sort_unstable();
    let mut found = Vec::new();
    for start in starts {
        let (mut depth, mut quoted, mut argument) = (0_usize, false, String::new());
        let mut before = ' ';
        for c in source[start..].chars() {
            match c {
                '"' if before != '\\' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' | '{' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => found.push(std::mem::take(&mut argument)),
                _ if depth == 0 => argument.push(c),
                _ => {}
            }
            before = c;
        }
        found.push(argument);
    }
    found.into_iter().map(|argument| argument.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

/// What is wrong with a field, if anything.
fn wrong(argument: &str) -> Option<&'static str> {
    let (name, value) = argument.split_once('=').unwrap_or((argument, argument));
    let (name, value) = (name.trim().trim_start_matches(['%', '?']), value.trim());
    if value.starts_with('?') {
        return Some("is written as Debug text");
    }
    RESERVED.contains(&name).then_some("has the name of a key that the formatter writes")
}

#[test]
fn no_field_has_a_reserved_name_or_is_debug_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut fields = 0;
    for folder in ["functions", "shared"] {
        for crate_folder in fs::read_dir(root.join(folder)).unwrap() {
            let source = crate_folder.unwrap().path().join("src");
            for file in sources(&source) {
                for argument in arguments(&fs::read_to_string(&file).unwrap()) {
                    fields += 1;
                    assert_eq!(wrong(&argument), None, "{}: `{argument}`", file.display());
                }
            }
        }
    }
    assert!(fields > 20, "{fields}");
}

#[test]
fn the_check_knows_what_it_looks_for() {
    let source = r#"tracing::warn!(?step, execution, name, message, "a task, (failed)"); tracing::info!(taken = ?taken,
        count = of(a, b), "{}");"#;
    let found: Vec<_> = arguments(source).iter().map(|argument| wrong(argument).is_some()).collect();
    assert_eq!(arguments(source), ["?step", "execution", "name", "message", "taken = ?taken", "count = of"]);
    assert_eq!(found, [true, false, false, true, true, false]);
}

#[test]
fn a_panic_is_one_line_with_its_place_and_no_text_that_was_made_at_run_time() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(logs::panicked));
    let secret = "hunter2".to_owned();
    let ((), lines) = captured(&[], || {
        let _ = panic::catch_unwind(|| panic!("the value is {secret}"));
        let _ = panic::catch_unwind(|| panic!("a constant"));
    });
    panic::set_hook(before);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line["level"] == "ERROR" && line["at"].as_str().unwrap().contains("logs.rs:"))
    );
    assert!(!format!("{lines:?}").contains("hunter2"));
    assert_eq!(lines[1]["reason"], "a constant");
}

//! Runs pytest and counts its tests, from the `JUnit` report that it writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Context as _, Failure, Result};
use crate::{paths, process, progress, suite};

/// How many tests ran, and how they ended.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    pub(crate) fn shown(self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// What a run of pytest reports.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) count: Count,
    /// Why tests were skipped, each reason once.
    pub(crate) skipped: Vec<String>,
}

/// pytest's exit status when it selected no test.
const NO_TESTS: i32 = 5;

/// Runs the tests of folders or files. With `names`, only those with one of the names, and there may be none.
///
/// `log` names the log file and the report.
pub(crate) fn run(
    task: &str,
    mut pytest: Command,
    log: &str,
    places: &[PathBuf],
    names: &[String],
) -> Result<Report> {
    let task = progress::task(task);
    let report = paths::local().join("logs").join(format!("{log}.xml"));
    let _ = fs::remove_file(&report);
    let log = suite::log(log);
    task.follow(&log);
    pytest.arg("--verbose").arg("--junit-xml").arg(&report);
    if !names.is_empty() {
        pytest.arg("-k").arg(names.join(" or "));
    }
    pytest.args(places);
    let status = process::status(&mut pytest, &log, Duration::from_mins(20))?;
    if status.code() == Some(NO_TESTS) && !names.is_empty() {
        task.done("none of these names");
        return Ok(Report::default());
    }
    let text = fs::read_to_string(&report).context("pytest wrote no report").map_err(|it| it.log(&log))?;
    let found = read(&text).ok_or_else(|| not_understood(&report))?;
    if !status.success() {
        return Err(Failure::new(format!("pytest: {}", found.count.shown())).log(&log));
    }
    if found.count == Count::default() {
        return Err(Failure::new("no tests ran").log(&log));
    }
    task.done(&found.count.shown());
    Ok(found)
}

fn not_understood(report: &Path) -> Failure {
    Failure::new(format!("{} is not a JUnit report", paths::shown(report)))
}

/// How a test ended. Of several parts the later in this order decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    Passed,
    Skipped,
    Failed,
}

/// The counts and reasons of a `JUnit` report. `None`: it is not a report.
///
/// pytest writes a case for each test and another one with the same name for each of its subtests. They count as one test.
fn read(text: &str) -> Option<Report> {
    start_tags(text, &["testsuite"]).next()?;
    let mut tests: BTreeMap<(&str, &str), Ended> = BTreeMap::new();
    let mut found = Report::default();
    let mut current = None;
    for (name, tag) in start_tags(text, &["testcase", "skipped", "failure", "error"]) {
        let ended = match name {
            "testcase" => {
                current = Some((attribute(tag, "classname")?, attribute(tag, "name")?));
                Ended::Passed
            }
            "skipped" => {
                let reason = unescaped(attribute(tag, "message")?);
                if !found.skipped.contains(&reason) {
                    found.skipped.push(reason);
                }
                Ended::Skipped
            }
            _ => Ended::Failed,
        };
        let entry = tests.entry(current?).or_insert(Ended::Passed);
        *entry = ended.max(*entry);
    }
    let count = |ended: Ended| tests.values().filter(|it| **it == ended).count() as u64;
    found.count =
        Count { passed: count(Ended::Passed), failed: count(Ended::Failed), skipped: count(Ended::Skipped) };
    Some(found)
}

/// The start tags of elements, with the name of the element. In a `JUnit` report each `<` of a text is escaped.
fn start_tags<'text>(
    text: &'text str,
    names: &'text [&'static str],
) -> impl Iterator<Item = (&'static str, &'text str)> {
    text.split('<').filter_map(move |tag| {
        names.iter().find_map(|name| {
            let attributes = tag.strip_prefix(*name)?;
            attributes.starts_with([' ', '/', '>', '\n']).then_some((*name, attributes))
        })
    })
}

/// The value of an attribute of a start tag, as it is escaped.
fn attribute<'tag>(tag: &'tag str, name: &str) -> Option<&'tag str> {
    let mut rest = tag;
    loop {
        let (key, value) = rest.split_once("=\"")?;
        let (value, behind) = value.split_once('"')?;
        if key.trim() == name {
            return Some(value);
        }
        rest = behind;
    }
}

fn unescaped(text: &str) -> String {
    // The ampersand last: `&amp;lt;` is the text `&lt;`.
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#10;", "\n"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest"
errors="1" failures="2" skipped="2" tests="7"><testcase classname="a" name="test_skipped" time="0.1"><skipped
type="pytest.skip" message="there is no &lt;node&gt; &amp; no &quot;npm&quot;">&lt;failure /&gt;</skipped></testcase>
<testcase classname="a" name="test_with_subtests"/><testcase classname="a" name="test_with_subtests"><failure message="x">y</failure>
</testcase><testcase classname="a" name="test_with_subtests"/><testcase classname="b" name="test_with_subtests"/>
<testcase classname="b" name="test_c"><error message="a name = &quot;testcase"/></testcase><testcase classname="b" name="test_d">
<skipped message="there is no &lt;node&gt; &amp; no &quot;npm&quot;"/></testcase></testsuite></testsuites>"#;

    #[test]
    fn the_counts_and_reasons_of_a_report_are_read() {
        let report = read(REPORT).unwrap();
        assert_eq!(report.count, Count { passed: 1, failed: 2, skipped: 2 });
        assert_eq!(report.skipped, ["there is no <node> & no \"npm\""]);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "<testsuites/>", "<testsuite><failure/>", "<testsuite><testcase name=\"a\"/>"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}

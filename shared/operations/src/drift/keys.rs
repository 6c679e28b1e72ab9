//! Keys of a run's objects in the bucket. A run's name begins with its time, so keys sort by time.

use mlp_product::outcome::sha256;

use crate::time::rfc3339;

/// The last run's report.
pub const FLEET: &str = "reports/drift/latest/fleet.json";
/// Its page.
pub const INDEX: &str = "reports/drift/latest/index.html";

/// The name of a run: the given name or scheduled time, else made of the current date and the request's id.
///
/// ```
/// # use mlp_operations::drift::keys::run_of;
/// assert_eq!(run_of(Some("2026-11-24T06:00:00Z"), 0, "x"), "2026-11-24T06-00-00Z");
/// assert_eq!(run_of(None, 1_795_500_000, "request"), run_of(None, 1_795_500_000, "request"));
/// ```
pub fn run_of(told: Option<&str>, now: u64, request: &str) -> String {
    if let Some(time) = told.filter(|time| !time.is_empty()) {
        // What an execution may be called.
        return time.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    }
    // A repeated request has the same id.
    let digits: String = sha256(request.as_bytes()).chars().take(12).collect();
    format!("{}-{digits}", rfc3339(now).chars().take(10).collect::<String>())
}

/// The folder of a run.
pub fn folder(run: &str) -> String {
    format!("reports/drift/runs/{run}")
}

/// The claim of the invocation that works on the run.
pub fn claim(run: &str) -> String {
    format!("{}/run.json", folder(run))
}

/// Its stacks: a JSON list, an item each, as the state machine's map reads it.
pub fn items(run: &str) -> String {
    format!("{}/stacks.json", folder(run))
}

/// Its report over all its stacks.
pub fn fleet(run: &str) -> String {
    format!("{}/fleet.json", folder(run))
}

/// The page of that.
pub fn index(run: &str) -> String {
    format!("{}/index.html", folder(run))
}

/// Below it are the reports of its stacks.
pub fn reports(run: &str) -> String {
    format!("{}/stacks/", folder(run))
}

/// A stack's report.
pub fn report(run: &str, stack: &str) -> String {
    format!("{}{stack}.json", reports(run))
}

/// A stack's last report, without its ending. In a folder of its own: a stack may be called `fleet` or `index`.
///
/// ```
/// # use mlp_operations::drift::keys::{FLEET, latest};
/// assert_ne!(latest("fleet") + ".json", FLEET);
/// ```
pub fn latest(stack: &str) -> String {
    format!("reports/drift/latest/stacks/{stack}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_what_an_execution_may_be_called() {
        let name = run_of(Some("2026-11-24T06:00:00.123+01:00"), 0, "x");
        assert!(name.len() <= 80 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
        assert_ne!(run_of(None, 0, "a"), run_of(None, 0, "b"));
    }
}

//! Where everything of a run lies in the bucket. Names of runs begin with their time, so keys are in the order of time.

use mlp_core::outcome::sha256;

/// The last run's report.
pub(crate) const FLEET: &str = "drift/latest/fleet.json";
/// Its page.
pub(crate) const INDEX: &str = "drift/latest/index.html";

/// The name of a run: of its scheduled time, or of now and of who calls.
///
/// ```
/// # use mlp_drift::run_of;
/// assert_eq!(run_of(Some("2026-11-24T06:00:00Z"), 0, "x"), "2026-11-24T06-00-00Z");
/// assert_eq!(run_of(None, 1_795_500_000, "request"), run_of(None, 1_795_500_000, "request"));
/// ```
pub fn run_of(scheduled: Option<&str>, now: u64, request: &str) -> String {
    if let Some(time) = scheduled.filter(|time| !time.is_empty()) {
        // What an execution may be called.
        return time.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    }
    // Who calls again has the same id.
    let digits: String = sha256(request.as_bytes()).chars().take(12).collect();
    format!("{}-{digits}", day(now))
}

/// `YYYY-MM-DDTHH:MM:SSZ` of seconds since 1970. Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms" (`civil_from_days`).
pub(crate) fn time(now: u64) -> String {
    let (hours, minutes, seconds) = (now / 3_600 % 24, now / 60 % 60, now % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", day(now))
}

fn day(now: u64) -> String {
    let days = now / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The folder of a run.
pub(crate) fn folder(run: &str) -> String {
    format!("drift/runs/{run}")
}

/// What the run is about, and who works on it.
pub(crate) fn claim(run: &str) -> String {
    format!("{}/run.json", folder(run))
}

/// Its stacks: a JSON list, an item each, as the state machine's map reads it.
pub(crate) fn items(run: &str) -> String {
    format!("{}/stacks.json", folder(run))
}

/// Below it are the reports of its stacks.
pub(crate) fn reports(run: &str) -> String {
    format!("{}/stacks/", folder(run))
}

/// A stack's report.
pub(crate) fn report(run: &str, stack: &str) -> String {
    format!("{}{stack}.json", reports(run))
}

/// A stack's last report, without its ending.
pub(crate) fn latest(stack: &str) -> String {
    format!("drift/latest/{stack}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(time(1_798_761_599), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn a_run_is_called_what_an_execution_may_be_called() {
        let name = run_of(Some("2026-11-24T06:00:00.123+01:00"), 0, "x");
        assert!(name.len() <= 80 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
        assert_ne!(run_of(None, 0, "a"), run_of(None, 0, "b"));
    }
}

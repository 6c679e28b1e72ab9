//! Times as reports, keys and status objects write them. Nobody in here asks for the time: it is given.

/// `YYYY-MM-DDTHH:MM:SSZ` of seconds since 1970. Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms" (`civil_from_days`).
pub fn rfc3339(now: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_798_761_599), "2026-12-31T23:59:59Z");
    }
}

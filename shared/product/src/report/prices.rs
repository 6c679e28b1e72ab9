//! The dated price table, `schemas/prices.yaml`.

use std::sync::LazyLock;

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use mlp_template::template::{Resource, Value};
use mlp_template::yaml;
use serde::Deserialize;

/// The whole table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// The day on which the prices were compared with AWS's pages.
    pub(super) as_of: String,
    pub(super) currency: String,
    /// The region that the prices are of.
    pub(super) region: String,
    pub(super) region_title: String,
    pub(super) hours_per_month: i64,
    /// Availability zones of the endpoints, when nobody knows the subnets yet.
    pub(super) assumed_zones: i64,
    pub(super) fixed: Vec<Fixed>,
    pub(super) usage: Vec<Usage>,
    pub(super) free: Vec<Free>,
}

/// A price by month or hour, used or not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixed {
    #[serde(flatten)]
    pub(super) which: Which,
    pub(super) what: String,
    pub(super) amount: String,
    pub(super) unit: String,
    #[serde(default)]
    pub(super) per_zone_hour: bool,
    #[serde(default)]
    pub(super) note: String,
    pub(super) source: String,
}

/// A price by use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Usage {
    #[serde(flatten)]
    pub(super) which: Which,
    pub(super) what: String,
    #[serde(default)]
    pub(super) amount: Option<String>,
    #[serde(default)]
    pub(super) by: Option<By>,
    pub(super) unit: String,
    #[serde(default)]
    pub(super) note: String,
    pub(super) source: String,
}

/// An amount that a property picks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) property: Vec<String>,
    pub(super) amounts: IndexMap<String, String>,
}

/// What costs nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Free {
    #[serde(flatten)]
    pub(super) which: Which,
    pub(super) why: String,
}

/// The resources that a row is about.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Which {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Property to the value that it must have.
    #[serde(default)]
    when: IndexMap<String, String>,
}

impl Which {
    pub(super) fn covers(&self, resource: &Resource) -> bool {
        self.kind == resource.kind
            && self
                .when
                .iter()
                .all(|(key, wanted)| resource.properties.get(key).and_then(Value::as_str) == Some(wanted))
    }
}

static PRICES: LazyLock<Result<Prices, InternalError>> = LazyLock::new(|| {
    let broken = |why: String| InternalError::new(format!("schemas/prices.yaml: {why}"));
    let document = yaml::load(include_bytes!("../../../../schemas/prices.yaml"), &yaml::Limits::config())
        .map_err(|findings| {
            broken(findings.first().map_or_else(String::new, |finding| finding.message.clone()))
        })?;
    serde_json::from_value(document.to_json()).map_err(|error| broken(error.to_string()))
});

/// The table, read once in a process.
///
/// # Errors
///
/// When the file is broken, which the tests rule out.
pub(super) fn prices() -> Result<&'static Prices, InternalError> {
    PRICES.as_ref().map_err(Clone::clone)
}

/// A decimal amount in millionths: `0.002` is 2,000.
pub(super) fn millionths(amount: &str) -> Result<i64, InternalError> {
    let bad = || InternalError::new(format!("schemas/prices.yaml: `{amount}` is no amount"));
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 6 || !digits(whole) || !digits(fraction) {
        return Err(bad());
    }
    format!("{whole}{fraction:0<6}").parse().map_err(|_| bad())
}

/// Millionths as dollars and cents, rounded half up: `$43.80`, `$1,234.00`.
pub(super) fn dollars(millionths: i64) -> String {
    let cents = (millionths + 5_000).div_euclid(10_000);
    format!("${}.{:02}", thousands(&cents.div_euclid(100).to_string()), cents.rem_euclid(100))
}

/// Digits in groups of three: `51,200`.
pub(super) fn thousands(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tier;
    use crate::product::blueprint;

    #[test]
    fn every_resource_type_of_every_tier_has_a_row() {
        let prices = prices().unwrap();
        for tier in Tier::ALL {
            for (id, spec) in &blueprint(tier).unwrap().resources {
                let rows = prices.fixed.iter().map(|row| &row.which);
                let rows = rows.chain(prices.usage.iter().map(|row| &row.which));
                let mut rows = rows.chain(prices.free.iter().map(|row| &row.which));
                assert!(rows.any(|which| which.kind == spec.kind), "{id}: {} has no price", spec.kind);
            }
        }
    }

    #[test]
    fn every_amount_can_be_read_and_every_source_is_a_page_of_aws() {
        let prices = prices().unwrap();
        let by = prices.usage.iter().filter_map(|row| row.by.as_ref()).flat_map(|by| by.amounts.values());
        let fixed = prices.fixed.iter().map(|row| &row.amount);
        for amount in fixed.chain(prices.usage.iter().filter_map(|row| row.amount.as_ref())).chain(by) {
            assert!(millionths(amount).unwrap() > 0, "{amount}");
        }
        let sources = prices.fixed.iter().map(|row| &row.source);
        for source in sources.chain(prices.usage.iter().map(|row| &row.source)) {
            assert!(source.starts_with("https://aws.amazon.com/"), "{source}");
        }
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(millionths("0.002").unwrap(), 2_000);
        assert_eq!(millionths("3").unwrap(), 3_000_000);
        assert!(millionths("1e3").is_err() && millionths("").is_err() && millionths("0.1234567").is_err());
        assert_eq!(dollars(43_800_000), "$43.80");
        assert_eq!(dollars(1_234_567_895_000), "$1,234,567.90");
        assert_eq!(dollars(4_999), "$0.00");
    }
}

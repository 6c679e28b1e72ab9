//! What a product costs a month: fixed amounts added up, what depends on use with its unit price.

use mlp_template::error::InternalError;
use mlp_template::template::{Map, Resource, Template, Value};

use super::prices::{Prices, dollars, millionths, prices, thousands};
use super::resolve::{at, items};
use crate::product::Product;

/// The section's content.
pub(super) struct Cost {
    pub(super) prices: &'static Prices,
    pub(super) fixed: Vec<FixedRow>,
    /// The sum of the fixed rows.
    pub(super) total: String,
    pub(super) usage: Vec<UsageRow>,
    pub(super) free: Vec<FreeRow>,
    /// What was assumed, in sentences.
    pub(super) assumptions: Vec<String>,
    /// Whether the product's region is another than the prices'.
    pub(super) other_region: bool,
}

pub(super) struct FixedRow {
    pub(super) what: &'static str,
    /// Such as `3 × 2 zones × 730 hours × $0.01`.
    pub(super) reckoning: String,
    /// What the unit price is for.
    pub(super) unit: &'static str,
    pub(super) amount: String,
    pub(super) note: &'static str,
    pub(super) source: &'static str,
}

pub(super) struct UsageRow {
    pub(super) what: &'static str,
    pub(super) price: String,
    pub(super) unit: &'static str,
    pub(super) note: &'static str,
    pub(super) source: &'static str,
}

pub(super) struct FreeRow {
    pub(super) what: String,
    pub(super) why: &'static str,
}

/// # Errors
///
/// When the price table is broken, or lacks a resource type.
pub(super) fn cost(product: &Product, template: &Template) -> Result<Cost, InternalError> {
    let prices = prices()?;
    let covered = |which: &super::prices::Which| -> Vec<&Resource> {
        template.resources.values().filter(|resource| which.covers(resource)).collect()
    };
    let mut assumptions = Vec::new();
    let mut total = 0;
    let mut fixed = Vec::new();
    for row in &prices.fixed {
        let resources = covered(&row.which);
        if resources.is_empty() {
            continue;
        }
        let count = i64::try_from(resources.len()).unwrap_or(i64::MAX);
        let each = millionths(&row.amount)?;
        let (amount, reckoning) = if row.per_zone_hour {
            let zones = zones(&resources, prices, &mut assumptions);
            let hours = prices.hours_per_month;
            let zones_word = if zones == 1 { "zone" } else { "zones" };
            (
                count.saturating_mul(zones).saturating_mul(hours).saturating_mul(each),
                format!("{count} × {zones} {zones_word} × {hours} hours × ${}", row.amount),
            )
        } else {
            (count.saturating_mul(each), format!("{count} × ${}", row.amount))
        };
        total += amount;
        fixed.push(FixedRow {
            what: &row.what,
            reckoning,
            unit: &row.unit,
            amount: dollars(amount),
            note: &row.note,
            source: &row.source,
        });
    }
    let mut usage = Vec::new();
    for row in &prices.usage {
        let resources = covered(&row.which);
        let Some(first) = resources.first() else { continue };
        let amount = match &row.by {
            Some(by) => property(&first.properties, &by.property)
                .and_then(|value| by.amounts.get(value).map(|amount| (amount, value))),
            None => row.amount.as_ref().map(|amount| (amount, "")),
        };
        usage.push(UsageRow {
            what: &row.what,
            price: match amount {
                Some((amount, "")) => format!("${amount}"),
                Some((amount, by)) => format!("${amount} ({by})"),
                None => "see AWS's page".to_owned(),
            },
            unit: &row.unit,
            note: &row.note,
            source: &row.source,
        });
    }
    let free = prices
        .free
        .iter()
        .filter_map(|row| {
            let count = covered(&row.which).len();
            let kind = row.which.kind.replacen("AWS::", "", 1).replace("::", " ");
            (count > 0).then(|| FreeRow {
                what: format!("{} × {kind}", thousands(&count.to_string())),
                why: &row.why,
            })
        })
        .collect();
    let other_region = product.region.as_str() != prices.region;
    Ok(Cost { prices, fixed, total: dollars(total), usage, free, assumptions, other_region })
}

fn property<'v>(properties: &'v Map, path: &[String]) -> Option<&'v str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    at(properties, &path).and_then(Value::as_str)
}

/// In how many zones the endpoints stand: one a subnet where the template names the subnets, else an assumption.
fn zones(endpoints: &[&Resource], prices: &Prices, assumptions: &mut Vec<String>) -> i64 {
    let subnets = endpoints.first().map_or(0, |endpoint| items(endpoint.properties.get("SubnetIds")).len());
    if subnets == 0 {
        assumptions.push(format!(
            "The subnets are read from Parameter Store at deployment. {} availability zones are assumed.",
            prices.assumed_zones
        ));
        return prices.assumed_zones;
    }
    assumptions.push("Each subnet of the config lies in another availability zone.".to_owned());
    i64::try_from(subnets).unwrap_or(i64::MAX)
}

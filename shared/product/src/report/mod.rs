//! The review report: one HTML file that a manager and an engineer both can read before anything is deployed.
//!
//! The file stands alone. It loads nothing (its content security policy forbids it), needs no script, prints, and is
//! dark or light as its reader likes. What comes from a config or a template is shown by one escaper, [`visible`],
//! which the page templates in `templates/` can't go around. No clock: the one date is that of the price table.

mod access;
mod checklist;
mod cost;
mod diagram;
pub mod page;
mod prices;
mod resolve;
pub mod shell;
mod steps;
pub mod visible;

use askama::Template as _;
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::template::Template;

use crate::product::Product;
use crate::suite::Suite;

/// What a review is about.
#[derive(Debug, Clone, Copy)]
pub struct Review<'a> {
    /// The product.
    pub product: &'a Product,
    /// Its template, as it will be deployed.
    pub template: &'a Template,
    /// Everything that was found, in config and template.
    pub findings: &'a [Finding],
    /// The suite that deploys it.
    pub suite: &'a Suite,
}

/// The report, as a whole HTML file in UTF-8; the same review always gives the same bytes.
///
/// ```
/// use mlp_product::{config, generate, report};
/// use mlp_product::product::Product;
/// use mlp_product::suite::Suite;
/// # let yaml = include_bytes!("../../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
/// let product = Product::new(&config::load(yaml).unwrap().config)?;
/// let template = generate::template(&product)?;
/// let suite = Suite::default();
/// let review = report::Review { product: &product, template: &template, findings: &[], suite: &suite };
/// let html = report::html(&review)?;
/// assert!(html.starts_with("<!doctype html>"));
/// # Ok::<(), mlp_template::error::InternalError>(())
/// ```
///
/// # Errors
///
/// When the price table is broken or a page can't be written, which the tests rule out.
pub fn html(review: &Review<'_>) -> Result<String, InternalError> {
    let page = page::Page::new(review)?;
    page.render().map_err(|error| InternalError::new(format!("the review report: {error}")))
}

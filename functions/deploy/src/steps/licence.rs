//! `CheckLicence`: whether the account holds the licence for the product's tier.

use mlp_core::deploy::failure::Failure;
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::input::Action;

use crate::Aws;
use crate::work::Work;

/// Goes on, warns or stops, as the suite's licence mode says.
pub(crate) async fn check<S, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    // Whoever lets a licence expire may still tidy up.
    if work.action == Action::DeleteProduct {
        return Ok(work);
    }
    let token = Execution::new(execution).token("licence", 0);
    let licence = &aws.settings.licence;
    work.findings.extend(aws.licences.check(aws.desk, licence, &work.product.tier, &token, aws.now).await?);
    Ok(work)
}

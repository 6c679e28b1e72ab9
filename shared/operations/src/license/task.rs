//! `CheckLicense`: whether the account holds the license for the product's tier, or for any.

use mlp_product::config::Tier;

use crate::execution::aws::Aws;
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::input::Action;
use crate::execution::work::Work;

/// Goes on, warns or stops, as the suite's license mode says.
pub(crate) async fn check<S, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    // Whoever lets a license expire may still tidy up.
    if work.action == Action::DeleteProduct {
        return Ok(work);
    }
    let token = Execution::new(execution).token("license", 0);
    let license = &aws.settings.license;
    if !work.product.tier.is_empty() {
        let warning = aws.licenses.check(aws.desk, license, &work.product.tier, &token, aws.now).await?;
        work.findings.extend(warning);
        return Ok(work);
    }
    // What is about no tier needs a license for any.
    let mut first = None;
    for tier in Tier::ALL {
        let token = Execution::new(execution).token(&format!("license-{}", tier.as_str()), 0);
        match aws.licenses.check(aws.desk, license, tier.as_str(), &token, aws.now).await {
            Ok(None) => return Ok(work),
            // No answer is no answer to the other questions either.
            Err(failure) if failure.name != Name::LicenseRefused => return Err(failure),
            refused => first = first.or(Some(refused)),
        }
    }
    work.findings.extend(first.transpose()?.flatten());
    Ok(work)
}

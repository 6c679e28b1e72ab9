//! AWS License Manager.

use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use aws_sdk_licensemanager::Client;
use aws_sdk_licensemanager::primitives::{DateTime, DateTimeFormat};
use aws_sdk_licensemanager::types::{CheckoutType, EntitlementData, EntitlementDataUnit};

use crate::calls::{CallError, Kind};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout<'a> {
    /// The product's SKU.
    pub sku: &'a str,
    /// The fingerprint of the issuer's key.
    pub fingerprint: &'a str,
    /// The entitlement: the tier.
    pub tier: &'a str,
    /// Makes a repeated call the same checkout.
    pub token: &'a str,
    /// The account that asks, if it is known: the beneficiary of licenses that it has issued to itself.
    pub account: Option<&'a str>,
}

/// License Manager. A call is bounded in time and has already been retried when it fails.
pub trait LicenseDesk: Sync {
    /// Checks an entitlement out; until when, if the answer says so.
    fn checkout<'a>(
        &'a self,
        wanted: Checkout<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SystemTime>, CallError>> + Send + 'a>>;
}

/// [`LicenseDesk`] over AWS License Manager.
#[derive(Debug, Clone)]
pub struct LicenseManager {
    client: Client,
}

impl LicenseManager {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`mlp_aws::clients`]).
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl LicenseDesk for LicenseManager {
    fn checkout<'a>(
        &'a self,
        wanted: Checkout<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SystemTime>, CallError>> + Send + 'a>> {
        Box::pin(async move {
            match (self.ask(&wanted, None).await, wanted.account) {
                // An account that has issued the license itself must name itself, and another one need not: what was
                // refused is asked once more. Source: AWS License Manager API Reference, `CheckoutLicense`.
                (Err(refused), Some(account)) if matches!(refused.kind, Kind::Gone | Kind::Refused) => {
                    match self.ask(&wanted, Some(account)).await {
                        Err(error) if matches!(error.kind, Kind::Gone | Kind::Refused) => Err(refused),
                        other => other,
                    }
                }
                (answer, _) => answer,
            }
        })
    }
}

impl LicenseManager {
    async fn ask(
        &self,
        wanted: &Checkout<'_>,
        beneficiary: Option<&str>,
    ) -> Result<Option<SystemTime>, CallError> {
        const OPERATION: &str = "license-manager:CheckoutLicense";
        // A feature that one has or has not is an entitlement without a unit.
        let tier = EntitlementData::builder().name(wanted.tier).unit(EntitlementDataUnit::None).build();
        let tier = tier.map_err(|error| CallError {
            kind: Kind::Refused,
            operation: OPERATION,
            reason: error.to_string(),
        })?;
        // Another question is another checkout.
        let own = beneficiary.map_or("", |_| "-own");
        let request = self
            .client
            .checkout_license()
            .product_sku(wanted.sku)
            .key_fingerprint(wanted.fingerprint)
            .checkout_type(CheckoutType::Provisional)
            .entitlements(tier)
            .set_beneficiary(beneficiary.map(str::to_owned))
            .client_token(format!("{}{own}", wanted.token));
        let answer = Box::pin(request.send()).await.map_err(|error| CallError::of(OPERATION, &error))?;
        let until =
            answer.expiration.and_then(|text| DateTime::from_str(&text, DateTimeFormat::DateTime).ok());
        Ok(until.and_then(|until| SystemTime::try_from(until).ok()))
    }
}

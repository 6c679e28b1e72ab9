//! Who calls: the identity that AWS sees.

use aws_config::SdkConfig;

use crate::calls::{CallError, Kind};

/// An identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account, 12 digits.
    pub account: String,
    /// The user's or role session's ARN.
    pub arn: String,
}

impl Caller {
    /// `aws`, `aws-cn`, `aws-us-gov` and the like.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }
}

/// Asks who calls, which needs no permission. Source: AWS STS API Reference, `GetCallerIdentity`.
///
/// # Errors
///
/// Without valid credentials, or when STS doesn't answer.
pub async fn caller(config: &SdkConfig) -> Result<Caller, CallError> {
    const OPERATION: &str = "sts:GetCallerIdentity";
    let answer = Box::pin(aws_sdk_sts::Client::new(config).get_caller_identity().send()).await;
    let answer = answer.map_err(|error| CallError::of(OPERATION, &error))?;
    match (answer.account, answer.arn) {
        (Some(account), Some(arn)) => Ok(Caller { account, arn }),
        _ => Err(CallError {
            kind: Kind::Refused,
            operation: OPERATION,
            reason: "the answer names no account".to_owned(),
        }),
    }
}

//! SDK clients: built once per process, bounded in time, retried with jitter.

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::error::CredentialsError;

use crate::answers::Presigned;
use crate::cloudformation::CloudFormation;
use crate::emptying::S3Versions;
use crate::executions::StepFunctions;
use crate::licence::LicenseManager;
use crate::s3::S3Store;
use crate::ssm::SsmParameters;

/// A connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// One attempt of one call. Objects here have at most a few hundred kilobytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// One call with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// One call that empties a bucket: S3 takes a while for a thousand versions.
const EMPTYING_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts in all. The SDK's standard mode waits with exponential back-off and full jitter between them and stops
/// early when the service is in trouble (a token bucket shared by all calls of a client).
const MAX_ATTEMPTS: u32 = 4;

/// What every client is built from: credentials, region and endpoint from the environment, as AWS's tools read them.
///
/// The SDK's behaviour is pinned to a version, so that an update of the SDK doesn't change time-outs or retries
/// behind our back.
pub async fn sdk_config() -> SdkConfig {
    sdk_config_in(None, None).await
}

/// As [`sdk_config`], with what a person has said of region and profile (of `~/.aws/config`) before what the environment
/// says.
pub async fn sdk_config_in(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .timeout_config(timeouts);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// The same for calls that a [`Pace`](crate::drift::Pace) makes again: the clients themselves don't, or they would hide from it
/// that AWS throttles. One that answers slowly isn't asked twice either: a detection that was begun can't be begun once more.
pub fn paced(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(OPERATION_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    config.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build()
}

/// The bucket store over S3.
///
/// With an endpoint of one's own (`AWS_ENDPOINT_URL` or `AWS_ENDPOINT_URL_S3`) buckets are addressed by path: a bucket
/// in the host name needs a wildcard DNS entry that only AWS has.
///
/// `owner` is the account whose buckets are meant, 12 digits; without one any bucket is.
pub fn s3_store(config: &SdkConfig, owner: Option<String>) -> S3Store {
    S3Store::new(aws_sdk_s3::Client::from_conf(s3_config(config).build()), owner)
}

/// The account that a function's environment names as the owner of the suite's bucket and of products' buckets.
pub fn expected_owner() -> Option<String> {
    std::env::var("MLP_ACCOUNT_ID").ok().filter(|account| !account.is_empty())
}

fn s3_config(config: &SdkConfig) -> aws_sdk_s3::config::Builder {
    let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    aws_sdk_s3::config::Builder::from(config).force_path_style(own_endpoint)
}

/// What empties buckets, over S3; buckets are addressed, and their owner is checked, as in [`s3_store`].
pub fn versioned_buckets(config: &SdkConfig, owner: Option<String>) -> S3Versions {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(EMPTYING_TIMEOUT)
        .operation_timeout(EMPTYING_TIMEOUT);
    let client = aws_sdk_s3::Client::from_conf(s3_config(config).timeout_config(timeouts.build()).build());
    S3Versions::new(client, owner)
}

/// Stacks over CloudFormation.
pub fn stacks(config: &SdkConfig) -> CloudFormation {
    CloudFormation::new(aws_sdk_cloudformation::Client::new(config))
}

/// Licences over License Manager.
pub fn licences(config: &SdkConfig) -> LicenseManager {
    LicenseManager::new(aws_sdk_licensemanager::Client::new(config))
}

/// Executions over Step Functions.
pub fn executions(config: &SdkConfig) -> StepFunctions {
    StepFunctions::new(aws_sdk_sfn::Client::new(config))
}

/// What answers custom resources.
pub fn answers(config: &SdkConfig) -> Presigned {
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    Presigned::new(&region, config.endpoint_url().is_some())
}

/// The parameter store over Systems Manager.
pub fn parameters(config: &SdkConfig) -> SsmParameters {
    SsmParameters::new(aws_sdk_ssm::Client::new(config))
}

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some causes only repeat what they cause.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

/// Why a call had no credentials, in one line, if that is what went wrong. A source of credentials that was too slow may
/// answer the next time; anything else wants somebody to sign in.
pub(crate) fn without_credentials(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<CredentialsError>() {
            let line = with_causes(error);
            let line = line.lines().next().unwrap_or_default().to_owned();
            return match error {
                CredentialsError::ProviderTimedOut(_) => None,
                CredentialsError::CredentialsNotLoaded(_) => Some(NO_CREDENTIALS.to_owned()),
                _ => Some(format!("{NO_CREDENTIALS}: {line}")),
            };
        }
        cause = error.source();
    }
    None
}

/// How the reason of a call begins that had no credentials.
pub const NO_CREDENTIALS: &str = "no credentials";

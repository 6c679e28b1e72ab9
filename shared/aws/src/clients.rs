//! SDK clients: built once per process, bounded in time, retried with jitter.

use std::fmt;
use std::time::Duration;

use crate::calls::with_causes;

pub use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use crate::cloudformation::answers::Presigned;
use crate::cloudformation::client::CloudFormation;
use crate::license_manager::LicenseManager;
use crate::s3::client::S3Store;
use crate::s3::versions::S3Versions;
use crate::ssm::client::SsmParameters;
use crate::step_functions::executions::StepFunctions;

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
    load(None, None).await
}

/// As [`sdk_config`], for a person who may have named a region and a profile. A named region is before the environment's.
///
/// Who signs follows AWS's own tools (botocore, `create_credential_resolver`):
///
/// 1. A profile that was named here. Credentials in the environment are then not used. A profile without credentials
///    leads to those of the container or the instance.
/// 2. Credentials in the environment.
/// 3. The profile of `AWS_PROFILE`, or the profile `default`.
///
/// # Errors
///
/// When the profile that was named here, or else in `AWS_PROFILE`, doesn't exist: then nothing may be signed by somebody
/// else.
pub async fn sdk_config_in(region: Option<&str>, profile: Option<&str>) -> Result<SdkConfig, ProfileError> {
    let from_environment = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    if let Some(name) = profile.or(from_environment.as_deref()) {
        exists(name).await?;
    }
    let config = load(region, profile).await;
    let Some(name) = profile else { return Ok(config) };
    let provider = ProviderConfig::without_region().with_region(config.region().cloned());
    let signing = CredentialsProviderChain::first_try(
        "Profile",
        ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(name).build(),
    )
    .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&provider).build())
    .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&provider).build());
    Ok(config.to_builder().credentials_provider(SharedCredentialsProvider::new(signing)).build())
}

/// Why a profile can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// There is no profile of this name.
    NotFound(String),
    /// The files with the profiles can't be read.
    Unreadable(String),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As the AWS CLI says it.
            Self::NotFound(name) => write!(f, "The config profile ({name}) could not be found"),
            Self::Unreadable(reason) => write!(f, "the files with the profiles can't be read: {reason}"),
        }
    }
}

impl std::error::Error for ProfileError {}

/// Whether a profile stands in one of the files of the AWS CLI, with credentials or without.
async fn exists(name: &str) -> Result<(), ProfileError> {
    let (files, environment) = (EnvConfigFiles::default(), Env::real());
    let profiles = aws_config::profile::load(&Fs::real(), &environment, &files, None).await;
    let profiles = profiles.map_err(|error| ProfileError::Unreadable(with_causes(&error)))?;
    match profiles.get_profile(name) {
        Some(_) => Ok(()),
        None => Err(ProfileError::NotFound(name.to_owned())),
    }
}

async fn load(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
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
    // Region and endpoints of the profile; who signs is decided above.
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}

/// The same for calls that a [`RateLimiter`](crate::drift::RateLimiter) makes again: the clients themselves don't, or they would hide from it
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

/// Licenses over License Manager.
pub fn licenses(config: &SdkConfig) -> LicenseManager {
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

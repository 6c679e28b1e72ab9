//! What tasks say of calls that failed, and small things that several of them need.

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::cloudformation::stacks::{Stack, StackResource};
use mlp_aws::s3::store::{BucketStore, ErrorKind, StoreError};
use mlp_aws::ssm::parameters::{ErrorKind as ParametersErrorKind, ParametersError};
use mlp_template::codes;
use mlp_template::finding::{self, Finding, MAX_FINDINGS};

use crate::execution::failure::{Failure, Name};
use crate::execution::status::StackStatus;

/// A call that failed for no reason of the stack's.
pub(crate) fn failed(error: &CallError) -> Failure {
    let name = match error.kind {
        Kind::Denied => Name::AccessDenied,
        Kind::Throttled => Name::Throttled,
        Kind::Unavailable => Name::Unavailable,
        Kind::Gone | Kind::Exists | Kind::Conflict | Kind::Elsewhere | Kind::Refused => Name::Refused,
    };
    let failure = Failure::new(name, error.to_string());
    match error.kind {
        Kind::Denied => {
            failure.help(format!("allow `{}` to the role of the deploy function", error.operation))
        }
        _ => failure,
    }
}

/// A look-up in Parameter Store that failed: that nobody answered says nothing of what is stored.
pub(crate) fn unread(error: ParametersError) -> Failure {
    let kind = match error.kind {
        ParametersErrorKind::Denied => Kind::Denied,
        ParametersErrorKind::Throttled => Kind::Throttled,
        ParametersErrorKind::Unavailable => Kind::Unavailable,
        ParametersErrorKind::Other => Kind::Refused,
    };
    failed(&CallError { kind, operation: "ssm:GetParameters", reason: error.reason })
}

/// A call to the suite's bucket that failed.
pub(crate) fn store_failed(error: &StoreError) -> Failure {
    let name = match error.kind {
        ErrorKind::Denied => Name::AccessDenied,
        ErrorKind::Transient | ErrorKind::Conflict => Name::Unavailable,
        ErrorKind::Gone | ErrorKind::NoBucket | ErrorKind::Elsewhere | ErrorKind::Other => Name::Refused,
    };
    Failure::new(name, error.to_string())
}

/// What is wrong with the bucket that an input names, if it is the bucket.
pub(crate) fn no_bucket(error: &StoreError, place: &str) -> Option<Finding> {
    let bucket = &error.bucket;
    let message = match error.kind {
        ErrorKind::NoBucket => format!("there is no bucket `{bucket}`"),
        ErrorKind::Elsewhere => format!("the bucket `{bucket}` is in another region than the suite"),
        _ => return None,
    };
    let finding = Finding::error(codes::DEP_INPUT, place, message);
    Some(finding.help("name a bucket of the suite's account and region, such as the suite's own"))
}

/// An object of JSON; nothing for one that isn't there, or is none.
pub(crate) async fn read_json<S: BucketStore + Sync, T: serde::de::DeserializeOwned>(
    store: &S,
    bucket: &str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let bytes = crate::objects::read(store, bucket, key).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// A stack's status. One that we don't know is no status to act on.
pub(crate) fn status_of(stack: &Stack) -> Result<StackStatus, Failure> {
    StackStatus::parse(&stack.status).ok_or_else(|| {
        Failure::new(
            Name::StackStuck,
            format!(
                "the stack is {}, a status that this version of ML Provisioner doesn't know",
                stack.status
            ),
        )
        .help("update ML Provisioner, or bring the stack into another status")
    })
}

/// 128 random bits, as hexadecimal digits.
pub(crate) fn random_digits() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Name::Unavailable, format!("there are no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// JSON of our own that can't be written or read.
pub(crate) fn damaged(error: &serde_json::Error) -> Failure {
    Failure::new(Name::Internal, format!("an object of the execution can't be written or read: {error}"))
}

/// How many bytes of JSON a value is longer than `most`.
pub(crate) fn excess(value: &impl serde::Serialize, most: usize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len()).saturating_sub(most)
}

/// Leaves out the findings that matter least, until `excess` bytes of JSON are saved; how many, and how many bytes are
/// still too many.
pub(crate) fn leave_out(findings: &mut Vec<Finding>, excess: usize) -> (usize, usize) {
    if excess == 0 {
        return (0, 0);
    }
    let before = finding::size(findings);
    let left_out = finding::keep(findings, MAX_FINDINGS, before.saturating_sub(excess));
    (left_out, excess.saturating_sub(before - finding::size(findings)))
}

pub(crate) fn is_there(resource: &StackResource) -> bool {
    !["DELETE_COMPLETE", "DELETE_SKIPPED"].contains(&resource.status.as_str())
}

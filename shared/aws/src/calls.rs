//! What goes wrong with a call, whatever the service.

use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::RequestId;

/// What kind of failure a [`CallError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was named isn't there.
    Gone,
    /// What was to be made is there already.
    Exists,
    /// It is there, and not in a state for this call.
    Conflict,
    /// No permission.
    Denied,
    /// Throttled, after all retries.
    Throttled,
    /// Timed out, a server's error or a broken connection, after all retries. Whether the call was carried out is unknown.
    Unavailable,
    /// What was named is in another region.
    Elsewhere,
    /// Anything else that AWS refuses.
    Refused,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What kind of failure.
    pub kind: Kind,
    /// The API operation, such as `cloudformation:CreateChangeSet`.
    pub operation: &'static str,
    /// The service's code and message, with the request's id if there is one.
    pub reason: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.reason)
    }
}

impl std::error::Error for CallError {}

impl CallError {
    /// What the SDK says of a failed call. Messages are kept: the services called here don't quote secrets.
    pub(crate) fn of<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let SdkError::ServiceError(service) = error else {
            if let Some(reason) = without_credentials(error) {
                return Self { kind: Kind::Denied, operation, reason };
            }
            let kind = match error {
                SdkError::ConstructionFailure(_) => Kind::Refused,
                _ => Kind::Unavailable,
            };
            return Self { kind, operation, reason: with_causes(error) };
        };
        let (code, message) = (error.code().unwrap_or("refused"), error.message().unwrap_or_default());
        let status_text = status.map(|status| format!("HTTP {status}")).unwrap_or_default();
        let request = service.raw().request_id().map(|id| format!(", request {id}")).unwrap_or_default();
        let reason = format!("{code}: {message} ({status_text}{request})");
        Self { kind: classify(code, message, status), operation, reason }
    }
}

/// CloudFormation answers `ValidationError` for a stack that isn't there and for much else; its message tells.
fn classify(code: &str, message: &str, status: Option<u16>) -> Kind {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RateLimitExceededException"
        | "ExecutionLimitExceeded"
        | "KmsThrottlingException"
        | "SlowDown" => Kind::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        // License Manager's.
        | "AuthorizationException"
        | "UnauthorizedOperation"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "KmsAccessDeniedException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch" => Kind::Denied,
        "ChangeSetNotFound"
        | "ChangeSetNotFoundException"
        | "StackNotFoundException"
        | "NoSuchBucket"
        | "NoSuchTagSet"
        | "ExecutionDoesNotExist"
        | "StateMachineDoesNotExist"
        // A task whose time is over is as little there as one that was answered.
        | "TaskDoesNotExist"
        | "TaskTimedOut"
        | "ResourceNotFoundException"
        | "NoSuchEntity"
        | "NotFoundException"
        | "ParameterNotFound"
        | "RepositoryDoesNotExistException" => Kind::Gone,
        "AlreadyExistsException" | "ExecutionAlreadyExists" => Kind::Exists,
        // S3's of a bucket, by which endpoint was asked and how new the bucket is; the last one is License Manager's.
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "RedirectException" => Kind::Elsewhere,
        "InvalidChangeSetStatus"
        | "InvalidChangeSetStatusException"
        | "OperationInProgressException"
        | "StateMachineDeleting"
        | "KmsInvalidStateException"
        | "TokenAlreadyExistsException" => Kind::Conflict,
        "ValidationError" if names_what_is_gone(message) => Kind::Gone,
        // "Stack:... is in UPDATE_IN_PROGRESS state and can not be updated.", "TerminationProtection is enabled".
        "ValidationError"
            if message.contains(" is in ") && message.contains(" state")
                || message.contains("TerminationProtection")
                // "Stack [arn] already exists and cannot be created again with the changeSet [x]": somebody was faster.
                || message.contains("already exists and cannot be created again")
                || message.contains("cannot be deleted while in status")
                // "Drift detection is already in progress for stack [arn]".
                || message.contains("already in progress")
                || message.contains("is being ") =>
        {
            Kind::Conflict
        }
        _ => match status {
            Some(401 | 403) => Kind::Denied,
            Some(429) => Kind::Throttled,
            Some(408 | 500..=599) => Kind::Unavailable,
            _ => Kind::Refused,
        },
    }
}

/// Whether CloudFormation says that the stack, change set or resource itself isn't there: "Stack with id x does not exist",
/// "Stack [x] does not exist", "Resource x does not exist for stack y". "S3 error: The specified key does not exist" is about a
/// template.
fn names_what_is_gone(message: &str) -> bool {
    message.contains("does not exist")
        && ["Stack", "ChangeSet", "Resource "].iter().any(|subject| message.starts_with(subject))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_code_message_and_status() {
        let cases = [
            ("ValidationError", "Stack with id x-stack does not exist", Some(400), Kind::Gone),
            (
                "ValidationError",
                "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated.",
                Some(400),
                Kind::Conflict,
            ),
            (
                "ValidationError",
                "Stack [x] cannot be deleted while TerminationProtection is enabled",
                Some(400),
                Kind::Conflict,
            ),
            (
                "ValidationError",
                "Stack [arn] already exists and cannot be created again with the changeSet [x]",
                Some(400),
                Kind::Conflict,
            ),
            (
                "ValidationError",
                "Stack [x] cannot be deleted while in status UPDATE_IN_PROGRESS",
                Some(400),
                Kind::Conflict,
            ),
            ("ValidationError", "Template format error: JSON not well-formed.", Some(400), Kind::Refused),
            ("ValidationError", "S3 error: The specified key does not exist.", Some(400), Kind::Refused),
            ("ValidationError", "Resource Product does not exist for stack shop", Some(400), Kind::Gone),
            ("ChangeSetNotFound", "ChangeSet [x] does not exist", Some(404), Kind::Gone),
            ("PermanentRedirect", "use the specified endpoint", Some(301), Kind::Elsewhere),
            ("AuthorizationHeaderMalformed", "expecting 'eu-west-1'", Some(400), Kind::Elsewhere),
            ("RedirectException", "not the correct Region", Some(400), Kind::Elsewhere),
            ("AuthorizationException", "does not have permission", Some(400), Kind::Denied),
            ("AlreadyExistsException", "ChangeSet x already exists", Some(400), Kind::Exists),
            (
                "InvalidChangeSetStatus",
                "ChangeSet [x] cannot be executed in its current status",
                Some(400),
                Kind::Conflict,
            ),
            ("Throttling", "Rate exceeded", Some(400), Kind::Throttled),
            ("ExecutionAlreadyExists", "Execution Already Exists: 'arn'", Some(400), Kind::Exists),
            ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", Some(400), Kind::Gone),
            ("UnrecognizedClientException", "The security token is invalid.", Some(400), Kind::Denied),
            ("InternalFailure", "", Some(500), Kind::Unavailable),
            ("AccessDenied", "User is not authorized", Some(403), Kind::Denied),
            ("Other", "", Some(400), Kind::Refused),
        ];
        for (code, message, status, expected) in cases {
            assert_eq!(classify(code, message, status), expected, "{code} {message}");
        }
    }
}

//! The parameter store over AWS Systems Manager.

use std::collections::BTreeMap;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::http::HttpResponse;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::RequestId;
use aws_sdk_ssm::types::ParameterType;

use crate::calls::with_causes;
use crate::ssm::parameters::{ErrorKind, Parameter, ParameterStore, ParametersError};

/// [`ParameterStore`] over a Systems Manager client.
#[derive(Debug, Clone)]
pub struct SsmParameters {
    client: Client,
}

impl SsmParameters {
    /// Wraps a client, whose time-outs and retries are the caller's choice (see [`crate::clients`]).
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

impl ParameterStore for SsmParameters {
    async fn get(&self, names: &[String]) -> Result<BTreeMap<String, Parameter>, ParametersError> {
        let request = self.client.get_parameters().set_names(Some(names.to_vec())).with_decryption(false);
        // The SDK's futures are deep and large: boxed here, they cost the callers' futures one pointer.
        let answer = Box::pin(request.send()).await.map_err(|error| failed(&error))?;
        let found = answer.parameters.unwrap_or_default().into_iter();
        Ok(found
            .filter_map(|parameter| {
                let stored = match parameter.r#type {
                    Some(ParameterType::SecureString) => Parameter::Secure,
                    _ => Parameter::Plain(parameter.value?),
                };
                Some((parameter.name?, stored))
            })
            .collect())
    }
}

fn failed<E>(error: &SdkError<E, HttpResponse>) -> ParametersError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let SdkError::ServiceError(service) = error else {
        let kind = match error {
            SdkError::ConstructionFailure(_) => ErrorKind::Other,
            _ => ErrorKind::Unavailable,
        };
        return ParametersError { kind, reason: with_causes(error) };
    };
    // A code names the failure; the message beside it may quote what was sent.
    let code = error.code().unwrap_or("refused");
    let status_text = status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
    let request = service.raw().request_id().map(|id| format!(", request {id}")).unwrap_or_default();
    ParametersError { kind: classify(code, status), reason: format!("{code}{status_text}{request}") }
}

/// Systems Manager answers 400 to nearly everything, throttling included: the code comes first.
fn classify(code: &str, status: Option<u16>) -> ErrorKind {
    match (code, status) {
        ("ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded", _)
        | (_, Some(429)) => ErrorKind::Throttled,
        (_, Some(408 | 500..=599)) => ErrorKind::Unavailable,
        ("AccessDeniedException" | "AccessDenied", _) | (_, Some(401 | 403)) => ErrorKind::Denied,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_code_and_without_one_by_status() {
        let cases = [
            ("ThrottlingException", Some(400), ErrorKind::Throttled),
            ("InternalServerError", Some(500), ErrorKind::Unavailable),
            ("ServiceUnavailable", Some(503), ErrorKind::Unavailable),
            ("AccessDeniedException", Some(400), ErrorKind::Denied),
            ("ExpiredTokenException", Some(403), ErrorKind::Denied),
            ("ValidationException", Some(400), ErrorKind::Other),
            ("refused", None, ErrorKind::Other),
        ];
        for (code, status, expected) in cases {
            assert_eq!(classify(code, status), expected, "{code} {status:?}");
        }
    }
}

//! Answers to custom resources' requests: one `PUT` to a presigned address.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};

use crate::calls::{CallError, Kind};

/// Hears answers.
pub trait Answers {
    /// Sends an answer. The address is a secret: no error names it.
    ///
    /// # Errors
    ///
    /// [`Kind::Gone`] when nobody listens any more, [`Kind::Refused`] for an address that is none of CloudFormation's,
    /// [`Kind::Unavailable`] when it could not be told.
    fn answer(&self, url: &str, body: &str) -> impl Future<Output = Result<(), CallError>> + Send;
}

const OPERATION: &str = "PUT to the request's ResponseURL";

/// Attempts in all, and what is waited before the second.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// [`Answers`] by HTTPS.
#[derive(Debug)]
pub struct Presigned {
    connector: Connector,
    /// The host that an emulator's addresses name.
    emulator: bool,
}

impl Presigned {
    /// `emulator` says that addresses of this machine are right, too.
    pub fn new(emulator: bool) -> Self {
        let builder = Connector::builder();
        let connector = if emulator {
            builder.build_http()
        } else {
            builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build()
        };
        Self { connector, emulator }
    }
}

impl Answers for Presigned {
    async fn answer(&self, url: &str, body: &str) -> Result<(), CallError> {
        let refused = |kind, reason: String| CallError { kind, operation: OPERATION, reason };
        if !is_cloudformations(url, self.emulator) {
            return Err(refused(Kind::Refused, "the address is not one of S3's".to_owned()));
        }
        let mut last = refused(Kind::Unavailable, "not tried".to_owned());
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            let mut request = HttpRequest::new(SdkBody::from(body.to_owned()));
            let made = request.set_method("PUT").is_ok() && request.set_uri(url).is_ok();
            if !made {
                return Err(refused(Kind::Refused, "the address can't be read".to_owned()));
            }
            // The address is signed for a request without a content type.
            request.headers_mut().insert("content-length", body.len().to_string());
            match tokio::time::timeout(ATTEMPT_TIMEOUT, self.connector.call(request)).await {
                Ok(Ok(response)) => match response.status().as_u16() {
                    200..=299 => return Ok(()),
                    400 if is_slow(response).await => "HTTP 400 RequestTimeout".clone_into(&mut last.reason),
                    // The signature has expired, or the object can't be written any more.
                    status @ (400 | 403 | 404 | 410) => {
                        return Err(refused(Kind::Gone, format!("HTTP {status}: nobody listens any more")));
                    }
                    status => last.reason = format!("HTTP {status}"),
                },
                Ok(Err(error)) if error.is_timeout() => "timed out".clone_into(&mut last.reason),
                Ok(Err(_)) => "no connection".clone_into(&mut last.reason),
                Err(_) => "timed out".clone_into(&mut last.reason),
            }
        }
        Err(last)
    }
}

/// Whether S3 had to wait for the body: of the answers with status 400 the one that may be another the next time.
///
/// Source: Amazon S3 API Reference, "Error responses" (`RequestTimeout`).
async fn is_slow(response: HttpResponse) -> bool {
    let body = tokio::time::timeout(ATTEMPT_TIMEOUT, ByteStream::new(response.into_body()).collect()).await;
    let Ok(Ok(body)) = body else { return true };
    String::from_utf8_lossy(&body.into_bytes()).contains("<Code>RequestTimeout</Code>")
}

/// Whether CloudFormation could have sent this address: S3's, or in an emulator this machine's own. A function that sends
/// what it knows anywhere would be of use to others.
fn is_cloudformations(url: &str, emulator: bool) -> bool {
    let host = |scheme: &str| {
        let rest = url.strip_prefix(scheme)?;
        let authority = rest.split(['/', '?', '#']).next()?;
        if authority.contains('@') {
            return None;
        }
        Some(authority.split(':').next().unwrap_or(authority).to_ascii_lowercase())
    };
    let amazon = host("https://").is_some_and(|host| {
        (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
            && host.split('.').any(|label| label == "s3" || label.starts_with("s3-"))
    });
    let own =
        emulator && host("http://").is_some_and(|host| ["localhost", "127.0.0.1"].contains(&host.as_str()));
    amazon || own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_s3_and_nowhere_else() {
        for right in [
            "https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x?X-Amz-Signature=1",
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
            "https://a.s3.cn-north-1.amazonaws.com.cn/x",
        ] {
            assert!(is_cloudformations(right, false), "{right}");
        }
        for wrong in [
            "http://a.s3.us-west-2.amazonaws.com/x",
            "https://a.s3.us-west-2.amazonaws.com.example.org/x",
            "https://a.s3.us-west-2.amazonaws.com@example.org/x",
            "https://example.org/?.s3.amazonaws.com",
            "https://sts.amazonaws.com/x",
            "http://localhost:4566/x",
            "file:///etc/passwd",
        ] {
            assert!(!is_cloudformations(wrong, false), "{wrong}");
        }
        assert!(is_cloudformations("http://localhost:4566/_x/1", true));
        assert!(!is_cloudformations("http://169.254.169.254/latest", true));
    }

    #[tokio::test]
    async fn an_answer_is_sent_once_more_when_the_first_is_lost() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x?signature=secret", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in [
                "HTTP/1.1 503 Slow\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 43\r\nconnection: close\r\n\r\n\
                 <Error><Code>RequestTimeout</Code></Error>\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 41\r\nconnection: close\r\n\r\n\
                 <Error><Code>ExpiredToken</Code></Error>\n",
            ] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let mut text = String::new();
                while !text.ends_with("{\"a\":1}") {
                    let count = stream.read(&mut bytes).await.unwrap();
                    text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
                requests.push(text.to_ascii_lowercase());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        let answers = Presigned::new(true);
        answers.answer(&url, "{\"a\":1}").await.unwrap();
        for _ in 0..2 {
            let error = answers.answer(&url, "{\"a\":1}").await.unwrap_err();
            assert_eq!(error.kind, Kind::Gone);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for request in server.await.unwrap() {
            assert!(request.starts_with("put /x?signature=secret http/1.1\r\n"), "{request}");
            assert!(!request.contains("content-type"), "{request}");
        }
    }
}

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

    /// Whether the address is one of CloudFormation's. [`Self::answer`] refuses every other one, each time.
    fn hears(&self, url: &str) -> bool;
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
    hosts: Vec<String>,
    /// Whether addresses of this machine are right, too.
    emulator: bool,
}

impl Presigned {
    /// For the custom resources of a region. `emulator` says that addresses of this machine are right, too.
    pub fn new(region: &str, emulator: bool) -> Self {
        let builder = Connector::builder();
        let connector = if emulator {
            builder.build_http()
        } else {
            builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build()
        };
        Self { connector, hosts: hosts(region), emulator }
    }

    /// The request that sends an answer; nothing for an address that is none of CloudFormation's, or that can't be read.
    fn request(&self, url: &str, body: &str) -> Option<HttpRequest> {
        if !is_cloudformations(url, &self.hosts, self.emulator) {
            return None;
        }
        let mut request = HttpRequest::new(SdkBody::from(body.to_owned()));
        request.set_method("PUT").and_then(|()| request.set_uri(url)).ok()?;
        // The address is signed for a request without a content type.
        request.headers_mut().insert("content-length", body.len().to_string());
        Some(request)
    }
}

impl Answers for Presigned {
    async fn answer(&self, url: &str, body: &str) -> Result<(), CallError> {
        let refused = |kind, reason: String| CallError { kind, operation: OPERATION, reason };
        let mut last = refused(Kind::Unavailable, "not tried".to_owned());
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            let Some(request) = self.request(url, body) else {
                let reason = "the address is not one of CloudFormation's response buckets in this region";
                return Err(refused(Kind::Refused, reason.to_owned()));
            };
            match tokio::time::timeout(ATTEMPT_TIMEOUT, self.connector.call(request)).await {
                Ok(Ok(response)) => match response.status().as_u16() {
                    200..=299 => return Ok(()),
                    400 if is_slow(response).await => "HTTP 400 RequestTimeout".clone_into(&mut last.reason),
                    // S3 is busy, or somebody works on the bucket.
                    status @ (408 | 409 | 429) => last.reason = format!("HTTP {status}"),
                    // The signature has expired, or the object can't be written any more, or the address never led to one.
                    status @ 400..=499 => {
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

    fn hears(&self, url: &str) -> bool {
        self.request(url, "").is_some()
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

/// The hosts of the buckets at which CloudFormation awaits the answers of a region's custom resources.
///
/// The bucket is `cloudformation-custom-resource-response-` and the region without hyphens; it is AWS's, whichever of S3's
/// host names leads to it. Sources: AWS CloudFormation User Guide, "Setting up VPC endpoints" (the bucket's name); AWS
/// Lambda Developer Guide, "Using AWS Lambda with CloudFormation" (an event with its `ResponseURL`).
fn hosts(region: &str) -> Vec<String> {
    let bucket = format!("cloudformation-custom-resource-response-{}", region.replace('-', ""));
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    [format!("s3.{region}"), format!("s3-{region}"), "s3".to_owned()]
        .map(|service| format!("{bucket}.{service}.{suffix}"))
        .into()
}

/// Whether CloudFormation could have sent this address; in an emulator, also one of this machine. A function that sends
/// what it knows anywhere would be of use to others: a bucket of S3 may be anybody's.
fn is_cloudformations(url: &str, hosts: &[String], emulator: bool) -> bool {
    let host = |scheme: &str| {
        let rest = url.strip_prefix(scheme)?;
        let authority = rest.split(['/', '?', '#', '\\']).next()?;
        if authority.contains('@') {
            return None;
        }
        Some(authority.to_ascii_lowercase())
    };
    let amazon = host("https://").is_some_and(|host| {
        let host = host.strip_suffix(":443").unwrap_or(&host);
        hosts.iter().any(|allowed| allowed == host)
    });
    let own = emulator
        && host("http://").is_some_and(|host| {
            let name = host.split(':').next().unwrap_or(&host);
            ["localhost", "127.0.0.1"].contains(&name)
        });
    amazon || own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_cloudformations_own_buckets_of_the_region_and_nowhere_else() {
        for (region, right) in [
            (
                "us-west-2",
                "https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x?X-Amz-Signature=1",
            ),
            (
                "us-west-2",
                "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com:443/x",
            ),
            ("us-east-1", "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x"),
            (
                "us-east-1",
                "https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com/x",
            ),
            (
                "cn-north-1",
                "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/x",
            ),
        ] {
            assert!(is_cloudformations(right, &hosts(region), false), "{right}");
        }
        for wrong in [
            // A bucket of somebody's own.
            "https://my-bucket.s3.us-west-2.amazonaws.com/x",
            "https://s3.us-west-2.amazonaws.com/cloudformation-custom-resource-response-uswest2/x",
            // Another region's requests don't come here.
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
            "https://x.cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/x",
            "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com.example.org/x",
            "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com@example.org/x",
            "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com:8443/x",
            "http://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/x",
            "https://example.org/?.s3.amazonaws.com",
            "https://example.org\\.s3.us-west-2.amazonaws.com/x",
            "http://localhost:4566/x",
            "file:///etc/passwd",
        ] {
            assert!(!is_cloudformations(wrong, &hosts("us-west-2"), false), "{wrong}");
        }
        // What can't be read can't be answered either.
        let bucket = "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com";
        let answers = Presigned::new("us-west-2", false);
        assert!(answers.hears(&format!("{bucket}/x?y")));
        for wrong in [format!("{bucket}/x y"), format!("{bucket}/\n"), "https://evil.example/x".to_owned()] {
            assert!(!answers.hears(&wrong), "{wrong}");
        }
        assert!(is_cloudformations("http://localhost:4566/_x/1", &[], true));
        assert!(!is_cloudformations("http://169.254.169.254/latest", &[], true));
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
                // An address with which nothing can be written, such as that of `?location`.
                "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
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
        let answers = Presigned::new("us-west-2", true);
        answers.answer(&url, "{\"a\":1}").await.unwrap();
        for _ in 0..3 {
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

//! AWS as far as `mlp` needs it, on a port of this machine: Step Functions' JSON, one answer of STS, objects of S3.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const MACHINE: &str = "arn:aws:states:us-west-2:123456789012:stateMachine:MLProvisionerDeploy";
pub(crate) const EXECUTION: &str =
    "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday";

/// An answer: HTTP status and body.
#[derive(Clone)]
pub(crate) struct Answer(u16, String);

/// A request that came in: the operation, and its JSON or the object's path.
pub(crate) type Asked = (String, Json);

pub(crate) struct Aws {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// For each operation the answers in turn; the last one stays.
    answers: BTreeMap<String, Vec<Answer>>,
    asked: Vec<Asked>,
    /// For each request the access key that signed it, and the region that it was signed for.
    signed: Vec<(String, String)>,
}

/// A result of an operation.
pub(crate) fn ok(body: &Json) -> Answer {
    Answer(200, body.to_string())
}

/// An error of Step Functions.
pub(crate) fn refused(code: &str) -> Answer {
    Answer(
        400,
        json!({"__type": format!("com.amazonaws.swf.service.v2.model#{code}"), "message": "as told"})
            .to_string(),
    )
}

/// An object's content.
pub(crate) fn object(content: &str) -> Answer {
    Answer(200, content.to_owned())
}

/// An error of S3.
pub(crate) fn s3_error(status: u16, code: &str) -> Answer {
    Answer(status, format!("<Error><Code>{code}</Code><Message>as told</Message></Error>"))
}

pub(crate) fn described(status: &str, more: &Json) -> Answer {
    let mut body = json!({
        "executionArn": EXECUTION, "stateMachineArn": MACHINE, "name": "monday", "status": status,
        "startDate": 1_790_000_000.0, "input": "{\"action\": \"deploy-product\"}",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    ok(&body)
}

pub(crate) fn succeeded(result: &Json) -> Answer {
    described("SUCCEEDED", &json!({"output": result.to_string(), "stopDate": 1_790_000_083.5}))
}

pub(crate) fn failed(error: &str, result: &Json) -> Answer {
    described("FAILED", &json!({"error": error, "cause": result.to_string(), "stopDate": 1_790_000_083.5}))
}

/// A page of history, newest first, in which a stack operation is this far.
pub(crate) fn changing(done: u64, total: u64) -> Answer {
    let work = json!({"stack": {"status": "CREATE_IN_PROGRESS", "done": done, "total": total}});
    let output = json!({"Payload": work}).to_string();
    let entered = json!({"name": "FollowStack", "input": "{}"});
    let succeeded = json!({"resourceType": "lambda", "resource": "invoke", "output": output});
    ok(&json!({"events": [
        {"timestamp": 1.0, "type": "TaskSucceeded", "id": done * 10 + 9, "previousEventId": 8, "taskSucceededEventDetails": succeeded},
        {"timestamp": 1.0, "type": "TaskStateEntered", "id": done * 10 + 8, "previousEventId": 7, "stateEnteredEventDetails": entered},
        {"timestamp": 1.0, "type": "SomethingNew", "id": done * 10 + 7, "previousEventId": 6},
    ]}))
}

/// A page of history, newest first, in which somebody is asked for an approval.
pub(crate) fn asking_for_approval() -> Answer {
    let scheduled = json!({
        "resourceType": "lambda", "resource": "invoke.waitForTaskToken", "region": "us-west-2", "parameters": "{}",
    });
    ok(&json!({"events": [
        {"timestamp": 1.0, "type": "TaskScheduled", "id": 3, "taskScheduledEventDetails": scheduled},
        {"timestamp": 1.0, "type": "TaskStateEntered", "id": 2, "stateEnteredEventDetails": {"name": "RequestApproval"}},
    ]}))
}

impl Aws {
    /// Answers from now on, until the process ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&connection, &shared));
            }
        });
        let identity = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{ACCOUNT}:user/anna</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        Self { endpoint, state }
            .with("GetCallerIdentity", [Answer(200, identity)])
            .with("StartExecution", [ok(&json!({"executionArn": EXECUTION, "startDate": 1_790_000_000.0}))])
            .with("SendTaskSuccess", [ok(&json!({}))])
            .with("SendTaskFailure", [ok(&json!({}))])
            .with("GetExecutionHistory", [ok(&json!({"events": []}))])
    }

    /// With the answers to an operation, or to reading an object (`/bucket/key`).
    pub(crate) fn with(self, operation: &str, answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = answers.into_iter().collect();
        self.state.lock().unwrap().answers.insert(operation.to_owned(), answers);
        self
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The operations so far.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.asked().into_iter().map(|(operation, _)| operation).collect()
    }

    /// Who has signed the requests so far: access key and region, each once.
    pub(crate) fn signed(&self) -> Vec<(String, String)> {
        let mut signed = self.state.lock().unwrap().signed.clone();
        signed.dedup();
        signed
    }

    /// The last request of an operation.
    pub(crate) fn last(&self, operation: &str) -> Json {
        let asked = self.asked().into_iter().rev().find(|(name, _)| name == operation);
        asked.map(|(_, body)| body).unwrap_or_default()
    }
}

fn serve(connection: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut first, mut target, mut length, mut signer) = (String::new(), None, 0, None);
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => target = value.trim().rsplit('.').next().map(str::to_owned),
                "content-length" => length = value.trim().parse().unwrap(),
                "authorization" => signer = signer_of(value),
                _ => {}
            }
        }
        if let Some(signer) = signer.take() {
            state.lock().unwrap_or_else(PoisonError::into_inner).signed.push(signer);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let path = first.split(' ').nth(1).unwrap_or("/");
        let (operation, asked) = match target {
            Some(target) => (target, serde_json::from_str(&body).unwrap_or_default()),
            None if body.contains("Action=GetCallerIdentity") => ("GetCallerIdentity".to_owned(), Json::Null),
            None => (path.split('?').next().unwrap_or(path).to_owned(), path.into()),
        };
        let Answer(status, text) =
            state.lock().unwrap_or_else(PoisonError::into_inner).answer(operation, asked);
        let mut connection = connection;
        let head = "x-amz-version-id: v-1\r\netag: \"e\"\r\ncontent-type: application/x-amz-json-1.0";
        write!(
            connection,
            "HTTP/1.1 {status} Told\r\n{head}\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )
        .ok()?;
    }
}

/// Access key and region of `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, ...`.
fn signer_of(authorization: &str) -> Option<(String, String)> {
    let scope = authorization.split_once("Credential=")?.1.split(',').next()?;
    let mut parts = scope.split('/');
    Some((parts.next()?.to_owned(), parts.nth(1)?.to_owned()))
}

impl State {
    fn answer(&mut self, operation: String, asked: Json) -> Answer {
        let answer = match self.answers.get_mut(&operation) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap(),
            None if operation.starts_with('/') => s3_error(404, "NoSuchKey"),
            None => refused("UnknownOperationException"),
        };
        self.asked.push((operation, asked));
        answer
    }
}

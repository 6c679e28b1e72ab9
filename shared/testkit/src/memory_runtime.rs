//! Lambda's Runtime API on this machine: one event goes into a function's own program, and its answer comes out.

#![expect(clippy::unwrap_used, reason = "a test aid may end the test")]

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::memory_logs;

/// What a program made of one event.
#[derive(Debug)]
pub struct Invoked {
    /// The answer, or `errorType` and `errorMessage` as Lambda gets them.
    pub answer: Result<Value, Value>,
    /// Every line of the log, read strictly.
    pub lines: Vec<Value>,
}

/// Runs a function's program for one event, with these variables and no others of this process. AWS can't be reached.
///
/// # Panics
///
/// When the program doesn't answer within a minute, or writes a line that [`memory_logs::line`] refuses.
pub fn invoke(program: &str, variables: &[(&str, &str)], event: &str) -> Invoked {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(program)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .envs([("AWS_LAMBDA_FUNCTION_NAME", "f"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
        .envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("AWS_LAMBDA_LOG_LEVEL", "DEBUG")])
        .envs([("AWS_REGION", "us-west-2"), ("AWS_EC2_METADATA_DISABLED", "true")])
        // Nobody listens on the discard port.
        .envs([
            ("AWS_ACCESS_KEY_ID", "none"),
            ("AWS_SECRET_ACCESS_KEY", "none"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let answer = serve(&listener, event);
    child.kill().unwrap();
    let mut log = String::new();
    child.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    child.wait().unwrap();
    let lines = log.lines().filter(|line| !line.is_empty()).map(memory_logs::line).collect();
    Invoked { answer, lines }
}

fn serve(listener: &TcpListener, event: &str) -> Result<Value, Value> {
    listener.set_nonblocking(true).unwrap();
    let started = SystemTime::now();
    let mut sent = false;
    loop {
        let waited = started.elapsed().unwrap_or_default();
        assert!(waited < Duration::from_mins(1), "the function has not answered");
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        // The runtime keeps its connection for all of its requests.
        if let Some(answer) = talk(stream, event, &mut sent) {
            return answer;
        }
    }
}

/// Answers the requests of one connection until the event is answered; nothing when the connection ends before.
fn talk(stream: TcpStream, event: &str, sent: &mut bool) -> Option<Result<Value, Value>> {
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let (mut length, mut chunked) = (0, false);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(("transfer-encoding", _)) => chunked = true,
                _ if header.is_empty() => break,
                _ => {}
            }
        }
        let body = if chunked { chunks(&mut reader) } else { exactly(&mut reader, length) };
        let path = first.split(' ').nth(1).unwrap_or_default();
        if path.ends_with("/invocation/next") && !*sent {
            *sent = true;
            let deadline =
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(20);
            let (deadline, length) = (deadline.as_millis(), event.len());
            let arn = "arn:aws:lambda:us-west-2:123456789012:function:f";
            let head = format!(
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: one\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-invoked-function-arn: {arn}\r\ncontent-length: {length}\r\n\r\n"
            );
            writer.write_all(head.as_bytes()).unwrap();
            writer.write_all(event.as_bytes()).unwrap();
            continue;
        }
        let _ = writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        if path.ends_with("/response") {
            return Some(Ok(told));
        }
        if path.ends_with("/error") {
            return Some(Err(told));
        }
    }
}

fn exactly(reader: &mut impl BufRead, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn chunks(reader: &mut impl BufRead) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        body.extend(exactly(reader, size));
        exactly(reader, 2);
        if size == 0 {
            return body;
        }
    }
}

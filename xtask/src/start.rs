//! From process start to the first poll of Lambda's runtime API, and the memory of one invocation.
//!
//! A server of a few lines plays the runtime API: it takes the first poll's time, hands out one event, and reads the
//! function's peak memory when the answer has come.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::failure::{Context as _, Failure, Result};
use crate::process::{Background, command};
use crate::suite;

/// How one run went.
pub(crate) struct Run {
    /// Process start to first poll.
    pub(crate) start: Duration,
    /// Peak of the resident memory once the event was answered, in bytes; 0 where the system doesn't tell.
    pub(crate) peak: u64,
    /// The function's answer.
    pub(crate) answer: Json,
}

/// How long a function may take to call.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the function anew and lets it answer one event.
pub(crate) fn run(name: &str, binary: &Path, environment: &[(String, String)], event: &Json) -> Result<Run> {
    let server = TcpListener::bind("127.0.0.1:0").context("a port on 127.0.0.1")?;
    let address = server.local_addr().context("a port on 127.0.0.1")?;
    server.set_nonblocking(true).context("a socket")?;
    let mut function = command(binary);
    function.env_clear().envs(environment.iter().cloned()).env("AWS_LAMBDA_RUNTIME_API", address.to_string());
    for (key, value) in [("NAME", name), ("MEMORY_SIZE", "256"), ("VERSION", "$LATEST")] {
        function.env(format!("AWS_LAMBDA_FUNCTION_{key}"), value);
    }
    let began = Instant::now();
    let mut process = Background::start(&mut function, &suite::log("bench-function"))?;
    let first = accept(&server, &mut process)?;
    let start = began.elapsed();
    // As long as its connection is open the function waits for an answer to it, and its memory can be read.
    let (answer, _connection) = serve(first, &server, &mut process, event)?;
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let peak: Option<u64> =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    let kib =
        peak.ok_or_else(|| Failure::new("the function's memory can't be read in /proc").log(process.log()))?;
    Ok(Run { start, peak: kib * 1024, answer })
}

fn accept(server: &TcpListener, process: &mut Background) -> Result<TcpStream> {
    let asked = Instant::now();
    loop {
        match server.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).context("a socket")?;
                stream.set_read_timeout(Some(PATIENCE)).context("a socket")?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error).context("a socket"),
            Err(_) => {}
        }
        if let Some(status) = process.exited()? {
            return Err(Failure::new(format!("the function ended with {status}")).log(process.log()));
        }
        if asked.elapsed() > PATIENCE {
            return Err(Failure::new("the function doesn't call the runtime API").log(process.log()));
        }
        thread::sleep(Duration::from_micros(50));
    }
}

/// Answers the first poll with the event; returns what the function answers to it, and the connection, still open.
fn serve(
    first: TcpStream,
    server: &TcpListener,
    process: &mut Background,
    event: &Json,
) -> Result<(Json, TcpStream)> {
    let event = event.to_string();
    let mut connection = Some(first);
    let mut handed_out = false;
    loop {
        let mut writer = match connection.take() {
            Some(stream) => stream,
            None => accept(server, process)?,
        };
        let mut reader = BufReader::new(writer.try_clone().context("a socket")?);
        // One connection may carry several requests.
        while let Some((request, body)) = read_request(&mut reader).context("a call of the function")? {
            if request.starts_with("GET") && !handed_out {
                handed_out = true;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 99999999999999\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-west-2:123456789012:function:bench\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    event.len()
                );
                writer.write_all((head + &event).as_bytes()).context("the event")?;
            } else if request.contains("/response") {
                let answer = serde_json::from_slice(&body).context("the function's answer")?;
                return Ok((answer, writer));
            } else if request.starts_with("POST") {
                let body = String::from_utf8_lossy(&body).into_owned();
                return Err(Failure::new(format!("the function failed: {body}")).log(process.log()));
            } else {
                break;
            }
        }
    }
}

/// The request line and the body; `None` at the connection's end.
fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        chunk.truncate(size);
        body.extend(chunk);
        // Up to and with the empty chunk.
        chunked = size > 0;
    }
    Ok(Some((first, body)))
}

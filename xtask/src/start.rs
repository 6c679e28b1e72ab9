//! From process start to the first poll of Lambda's runtime API, and the memory of one invocation.
//!
//! A server of a few lines plays the runtime API: it takes the first poll's time, hands out one event, and reads the
//! function's peak memory when the answer has come.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::bench::must_exist;
use crate::failure::{Context as _, Result};
use crate::process::{Background, command};
use crate::{paths, suite};

/// What was measured.
pub(crate) struct Measured {
    pub(crate) runs: usize,
    pub(crate) least_ms: f64,
    pub(crate) median_ms: f64,
    pub(crate) most_ms: f64,
    pub(crate) peak_kib: f64,
}

const RUNS: usize = 30;

/// An event that needs no AWS: a removal is answered without a call.
const EVENT: &str = "events/s3/removed.json";

pub(crate) fn measure(binary: &Path) -> Result<Measured> {
    must_exist(binary)?;
    let event = fs::read(paths::at(EVENT)).context(EVENT)?;
    let mut starts = Vec::with_capacity(RUNS);
    let mut peak_kib: f64 = 0.0;
    for _ in 0..RUNS {
        let (start, peak) = once(binary, &event)?;
        starts.push(start.as_secs_f64() * 1e3);
        peak_kib = peak_kib.max(peak);
    }
    starts.sort_by(f64::total_cmp);
    let at = |index: usize| starts.get(index).copied().unwrap_or_default();
    Ok(Measured { runs: RUNS, least_ms: at(0), median_ms: at(RUNS / 2), most_ms: at(RUNS - 1), peak_kib })
}

fn once(binary: &Path, event: &[u8]) -> Result<(Duration, f64)> {
    let server = TcpListener::bind("127.0.0.1:0").context("a port on 127.0.0.1")?;
    let address = server.local_addr().context("a port on 127.0.0.1")?;
    let mut function = command(binary);
    function.env_clear();
    for (key, value) in [
        ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "generate"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("MLP_BUCKET", "mlp-123456789012-us-west-2"),
    ] {
        function.env(key, value);
    }
    let began = Instant::now();
    let process = Background::start(&mut function, &suite::log("bench-start"))?;
    let (poll, _) = server.accept().context("the function's first poll")?;
    let start = began.elapsed();
    serve(poll, &server, event)?;
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    Ok((start, peak.unwrap_or(0.0)))
}

/// Answers the first poll with the event and reads until the function has answered it.
fn serve(first: TcpStream, server: &TcpListener, event: &[u8]) -> Result<()> {
    let mut connection = Some(first);
    let mut handed_out = false;
    loop {
        let stream = match connection.take() {
            Some(stream) => stream,
            None => server.accept().context("a call of the function")?.0,
        };
        stream.set_read_timeout(Some(Duration::from_secs(10))).context("a socket")?;
        let mut reader = BufReader::new(stream.try_clone().context("a socket")?);
        let mut writer = stream;
        // One connection may carry several requests.
        while let Some(request) = read_request(&mut reader)? {
            if request.starts_with("GET") && !handed_out {
                handed_out = true;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 99999999999999\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-west-2:123456789012:function:generate\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    event.len()
                );
                writer
                    .write_all(head.as_bytes())
                    .and_then(|()| writer.write_all(event))
                    .context("the event")?;
            } else if request.starts_with("POST") {
                let _ = writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
                return Ok(());
            } else {
                break;
            }
        }
    }
}

/// The request line, its headers and body read away; `None` at the connection's end.
fn read_request(reader: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first).context("a request")? == 0 {
        return Ok(None);
    }
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).context("a request")?;
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
    }
    if chunked {
        // Up to and with the empty chunk.
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).context("a body")?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).context("a body")?;
            if size == 0 {
                break;
            }
        }
    } else {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).context("a body")?;
    }
    Ok(Some(first))
}

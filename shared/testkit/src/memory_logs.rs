//! Log lines of a function, captured and read strictly.

#![expect(clippy::panic, reason = "a test aid may end the test")]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use mlp_aws::logs;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

/// What `work` writes into the log of a function whose crates are `ours`, from level DEBUG on, each line read by [`line`].
pub fn captured<T>(ours: &[&str], work: impl FnOnce() -> T) -> (T, Vec<Value>) {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::registry()
        .with(logs::lines(move || writer.clone()))
        .with(logs::targets(ours, LevelFilter::DEBUG));
    let result = tracing::subscriber::with_default(subscriber, work);
    let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (result, text.lines().map(line).collect())
}

/// Reads a line of a log.
///
/// # Panics
///
/// When it is no JSON object, when a key is in it twice, or when a value is Rust's `Debug` text.
pub fn line(text: &str) -> Value {
    let Strict(value) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value.is_object(), "no object: {text}");
    debug_text(&value, text);
    value
}

/// Ends the test at a text such as `Done { run: "x" }` or `Some(3)`.
fn debug_text(value: &Value, line: &str) {
    match value {
        Value::Object(entries) => entries.values().for_each(|value| debug_text(value, line)),
        Value::Array(values) => values.iter().for_each(|value| debug_text(value, line)),
        Value::String(text) => {
            let name = |word: &str| {
                word.starts_with(|c: char| c.is_ascii_uppercase())
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            let structure = text.split_once(" { ").is_some_and(|(word, _)| name(word));
            let tuple = text.ends_with(')') && text.split_once('(').is_some_and(|(word, _)| name(word));
            assert!(!structure && !tuple, "`{text}` is Debug text: {line}");
        }
        _ => {}
    }
}

/// JSON in which no object has a key twice. `serde_json` alone keeps the last one.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Map::new();
        while let Some((key, Strict(value))) = access.next_entry::<String, Strict>()? {
            if entries.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("the key `{key}` is there twice")));
            }
        }
        Ok(Value::Object(entries))
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        std::panic::catch_unwind(|| line(text)).is_err()
    }

    #[test]
    fn a_line_is_read_strictly() {
        assert_eq!(line(r#"{"a": 1, "b": {"a": [2, "x (y)"]}}"#)["b"]["a"][0], 2);
        for bad in [
            r#"{"message": "a", "message": "b"}"#,
            r#"{"span": {"name": 1, "name": 2}}"#,
            r#"{"answer": "Done { run: \"x\" }"}"#,
            r#"{"kind": "Some(3)"}"#,
            "[]",
            "no JSON",
        ] {
            assert!(refused(bad), "{bad}");
        }
    }

    #[test]
    fn what_the_runtime_writes_of_an_answered_error_is_left_out_and_our_own_line_is_kept() {
        let ((), lines) = captured(&["mlp_aws"], || {
            tracing::error!(target: "lambda_runtime::layers::panic", "Diagnostic {{ error_message: \"hunter2\" }}");
            tracing::debug!(target: "aws_smithy_runtime", "a request");
            tracing::warn!(target: "aws_config", "no region");
            tracing::debug!(target: "mlp_aws::store", key = "configs/a.yaml", "read");
        });
        let told: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(told, ["no region", "read"]);
    }
}

//! S3's event messages, read one record at a time.
//!
//! Read from plain JSON and not into one type for the whole message: a record that doesn't fit a type would take the
//! others of its batch with it. Shape: Amazon S3 User Guide, "Event message structure"
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::s3::sequencer::Sequencer;

/// What the function was called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// Event records, in the message's order.
    Records(Vec<Record>),
    /// The message that S3 sends once when a notification is set up.
    Test,
    /// No event message of S3 at all.
    Unknown,
}

/// One record of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An object was written.
    Upload(Upload),
    /// Something else happened, which asks for nothing.
    Ignored {
        /// The decoded key, if there is one.
        key: Option<String>,
        /// Why it asks for nothing.
        reason: String,
    },
    /// It can't be understood.
    Unreadable {
        /// What is missing or wrong.
        reason: String,
    },
}

/// An object was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version that was written; absent in buckets that were never versioned.
    pub version_id: Option<String>,
    /// The event's place among the key's events. S3 always sends it for writes; without one the order is unknown.
    pub sequencer: Option<Sequencer>,
}

/// Reads a message.
///
/// ```
/// use mlp_aws::s3::notification::{Notification, Record, read};
/// let message = serde_json::json!({"Records": [{
///     "eventName": "ObjectCreated:Put",
///     "s3": {"bucket": {"name": "my-bucket"}, "object": {"key": "configs/my+shop.yaml", "sequencer": "0A1B"}}
/// }]});
/// let Notification::Records(records) = read(&message) else { panic!() };
/// let Some(Record::Upload(upload)) = records.first() else { panic!() };
/// assert_eq!(upload.key, "configs/my shop.yaml");
/// ```
pub fn read(message: &Value) -> Notification {
    match message.get("Records") {
        Some(Value::Array(records)) => Notification::Records(records.iter().map(read_record).collect()),
        // {"Service":"Amazon S3","Event":"s3:TestEvent",...}, without records.
        None if message.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") => Notification::Test,
        _ => Notification::Unknown,
    }
}

fn read_record(record: &Value) -> Record {
    let text =
        |pointer: &str| record.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let key = text("/s3/object/key").map(decode_key);

    if let Some(source) = text("/eventSource").filter(|source| *source != "aws:s3") {
        let reason = format!("the event is from {source:?}, not from aws:s3");
        return Record::Ignored { key: key.and_then(Result::ok), reason };
    }
    let Some(event) = text("/eventName") else {
        return Record::Unreadable { reason: "the record has no eventName".to_owned() };
    };
    // `ObjectCreated:Put`, `:Post`, `:Copy`, `:CompleteMultipartUpload`; some senders keep the configuration's `s3:`.
    if !event.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        let reason = format!("nothing is done for {event:?}, only for ObjectCreated events");
        return Record::Ignored { key: key.and_then(Result::ok), reason };
    }
    let bucket = match text("/s3/bucket/name") {
        Some(bucket) if is_bucket_name(bucket) => bucket.to_owned(),
        Some(_) => return Record::Unreadable { reason: "s3.bucket.name is no bucket name".to_owned() },
        None => return Record::Unreadable { reason: "the record has no s3.bucket.name".to_owned() },
    };
    let key = match key {
        Some(Ok(key)) => key,
        Some(Err(reason)) => return Record::Unreadable { reason },
        None => return Record::Unreadable { reason: "the record has no s3.object.key".to_owned() },
    };
    let version_id = text("/s3/object/versionId").map(str::to_owned);
    if version_id
        .as_deref()
        .is_some_and(|id| id.len() > 1024 || !id.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Record::Unreadable { reason: "s3.object.versionId is no version id".to_owned() };
    }
    let sequencer = text("/s3/object/sequencer").and_then(Sequencer::parse);
    Record::Upload(Upload { bucket, key, version_id, sequencer })
}

/// Decodes an object key as events carry it: `application/x-www-form-urlencoded`, so `+` is a space, a plus sign is
/// `%2B`, and everything else outside ASCII letters and digits may be percent-encoded UTF-8.
///
/// # Errors
///
/// What is wrong, when the bytes are no UTF-8.
pub fn decode_key(encoded: &str) -> Result<String, String> {
    let spaced = encoded.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => Err("s3.object.key is no URL-encoded UTF-8".to_owned()),
    }
}

/// Not S3's full naming rule (old buckets break it), only what can't do harm in a URL.
fn is_bucket_name(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn one(record: &Value) -> Record {
        match read(&json!({ "Records": [record] })) {
            Notification::Records(mut records) => records.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plus_is_a_space_and_percent_2b_is_a_plus() {
        assert_eq!(decode_key("configs/my+shop%2Bbar.yaml").unwrap(), "configs/my shop+bar.yaml");
    }

    #[test]
    fn an_encoded_slash_and_unicode_are_decoded() {
        assert_eq!(decode_key("configs%2Feu%2Fb%C3%BCro.yaml").unwrap(), "configs/eu/büro.yaml");
    }

    #[test]
    fn a_percent_sign_that_encodes_nothing_stays() {
        assert_eq!(decode_key("configs/100%.yaml").unwrap(), "configs/100%.yaml");
        assert_eq!(decode_key("configs/100%25.yaml").unwrap(), "configs/100%.yaml");
    }

    #[test]
    fn a_key_that_is_no_utf_8_is_unreadable() {
        let record = json!({"eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": "configs/%FF.yaml"}}});
        assert!(matches!(one(&record), Record::Unreadable { .. }));
    }

    #[test]
    fn a_removed_object_is_ignored_with_its_key() {
        let record = json!({"eventName": "ObjectRemoved:DeleteMarkerCreated",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": "configs/a+b.yaml"}}});
        assert!(matches!(one(&record), Record::Ignored { key: Some(key), .. } if key == "configs/a b.yaml"));
    }

    #[test]
    fn a_sequencer_that_is_none_leaves_the_order_open() {
        let record = json!({"eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "bucket"}, "object": {"key": "configs/a.yaml", "sequencer": "soon"}}});
        assert!(matches!(one(&record), Record::Upload(Upload { sequencer: None, version_id: None, .. })));
    }

    proptest! {
        #[test]
        fn every_key_survives_its_encoding(key in "\\PC{1,60}") {
            let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            prop_assert_eq!(decode_key(&encoded).unwrap(), key);
        }
    }
}

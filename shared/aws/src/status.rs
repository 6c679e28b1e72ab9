//! The status object of a config: the result object, and what lies in the bucket because of it.

use mlp_core::outcome::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sequencer::Sequencer;
use crate::store::{Head, Object};

/// What `status/<config key>.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The result for the newest version of the config.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What is stored because of this config, and which version of the config each object is from. After a mistake
    /// in the config these are the last good outputs, which stay in place.
    pub stored: Vec<Stored>,
    /// Outputs of earlier versions that the newest good one no longer makes. They are still in the bucket; nothing
    /// reads them any more, and nothing deletes them for the user.
    pub left_behind: Vec<String>,
}

/// One stored output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its key.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// The version of the config that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The event of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
    /// The version of ML Provisioner that made it.
    #[serde(default)]
    pub generator_version: String,
}

/// A status object as found in the bucket.
///
/// Only what the protocol needs is read from it, each part on its own: a newer or older shape, or an edit by hand,
/// must not make a config unusable. What can't be read counts as absent.
#[derive(Debug, Clone)]
pub struct Known {
    /// To write under the condition that nobody else did.
    pub head: Option<Head>,
    /// Its bytes, to recognise one's own write whose answer got lost.
    pub bytes: Vec<u8>,
    value: Value,
}

impl Known {
    /// There is none yet.
    pub fn nothing() -> Self {
        Self { head: None, bytes: Vec::new(), value: Value::Null }
    }

    /// Reads the object.
    pub fn read(object: Object) -> Self {
        let value = serde_json::from_slice(&object.bytes).unwrap_or(Value::Null);
        Self { head: Some(object.head), bytes: object.bytes, value }
    }

    /// Whether there is an object that can't be read.
    pub fn is_unreadable(&self) -> bool {
        self.head.is_some() && !self.value.is_object()
    }

    /// Whether the newest version of the config was good.
    pub fn ok(&self) -> Option<bool> {
        self.value.get("ok").and_then(Value::as_bool)
    }

    /// The event that it answers.
    pub fn sequencer(&self) -> Option<Sequencer> {
        self.value.pointer("/source/sequencer").and_then(Value::as_str).and_then(Sequencer::parse)
    }

    /// The version of the config that it answers.
    pub fn version_id(&self) -> Option<String> {
        self.part("/source/version_id")
    }

    /// What the newest version of the config made.
    pub fn outputs(&self) -> Vec<String> {
        self.part("/outputs").unwrap_or_default()
    }

    /// What it says is stored.
    pub fn stored(&self) -> Vec<Stored> {
        self.part("/stored").unwrap_or_default()
    }

    /// What it says was left behind.
    pub fn left_behind(&self) -> Vec<String> {
        self.part("/left_behind").unwrap_or_default()
    }

    /// The same status with another account of what is stored; all else stays as it is, known to us or not.
    pub fn with_stored(&self, stored: &[Stored]) -> Value {
        let mut value = self.value.clone();
        if let Value::Object(fields) = &mut value {
            fields.insert("stored".to_owned(), serde_json::to_value(stored).unwrap_or_default());
        }
        value
    }

    fn part<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        self.value.pointer(pointer).and_then(|part| serde_json::from_value(part.clone()).ok())
    }
}

/// A status object's bytes: indented, because people open it in a console.
pub fn to_bytes(status: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(status)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Metadata;

    fn known(text: &str) -> Known {
        let head = Head { etag: "\"1\"".to_owned(), version_id: None, metadata: Metadata::new() };
        Known::read(Object { bytes: text.as_bytes().to_vec(), head })
    }

    #[test]
    fn a_status_that_was_written_can_be_read_as_a_whole_and_in_part() {
        let status = Status {
            outcome: Outcome::of("create-prov-template", Vec::new()),
            stored: vec![Stored {
                path: "templates/a.yaml".to_owned(),
                sha256: "00".to_owned(),
                version_id: Some("v1".to_owned()),
                sequencer: Some("0A".to_owned()),
                generator_version: "0.1.0".to_owned(),
            }],
            left_behind: vec!["templates/b.yaml".to_owned()],
        };
        let bytes = to_bytes(&status).unwrap();
        assert_eq!(serde_json::from_slice::<Status>(&bytes).unwrap(), status);
        let known = known(std::str::from_utf8(&bytes).unwrap());
        assert_eq!(
            (known.ok(), known.stored(), known.left_behind()),
            (Some(true), status.stored, status.left_behind)
        );
    }

    #[test]
    fn a_damaged_part_costs_only_that_part() {
        let known = known(r#"{"source": {"sequencer": "0B"}, "stored": 5, "left_behind": ["x"]}"#);
        assert!(!known.is_unreadable());
        assert_eq!(known.sequencer(), Sequencer::parse("0B"));
        assert!(known.stored().is_empty());
        assert_eq!(known.left_behind(), ["x"]);
    }

    #[test]
    fn what_is_no_json_counts_as_absent() {
        let known = known("half a sta");
        assert!(known.is_unreadable());
        assert_eq!(known.sequencer(), None);
    }
}

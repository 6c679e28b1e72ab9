//! The status object of a config: the result object, what lies in the bucket because of it, and how its product's last
//! deployment stands.

use mlp_aws::s3::sequencer::Sequencer;
use mlp_aws::s3::store::{BucketStore, Condition, ErrorKind, Head, Object, Put, StoreError};
use mlp_product::outcome::{Outcome, status_key};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// The product's last deployment or deletion by an execution, as the execution told it ([`tell`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
}

/// How a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The execution's ARN.
    pub execution: String,
    /// What it does, such as `deploy-product`.
    pub action: String,
    /// The product's stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_name: Option<String>,
    /// What the approvers' operator should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// [`WAITING`], the outcome of the result object, or `stopped` where somebody stopped the execution while it waited.
    pub state: String,
    /// Since when, in UTC.
    pub at: String,
    /// Until when somebody may approve, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The version of the config that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The changes in figures, with the place of their report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Value>,
    /// The result object's place, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// The state of a deployment that somebody must approve.
pub const WAITING: &str = "waiting-for-approval";

/// How a config's status object says that the deployment stands; nothing, if it says nothing.
///
/// # Errors
///
/// When the object could not be read.
pub async fn deployment<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    config_key: &str,
) -> Result<Option<Deployment>, StoreError> {
    match store.get(bucket, &status_key(config_key), None, None).await {
        Ok(object) => Ok(Known::read(object).deployment()),
        Err(error) if error.kind == ErrorKind::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// How often a write is tried that meets others.
const ROUNDS: usize = 8;

/// Tells a config's status object how the product's deployment stands; whether there is one to be told. All else in it stays
/// as it is: what it says of the config is `generate`'s to say.
///
/// # Errors
///
/// When the object could not be read or written, or others write it again and again.
pub async fn tell<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    config_key: &str,
    deployment: &Deployment,
) -> Result<bool, StoreError> {
    let key = status_key(config_key);
    let mut round = 0;
    loop {
        round += 1;
        let known = match store.get(bucket, &key, None, None).await {
            Ok(object) => Known::read(object),
            Err(error) if error.kind == ErrorKind::Gone => return Ok(false),
            Err(error) => return Err(error),
        };
        if known.is_unreadable() || known.deployment().as_ref() == Some(deployment) {
            return Ok(!known.is_unreadable());
        }
        let value = known.with("deployment", deployment);
        let Ok(bytes) = to_bytes(&value) else { return Ok(false) };
        let metadata = known.head.as_ref().map(|head| head.metadata.clone()).unwrap_or_default();
        let condition = Condition::since(known.head.as_ref());
        let put = Put { bucket, key: &key, bytes, media_type: "application/json", metadata, condition };
        match store.put(put).await {
            Ok(_) => return Ok(true),
            Err(error) if error.kind == ErrorKind::Conflict && round < ROUNDS => {}
            Err(error) => return Err(error),
        }
    }
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

    /// How it says that the product's deployment stands.
    pub fn deployment(&self) -> Option<Deployment> {
        self.part("/deployment")
    }

    /// The same status with another account of what is stored.
    pub fn with_stored(&self, stored: &[Stored]) -> Value {
        self.with("stored", stored)
    }

    /// The same status with one part replaced; all else stays as it is, known to us or not.
    fn with(&self, part: &str, value: &(impl Serialize + ?Sized)) -> Value {
        let mut status = self.value.clone();
        if let Value::Object(fields) = &mut status {
            fields.insert(part.to_owned(), serde_json::to_value(value).unwrap_or_default());
        }
        status
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
    use mlp_aws::s3::store::Metadata;

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
            deployment: None,
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
    fn a_deployment_is_told_to_whatever_the_status_says_by_then() {
        use mlp_testkit::memory::{MemoryStore, run};
        let store = MemoryStore::versioned();
        let deployment = |state: &str| Deployment {
            execution: "arn".to_owned(),
            action: "deploy-product".to_owned(),
            stack_name: None,
            warning: None,
            state: state.to_owned(),
            at: "2026-11-28T00:00:00Z".to_owned(),
            expires: None,
            version_id: None,
            changes: None,
            result: None,
        };
        let told = |state: &str| run(tell(&store, "b", "configs/a.yaml", &deployment(state))).unwrap();
        assert!(!told("created"), "nobody makes a status for a config that has none");
        store.upload("status/configs/a.yaml.json", br#"{"ok": true, "later": 5, "stored": []}"#);
        assert!(told("waiting-for-approval") && told("created"));
        let object = run(store.get("b", "status/configs/a.yaml.json", None, None)).unwrap();
        let value: Value = serde_json::from_slice(&object.bytes).unwrap();
        assert_eq!(value["later"], 5);
        assert_eq!(Known::read(object).deployment(), Some(deployment("created")));
        store.upload("status/configs/a.yaml.json", b"half a sta");
        assert!(!told("created"));
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

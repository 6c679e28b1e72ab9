//! How an uploaded config becomes its outputs and its status object.
//!
//! S3 delivers events at least once and in any order, an invocation can die between any two calls, and two can run at
//! once. Whatever happens, when every event of a key has been handled to its end at least once, the bucket holds what
//! the newest one asks for. The rules that make it so:
//!
//! 1. **The status object is the commit.** It is written last, under the condition that it is still the one that was
//!    read first, and names the event's sequencer. An event that isn't newer than the status asks for nothing.
//! 2. **Every write is conditional**, on the object being the one that was looked at.
//! 3. **After writing, look again.** The condition alone can be fooled: S3's entity tag is a digest of the content, so
//!    if the content went A, B, A, a delayed writer who saw the first A may still overwrite the second. But that
//!    writer's own commit then fails, and whoever reads the status (after a commit, after a failed one, or as a
//!    duplicate or an old event on redelivery) compares the outputs with it and mends them. So the last write to an
//!    output is always followed by a look, by its writer or by the redelivery of its event.
//! 4. **An output belongs to one config**, named in its metadata. Another config that would make the same output is
//!    refused with a finding, as long as the owner's object exists and its status lists the output (or its run is
//!    under way). Who takes an output over looks at the former owner's status afterwards, in case that one has just
//!    come back to it: then that one's side is settled anew too.
//! 5. **A mistake in the config is an answer**: a status with findings. What could be made all the same (the policy and
//!    the report of a product whose template a security check refused) is stored; of what could not, the last good
//!    output stays in place, and the status says which version each is from. A config whose outputs belong to another
//!    one stores nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mlp_aws::s3::notification::Upload;
use mlp_aws::s3::sequencer::Sequencer;
use mlp_aws::s3::store::{BucketStore, Condition, ErrorKind, Head, Metadata, Put, StoreError};
use mlp_product::config::is_scenario;
use mlp_product::outcome::{AllFindings, Made, OutputFile, Source, sha256, status_key};
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::security::Rules;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use crate::generate::status::{Known, Status, Stored, to_bytes};
use crate::objects::{New, once};

/// Configs are read up to this many bytes and one more, which is enough for the loader to refuse the rest.
pub const CONFIG_LIMIT: usize = 256 * 1024;

/// Where configs lie. Outputs and status objects lie elsewhere, so that they can't start the function again.
pub const CONFIG_PREFIX: &str = "configs/";

/// S3 keys have at most 1,024 bytes of UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
const KEY_LIMIT: usize = 1024;

/// User metadata has at most 2 KB in all, names included (S3 User Guide, "Working with object metadata"). Two keys must
/// fit, and the rest needs 356 bytes at most.
const ENCODED_KEY_LIMIT: usize = 800;

/// A longer version id isn't put into metadata; S3's have 32 characters.
const VERSION_LIMIT: usize = 128;

/// Looks at the bucket before giving up on a key that others keep changing; Lambda's retry then starts afresh.
const ROUNDS: usize = 16;

/// Metadata of outputs: the config's key, percent-encoded.
pub const META_CONFIG: &str = "mlp-config-key";
/// Metadata of outputs: the event's sequencer.
pub const META_SEQUENCER: &str = "mlp-sequencer";
/// Metadata of outputs: the config's version id.
pub const META_VERSION: &str = "mlp-config-version";
/// Metadata of outputs: the version of ML Provisioner.
pub const META_GENERATOR: &str = "mlp-generator-version";
/// Metadata of outputs: SHA-256 of the content.
pub const META_SHA256: &str = "mlp-sha256";

/// Metadata of outputs: the key of the config that the output was taken over from.
pub const META_TAKEN_FROM: &str = "mlp-taken-from";

/// What a metadata value can't hold: HTTP headers are ASCII, and `%` marks the encoding.
const NOT_IN_METADATA: &AsciiSet = &CONTROLS.add(b'%').add(b' ').add(b'"');

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The config's key.
    pub key: String,
    /// The key of its status object, for events that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_key: Option<String>,
    /// Whether the newest config is good, as far as this event knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// In one word.
    pub outcome: Kind,
    /// In more words, where one is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of one event, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Outputs and status are stored.
    Generated,
    /// The config has mistakes; they are in the status.
    Findings,
    /// It had been handled before.
    Duplicate,
    /// A newer event of the same key has been or is being handled.
    Stale,
    /// It asks for nothing.
    Ignored,
    /// The config was removed before it could be read.
    Deleted,
}

impl Kind {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Findings => "findings",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::Ignored => "ignored",
            Self::Deleted => "deleted",
        }
    }
}

/// Why an event could not be handled; worth another try, and worth keeping if that fails too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The bucket could not be read or written.
    Store(StoreError),
    /// A defect of ours, or of the library.
    Internal(InternalError),
    /// Others kept changing the same objects.
    Unsettled {
        /// The config's key.
        key: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Internal(error) => error.fmt(f),
            Self::Unsettled { key } => {
                write!(f, "the objects of {key:?} kept changing during {ROUNDS} attempts to write them")
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a key asks for nothing, or `None` when it is a config's.
///
/// Refused besides what is no config: `.` and `..` as path segments and control characters (tools that copy a bucket
/// to a file system would write elsewhere), and keys whose status key or metadata would not fit.
pub fn ignored(key: &str) -> Option<&'static str> {
    if !key.starts_with(CONFIG_PREFIX) {
        return Some("the key is not below configs/");
    }
    let extension = key.rsplit_once('.').map(|(_, extension)| extension);
    if !matches!(extension, Some("yaml" | "yml")) {
        return Some("the key doesn't end in .yaml or .yml");
    }
    if key.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("the key has a . or .. segment");
    }
    if key.chars().any(char::is_control) {
        return Some("the key has control characters");
    }
    let longest = status_key(key).len().max(findings_key(key, &[]).len());
    if longest > KEY_LIMIT || encode_key(key).len() > ENCODED_KEY_LIMIT {
        return Some("the key is too long for a status object beside it");
    }
    None
}

/// The protocol over a bucket and a function that makes files from a config.
pub struct Storing<'a, S> {
    store: &'a S,
    make: &'a Make<'a>,
    rules: &'a Rules,
}

/// What makes files from a config's bytes under the rules of its bucket.
pub type Make<'a> = dyn Fn(&[u8], &Rules) -> Result<Made, InternalError> + Sync + 'a;

impl<S> Clone for Storing<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

// References only: copied whatever the store is.
impl<S> Copy for Storing<'_, S> {}

impl<S> fmt::Debug for Storing<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storing").finish_non_exhaustive()
    }
}

/// Which version of the config is to be served.
struct Target {
    version_id: Option<String>,
    /// What the status will say; `None` only if neither event nor status has one.
    sequencer: Option<Sequencer>,
    /// Whether the sequencer is the event's own. If not, the current config is served, which is as new as can be.
    ordered: bool,
}

/// A config as read.
#[derive(Clone)]
struct Config {
    bytes: Vec<u8>,
    version_id: Option<String>,
}

/// What an attempt led to.
enum Step {
    /// The status was written.
    Committed(Settled),
    /// Something was not as it had been; look again.
    Overtaken,
    /// Nothing more is to be done.
    Done(Settled),
}

/// What is to be done with one output.
struct Plan<'f> {
    file: &'f OutputFile,
    sha256: String,
    head: Option<Head>,
    write: bool,
}

impl<'a, S: BucketStore + Sync> Storing<'a, S> {
    /// Ready to handle events of a bucket with these rules. `make` is called with a config's bytes; its files are stored
    /// under their paths.
    pub fn new(store: &'a S, make: &'a Make<'a>, rules: &'a Rules) -> Self {
        Self { store, make, rules }
    }

    /// Handles one event to its end.
    ///
    /// Without a sequencer the event's place is unknown. It is then taken as "serve what is there now": the current
    /// version of the config is read, and the status keeps the sequencer it had, so that any ordered event that the
    /// status doesn't answer yet still counts as newer. This is also how a config is run again by hand.
    ///
    /// # Errors
    ///
    /// Whatever is not the user's doing; the event is to be delivered again.
    pub async fn settle(&self, upload: &Upload) -> Result<Settled, Failure> {
        if let Some(reason) = ignored(&upload.key) {
            return Ok(settled(upload, None, Kind::Ignored, Some(reason.to_owned())));
        }
        let (settled, mut others) = self.run(upload).await?;
        let mut seen = BTreeSet::from([upload.key.clone()]);
        while let Some(key) = others.pop_first() {
            // As an event older than any: it asks for nothing, but its outputs are compared with its status.
            let oldest = Sequencer::parse("0");
            let look = Upload { bucket: upload.bucket.clone(), key, version_id: None, sequencer: oldest };
            if seen.insert(look.key.clone()) {
                others.append(&mut self.run(&look).await?.1);
            }
        }
        Ok(settled)
    }

    /// Goes on until the event is settled; answers also the configs whose outputs are to be looked at.
    async fn run(&self, upload: &Upload) -> Result<(Settled, BTreeSet<String>), Failure> {
        let others = BTreeSet::new();
        let mut run = Run { storing: *self, upload, done: None, attempted: Vec::new(), config: None, others };
        for _ in 0..ROUNDS {
            if let Some(settled) = run.round().await? {
                return Ok((settled, run.others));
            }
        }
        Err(Failure::Unsettled { key: upload.key.clone() })
    }
}

/// One event being handled.
struct Run<'a, S> {
    storing: Storing<'a, S>,
    upload: &'a Upload,
    /// Set once the event is in the status; what remains is to look again.
    done: Option<Settled>,
    /// The status that was last tried to be written.
    attempted: Vec<u8>,
    /// The event's version of the config, which can't change.
    config: Option<Config>,
    /// Former owners of this config's outputs whose status still lists them.
    others: BTreeSet<String>,
}

impl<S: BucketStore + Sync> Run<'_, S> {
    /// Looks at the status and does what is missing; `None` when it must be looked at again.
    async fn round(&mut self) -> Result<Option<Settled>, Failure> {
        let known = self.known_status(&self.upload.key).await?;
        if known.is_unreadable() {
            tracing::warn!(key = self.upload.key, "the status object can't be read and will be replaced");
        }
        let committed = known.sequencer();
        if self.done.is_none() && !self.attempted.is_empty() && known.bytes == self.attempted {
            // Our own write, whose answer got lost.
            self.done = Some(self.settled(known.ok()));
        }
        let newer = match (&self.upload.sequencer, &committed) {
            (Some(event), Some(status)) => event > status,
            (Some(_) | None, _) => true,
        };
        let step = if self.done.is_none() && newer {
            let target = match &self.upload.sequencer {
                Some(own) => Target {
                    version_id: self.upload.version_id.clone(),
                    sequencer: Some(own.clone()),
                    ordered: true,
                },
                None => Target { version_id: None, sequencer: committed, ordered: false },
            };
            self.serve(&known, &target).await?
        } else {
            let torn = self.torn(&known).await?;
            if torn.is_empty() {
                let own = known.bytes == self.attempted || self.upload.sequencer == committed;
                if !(own && known.ok() == Some(true)) {
                    self.look_at_strays(&known).await?;
                }
                let same = self.upload.sequencer == committed;
                let kind = if same { Kind::Duplicate } else { Kind::Stale };
                Step::Done(settled(self.upload, known.ok(), kind, None))
            } else {
                self.mend(&known, &torn).await?
            }
        };
        Ok(match step {
            Step::Committed(settled) => {
                self.done.get_or_insert(settled);
                None
            }
            Step::Overtaken => None,
            Step::Done(settled) => Some(self.done.take().unwrap_or(settled)),
        })
    }

    /// Serves one version of the config: reads, makes, stores, commits.
    async fn serve(&mut self, known: &Known, target: &Target) -> Result<Step, Failure> {
        let Some(config) = self.read_config(target).await? else {
            tracing::info!(key = self.upload.key, "the config was removed before it was read");
            return Ok(Step::Done(settled(self.upload, None, Kind::Deleted, None)));
        };
        let Made { mut outcome, files } = self.make(&config.bytes)?;
        outcome.source = Source {
            bucket: Some(self.upload.bucket.clone()),
            key: Some(self.upload.key.clone()),
            version_id: config.version_id.clone(),
            sequencer: target.sequencer.as_ref().map(|sequencer| sequencer.as_str().to_owned()),
            // Of a config that was cut off there is no digest to give.
            sha256: (config.bytes.len() <= CONFIG_LIMIT).then(|| sha256(&config.bytes)),
        };

        // Look at everything before writing anything, so that a refusal leaves nothing half done.
        let mut plans = Vec::new();
        let mut taken = Vec::new();
        for file in &files {
            let sha256 = file.sha256();
            let head = self.storing.store.head(&self.upload.bucket, &file.path).await?;
            let write = match head.as_ref().and_then(config_of) {
                Some(owner) if owner == self.upload.key => {
                    let unchanged = meta(head.as_ref(), META_SHA256) == Some(&sha256);
                    let written = head.as_ref().and_then(written_by);
                    if !unchanged && target.ordered && written > target.sequencer {
                        return Ok(Step::Done(settled(self.upload, known.ok(), Kind::Stale, None)));
                    }
                    !unchanged
                }
                Some(owner) => {
                    if self.holds(&owner, &file.path, head.as_ref().and_then(written_by)).await? {
                        outcome.add_findings([output_taken(&file.path, &owner)]);
                        taken.push(file.path.clone());
                    } else {
                        tracing::info!(
                            key = self.upload.key,
                            output = file.path,
                            from = owner,
                            "took over an output"
                        );
                    }
                    true
                }
                // Nobody's: an object that was put there by hand. The bucket keeps its old version.
                None => true,
            };
            plans.push(Plan { file, sha256, head, write });
        }

        let others = self.same_product(outcome.ml_name.as_deref(), &plans).await?;
        outcome.add_findings(others.iter().map(same_stack));

        if !taken.is_empty() {
            plans.clear();
        }
        for plan in plans.iter().filter(|plan| plan.write) {
            let metadata =
                self.metadata(plan, target, config.version_id.as_deref(), &outcome.generator_version);
            if !self.write(&plan.file.path, plan.file, plan.head.as_ref(), metadata).await? {
                return Ok(Step::Overtaken);
            }
        }
        outcome.outputs = plans.iter().map(|plan| plan.file.path.clone()).collect();
        outcome.hashes = plans.iter().map(|plan| (plan.file.path.clone(), plan.sha256.clone())).collect();
        let link = |plan: &Plan<'_>| format!("s3://{}/{}", self.upload.bucket, plan.file.path);
        outcome.links = plans.iter().map(|plan| (plan.file.kind, link(plan))).collect();
        let of_target = |plan: &Plan<'_>| Stored {
            path: plan.file.path.clone(),
            sha256: plan.sha256.clone(),
            version_id: config.version_id.clone(),
            sequencer: outcome.source.sequencer.clone(),
            generator_version: outcome.generator_version.clone(),
        };
        let mut stored: Vec<Stored> = plans.iter().map(of_target).collect();
        let good = outcome.ok;
        let left_behind = if good {
            self.left_behind(known, &stored).await?
        } else {
            let still = |path: &str| taken.iter().chain(&outcome.outputs).all(|now| now != path);
            stored.extend(known.stored().into_iter().filter(|earlier| still(&earlier.path)));
            known.left_behind().into_iter().filter(|path| still(path)).collect()
        };
        if let Some(all) = outcome.limit() {
            outcome.findings_at = Some(self.keep_findings(&all).await?);
        }
        let bytes = to_bytes(&Status { outcome, stored, left_behind, deployment: known.deployment() });
        self.commit(known, bytes, good).await
    }

    /// Templates of a product with this name that other configs hold in other scenarios: names, and so the stack, are the same
    /// although the keys differ.
    async fn same_product(
        &self,
        ml_name: Option<&str>,
        plans: &[Plan<'_>],
    ) -> Result<Vec<OtherTemplate>, Failure> {
        let mut others = Vec::new();
        let Some(ml_name) = ml_name else { return Ok(others) };
        let prefix = format!("templates/{ml_name}-");
        let bucket = &self.upload.bucket;
        for listed in self.storing.store.list(bucket, &prefix, SAME_NAME_LIMIT).await? {
            let scenario = listed.key.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".yaml"));
            if !scenario.is_some_and(is_scenario) || plans.iter().any(|plan| plan.file.path == listed.key) {
                continue;
            }
            let Some(head) = self.storing.store.head(bucket, &listed.key).await? else { continue };
            let Some(owner) = config_of(&head).filter(|owner| *owner != self.upload.key) else { continue };
            if self.holds(&owner, &listed.key, written_by(&head)).await? {
                others.push(OtherTemplate { ml_name: ml_name.to_owned(), path: listed.key, owner });
            }
        }
        Ok(others)
    }

    /// Stores the findings that are too many for the status object; where they are. The key says all of the content, so an
    /// older event never overwrites those of a newer one, and every version of the status names its own.
    async fn keep_findings(&self, all: &AllFindings) -> Result<String, Failure> {
        let bytes = all.to_bytes().map_err(|error| {
            Failure::Internal(InternalError::new(format!("findings can't be written as JSON: {error}")))
        })?;
        let key = findings_key(&self.upload.key, &bytes);
        let new = New { key: &key, bytes, media_type: "application/json" };
        once(self.storing.store, &self.upload.bucket, new).await?;
        Ok(format!("s3://{}/{key}", self.upload.bucket))
    }

    /// Writes the status, if it is still the one that was read.
    async fn commit(
        &mut self,
        known: &Known,
        bytes: Result<Vec<u8>, serde_json::Error>,
        ok: bool,
    ) -> Result<Step, Failure> {
        let bytes = bytes.map_err(|error| {
            Failure::Internal(InternalError::new(format!(
                "the status object can't be written as JSON: {error}"
            )))
        })?;
        self.attempted.clone_from(&bytes);
        let result = self
            .storing
            .store
            .put(Put {
                bucket: &self.upload.bucket,
                key: &status_key(&self.upload.key),
                bytes,
                media_type: "application/json",
                metadata: Metadata::from([(META_CONFIG.to_owned(), encode_key(&self.upload.key))]),
                condition: Condition::since(known.head.as_ref()),
            })
            .await;
        match result {
            Ok(_) => Ok(Step::Committed(self.settled(Some(ok)))),
            Err(error) if error.kind == ErrorKind::Conflict => Ok(Step::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Which stored outputs are not what the status says.
    async fn torn(&mut self, known: &Known) -> Result<Vec<(Stored, Option<Head>)>, Failure> {
        let mut torn = Vec::new();
        for stored in known.stored() {
            let head = self.storing.store.head(&self.upload.bucket, &stored.path).await?;
            let ours = head.as_ref().and_then(config_of).is_some_and(|owner| owner == self.upload.key);
            let as_said = ours && meta(head.as_ref(), META_SHA256) == Some(&stored.sha256);
            // A newer event is being handled; its run, or its redelivery, will look again.
            let newer = ours && head.as_ref().and_then(written_by) > known.sequencer();
            let taken_from = head.as_ref().filter(|_| ours).and_then(|head| key_in(head, META_TAKEN_FROM));
            if !as_said && !newer {
                torn.push((stored, head));
            } else if let Some(former) = taken_from {
                self.look_at_former(former, &stored.path).await?;
            }
        }
        Ok(torn)
    }

    /// Looks for outputs that a run of this event may have written although the status doesn't list them: it took them
    /// over, and then its commit came too late. Their former owner is to have them back.
    async fn look_at_strays(&mut self, known: &Known) -> Result<(), Failure> {
        let target = Target {
            version_id: self.upload.version_id.clone(),
            sequencer: self.upload.sequencer.clone(),
            ordered: self.upload.sequencer.is_some(),
        };
        let Some(config) = self.read_config(&target).await? else { return Ok(()) };
        // What can't be made now is no reason to fail: the event itself asks for nothing any more.
        let Ok(made) = self.make(&config.bytes) else { return Ok(()) };
        let stored = known.stored();
        for file in made.files {
            if stored.iter().any(|stored| stored.path == file.path) {
                continue;
            }
            let head = self.storing.store.head(&self.upload.bucket, &file.path).await?;
            let ours = head.filter(|head| config_of(head).is_some_and(|owner| owner == self.upload.key));
            if let Some(former) = ours.and_then(|head| key_in(&head, META_TAKEN_FROM)) {
                self.look_at_former(former, &file.path).await?;
            }
        }
        Ok(())
    }

    /// Notes the former owner of an output for a look, if its status still lists it.
    async fn look_at_former(&mut self, former: String, path: &str) -> Result<(), Failure> {
        if self.known_status(&former).await?.stored().iter().any(|theirs| theirs.path == path) {
            self.others.insert(former);
        }
        Ok(())
    }

    /// Makes outputs and status agree again.
    async fn mend(&mut self, known: &Known, torn: &[(Stored, Option<Head>)]) -> Result<Step, Failure> {
        let nothing = Step::Done(settled(self.upload, known.ok(), Kind::Duplicate, None));
        if self.storing.store.head(&self.upload.bucket, &self.upload.key).await?.is_none() {
            // The user removed the config. What it made may be removed or taken over by another one.
            return Ok(nothing);
        }
        tracing::warn!(
            key = self.upload.key,
            outputs = torn.len(),
            "outputs differ from the status and are mended"
        );
        let newest = known.outputs();
        if known.ok() == Some(true) || torn.iter().any(|(entry, _)| newest.contains(&entry.path)) {
            let target =
                Target { version_id: known.version_id(), sequencer: known.sequencer(), ordered: true };
            return self.serve(known, &target).await;
        }
        // The newest config makes none of these because of its mistakes: they are of older ones, each perhaps of another.
        let mut stored = known.stored();
        for (entry, head) in torn {
            let foreign = head.as_ref().and_then(config_of).filter(|owner| *owner != self.upload.key);
            let held = match &foreign {
                Some(owner) => self.holds(owner, &entry.path, head.as_ref().and_then(written_by)).await?,
                None => false,
            };
            if !held && let Some((file, metadata)) = self.made_again(entry, head.as_ref()).await? {
                if !self.write(&entry.path, &file, head.as_ref(), metadata).await? {
                    return Ok(Step::Overtaken);
                }
                continue;
            }
            // It can't be made again: say what is there, or that nothing is.
            stored.retain(|stored| stored.path != entry.path);
            if foreign.is_none()
                && let Some(found) = head.as_ref().and_then(|head| found(&entry.path, head))
            {
                stored.push(found);
            }
        }
        if stored == known.stored() {
            return Ok(Step::Overtaken);
        }
        self.commit(known, to_bytes(&known.with_stored(&stored)), known.ok().unwrap_or_default()).await
    }

    /// An output of an older version of the config, if that version still gives the same bytes.
    async fn made_again(
        &mut self,
        entry: &Stored,
        head: Option<&Head>,
    ) -> Result<Option<(OutputFile, Metadata)>, Failure> {
        let target = Target {
            version_id: entry.version_id.clone(),
            sequencer: entry.sequencer.as_deref().and_then(Sequencer::parse),
            ordered: true,
        };
        let Some(config) = self.read_config(&target).await? else { return Ok(None) };
        let Made { files, outcome } = self.make(&config.bytes)?;
        let same = |file: &OutputFile| file.path == entry.path && file.sha256() == entry.sha256;
        let Some(file) = files.into_iter().find(same) else { return Ok(None) };
        let plan = Plan { file: &file, sha256: entry.sha256.clone(), head: head.cloned(), write: true };
        let metadata =
            self.metadata(&plan, &target, config.version_id.as_deref(), &outcome.generator_version);
        Ok(Some((file, metadata)))
    }

    /// Writes one output; whether it was still as it had been seen.
    async fn write(
        &self,
        path: &str,
        file: &OutputFile,
        head: Option<&Head>,
        metadata: Metadata,
    ) -> Result<bool, Failure> {
        let put = Put {
            bucket: &self.upload.bucket,
            key: path,
            bytes: file.text.clone().into_bytes(),
            media_type: file.kind.media_type(),
            metadata,
            condition: Condition::since(head),
        };
        match self.storing.store.put(put).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether another config holds an output that its last write on behalf of `written` put there.
    async fn holds(&self, owner: &str, path: &str, written: Option<Sequencer>) -> Result<bool, Failure> {
        if self.storing.store.head(&self.upload.bucket, owner).await?.is_none() {
            return Ok(false);
        }
        let status = self.known_status(owner).await?;
        // No status yet, or one of an earlier event: the run that wrote the output hasn't come to its end.
        let under_way = status.head.is_none() || written > status.sequencer();
        Ok(under_way || status.stored().iter().any(|stored| stored.path == path))
    }

    /// Outputs of this config that are no longer made. One that has been removed or taken over by another config is
    /// no longer this config's to name: a user who tidies up by this list must not delete another product's template.
    async fn left_behind(&self, known: &Known, now: &[Stored]) -> Result<Vec<String>, Failure> {
        let mut paths: Vec<String> = known.stored().into_iter().map(|stored| stored.path).collect();
        paths.extend(known.left_behind());
        paths.sort_unstable();
        paths.dedup();
        let mut left = Vec::new();
        for path in paths {
            if now.iter().any(|stored| stored.path == path) {
                continue;
            }
            let head = self.storing.store.head(&self.upload.bucket, &path).await?;
            if head.as_ref().and_then(config_of).is_some_and(|owner| owner == self.upload.key) {
                left.push(path);
            }
        }
        Ok(left)
    }

    async fn known_status(&self, key: &str) -> Result<Known, Failure> {
        match self.storing.store.get(&self.upload.bucket, &status_key(key), None, None).await {
            Ok(object) => Ok(Known::read(object)),
            Err(error) if error.kind == ErrorKind::Gone => Ok(Known::nothing()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a version of the config; `None` when it is gone.
    async fn read_config(&mut self, target: &Target) -> Result<Option<Config>, Failure> {
        let version_id = target.version_id.as_deref();
        // The version `null` of a bucket whose versioning is suspended can be overwritten, so it is read every time.
        let constant = version_id.is_some_and(|id| id != "null");
        if constant
            && let Some(config) = &self.config
            && config.version_id.as_deref() == version_id
        {
            return Ok(Some(config.clone()));
        }
        let limit = Some(CONFIG_LIMIT + 1);
        match self.storing.store.get(&self.upload.bucket, &self.upload.key, version_id, limit).await {
            Ok(object) => {
                let version_id = object.head.version_id.or(target.version_id.clone());
                let config = Config { bytes: object.bytes, version_id };
                if constant {
                    self.config = Some(config.clone());
                }
                Ok(Some(config))
            }
            Err(error) if error.kind == ErrorKind::Gone => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Calls the library. A panic in it is this config's failure, not that of the others in the batch.
    fn make(&self, config: &[u8]) -> Result<Made, Failure> {
        catch_unwind(AssertUnwindSafe(|| (self.storing.make)(config, self.storing.rules)))
            .unwrap_or_else(|_| Err(InternalError::new("the generator panicked")))
            .map_err(Failure::Internal)
    }

    fn metadata(
        &self,
        plan: &Plan<'_>,
        target: &Target,
        version_id: Option<&str>,
        generator: &str,
    ) -> Metadata {
        let mut metadata = Metadata::from([
            (META_CONFIG.to_owned(), encode_key(&self.upload.key)),
            (META_GENERATOR.to_owned(), generator.to_owned()),
            (META_SHA256.to_owned(), plan.sha256.clone()),
        ]);
        // An unordered run must not make an output look older than it was.
        let own =
            plan.head.as_ref().filter(|head| config_of(head).is_some_and(|owner| owner == self.upload.key));
        let sequencer = target.sequencer.clone().max(own.and_then(written_by).filter(|_| !target.ordered));
        if let Some(sequencer) = sequencer {
            metadata.insert(META_SEQUENCER.to_owned(), sequencer.to_string());
        }
        // RetainedResource until the output is somebody else's, because the look at the former owner may still be due.
        let former = plan.head.as_ref().and_then(|head| match config_of(head) {
            Some(owner) if owner == self.upload.key => key_in(head, META_TAKEN_FROM),
            owner => owner,
        });
        if let Some(former) = former {
            metadata.insert(META_TAKEN_FROM.to_owned(), encode_key(&former));
        }
        if let Some(version_id) = version_id.filter(|id| id.len() <= VERSION_LIMIT) {
            metadata.insert(META_VERSION.to_owned(), version_id.to_owned());
        }
        metadata
    }

    fn settled(&self, ok: Option<bool>) -> Settled {
        let kind = if ok == Some(true) { Kind::Generated } else { Kind::Findings };
        settled(self.upload, ok, kind, None)
    }
}

/// Where findings are kept that are too many for a config's status object: below `reports/`, where no status is looked for.
fn findings_key(config_key: &str, bytes: &[u8]) -> String {
    let digits: String = sha256(bytes).chars().take(16).collect();
    format!("reports/findings/{config_key}/{digits}.json")
}

fn settled(upload: &Upload, ok: Option<bool>, outcome: Kind, detail: Option<String>) -> Settled {
    let status_key = (outcome != Kind::Ignored).then(|| status_key(&upload.key));
    Settled { key: upload.key.clone(), status_key, ok, outcome, detail }
}

/// Templates of one name that are looked at; there are about 30 scenarios.
const SAME_NAME_LIMIT: usize = 100;

/// A template of a product with the same name, which another config makes.
struct OtherTemplate {
    ml_name: String,
    path: String,
    owner: String,
}

/// A warning: the outputs don't stand in each other's way, and only one of the products may be meant to be deployed.
fn same_stack(other: &OtherTemplate) -> Finding {
    let OtherTemplate { ml_name, path, owner } = other;
    Finding::warning(
        codes::OUTPUT_TAKEN,
        "",
        format!(
            "this config makes the product {ml_name}, which {owner} already makes in another scenario ({path}); deploying both \
             would change one stack"
        ),
    )
    .help(format!(
        "give one of them another tenant_id, use_case, workload or product_name_override, or delete {owner} and upload \
         this config again"
    ))
}

fn output_taken(path: &str, owner: &str) -> Finding {
    Finding::error(
        codes::OUTPUT_TAKEN,
        "",
        format!("this config makes {path}, which {owner} already makes; two configs can't share an output"),
    )
    .help(format!(
        "give one of them another tenant_id, use_case, workload or product_name_override, or delete {owner} and upload \
         this config again"
    ))
}

fn meta<'h>(head: Option<&'h Head>, name: &str) -> Option<&'h String> {
    head?.metadata.get(name)
}

/// The key of the config that an output belongs to.
pub fn config_of(head: &Head) -> Option<String> {
    key_in(head, META_CONFIG)
}

/// A config's key in metadata, if it is one.
fn key_in(head: &Head, name: &str) -> Option<String> {
    let key = percent_decode_str(head.metadata.get(name)?).decode_utf8().ok()?.into_owned();
    // Anything else was written by somebody else's hand, and is nobody's.
    ignored(&key).is_none().then_some(key)
}

/// The event on whose behalf an output was last written.
fn written_by(head: &Head) -> Option<Sequencer> {
    head.metadata.get(META_SEQUENCER).and_then(|text| Sequencer::parse(text))
}

/// What an output says of itself.
fn found(path: &str, head: &Head) -> Option<Stored> {
    Some(Stored {
        path: path.to_owned(),
        sha256: head.metadata.get(META_SHA256)?.clone(),
        version_id: head.metadata.get(META_VERSION).cloned(),
        sequencer: head.metadata.get(META_SEQUENCER).cloned(),
        generator_version: head.metadata.get(META_GENERATOR).cloned().unwrap_or_default(),
    })
}

fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, NOT_IN_METADATA).to_string()
}

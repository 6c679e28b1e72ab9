//! Whatever order events come in, how often, how their runs interleave and where they die: the newest config wins.
//!
//! A scheduler drives several runs of the protocol by hand over a bucket in memory. It chooses, from a list of numbers
//! that proptest shrinks, which run makes its next step (every call has one step before it takes effect and one after),
//! which is dropped dead between two steps, when configs are uploaded, and which calls fail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use mlp_aws::s3::notification::Upload;
use mlp_aws::s3::sequencer::Sequencer;
use mlp_operations::generate::status::Status;
use mlp_operations::generate::storing::{Failure, META_CONFIG, META_SHA256, Settled, Storing};
use mlp_product::outcome::{Made, Outcome, OutputFile, OutputKind};
use mlp_template::error::InternalError;
use mlp_template::finding::{Code, Finding};
use mlp_template::security::Rules;
use mlp_testkit::memory::{Fault, MemoryStore};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Each line `path=content` is an output; the line `bad` is a mistake that leaves none, the line `blocked` one that leaves
/// those of `y`; the rest is comment.
fn files(config: &str) -> BTreeMap<String, String> {
    let has = |word| config.lines().any(|line| line == word);
    let outputs = config.lines().filter_map(|line| line.split_once('='));
    outputs
        .filter(|(path, _)| !(has("bad") || has("blocked") && *path != "y"))
        .map(|(path, text)| (format!("templates/{path}"), text.to_owned()))
        .collect()
}

fn good(config: &str) -> bool {
    !config.lines().any(|line| matches!(line, "bad" | "blocked"))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of what makes files")]
fn make(config: &[u8], _: &Rules) -> Result<Made, InternalError> {
    let config = std::str::from_utf8(config).unwrap();
    let findings = if good(config) {
        Vec::new()
    } else {
        vec![Finding::error(Code::new("MLP-CFG-001"), "", "this is bad")]
    };
    let outcome = Outcome::of("create-prov-template", findings);
    let files = files(config).into_iter();
    let files = files.map(|(path, text)| OutputFile { path, kind: OutputKind::Template, text }).collect();
    Ok(Made { outcome, files })
}

/// One history: what is uploaded under which key in which order, and how the runs go.
#[derive(Debug, Clone)]
struct History {
    versioned: bool,
    uploads: Vec<(&'static str, &'static str)>,
    deliveries: Vec<u8>,
    /// Runs without a sequencer, each for one of the keys.
    by_hand: usize,
    choices: Vec<u16>,
}

type Running<'a> = (Upload, Pin<Box<dyn Future<Output = Result<Settled, Failure>> + 'a>>);

/// Configs by key and version id.
type Versions = BTreeMap<(String, String), String>;
/// The newest event and config of each key.
type Newest = BTreeMap<String, (usize, String)>;

struct World<'a> {
    store: &'a MemoryStore,
    storing: Storing<'a, MemoryStore>,
    to_upload: Vec<(usize, &'static str, &'static str, u8)>,
    by_hand: usize,
    waiting: Vec<Upload>,
    running: Vec<Running<'a>>,
    deaths: usize,
    faults: usize,
    failures: usize,
    versions: Versions,
    newest: Newest,
}

fn sequencer(index: usize) -> String {
    // Of different lengths, so that the padding matters.
    format!("{}{index:02X}", "0".repeat(index % 3))
}

impl World<'_> {
    fn upload(&mut self) {
        let (index, key, config, deliveries) = self.to_upload.remove(0);
        let version_id = self.store.upload(key, config);
        if let Some(id) = &version_id {
            self.versions.insert((key.to_owned(), id.clone()), config.to_owned());
        }
        self.newest.insert(key.to_owned(), (index, config.to_owned()));
        let upload = Upload {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            version_id,
            sequencer: Sequencer::parse(&sequencer(index)),
        };
        for _ in 0..deliveries {
            self.waiting.push(upload.clone());
        }
        if self.by_hand > 0 {
            self.by_hand -= 1;
            self.waiting.push(Upload { sequencer: None, ..upload });
        }
    }

    fn start(&mut self, choice: usize) {
        let upload = self.waiting.remove(choice % self.waiting.len());
        let storing = self.storing;
        let own = upload.clone();
        self.running.push((upload, Box::pin(async move { storing.settle(&own).await })));
    }

    fn step(&mut self, choice: usize) {
        let index = choice % self.running.len();
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = self.running[index].1.as_mut().poll(&mut context) {
            let (upload, _) = self.running.remove(index);
            if let Err(failure) = result {
                self.failures += 1;
                assert!(self.failures < 50, "it never comes to an end: {failure}");
                // Lambda delivers it again.
                self.waiting.push(upload);
            }
        }
    }

    fn choose(&mut self, choice: usize) {
        let (what, which) = (choice % 16, choice / 16);
        match what {
            0 if !self.to_upload.is_empty() => self.upload(),
            1 | 2 if !self.waiting.is_empty() && self.running.len() < 4 => self.start(which),
            3 if self.deaths > 0 && !self.running.is_empty() => {
                self.deaths -= 1;
                let (upload, _) = self.running.remove(which % self.running.len());
                self.waiting.push(upload);
            }
            4 if self.faults > 0 => {
                self.faults -= 1;
                let faults = [
                    Fault::Throttled,
                    Fault::LostAnswer,
                    Fault::LostAnswerThenConflict,
                    Fault::ConcurrentWrite,
                ];
                self.store.fail("PutObject", "", faults[which % faults.len()]);
            }
            _ if !self.running.is_empty() => self.step(which),
            _ => {}
        }
    }
}

/// Plays a history to its end and answers the bucket, the configs by version and the newest config of each key.
fn play(history: &History) -> (MemoryStore, Versions, Newest) {
    let store = if history.versioned { MemoryStore::versioned() } else { MemoryStore::unversioned() };
    let uploads = history.uploads.iter().zip(&history.deliveries).enumerate();
    let to_upload =
        uploads.map(|(index, ((key, config), copies))| (index + 1, *key, *config, *copies)).collect();
    let rules = Rules::none();
    let mut world = World {
        store: &store,
        storing: Storing::new(&store, &make, &rules),
        to_upload,
        by_hand: history.by_hand,
        waiting: Vec::new(),
        running: Vec::new(),
        deaths: 3,
        faults: 3,
        failures: 0,
        versions: BTreeMap::new(),
        newest: BTreeMap::new(),
    };
    for choice in &history.choices {
        world.choose(usize::from(*choice));
    }
    while !(world.to_upload.is_empty() && world.waiting.is_empty() && world.running.is_empty()) {
        if !world.running.is_empty() {
            world.step(0);
        } else if !world.waiting.is_empty() {
            world.start(0);
        } else {
            world.upload();
        }
    }
    let (versions, newest) = (std::mem::take(&mut world.versions), std::mem::take(&mut world.newest));
    drop(world);
    (store, versions, newest)
}

fn check(history: &History) -> Result<(), TestCaseError> {
    let (store, versions, newest) = play(history);
    let mut claimed: BTreeMap<String, String> = BTreeMap::new();
    for (key, (index, config)) in &newest {
        let status = store.content(&format!("status/{key}.json"));
        let status: Status = serde_json::from_slice(&status.unwrap()).unwrap();
        let answered = status.outcome.source.sequencer.clone();
        prop_assert_eq!(answered, Some(sequencer(*index)), "the status answers the newest event");

        let wanted = files(config);
        let refused = status.outcome.findings.iter().any(|finding| finding.code.as_str() == "MLP-GEN-003");
        prop_assert_eq!(status.outcome.ok, good(config) && !refused);
        if !refused {
            let stored: Vec<_> = status.stored.iter().map(|stored| &stored.path).collect();
            if good(config) {
                prop_assert_eq!(&stored, &wanted.keys().collect::<Vec<_>>());
            }
            prop_assert_eq!(&status.outcome.outputs, &wanted.keys().cloned().collect::<Vec<_>>());
            for (path, text) in &wanted {
                prop_assert!(stored.contains(&path), "{path} is stored");
                let content = store.content(path).map(|bytes| String::from_utf8(bytes).unwrap());
                prop_assert_eq!(content.as_ref(), Some(text), "{} is the newest config's", path);
            }
        }
        for stored in &status.stored {
            let content = store.content(&stored.path);
            let content =
                content.ok_or_else(|| TestCaseError::fail(format!("{} is missing", stored.path)))?;
            let metadata = store.metadata(&stored.path).unwrap();
            prop_assert_eq!(&metadata[META_CONFIG], key);
            prop_assert_eq!(&metadata[META_SHA256], &stored.sha256);
            prop_assert_eq!(&format!("{:x}", Sha256::digest(&content)), &stored.sha256);
            if let Some(id) = &stored.version_id {
                let from = files(&versions[&(key.clone(), id.clone())]);
                prop_assert_eq!(
                    from[&stored.path].as_bytes(),
                    content.as_slice(),
                    "as the version named makes it"
                );
            }
            let other = claimed.insert(stored.path.clone(), key.clone());
            prop_assert_eq!(other, None, "one output, one config: {}", stored.path);
        }
        for path in &status.left_behind {
            prop_assert!(status.stored.iter().all(|stored| stored.path != *path));
        }
    }
    Ok(())
}

/// Few contents, so that A, B, A is likely.
const CONTENTS: [&str; 8] =
    ["x=A", "x=B", "x=A\n# comment", "x=A\ny=A", "y=B", "x=B\ny=B\nblocked", "x=A\ny=A\nblocked", "bad"];

/// The other config's contents never equal those: equal bytes have equal entity tags, so that a condition can't tell
/// whose they are (docs/generate.md says what that means).
const OTHER_CONTENTS: [&str; 8] =
    ["x=C", "x=D", "x=C\n# comment", "x=C\ny=C", "y=D", "x=D\ny=D\nblocked", "x=C\ny=C\nblocked", "bad"];

fn histories(two: bool, versioned: bool, by_hand: usize) -> impl Strategy<Value = History> {
    let one = ("configs/a.yaml", &CONTENTS[..]);
    let other = if two { ("configs/b.yaml", &OTHER_CONTENTS[..]) } else { one };
    let upload = prop::sample::select(vec![one, other])
        .prop_flat_map(|(key, contents)| (Just(key), prop::sample::select(contents)));
    let uploads = prop::collection::vec(upload, 1..6);
    let deliveries = prop::collection::vec(1..3_u8, 6);
    let choices = prop::collection::vec(any::<u16>(), 0..400);
    (uploads, deliveries, 0..=by_hand, choices).prop_map(move |(uploads, deliveries, by_hand, choices)| {
        History { versioned, uploads, deliveries, by_hand, choices }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_ends_with_the_newest_config(history in histories(false, true, 0)) {
        check(&history)?;
    }

    #[test]
    fn runs_by_hand_in_between_change_nothing_about_it(history in histories(false, true, 2)) {
        check(&history)?;
    }

    #[test]
    fn a_bucket_without_versions_ends_the_same(history in histories(false, false, 2)) {
        check(&history)?;
    }

    #[test]
    fn two_configs_never_both_hold_an_output(history in histories(true, true, 0)) {
        check(&history)?;
    }
}

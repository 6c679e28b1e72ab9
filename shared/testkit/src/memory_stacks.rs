//! CloudFormation in memory, with a clock of its own and faults, for tests of what no emulator can be brought to do.
//!
//! What is modelled is what a deployment sees: statuses and events in their order, change sets that others make worthless,
//! and the messages by which CloudFormation refuses. Source: AWS CloudFormation API Reference and User Guide ("Stack status
//! codes", "Update stacks using change sets"), and its well-known messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::cloudformation::stacks::Event;
use mlp_aws::cloudformation::stacks::{ChangeSet, NewChangeSet, Stack, StackResource, Stacks};
use mlp_aws::s3::versions::Bucket;
use mlp_aws::s3::versions::{Undeleted, Version, VersionedBucket};
use mlp_aws::ssm::parameters::{ErrorKind, Parameter, ParameterStore, ParametersError};
use serde_json::{Value as Json, json};

use crate::memory::{Fault, give_way};

/// How the next operation on a stack ends. What isn't ordered works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As it was meant to.
    Works,
    /// A resource fails, and what was done is undone. A deletion stays half done.
    Fails,
    /// A resource fails, and undoing it fails too.
    RollbackFails,
}

/// The bucket that every stack of this double has.
pub const BUCKET: &str = "the-products-bucket";

/// How many versions S3 lists and deletes at once.
const PAGE: u64 = 1_000;

/// Seconds until CloudFormation has worked a change set out.
const MAKING: u64 = 2;

/// Stacks, change sets, and one bucket with versions.
#[derive(Debug, Default)]
pub struct MemoryStacks {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clock: u64,
    entries: Vec<Entry>,
    faults: Vec<(&'static str, usize, Fault)>,
    always: Vec<(&'static str, Fault)>,
    endings: VecDeque<Ending>,
    failing: Option<&'static str>,
    refused_sets: VecDeque<(&'static str, Vec<Event>)>,
    making: Option<u64>,
    calls: BTreeMap<&'static str, usize>,
    executed: usize,
    versions: u64,
    filled_while_deleting: u64,
    locked: bool,
    buckets: BTreeMap<String, Bucket>,
    unpublished: BTreeSet<String>,
    bucket_tags: Option<BTreeMap<String, String>>,
    parameters: BTreeMap<String, String>,
    ordered: Vec<NewChangeSet>,
}

#[derive(Debug, Default)]
struct Entry {
    name: String,
    stack: Stack,
    resources: Vec<StackResource>,
    /// Newest last.
    events: Vec<Event>,
    sets: Vec<Set>,
    phases: VecDeque<Phase>,
    template: Option<String>,
    /// The template's text, of a stack that others made.
    text: Option<String>,
    /// What the newest events say of the properties of resources.
    properties: BTreeMap<String, Json>,
}

/// A change set.
#[derive(Debug)]
struct Set {
    wanted: NewChangeSet,
    /// As it is from `ready` on.
    made: ChangeSet,
    ready: u64,
    events: Vec<Event>,
}

impl Set {
    /// By name or ARN.
    fn is(&self, named: &str) -> bool {
        self.wanted.name == named || self.made.id == named
    }

    /// As it looks at a point in time.
    fn at(&self, clock: u64) -> ChangeSet {
        if clock >= self.ready {
            return self.made.clone();
        }
        ChangeSet {
            status: "CREATE_IN_PROGRESS".to_owned(),
            execution_status: "UNAVAILABLE".to_owned(),
            reason: String::new(),
            changes: Vec::new(),
            ..self.made.clone()
        }
    }
}

/// What happens to a stack at a point in time.
#[derive(Debug)]
struct Phase {
    at: u64,
    token: String,
    happening: Happening,
}

#[derive(Debug)]
enum Happening {
    Status(&'static str, Option<&'static str>),
    Resource(&'static str, &'static str),
    /// The resources go; a bucket that isn't empty stays.
    Removal,
}

type Refusal = (Kind, String);

impl MemoryStacks {
    /// Puts a stack there, in a status, with one bucket; `busy_for` seconds later it is in the status `then`.
    pub fn put(&self, name: &str, status: &str, then: Option<(u64, &'static str)>) {
        let mut state = self.lock();
        let mut entry = state.new_entry(name);
        status.clone_into(&mut entry.stack.status);
        if status != "REVIEW_IN_PROGRESS" {
            entry.resources.push(bucket("CREATE_COMPLETE"));
        }
        if status.ends_with("ROLLBACK_FAILED") {
            entry.resources.push(StackResource {
                logical_id: "Key".to_owned(),
                physical_id: Some("key".to_owned()),
                kind: "AWS::KMS::Key".to_owned(),
                status: "UPDATE_FAILED".to_owned(),
                reason: Some("the key is gone".to_owned()),
            });
        }
        if let Some((after, then)) = then {
            let happening = Happening::Status(then, None);
            entry.phases.push_back(Phase { at: state.clock + after, token: "others".to_owned(), happening });
        }
        state.entries.push(entry);
    }

    /// Brings a stack into another status.
    pub fn set_status(&self, name: &str, status: &str) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            status.clone_into(&mut entry.stack.status);
        }
    }

    /// Gives the stack a tag.
    pub fn tag(&self, name: &str, key: &str, value: &str) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            entry.stack.tags.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Gives the stack tags in the place of those that it has.
    pub fn set_tags(&self, name: &str, tags: impl IntoIterator<Item = (String, String)>) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            entry.stack.tags = tags.into_iter().collect();
        }
    }

    /// Gives the stack an output.
    pub fn set_output(&self, name: &str, key: &str, value: &str) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            entry.stack.outputs.insert(key.to_owned(), value.to_owned());
        }
    }

    /// The tags of the newest stack of a name.
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        self.lock().entry(name).map(|entry| entry.stack.tags.clone()).unwrap_or_default()
    }

    /// Where the template came from that the stack was last made from; nothing when no change set was executed.
    pub fn template_url(&self, name: &str) -> Option<String> {
        self.lock().entry(name).ok().and_then(|entry| entry.template.clone())
    }

    /// The template that the stack was made from, as text.
    pub fn set_template(&self, name: &str, text: &str) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            entry.text = Some(text.to_owned());
        }
    }

    /// What CloudFormation's events say of the properties of a resource.
    pub fn set_event_properties(&self, name: &str, logical_id: &str, properties: Json) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(name) {
            entry.properties.insert(logical_id.to_owned(), properties);
        }
    }

    /// The tags of the product's bucket; without this they say that the newest stack made it.
    pub fn set_bucket_tags(&self, tags: BTreeMap<String, String>) {
        self.lock().bucket_tags = Some(tags);
    }

    /// The seconds since the beginning.
    pub fn clock(&self) -> u64 {
        self.lock().clock
    }

    /// Lets time pass.
    pub fn advance_to(&self, clock: u64) {
        let mut state = self.lock();
        state.clock = state.clock.max(clock);
        state.settle();
    }

    /// Lets one call of `operation` fail, after so many that don't.
    pub fn fail(&self, operation: &'static str, after: usize, fault: Fault) {
        self.lock().faults.push((operation, after, fault));
    }

    /// Lets every call of `operation` fail until [`Self::heal`].
    pub fn fail_always(&self, operation: &'static str, fault: Fault) {
        self.lock().always.push((operation, fault));
    }

    /// No call fails any more.
    pub fn heal(&self) {
        let mut state = self.lock();
        state.faults.clear();
        state.always.clear();
    }

    /// How the next operation ends.
    pub fn end_next(&self, ending: Ending) {
        self.lock().endings.push_back(ending);
    }

    /// Why the next resource fails, in the words of its service.
    pub fn fail_next_for(&self, reason: &'static str) {
        self.lock().failing = Some(reason);
    }

    /// The next change set fails for a reason, with what CloudFormation tells of its making.
    pub fn refuse_next_change_set(&self, reason: &'static str, events: Vec<Event>) {
        self.lock().refused_sets.push_back((reason, events));
    }

    /// Change sets take so many seconds from now on.
    pub fn make_change_sets_in(&self, seconds: u64) {
        self.lock().making = Some(seconds);
    }

    /// Puts so many versions into the product's bucket.
    pub fn fill(&self, versions: u64) {
        self.lock().versions += versions;
    }

    /// Somebody puts so many versions into the bucket as soon as the stack is being deleted.
    pub fn fill_while_deleting(&self, versions: u64) {
        self.lock().filled_while_deleting = versions;
    }

    /// Nothing in the product's bucket can be deleted.
    pub fn lock_versions(&self) {
        self.lock().locked = true;
    }

    /// What is seen of another bucket. One of which nothing is said is not there.
    pub fn see_bucket(&self, name: &str, bucket: Bucket) {
        self.lock().buckets.insert(name.to_owned(), bucket);
    }

    /// Puts a resource into a stack, in the place of one with its logical id.
    pub fn put_resource(&self, stack: &str, resource: StackResource) {
        let mut state = self.lock();
        if let Ok(entry) = state.entry(stack) {
            entry.resources.retain(|it| it.logical_id != resource.logical_id);
            entry.resources.push(resource);
        }
    }

    /// The id of the newest stack of a name.
    pub fn id(&self, name: &str) -> Option<String> {
        let state = self.lock();
        state.entries.iter().rev().find(|entry| entry.name == name).map(|entry| entry.stack.id.clone())
    }

    /// A parameter isn't there; every other one is.
    pub fn unpublish(&self, name: &str) {
        self.lock().unpublished.insert(name.to_owned());
    }

    /// A value of Parameter Store. Every other parameter holds a text of its own.
    pub fn put_parameter(&self, name: &str, value: &str) {
        self.lock().parameters.insert(name.to_owned(), value.to_owned());
    }

    /// What is left in the bucket.
    pub fn versions_left(&self) -> u64 {
        self.lock().versions
    }

    /// The status of the newest stack of a name.
    pub fn status(&self, name: &str) -> Option<String> {
        let state = self.lock();
        state.entries.iter().rev().find(|entry| entry.name == name).map(|entry| entry.stack.status.clone())
    }

    /// Whether the newest stack of a name is protected.
    pub fn is_protected(&self, name: &str) -> bool {
        self.lock().entry(name).is_ok_and(|entry| entry.stack.protected)
    }

    /// How many change sets that could still be executed the stacks of a name have.
    pub fn open_change_sets(&self, name: &str) -> usize {
        let state = self.lock();
        let sets = state.entries.iter().filter(|entry| entry.name == name).flat_map(|entry| &entry.sets);
        sets.filter(|set| set.made.execution_status == "AVAILABLE").count()
    }

    /// The change sets that were ordered.
    pub fn ordered(&self) -> Vec<NewChangeSet> {
        self.lock().ordered.clone()
    }

    /// How many change sets were executed.
    pub fn executed(&self) -> usize {
        self.lock().executed
    }

    /// How often each operation was called.
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one call: gives way, fails it if so ordered, gives way again.
    async fn call<T: Send>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut State) -> Result<T, Refusal> + Send,
    ) -> Result<T, CallError> {
        give_way().await;
        let result = {
            let mut state = self.lock();
            state.settle();
            *state.calls.entry(operation).or_default() += 1;
            let lost = || (Kind::Unavailable, "timed out waiting for the answer".to_owned());
            match state.due(operation) {
                None => act(&mut state),
                Some(Fault::Throttled) => Err((Kind::Throttled, "Throttling: Rate exceeded".to_owned())),
                Some(Fault::ServerError) => Err((Kind::Unavailable, "InternalFailure (HTTP 500)".to_owned())),
                Some(Fault::Denied) => Err((Kind::Denied, "AccessDenied".to_owned())),
                Some(_) => act(&mut state).and_then(|_| Err(lost())),
            }
        };
        give_way().await;
        result.map_err(|(kind, reason)| CallError { kind, operation, reason })
    }
}

fn bucket(status: &str) -> StackResource {
    StackResource {
        logical_id: "Bucket".to_owned(),
        physical_id: Some(BUCKET.to_owned()),
        kind: "AWS::S3::Bucket".to_owned(),
        status: status.to_owned(),
        reason: None,
    }
}

fn validation(kind: Kind, message: impl std::fmt::Display) -> Refusal {
    (kind, format!("ValidationError: {message}"))
}

fn in_progress(status: &str) -> bool {
    status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

impl State {
    fn new_entry(&self, name: &str) -> Entry {
        let number = self.entries.len();
        let id = format!("arn:aws:cloudformation:us-west-2:123456789012:stack/{name}/{number}");
        let stack = Stack { id, status: "REVIEW_IN_PROGRESS".to_owned(), ..Stack::default() };
        Entry { name: name.to_owned(), stack, ..Entry::default() }
    }

    fn due(&mut self, operation: &str) -> Option<Fault> {
        if let Some((_, fault)) = self.always.iter().find(|(of, _)| *of == operation) {
            return Some(*fault);
        }
        let index = self.faults.iter().position(|(of, ..)| *of == operation)?;
        let (_, after, fault) = self.faults.get_mut(index)?;
        if *after > 0 {
            *after -= 1;
            return None;
        }
        let fault = *fault;
        self.faults.remove(index);
        Some(fault)
    }

    /// By id any, by name the one that isn't deleted.
    fn entry(&mut self, named: &str) -> Result<&mut Entry, Refusal> {
        let mut entries = self.entries.iter_mut().rev();
        entries
            .find(|entry| {
                entry.stack.id == named || entry.name == named && entry.stack.status != "DELETE_COMPLETE"
            })
            .ok_or_else(|| validation(Kind::Gone, format!("Stack with id {named} does not exist")))
    }

    /// Everything that has happened until now.
    fn settle(&mut self) {
        let Self { clock, entries, versions, filled_while_deleting, .. } = self;
        for entry in entries {
            while entry.phases.front().is_some_and(|phase| phase.at <= *clock) {
                let Some(phase) = entry.phases.pop_front() else { break };
                entry.happen(phase, versions, filled_while_deleting);
            }
        }
    }

    fn ending(&mut self) -> Ending {
        self.endings.pop_front().unwrap_or(Ending::Works)
    }
}

impl Entry {
    fn event(&mut self, token: &str, of: Option<&StackResource>, status: &str, reason: Option<&str>) {
        let (name, id) = (self.name.clone(), self.stack.id.clone());
        self.events.push(Event {
            logical_id: of.map_or(name, |of| of.logical_id.clone()),
            physical_id: of.map_or(id, |of| of.physical_id.clone().unwrap_or_default()),
            kind: of.map_or_else(|| "AWS::CloudFormation::Stack".to_owned(), |of| of.kind.clone()),
            status: status.to_owned(),
            reason: reason.unwrap_or_default().to_owned(),
            token: Some(token.to_owned()),
        });
    }

    fn status(&mut self, token: &str, status: &str, reason: Option<&str>) {
        status.clone_into(&mut self.stack.status);
        self.stack.reason = reason.map(str::to_owned);
        self.event(token, None, status, reason);
    }

    fn happen(&mut self, phase: Phase, versions: &mut u64, filled: &mut u64) {
        let token = phase.token;
        match phase.happening {
            Happening::Status(status, reason) => {
                if status == "DELETE_IN_PROGRESS" {
                    *versions += std::mem::take(filled);
                }
                self.status(&token, status, reason);
            }
            Happening::Resource(status, reason) => {
                let resource = bucket(status);
                self.resources.retain(|it| it.logical_id != resource.logical_id);
                self.event(&token, Some(&resource), status, Some(reason));
                self.resources.push(resource);
            }
            Happening::Removal => {
                let mut resources = std::mem::take(&mut self.resources);
                let mut failed = false;
                for resource in &mut resources {
                    // What could not be made is nothing to delete.
                    let made = resource.status != "CREATE_FAILED";
                    let full = resource.kind == "AWS::S3::Bucket" && made && *versions > 0;
                    failed |= full;
                    let (status, reason) = if full {
                        ("DELETE_FAILED", Some("The bucket you tried to delete is not empty"))
                    } else {
                        ("DELETE_COMPLETE", None)
                    };
                    status.clone_into(&mut resource.status);
                    resource.reason = reason.map(str::to_owned);
                    self.event(&token, Some(resource), status, reason);
                }
                self.resources = resources;
                let (status, reason) = if failed {
                    ("DELETE_FAILED", Some("The following resource(s) failed to delete: [Bucket]."))
                } else {
                    // A stack's change sets go with it.
                    self.sets.clear();
                    ("DELETE_COMPLETE", None)
                };
                self.status(&token, status, reason);
            }
        }
    }

    fn order(&mut self, now: u64, token: &str, happenings: impl IntoIterator<Item = (u64, Happening)>) {
        let token = token.to_owned();
        let phases = happenings.into_iter();
        self.phases.extend(phases.map(|(after, happening)| Phase {
            at: now + after,
            token: token.clone(),
            happening,
        }));
    }
}

/// What an execution of a change set looks like from outside, with seconds since its order.
fn course(create: bool, ending: Ending, reason: &'static str) -> Vec<(u64, Happening)> {
    use Happening::{Resource, Status};
    const FAILED: &str = "The following resource(s) failed: [Bucket].";
    let taken = if create { "CREATE_FAILED" } else { "UPDATE_FAILED" };
    let (began, done) = if create {
        ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    } else {
        ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    };
    let mut course = vec![(1, Status(began, None))];
    if ending == Ending::Works {
        course.push((10, Resource(done, "")));
        if !create {
            course.push((12, Status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None)));
        }
        course.push((20, Status(done, None)));
        return course;
    }
    let (back, undone, stuck) = if create {
        ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
    } else {
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED")
    };
    course.push((10, Resource(taken, reason)));
    course.push((11, Status(back, Some(FAILED))));
    course.push((20, Status(if ending == Ending::Fails { undone } else { stuck }, Some(FAILED))));
    course
}

impl Stacks for MemoryStacks {
    async fn stack(&self, stack: &str) -> Result<Option<Stack>, CallError> {
        self.call("cloudformation:DescribeStacks", |state| {
            Ok(state.entry(stack).ok().map(|entry| entry.stack.clone()))
        })
        .await
    }

    async fn create_change_set(&self, wanted: &NewChangeSet) -> Result<String, CallError> {
        self.call("cloudformation:CreateChangeSet", |state| {
            let name = &wanted.stack;
            let found = state.entry(name).map(|entry| (entry.stack.id.clone(), entry.stack.status.clone()));
            match (found, wanted.create) {
                (Err(gone), false) => return Err(gone),
                (Err(_), true) => {
                    let entry = state.new_entry(name);
                    state.entries.push(entry);
                }
                (Ok((id, status)), true) if status != "REVIEW_IN_PROGRESS" => {
                    let message = format!(
                        "Stack [{id}] already exists and cannot be created again with the changeSet [{}]",
                        wanted.name
                    );
                    return Err(validation(Kind::Conflict, message));
                }
                (Ok((id, status)), _)
                    if in_progress(&status)
                        || !wanted.create
                            && ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"]
                                .contains(&status.as_str()) =>
                {
                    let message = format!("Stack:{id} is in {status} state and can not be updated.");
                    return Err(validation(Kind::Conflict, message));
                }
                (Ok(_), _) => {}
            }
            let (ready, refused) = (state.clock + state.making.unwrap_or(MAKING), state.refused_sets.pop_front());
            state.ordered.push(wanted.clone());
            let number = state.ordered.len();
            let entry = state.entry(name)?;
            if let Some(set) = entry.sets.iter().find(|set| set.wanted.name == wanted.name) {
                if set.wanted.token == wanted.token {
                    return Ok(set.made.id.clone());
                }
                return Err((Kind::Exists, format!("AlreadyExistsException: ChangeSet {} already exists", wanted.name)));
            }
            let unchanged = entry.template.as_ref() == Some(&wanted.template_url) && !wanted.create;
            let (reason, events) = refused.unwrap_or_default();
            let made = if !reason.is_empty() {
                ChangeSet {
                    status: "FAILED".to_owned(),
                    reason: reason.to_owned(),
                    execution_status: "UNAVAILABLE".to_owned(),
                    ..ChangeSet::default()
                }
            } else if unchanged {
                ChangeSet {
                    status: "FAILED".to_owned(),
                    reason: "The submitted information didn't contain changes. Submit different information to create \
                             a change set."
                        .to_owned(),
                    execution_status: "UNAVAILABLE".to_owned(),
                    ..ChangeSet::default()
                }
            } else {
                let action = if wanted.create { "Add" } else { "Modify" };
                ChangeSet {
                    status: "CREATE_COMPLETE".to_owned(),
                    execution_status: "AVAILABLE".to_owned(),
                    changes: vec![json!({"Type": "Resource", "ResourceChange": {
                        "Action": action, "LogicalResourceId": "Bucket",
                        "ResourceType": "AWS::S3::Bucket", "Replacement": "False"}})],
                    ..ChangeSet::default()
                }
            };
            let id = format!("arn:aws:cloudformation:us-west-2:123456789012:changeSet/{}/{number}", wanted.name);
            let stack_id = entry.stack.id.clone();
            let made = ChangeSet { id: id.clone(), stack_id, ..made };
            entry.sets.push(Set { wanted: wanted.clone(), made, ready, events });
            Ok(id)
        })
        .await
    }

    async fn change_set(&self, stack: &str, name: &str) -> Result<Option<ChangeSet>, CallError> {
        self.call("cloudformation:DescribeChangeSet", |state| {
            let clock = state.clock;
            let Ok(entry) = state.entry(stack) else { return Ok(None) };
            Ok(entry.sets.iter().find(|set| set.is(name)).map(|set| set.at(clock)))
        })
        .await
    }

    async fn change_set_events(&self, id: &str) -> Result<Vec<Event>, CallError> {
        self.call("cloudformation:DescribeEvents", |state| {
            let mut sets = state.entries.iter().flat_map(|entry| &entry.sets);
            Ok(sets.find(|set| set.made.id == id).map(|set| set.events.clone()).unwrap_or_default())
        })
        .await
    }

    async fn change_sets(&self, stack: &str) -> Result<Vec<String>, CallError> {
        self.call("cloudformation:ListChangeSets", |state| {
            let Ok(entry) = state.entry(stack) else { return Ok(Vec::new()) };
            Ok(entry.sets.iter().map(|set| set.wanted.name.clone()).collect())
        })
        .await
    }

    async fn execute(&self, stack: &str, name: &str, token: &str) -> Result<(), CallError> {
        self.call("cloudformation:ExecuteChangeSet", |state| {
            let gone = || (Kind::Gone, format!("ChangeSetNotFound: ChangeSet [{name}] does not exist"));
            let clock = state.clock;
            let entry = state.entry(stack)?;
            let set = entry.sets.iter_mut().find(|set| set.is(name)).ok_or_else(gone)?;
            let seen = set.at(clock);
            if seen.execution_status != "AVAILABLE" {
                let message = format!("InvalidChangeSetStatus: ChangeSet [{name}] cannot be executed in its current status of [{}]", seen.status);
                return Err((Kind::Conflict, message));
            }
            if in_progress(&entry.stack.status) || !entry.phases.is_empty() {
                let message = format!("Stack:{} is in {} state and can not be updated.", entry.stack.id, entry.stack.status);
                return Err(validation(Kind::Conflict, message));
            }
            "EXECUTE_COMPLETE".clone_into(&mut set.made.execution_status);
            let wanted = set.wanted.clone();
            // The others were worked out for a stack that is no more.
            entry.sets.retain(|set| set.is(name));
            state.executed += 1;
            let (ending, reason) = (state.ending(), state.failing.take().unwrap_or("the name is taken"));
            let entry = state.entry(stack)?;
            if ending == Ending::Works {
                entry.template = Some(wanted.template_url);
            }
            entry.stack.tags = wanted.tags.into_iter().collect();
            entry.order(clock, token, course(wanted.create, ending, reason));
            Ok(())
        })
        .await
    }

    async fn delete_change_set(&self, stack: &str, name: &str) -> Result<(), CallError> {
        self.call("cloudformation:DeleteChangeSet", |state| {
            let clock = state.clock;
            let Ok(entry) = state.entry(stack) else { return Ok(()) };
            if entry.sets.iter().any(|set| set.is(name) && clock < set.ready) {
                let message = format!("InvalidChangeSetStatus: ChangeSet [{name}] is in CREATE_IN_PROGRESS status and can't be deleted");
                return Err((Kind::Conflict, message));
            }
            entry.sets.retain(|set| {
                !set.is(name) || set.made.execution_status == "EXECUTE_COMPLETE"
            });
            Ok(())
        })
        .await
    }

    async fn delete(&self, stack_id: &str, token: &str, _: Option<&str>) -> Result<(), CallError> {
        self.call("cloudformation:DeleteStack", |state| {
            let clock = state.clock;
            let entry = state.entry(stack_id)?;
            let status = entry.stack.status.clone();
            if entry.stack.protected {
                let message = "Stack [x] cannot be deleted while TerminationProtection is enabled";
                return Err(validation(Kind::Conflict, message));
            }
            if status == "DELETE_COMPLETE" || status == "DELETE_IN_PROGRESS" {
                return Ok(());
            }
            // A stack that is being created may be deleted.
            if in_progress(&status) && status != "CREATE_IN_PROGRESS" {
                let message = format!("Stack [{stack_id}] cannot be deleted while in status {status}");
                return Err(validation(Kind::Conflict, message));
            }
            if status == "REVIEW_IN_PROGRESS" {
                entry.sets.clear();
                entry.phases.clear();
                entry.status(token, "DELETE_COMPLETE", None);
                return Ok(());
            }
            let ending = state.ending();
            let entry = state.entry(stack_id)?;
            entry.phases.clear();
            entry.order(clock, token, [(0, Happening::Status("DELETE_IN_PROGRESS", None))]);
            match ending {
                Ending::Works => entry.order(clock, token, [(20, Happening::Removal)]),
                Ending::Fails | Ending::RollbackFails => entry.order(
                    clock,
                    token,
                    [
                        (10, Happening::Resource("DELETE_FAILED", "somebody holds it")),
                        (
                            20,
                            Happening::Status(
                                "DELETE_FAILED",
                                Some("The following resource(s) failed to delete: [Bucket]."),
                            ),
                        ),
                    ],
                ),
            }
            state.settle();
            Ok(())
        })
        .await
    }

    async fn events(
        &self,
        stack_id: &str,
        token: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Event>, CallError> {
        self.call("cloudformation:DescribeStackEvents", |state| {
            let events = state.entry(stack_id)?.events.iter().rev();
            Ok(events
                .filter(|event| token.is_none() || event.token.as_deref() == token)
                .take(limit)
                .cloned()
                .collect())
        })
        .await
    }

    async fn resources(&self, stack_id: &str) -> Result<Vec<StackResource>, CallError> {
        self.call("cloudformation:ListStackResources", |state| Ok(state.entry(stack_id)?.resources.clone()))
            .await
    }

    async fn resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, CallError> {
        self.call("cloudformation:DescribeStackResource", |state| {
            let Ok(entry) = state.entry(stack_id) else { return Ok(None) };
            Ok(entry.resources.iter().find(|it| it.logical_id == logical_id).cloned())
        })
        .await
    }

    async fn template(&self, stack: &str) -> Result<Option<String>, CallError> {
        self.call("cloudformation:GetTemplate", |state| {
            Ok(state.entry(stack).ok().and_then(|entry| entry.text.clone()))
        })
        .await
    }

    async fn event_properties(&self, stack_id: &str, logical_id: &str) -> Result<Option<Json>, CallError> {
        self.call("cloudformation:DescribeStackEvents", |state| {
            let Ok(entry) = state.entry(stack_id) else { return Ok(None) };
            Ok(entry.properties.get(logical_id).cloned())
        })
        .await
    }

    async fn protect(&self, stack: &str) -> Result<(), CallError> {
        self.call("cloudformation:UpdateTerminationProtection", |state| {
            state.entry(stack)?.stack.protected = true;
            Ok(())
        })
        .await
    }
}

impl VersionedBucket for MemoryStacks {
    async fn versions(&self, _: &str) -> Result<Option<Vec<Version>>, CallError> {
        self.call("s3:ListBucketVersions", |state| {
            let page = state.versions.min(PAGE);
            let version = |number: u64| Version { key: format!("k{number}"), id: format!("v{number}") };
            Ok(Some((state.versions - page..state.versions).map(version).collect()))
        })
        .await
    }

    async fn look(&self, bucket: &str) -> Result<Bucket, CallError> {
        self.call("s3:GetBucketVersioning", |state| {
            Ok(state.buckets.get(bucket).cloned().unwrap_or(Bucket::Missing))
        })
        .await
    }

    async fn tags(&self, _: &str) -> Result<BTreeMap<String, String>, CallError> {
        self.call("s3:GetBucketTagging", |state| {
            let newest = state
                .entries
                .iter()
                .rev()
                .find(|entry| entry.resources.iter().any(|it| it.physical_id.as_deref() == Some(BUCKET)));
            let made_by =
                newest.map(|entry| ("aws:cloudformation:stack-id".to_owned(), entry.stack.id.clone()));
            Ok(state.bucket_tags.clone().unwrap_or_else(|| made_by.into_iter().collect()))
        })
        .await
    }

    async fn delete_versions(&self, _: &str, versions: &[Version]) -> Result<Vec<Undeleted>, CallError> {
        self.call("s3:DeleteObjectVersion", |state| {
            if state.locked {
                let undeleted =
                    |it: &Version| Undeleted { key: it.key.clone(), reason: "AccessDenied".into() };
                return Ok(versions.iter().map(undeleted).collect());
            }
            state.versions = state.versions.saturating_sub(versions.len() as u64);
            Ok(Vec::new())
        })
        .await
    }
}

/// Every published value is there, if nobody has removed it.
impl ParameterStore for MemoryStacks {
    async fn get(&self, names: &[String]) -> Result<BTreeMap<String, Parameter>, ParametersError> {
        let found = self.call("ssm:GetParameters", |state| {
            let there = names.iter().filter(|name| !state.unpublished.contains(*name));
            let value = |name: &String| {
                let put = state.parameters.get(name).cloned();
                Parameter::Plain(put.unwrap_or_else(|| format!("value of {name}")))
            };
            Ok(there.map(|name| (name.clone(), value(name))).collect())
        });
        found.await.map_err(|error| ParametersError {
            kind: match error.kind {
                Kind::Denied => ErrorKind::Denied,
                Kind::Throttled => ErrorKind::Throttled,
                Kind::Unavailable => ErrorKind::Unavailable,
                _ => ErrorKind::Other,
            },
            reason: error.reason,
        })
    }
}

//! Custom resources: from CloudFormation's request to an execution, and from an execution's end to the answer.
//!
//! The function that is named in `ServiceToken` keeps the request's address in the bucket, starts an execution whose name
//! follows from the request, and is done. The execution's last task answers. When an execution ends without it (stopped,
//! or out of time), EventBridge tells the same function, which answers in its place.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, SystemTime};

use mlp_aws::calls::Kind as Wrong;
use mlp_aws::cloudformation::answering::Answering;
use mlp_aws::cloudformation::stacks::{StackResource, Stacks};
use mlp_aws::s3::store::{BucketStore, ErrorKind};
use mlp_aws::step_functions::executions::{Execution as Seen, Executions, Status};
use mlp_template::finding::Finding;
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value as Json, json};

use crate::custom_resource as custom;
use crate::custom_resource::{Answer, Kind, Request, Respond, stack_name};
use crate::execution::calls::{failed, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::keys;
use crate::execution::outcome::Report;
use crate::execution::settings::Settings;
use crate::execution::storing::{New, newest, once};
use crate::generate::status;
use crate::generate::storing::CONFIG_PREFIX;
use crate::time::rfc3339;

/// What the function that takes requests works with.
pub struct Front<'a, S, C, E> {
    /// The suite's bucket.
    pub store: &'a S,
    /// CloudFormation.
    pub stacks: &'a C,
    /// Step Functions.
    pub executions: &'a E,
    /// What hears answers.
    pub answers: &'a dyn Answering,
    /// What the suite's stack says.
    pub settings: &'a Settings,
    /// The state machine's ARN.
    pub machine: &'a str,
    /// The time of day.
    pub now: SystemTime,
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// An execution works on it, now or already.
    Started,
    /// It was answered at once.
    Answered,
    /// Nobody waits for it any more; nothing was done. Should somebody wait after all, that was the answer.
    Late,
}

impl Taken {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Answered => "answered",
            Self::Late => "late",
        }
    }
}

/// A request that was stored until it is answered.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    /// Absent once it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_url: Option<String>,
    respond: Respond,
}

/// The end of an execution, as EventBridge tells it.
#[derive(Deserialize)]
struct Ended {
    detail: EndedDetail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndedDetail {
    execution_arn: String,
}

/// Takes a custom resource's request, or the end of an execution.
///
/// # Errors
///
/// What Lambda may try again. A request that can't be carried out is answered, not failed.
pub async fn take<S, C, E>(front: &Front<'_, S, C, E>, event: Json) -> Result<Taken, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    E: Executions + Sync,
{
    let strange = |error: serde_json::Error| {
        Failure::new(Name::InvalidInput, format!("this is no custom resource's request: {error}"))
    };
    if event.get("detail-type").is_some() {
        let ended: Ended = serde_json::from_value(event).map_err(strange)?;
        return after(front, &ended.detail.execution_arn).await;
    }
    let request: Request = serde_json::from_value(event).map_err(strange)?;
    // A request that can't be answered would wait until its time is over, and hold up those of CloudFormation.
    if !front.answers.hears(&request.response_url) {
        let message = "the request's `ResponseURL` is none of CloudFormation's in this region";
        return Err(Failure::new(Name::InvalidInput, message)
            .help("look for who may call the function that `ServiceToken` names"));
    }
    let (taken, answer) = match begin(front, &request).await? {
        Begun::Started => return Ok(Taken::Started),
        Begun::Answer(taken, answer) => (taken, answer),
    };
    // Nothing will answer later, so this is the answer.
    tell(front.answers, &request.response_url, &answer).await?;
    let execution = request.execution();
    let key = keys::request(&request.respond(0).owner(), &execution);
    if let Err(failure) = forget(front.store, &front.settings.bucket, &key).await {
        // It was answered. A second attempt might begin what was called off.
        let error = failure.name.as_str();
        tracing::warn!(execution, error, "the address of an answered request is still kept");
    }
    Ok(taken)
}

/// How a request was begun.
enum Begun {
    /// An execution works on it.
    Started,
    /// It is answered at once.
    Answer(Taken, Answer),
}

async fn begin<S, C, E>(front: &Front<'_, S, C, E>, request: &Request) -> Result<Begun, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    E: Executions + Sync,
{
    let now = seconds(front.now);
    let respond = request.respond(now);
    let refused =
        |failure: &Failure| Begun::Answer(Taken::Answered, Answer::failed(&respond, &told(failure), None));
    match is_waited_for(front, &respond).await {
        Ok(true) => {}
        Ok(false) => {
            let reason = "CloudFormation doesn't say that it works on this resource, so nothing was done";
            return Ok(Begun::Answer(Taken::Late, Answer::failed(&respond, reason, None)));
        }
        Err(failure) => return Ok(refused(&failure)),
    }
    // The request may leave out how long it waits, and others wait for it: CloudFormation's event decides.
    let respond = match confirm(front, request).await {
        Ok(Some(told)) => request.respond_as_told(now, &told),
        Ok(None) => respond.clone(),
        Err(failure) => return Ok(refused(&failure)),
    };
    let mut input = match input(front.settings, request) {
        Ok(Some(input)) => input,
        Ok(None) => {
            let answer = Answer::success(&respond, None, BTreeMap::new());
            return Ok(Begun::Answer(Taken::Answered, answer));
        }
        Err(failure) => return Ok(refused(&failure)),
    };
    let name = request.execution();
    let new = Stored { response_url: Some(request.response_url.clone()), respond: respond.clone() };
    let kept = match patiently(|| keep(front, &name, &new), is_transient).await {
        Ok(kept) => kept,
        Err(failure) => return Ok(refused(&failure)),
    };
    if kept.response_url.is_none() {
        return Ok(Begun::Started);
    }
    input.insert("respond".to_owned(), json!(kept.respond));
    match start(front, &name, &Json::Object(input).to_string()).await? {
        Ok(()) => Ok(Begun::Started),
        Err(failure) => Ok(refused(&failure)),
    }
}

/// Keeps a request, or finds the one that was kept when it came the first time: an execution does what was kept, and only
/// until it was answered.
async fn keep<S: BucketStore + Sync, C, E>(
    front: &Front<'_, S, C, E>,
    name: &str,
    new: &Stored,
) -> Result<Stored, Failure> {
    let bucket = &front.settings.bucket;
    let key = keys::request(&new.respond.owner(), name);
    once(front.store, bucket, new.object(&key)).await?;
    let kept = stored(front.store, bucket, &key).await?;
    kept.ok_or_else(|| Failure::new(Name::Unavailable, "the request that was kept a moment ago is gone"))
}

/// Starts the execution; an `Err` within says that it doesn't run.
///
/// # Errors
///
/// When nobody knows whether it runs: an answer might contradict its own.
async fn start<S, C, E: Executions + Sync>(
    front: &Front<'_, S, C, E>,
    name: &str,
    input: &str,
) -> Result<Result<(), Failure>, Failure> {
    let started = patiently(
        || async {
            match front.executions.start(front.machine, name, input).await {
                // The same request again: its execution runs or has ended.
                Err(error) if error.kind == Wrong::Exists => Ok(()),
                other => other.map(drop).map_err(|error| failed(&error)),
            }
        },
        is_transient,
    );
    match started.await {
        // One of the attempts may have been carried out.
        Err(failure) if matches!(failure.name, Name::Throttled | Name::Unavailable) => {
            let arn = format!("{}:{name}", front.machine.replace(":stateMachine:", ":execution:"));
            match front.executions.describe(&arn).await {
                Ok(_) => Ok(Ok(())),
                Err(error) if error.kind == Wrong::Gone => Ok(Err(failure)),
                Err(_) => Err(failure),
            }
        }
        other => Ok(other),
    }
}

/// Whether CloudFormation works on the resource. What it says may be a moment old.
async fn is_waited_for<S, C: Stacks + Sync, E>(
    front: &Front<'_, S, C, E>,
    respond: &Respond,
) -> Result<bool, Failure> {
    let look = || async { look_up(front.stacks, respond).await.map(|(_, is_waited_for)| is_waited_for) };
    patiently(look, |answer| matches!(answer, Ok(false)) || is_transient(answer)).await
}

/// What CloudFormation says of the resource now, and whether that means that it works on the request.
pub(crate) async fn look_up<C: Stacks + Sync>(
    stacks: &C,
    respond: &Respond,
) -> Result<(Option<StackResource>, bool), Failure> {
    let seen = stacks.resource(&respond.stack_id, &respond.logical_resource_id).await;
    let Some(seen) = seen.map_err(|error| failed(&error))? else { return Ok((None, false)) };
    let stack_status = if respond.request_type == Kind::Delete && seen.status == "UPDATE_COMPLETE" {
        let stack = stacks.stack(&respond.stack_id).await.map_err(|error| failed(&error))?;
        stack.map(|stack| stack.status).unwrap_or_default()
    } else {
        String::new()
    };
    let is_waited_for = respond.is_waited_for(&seen.status, seen.physical_id.as_deref(), &stack_status);
    Ok((Some(seen), is_waited_for))
}

/// The properties in CloudFormation's own event of the operation, if they are those of the request. A principal that may call
/// the function can write a request for a resource that CloudFormation works on. What is deleted follows from the owner's tag,
/// so a deletion has none.
///
/// Events may be a moment late.
async fn confirm<S, C: Stacks + Sync, E>(
    front: &Front<'_, S, C, E>,
    request: &Request,
) -> Result<Option<Object<String, Json>>, Failure> {
    if request.request_type == Kind::Delete {
        return Ok(None);
    }
    let (stack, id) = (&request.stack_id, &request.logical_resource_id);
    let differs = |paths: Vec<String>| {
        let message = format!(
            "the request's properties are not those that CloudFormation's event tells: {}",
            paths.join(", ")
        );
        Failure::new(Name::InvalidInput, message).help(
            "a value of a `NoEcho` parameter can't be confirmed: use a parameter without `NoEcho`. Otherwise look for who may \
             call the function that `ServiceToken` names",
        )
    };
    let look = || async {
        let told = front.stacks.event_properties(stack, id).await.map_err(|error| failed(&error))?;
        let Some(Json::Object(told)) = told else {
            let message =
                format!("no event of the stack says with which properties CloudFormation works on `{id}`");
            return Ok(Err(
                Failure::new(Name::InvalidInput, message).help("update or create the resource again")
            ));
        };
        let paths = custom::differences(&request.resource_properties, &told);
        Ok(if paths.is_empty() { Ok(Some(told)) } else { Err(differs(paths)) })
    };
    patiently(look, |answer| matches!(answer, Ok(Err(_))) || is_transient(answer)).await?
}

/// What is waited before something is asked again. CloudFormation waits an hour for an answer, and Lambda a minute.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Asks again, a little later each time, as long as the answer may become another one.
async fn patiently<T, F: Future<Output = Result<T, Failure>>>(
    ask: impl Fn() -> F,
    may_change: impl Fn(&Result<T, Failure>) -> bool,
) -> Result<T, Failure> {
    for pause in PAUSES {
        let answer = ask().await;
        if !may_change(&answer) {
            return answer;
        }
        tokio::time::sleep(pause).await;
    }
    ask().await
}

fn is_transient<T>(answer: &Result<T, Failure>) -> bool {
    matches!(answer, Err(failure) if matches!(failure.name, Name::Throttled | Name::Unavailable))
}

/// An execution's input, key by key.
type Input = Object<String, Json>;

/// The execution's input, but for whom to answer; nothing when there is nothing to do.
fn input(settings: &Settings, request: &Request) -> Result<Option<Input>, Failure> {
    let suite = &settings.suite;
    let (account, region) =
        (suite.account_id.as_deref().unwrap_or_default(), suite.region.as_deref().unwrap_or_default());
    let id = &request.logical_resource_id;
    let product = request.product_stack();
    if request.request_type == Kind::Delete
        && let Some(stack) = product
    {
        return Ok(Some(deletion(stack)));
    }
    let config = custom::config(id, &request.resource_properties, account, region);
    let config = match (request.request_type, config) {
        // What never was a product has no stack.
        (Kind::Delete, Err(_)) => return Ok(None),
        (_, Err(findings)) => return Err(mistakes(findings)),
        (_, Ok(config)) => config,
    };
    let (_, product_now) =
        mlp_product::actions::deployed_product("delete-product", config.as_bytes(), suite, None)
            .map_err(|error| crate::execution::read::defect(&error))?;
    let stack = product_now.map(|product| product.names.stack());
    if request.request_type == Kind::Delete {
        // CloudFormation never heard what the product is called, so an answer got lost: the owner's tag decides.
        return Ok(stack.as_deref().map(deletion));
    }
    if let (Some(had), Some(new)) = (product.map(stack_name), &stack)
        && had != new
    {
        let message = format!(
            "the product would become another one: its stack is `{had}`, and with the new properties it would be `{new}`"
        );
        return Err(Failure::new(Name::InvalidInput, message).help(
            "give the new product a logical id of its own, and remove the old one when nobody needs its data any more",
        ));
    }
    // What stands in the way of a new resource never came to be. An established product is never made anew by the way.
    let recreate = request.request_type == Kind::Create;
    Ok(Some(Input::from_iter([
        ("action".to_owned(), json!("deploy-product")),
        ("config".to_owned(), json!(config)),
        ("force".to_owned(), json!(true)),
        ("recreate_failed".to_owned(), json!(recreate)),
    ])))
}

fn deletion(stack: &str) -> Input {
    Input::from_iter([
        ("action".to_owned(), json!("delete-product")),
        ("stack".to_owned(), json!(stack)),
        ("force".to_owned(), json!(true)),
    ])
}

fn mistakes(findings: Vec<Finding>) -> Failure {
    crate::execution::read::invalid("the custom resource", findings)
}

/// An execution has ended: if it left its request unanswered, this answers; and the status object of a config says that
/// nobody waits for an approval any more.
async fn after<S, C, E>(front: &Front<'_, S, C, E>, arn: &str) -> Result<Taken, Failure>
where
    S: BucketStore + Sync,
    E: Executions + Sync,
{
    // What an event says is not believed: whoever may call this function could write one.
    let seen = front.executions.describe(arn).await.map_err(|error| failed(&error))?;
    let input: Option<Json> = seen.input.as_deref().and_then(|input| serde_json::from_str(input).ok());
    let Some(input) = input.filter(|_| seen.status.has_ended()) else { return Ok(Taken::Late) };
    waits_no_longer(front, &seen, &input).await?;
    let respond = input.get("respond").cloned();
    let Some(respond) = respond.and_then(|respond| serde_json::from_value::<Respond>(respond).ok()) else {
        return Ok(Taken::Late);
    };
    let key = keys::request(&respond.owner(), Execution::new(arn).name());
    let Some(stored) = stored(front.store, &front.settings.bucket, &key).await? else {
        return Ok(Taken::Late);
    };
    if stored.response_url.is_none() {
        return Ok(Taken::Late);
    }
    let answer = Answer::failed(&stored.respond, &unreported(&seen), None);
    send(front.store, &front.settings.bucket, front.answers, &key, &answer).await?;
    Ok(Taken::Answered)
}

/// An execution that was stopped, or ran out of time, can't say so itself in the status object of its config.
async fn waits_no_longer<S: BucketStore + Sync, C, E>(
    front: &Front<'_, S, C, E>,
    seen: &Seen,
    input: &Json,
) -> Result<(), Failure> {
    let text = |pointer: &str| input.pointer(pointer).and_then(Json::as_str);
    let (Some(bucket), Some(key)) = (text("/config/bucket"), text("/config/key")) else { return Ok(()) };
    if bucket != front.settings.bucket || !key.starts_with(CONFIG_PREFIX) {
        return Ok(());
    }
    let waited = status::deployment(front.store, bucket, key).await.map_err(|error| store_failed(&error))?;
    let Some(waited) = waited.filter(|it| it.state == status::WAITING && it.execution == seen.arn) else {
        return Ok(());
    };
    let state = if seen.status == Status::Aborted { "stopped" } else { "failed" };
    let ended = status::Deployment {
        state: state.to_owned(),
        at: rfc3339(seconds(front.now)),
        expires: None,
        ..waited
    };
    status::tell(front.store, bucket, key, &ended).await.map_err(|error| store_failed(&error))?;
    Ok(())
}

fn unreported(seen: &Seen) -> String {
    let how = match seen.status {
        Status::Aborted => "was stopped by somebody",
        Status::TimedOut => "ran out of time",
        _ => "ended without an answer",
    };
    format!("the execution {} {how}; look at it, then try again", seen.arn)
}

/// What the report of an execution answers.
pub(crate) fn answer(respond: &Respond, report: &Report) -> Answer {
    let stack = report.stack_id.as_deref();
    let Some(error) = &report.error else {
        let leaves = report
            .outputs
            .iter()
            .filter_map(|(path, value)| Some((path.rsplit('/').next()?.to_owned(), value.clone())));
        let name = report.ml_name.iter().map(|name| (custom::ATTRIBUTE_NAME.to_owned(), name.clone()));
        return Answer::success(respond, stack, leaves.chain(name).collect());
    };
    let mut reason = format!("{}: {}", error.name, error.message);
    let causes =
        error.causes.iter().map(|cause| format!("{} ({}): {}", cause.logical_id, cause.kind, cause.reason));
    let findings = report.findings.iter().filter(|it| it.severity == mlp_template::finding::Severity::Error);
    let findings = findings.map(|finding| format!("{} {}: {}", finding.code, finding.path, finding.message));
    for detail in causes.chain(findings).take(DETAILS) {
        reason.push_str("; ");
        reason.push_str(&detail);
    }
    if !error.help.is_empty() {
        reason.push_str(". ");
        reason.push_str(&error.help);
    }
    // A stack of somebody else's is never ours to name.
    let taken = error.name == Name::StackTaken.as_str();
    Answer::failed(respond, &reason, stack.filter(|_| !taken))
}

/// How many causes and findings a reason tells; people see its first thousand characters.
const DETAILS: usize = 5;

fn told(failure: &Failure) -> String {
    let mut reason = format!("{}: {}", failure.name, failure.message);
    for finding in failure.findings.iter().take(DETAILS) {
        reason = format!("{reason}; {} {}: {}", finding.code, finding.path, finding.message);
        if let Some(help) = &finding.help {
            reason = format!("{reason} ({help})");
        }
    }
    let help = failure.help.as_deref().unwrap_or(failure.name.help());
    format!("{reason}. {help}")
}

/// Answers the stored request of an execution, by its key, and forgets its address. One that was answered is not answered
/// again.
///
/// # Errors
///
/// When it could not be told; it can be tried again.
pub(crate) async fn send<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    answers: &dyn Answering,
    key: &str,
    answer: &Answer,
) -> Result<(), Failure> {
    let Some(stored) = stored(store, bucket, key).await? else { return Ok(()) };
    let Some(url) = &stored.response_url else { return Ok(()) };
    tell(answers, url, answer).await?;
    forget(store, bucket, key).await
}

/// Forgets the address of a request that was answered.
async fn forget<S: BucketStore + Sync>(store: &S, bucket: &str, key: &str) -> Result<(), Failure> {
    match stored(store, bucket, key).await? {
        Some(stored) if stored.response_url.is_some() => {
            let answered = Stored { response_url: None, ..stored };
            newest(store, bucket, answered.object(key)).await
        }
        _ => Ok(()),
    }
}

/// Whether a request waits for the execution that is given it.
///
/// # Errors
///
/// When the bucket doesn't tell.
pub(crate) async fn is_kept<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    execution: &str,
    respond: &Respond,
) -> Result<bool, Failure> {
    let kept = stored(store, bucket, &keys::request(&respond.owner(), execution)).await?;
    Ok(kept.is_some_and(|kept| kept.response_url.is_some() && kept.respond == *respond))
}

/// How many requests of one custom resource are looked at. They are removed after two weeks, and CloudFormation sends one
/// at a time.
const MOST_REQUESTS: usize = 1_000;

/// The unanswered requests of the custom resource that this one is of, other than this one.
///
/// # Errors
///
/// When the bucket doesn't tell.
pub(crate) async fn waiting<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    respond: &Respond,
) -> Result<Vec<Respond>, Failure> {
    let listed = store.list(bucket, &keys::requests(&respond.owner()), MOST_REQUESTS).await;
    let mut waiting = Vec::new();
    for object in listed.map_err(|error| store_failed(&error))? {
        if let Some(stored) = stored(store, bucket, &object.key).await?
            && stored.response_url.is_some()
            && stored.respond != *respond
        {
            waiting.push(stored.respond);
        }
    }
    Ok(waiting)
}

/// Tells an answer. That nobody listens any more is no failure: CloudFormation has gone on.
async fn tell(answers: &dyn Answering, url: &str, answer: &Answer) -> Result<(), Failure> {
    match answers.send(url, &answer.to_json()).await {
        Err(error) if error.kind == Wrong::Gone => Ok(()),
        other => other.map_err(|error| failed(&error)),
    }
}

async fn stored<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    key: &str,
) -> Result<Option<Stored>, Failure> {
    match store.get(bucket, key, None, None).await {
        Ok(object) => serde_json::from_slice(&object.bytes).map(Some).map_err(|error| {
            Failure::new(Name::Internal, format!("a stored request can't be read: {error}"))
        }),
        Err(error) if error.kind == ErrorKind::Gone => Ok(None),
        Err(error) => Err(store_failed(&error)),
    }
}

impl Stored {
    fn object<'a>(&self, key: &'a str) -> New<'a> {
        New { key, bytes: serde_json::to_vec(self).unwrap_or_default(), media_type: "application/json" }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

//! Custom resources: from CloudFormation's request to an execution, and from an execution's end to the answer.
//!
//! The function that is named in `ServiceToken` keeps the request's address in the bucket, starts an execution whose name
//! follows from the request, and is done. The execution's last task answers. When an execution ends without it (stopped,
//! or out of time), EventBridge tells the same function, which answers in its place.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use mlp_aws::answers::Answers;
use mlp_aws::calls::{CallError, Kind as Wrong};
use mlp_aws::executions::{Execution as Seen, Executions, Status};
use mlp_aws::stacks::Stacks;
use mlp_aws::store::{BucketStore, ErrorKind};
use mlp_core::custom::{self, Answer, Kind, Request, Respond, stack_name};
use mlp_core::deploy::failure::{Failure, Name};
use mlp_core::deploy::identity::Execution;
use mlp_core::deploy::outcome::Report;
use mlp_core::finding::Finding;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::Settings;
use crate::steps::storing::{New, newest, once};
use crate::steps::{failed, store_failed};

/// [`Answers`] without its type.
pub trait Answering: Sync {
    /// As [`Answers::answer`].
    fn send<'a>(
        &'a self,
        url: &'a str,
        body: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>>;
}

impl<T: Answers + Sync> Answering for T {
    fn send<'a>(
        &'a self,
        url: &'a str,
        body: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(self.answer(url, body))
    }
}

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
    /// Nobody waits for it any more; nothing was done.
    Late,
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
    let respond = request.respond(seconds(front.now));
    match begin(front, &request, &respond).await {
        Ok(taken) => Ok(taken),
        Err(failure) => {
            // Nothing will answer later, so this is the answer.
            let answer = Answer::failed(&respond, &told(&failure), None);
            tell(front.answers, &request.response_url, &answer).await?;
            Ok(Taken::Answered)
        }
    }
}

async fn begin<S, C, E>(
    front: &Front<'_, S, C, E>,
    request: &Request,
    respond: &Respond,
) -> Result<Taken, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    E: Executions + Sync,
{
    if !is_waited_for(front, respond).await? {
        return Ok(Taken::Late);
    }
    let Some(input) = input(front.settings, request, respond)? else {
        tell(front.answers, &request.response_url, &Answer::success(respond, None, BTreeMap::new())).await?;
        return Ok(Taken::Answered);
    };
    let name = request.execution();
    let stored = Stored { response_url: Some(request.response_url.clone()), respond: respond.clone() };
    once(front.store, &front.settings.bucket, stored.object(&key(&name))).await?;
    match front.executions.start(front.machine, &name, &input.to_string()).await {
        // The same request again: its execution runs or has ended.
        Err(error) if error.kind == Wrong::Exists => Ok(Taken::Started),
        other => other.map(|_| Taken::Started).map_err(|error| failed(&error)),
    }
}

/// Whether CloudFormation still works on the resource. A request that was held up, or sent once more by somebody else, must
/// not make what was deleted meanwhile.
///
/// Deleting asks no such question: it goes by the product's own id and owner.
async fn is_waited_for<S, C: Stacks + Sync, E>(
    front: &Front<'_, S, C, E>,
    respond: &Respond,
) -> Result<bool, Failure> {
    let wanted = match respond.request_type {
        Kind::Create => "CREATE_IN_PROGRESS",
        Kind::Update => "UPDATE_IN_PROGRESS",
        Kind::Delete => return Ok(true),
    };
    let id = &respond.logical_resource_id;
    let status = front.stacks.resource_status(&respond.stack_id, id).await.map_err(|error| failed(&error))?;
    Ok(status.as_deref() == Some(wanted))
}

/// The execution's input; nothing when there is nothing to do.
fn input(settings: &Settings, request: &Request, respond: &Respond) -> Result<Option<Json>, Failure> {
    let suite = &settings.suite;
    let (account, region) =
        (suite.account_id.as_deref().unwrap_or_default(), suite.region.as_deref().unwrap_or_default());
    let id = &request.logical_resource_id;
    let product = respond.product_stack();
    if request.request_type == Kind::Delete
        && let Some(stack) = product
    {
        let input = json!({"action": "delete-product", "stack": stack, "force": true, "respond": respond});
        return Ok(Some(input));
    }
    let config = custom::config(id, &request.resource_properties, account, region);
    let config = match (request.request_type, config) {
        // What never was a product has no stack.
        (Kind::Delete, Err(_)) => return Ok(None),
        (_, Err(findings)) => return Err(mistakes(findings)),
        (_, Ok(config)) => config,
    };
    let (_, product_now) =
        mlp_core::actions::deployed_product("deploy-product", config.as_bytes(), suite, None)
            .map_err(|error| crate::steps::read::defect(&error))?;
    let stack = product_now.map(|product| product.names.stack());
    if request.request_type == Kind::Delete {
        // CloudFormation never heard what the product is called, so an answer got lost: the owner's tag decides.
        return Ok(stack.map(
            |stack| json!({"action": "delete-product", "stack": stack, "force": true, "respond": respond}),
        ));
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
    Ok(Some(json!({
        "action": "deploy-product", "config": config, "force": true, "recreate_failed": true, "respond": respond,
    })))
}

fn mistakes(findings: Vec<Finding>) -> Failure {
    crate::steps::read::invalid("the custom resource", findings)
}

/// An execution has ended: if it left its request unanswered, this answers.
async fn after<S, C, E>(front: &Front<'_, S, C, E>, arn: &str) -> Result<Taken, Failure>
where
    S: BucketStore + Sync,
    E: Executions + Sync,
{
    let name = Execution::new(arn).name();
    let Some(stored) = stored(front.store, &front.settings.bucket, name).await? else {
        return Ok(Taken::Late);
    };
    // What an event says is not believed: whoever may call this function could write one.
    let seen = front.executions.describe(arn).await.map_err(|error| failed(&error))?;
    if stored.response_url.is_none() || !seen.status.has_ended() {
        return Ok(Taken::Late);
    }
    let answer = Answer::failed(&stored.respond, &unreported(&seen), None);
    send(front.store, &front.settings.bucket, front.answers, name, &answer).await?;
    Ok(Taken::Answered)
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
    let findings = report.findings.iter().filter(|it| it.severity == mlp_core::finding::Severity::Error);
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

/// Answers the stored request of an execution, and forgets its address. One that was answered is not answered again.
///
/// # Errors
///
/// When it could not be told; it can be tried again.
pub(crate) async fn send<S: BucketStore + Sync>(
    store: &S,
    bucket: &str,
    answers: &dyn Answering,
    execution: &str,
    answer: &Answer,
) -> Result<(), Failure> {
    let Some(stored) = stored(store, bucket, execution).await? else { return Ok(()) };
    let Some(url) = &stored.response_url else { return Ok(()) };
    tell(answers, url, answer).await?;
    let answered = Stored { response_url: None, ..stored };
    newest(store, bucket, answered.object(&key(execution))).await
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
    execution: &str,
) -> Result<Option<Stored>, Failure> {
    match store.get(bucket, &key(execution), None, None).await {
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

/// Where the request of an execution is kept.
fn key(execution: &str) -> String {
    format!("deployments/{execution}-request.json")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

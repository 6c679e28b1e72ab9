//! The `deploy` function without its runtime: one task of the state machine a call.
//!
//! Every task takes the execution's `work` and gives it back with what it did. Each may run twice, at once or after a lost
//! answer: what it makes has a name that follows from the execution, and it looks before it believes an error. Nothing
//! waits in here; the state machine does.

mod begin;
pub mod log;

use std::time::SystemTime;

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::BucketStore;
use mlp_aws::s3::versions::VersionedBucket;
use mlp_aws::ssm::parameters::ParameterStore;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::execution::aws::Aws;
use crate::execution::failure::{Failure, Name};
use crate::execution::work::Work;

/// What the state machine sends.
#[derive(Debug, Clone, Deserialize)]
pub struct Task {
    /// Which task.
    pub step: Step,
    /// The execution's ARN.
    pub execution: String,
    /// The execution's input at first, then what the last task answered.
    pub work: Json,
    /// The token that an approval is answered with.
    #[serde(default)]
    pub token: Option<String>,
    /// When the execution was started, for those whose name may have been used before.
    #[serde(default)]
    pub started: Option<String>,
}

macro_rules! steps {
    ($($step:ident,)*) => {
        /// The tasks, by the names of their states.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[expect(missing_docs, reason = "each is documented where it is carried out")]
        pub enum Step { $($step,)* }

        impl Step {
            /// As the state machine calls it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$step => stringify!($step),)* }
            }
        }
    };
}

steps! {
    ReadInput,
    CheckLicense,
    Make,
    ReadDrift,
    Preflight,
    CheckSurroundings,
    InspectStack,
    CreateChangeSet,
    FollowChangeSet,
    RecordChanges,
    RecordDeletion,
    RequestApproval,
    CheckApproval,
    ExecuteChangeSet,
    FollowStack,
    ProtectStack,
    ReadOutputs,
    InspectForDeletion,
    CheckRegistry,
    EmptyBucket,
    DeleteStack,
    FollowDeletion,
    DiscardChangeSet,
    Conclude,
    ReadFleet,
    CheckTolerance,
    RecordFailure,
    SummarizeFleet,
}

/// Carries out one task; the answer is the new `work`, or the result object of [`Step::Conclude`]. Findings that neither can
/// carry are stored in the bucket.
///
/// # Errors
///
/// A failure by its stable name. The state machine retries what may pass and catches the rest.
pub async fn run<S, C, B, P>(aws: &Aws<'_, S, C, B, P>, task: Task) -> Result<Json, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    B: VersionedBucket + Sync,
    P: ParameterStore + Sync,
{
    let (name, execution) = (task.step.as_str(), task.execution.clone());
    match carry_out(aws, task).await {
        Err(failure) => {
            Err(Box::pin(crate::execution::findings::limit_failure(aws, (name, &execution), failure)).await)
        }
        done => done,
    }
}

async fn carry_out<S, C, B, P>(aws: &Aws<'_, S, C, B, P>, task: Task) -> Result<Json, Failure>
where
    S: BucketStore + Sync,
    C: Stacks + Sync,
    B: VersionedBucket + Sync,
    P: ParameterStore + Sync,
{
    let Task { step, execution, work, token, started } = task;
    let name = step.as_str();
    let work = match step {
        Step::ReadInput => {
            let mut work = Box::pin(begin::input(aws, &execution, &work)).await?;
            crate::execution::findings::limit_work(aws, (name, &execution), &mut work).await?;
            return json(&work);
        }
        Step::ReadFleet => {
            let started = started.unwrap_or_default();
            return json(&crate::fleet::tasks::read(aws, &execution, &started, &work).await?);
        }
        Step::CheckTolerance => return json(&crate::fleet::tasks::begin(aws, &work).await?),
        Step::RecordFailure => return json(&crate::fleet::tasks::end(aws, &work).await?),
        Step::SummarizeFleet => return json(&crate::fleet::tasks::summarize(aws, &execution, &work).await?),
        Step::Conclude => {
            return json(&crate::deploy::steps::conclude::conclude(aws, &execution, &work).await?);
        }
        _ => serde_json::from_value::<Work>(work).map_err(|error| {
            Failure::new(Name::Internal, format!("the work of the last task can't be read: {error}"))
        })?,
    };
    if let Some(respond) = work.input.respond.as_ref().filter(|_| step != Step::DiscardChangeSet)
        && aws.now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|now| now.as_secs() > respond.answer_by)
    {
        let message = format!(
            "CloudFormation waits no longer for the custom resource `{}`; what was begun goes on",
            respond.logical_resource_id
        );
        return Err(Failure::new(Name::TimedOut, message));
    }
    let mut work = match step {
        Step::ReadInput
        | Step::Conclude
        | Step::ReadFleet
        | Step::CheckTolerance
        | Step::RecordFailure
        | Step::SummarizeFleet => work,
        Step::CheckLicense => crate::license::task::check(aws, &execution, work).await?,
        Step::Make => crate::deploy::steps::local::make(aws, &execution, work).await?,
        Step::ReadDrift => crate::drift::task::read(aws, work).await?,
        Step::Preflight => Box::pin(crate::deploy::steps::preflight::check(aws, &execution, work)).await?,
        Step::CheckSurroundings => crate::deploy::steps::preflight::surroundings(work)?,
        Step::InspectStack => crate::deploy::steps::inspect::for_deployment(aws, work).await?,
        Step::CreateChangeSet => crate::deploy::steps::change_set::create(aws, &execution, work).await?,
        Step::FollowChangeSet => crate::deploy::steps::change_set::follow(aws, &execution, work).await?,
        Step::RecordChanges => crate::deploy::steps::changes::record(aws, &execution, work).await?,
        Step::RequestApproval => {
            let token =
                token.ok_or_else(|| Failure::new(Name::Internal, "an approval without a task token"))?;
            crate::deploy::steps::approval::request(aws, &execution, work, &token).await?
        }
        Step::RecordDeletion => crate::deploy::steps::changes::record_deletion(aws, &execution, work).await?,
        Step::CheckApproval => crate::deploy::steps::approval::check(aws, &execution, work).await?,
        Step::ExecuteChangeSet => crate::deploy::steps::execution::execute(aws, &execution, work).await?,
        Step::FollowStack => crate::deploy::steps::execution::follow(aws, &execution, work).await?,
        Step::ProtectStack => crate::deploy::steps::execution::protect(aws, work).await?,
        Step::ReadOutputs => crate::deploy::steps::outputs::read(aws, work).await?,
        Step::InspectForDeletion => crate::deploy::steps::inspect::for_deletion(aws, work).await?,
        Step::CheckRegistry => crate::deploy::steps::inspect::check_registry(work)?,
        Step::EmptyBucket => crate::delete::empty(aws, work).await?,
        Step::DeleteStack => crate::delete::delete(aws, &execution, work).await?,
        Step::FollowDeletion => crate::delete::follow(aws, &execution, work).await?,
        Step::DiscardChangeSet => crate::deploy::steps::change_set::discard(aws, &execution, work).await?,
    };
    crate::execution::findings::limit_work(aws, (name, &execution), &mut work).await?;
    json(&work)
}

fn json(value: &impl serde::Serialize) -> Result<Json, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::new(Name::Internal, error.to_string()))
}

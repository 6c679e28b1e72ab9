//! The `deploy` function without its runtime: one task of the state machine a call.
//!
//! Every task takes the execution's `work` and gives it back with what it did. Each may run twice, at once or after a lost
//! answer: what it makes has a name that follows from the execution, and it looks before it believes an error. Nothing
//! waits in here; the state machine does.

pub mod custom;
pub mod log;
mod settings;
mod steps;
mod work;

use std::time::{Duration, SystemTime};

use mlp_aws::emptying::VersionedBucket;
use mlp_aws::licence::{LicenceDesk, Licences};
use mlp_aws::parameters::ParameterStore;
use mlp_aws::rules::RuleBook;
use mlp_aws::stacks::Stacks;
use mlp_aws::store::BucketStore;
use mlp_core::deploy::failure::{Failure, Name};
use serde::Deserialize;
use serde_json::Value as Json;

pub use custom::Answering;
pub use settings::Settings;
pub use work::{Cleanup, Facts, Next, StackWork, Work};

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
    CheckLicence,
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
    BeginProduct,
    NoteEnd,
    SummariseFleet,
}

/// What the tasks work with.
pub struct Aws<'a, S, C, B, P> {
    /// The suite's bucket.
    pub store: &'a S,
    /// CloudFormation.
    pub stacks: &'a C,
    /// Buckets that are emptied.
    pub buckets: &'a B,
    /// SSM.
    pub parameters: &'a P,
    /// The organisation's rules.
    pub rules: &'a RuleBook,
    /// What answers custom resources.
    pub answers: &'a dyn Answering,
    /// License Manager.
    pub desk: &'a dyn LicenceDesk,
    /// What it answered.
    pub licences: &'a Licences,
    /// What the suite's stack says.
    pub settings: &'a Settings,
    /// How long this invocation may work.
    pub time: Duration,
    /// The time of day.
    pub now: SystemTime,
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
        Err(failure) => Err(Box::pin(steps::findings::limit_failure(aws, (name, &execution), failure)).await),
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
            let mut work = Box::pin(steps::read::input(aws, &execution, &work)).await?;
            steps::findings::limit_work(aws, (name, &execution), &mut work).await?;
            return json(&work);
        }
        Step::ReadFleet => {
            let started = started.unwrap_or_default();
            return json(&steps::fleet::read(aws, &execution, &started, &work).await?);
        }
        Step::BeginProduct => return json(&steps::fleet::begin(aws, &work).await?),
        Step::NoteEnd => return json(&steps::fleet::end(aws, &work).await?),
        Step::SummariseFleet => return json(&steps::fleet::summarise(aws, &execution, &work).await?),
        Step::Conclude => return json(&steps::conclude::conclude(aws, &execution, &work).await?),
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
        | Step::BeginProduct
        | Step::NoteEnd
        | Step::SummariseFleet => work,
        Step::CheckLicence => steps::licence::check(aws, &execution, work).await?,
        Step::Make => steps::local::make(aws, &execution, work).await?,
        Step::ReadDrift => steps::drift::read(aws, work).await?,
        Step::Preflight => Box::pin(steps::preflight::check(aws, &execution, work)).await?,
        Step::CheckSurroundings => steps::preflight::surroundings(work)?,
        Step::InspectStack => steps::inspect::for_deployment(aws, work).await?,
        Step::CreateChangeSet => steps::change_set::create(aws, &execution, work).await?,
        Step::FollowChangeSet => steps::change_set::follow(aws, &execution, work).await?,
        Step::RecordChanges => steps::changes::record(aws, &execution, work).await?,
        Step::RequestApproval => {
            let token =
                token.ok_or_else(|| Failure::new(Name::Internal, "an approval without a task token"))?;
            steps::approval::request(aws, &execution, work, &token).await?
        }
        Step::RecordDeletion => steps::changes::record_deletion(aws, &execution, work).await?,
        Step::CheckApproval => steps::approval::check(aws, &execution, work).await?,
        Step::ExecuteChangeSet => steps::execution::execute(aws, &execution, work).await?,
        Step::FollowStack => steps::execution::follow(aws, &execution, work).await?,
        Step::ProtectStack => steps::execution::protect(aws, work).await?,
        Step::ReadOutputs => steps::outputs::read(aws, work).await?,
        Step::InspectForDeletion => steps::inspect::for_deletion(aws, work).await?,
        Step::CheckRegistry => steps::inspect::check_registry(work)?,
        Step::EmptyBucket => steps::deletion::empty(aws, work).await?,
        Step::DeleteStack => steps::deletion::delete(aws, &execution, work).await?,
        Step::FollowDeletion => steps::deletion::follow(aws, &execution, work).await?,
        Step::DiscardChangeSet => steps::change_set::discard(aws, &execution, work).await?,
    };
    steps::findings::limit_work(aws, (name, &execution), &mut work).await?;
    json(&work)
}

fn json(value: &impl serde::Serialize) -> Result<Json, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::new(Name::Internal, error.to_string()))
}

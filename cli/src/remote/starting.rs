//! Starting an execution, after everything that can be found without one.

use std::pin::pin;
use std::time::SystemTime;

use mlp_aws::calls::Kind;
use mlp_aws::clients;
use mlp_aws::s3::store::{self, BucketStore, Object};
use mlp_aws::step_functions::arns::StateMachineArn;
use mlp_aws::step_functions::executions::{Executions, fresh_name};
use mlp_operations::execution::failure::Name;
use mlp_operations::execution::identity::console_link;
use mlp_operations::execution::input::Action;
use mlp_product::actions::Suite;
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::render::render;
use mlp_template::yaml::Limits;
use serde_json::json;

use super::flags::Stored;
use super::place::{self, Place};
use super::problem::Problem;
use super::request::{Checked, Request};
use super::{Done, changes, finish, follow_to_the_end, interrupted, prompt, within};
use crate::files::Input;
use crate::show::{Shown, complain, complain_painted};
use crate::{DONE, INTERRUPTED, UNUSABLE};

/// Starts what is asked for, and follows it unless that isn't wanted.
pub(crate) fn run(request: &Request<'_>, shown: &Shown) -> Result<u8, InternalError> {
    let action = request.action.as_str();
    let refused = |problem, source| Ok(finish(Err(problem), action, source, shown));
    let local = match request.config.config.as_deref().map(|path| Input::read(path, Limits::config())) {
        None => None,
        Some(Ok(input)) => Some(input),
        Some(Err(finding)) => {
            let problem =
                Problem::refused(Name::InvalidInput, "the config can't be read; nothing was started");
            return refused(problem.findings(vec![finding]).status(UNUSABLE), None);
        }
    };
    if let Some(input) = &local
        && let Err(problem) = request.check(&input.bytes, &Suite::default())?
    {
        return refused(problem, Some(input));
    }
    if let Err(problem) = request.is_meant() {
        return refused(problem, None);
    }
    let done = within(start(request, local.as_ref(), shown))?;
    match done {
        Ok(done) => Ok(finish(done, action, local.as_ref(), shown)),
        Err(defect) => Err(defect),
    }
}

async fn start(
    request: &Request<'_>,
    local: Option<&Input>,
    shown: &Shown,
) -> Result<Result<Done, Problem>, InternalError> {
    let Place { config, arn } = match place::state_machine(&request.start.suite).await {
        Ok(place) => place,
        Err(problem) => return Ok(Err(problem)),
    };
    let suite = place::suite_of(&arn);
    let mut warned = Vec::new();
    let input = match (local, &request.config.s3_config) {
        (Some(local), _) => inline(request, local, &suite, shown, &mut warned)?,
        (None, Some(stored)) => {
            let object = read(&clients::s3_store(&config, None), stored).await;
            in_bucket(request, stored, object, &suite, shown, &mut warned)?
        }
        (None, None) => Err(Problem::usage("no config is named")),
    };
    Ok(match input {
        Ok(input) => {
            // Approvers see it. Whoever AWS doesn't name may start an execution all the same.
            let caller = place::who(&config).await.ok();
            let input = caller.map_or_else(|| input.clone(), |caller| requested_by(&input, &caller.arn));
            let mut done = go(request, &clients::executions(&config), &arn, &input, shown).await;
            if let Ok(done) = &mut done
                && request.action == Action::ShowChanges
                && !shown.is_json()
                && let Some(summary) = done.result.as_ref().and_then(|result| result.get("changes"))
            {
                let store = clients::s3_store(&config, Some(arn.account().to_owned()));
                done.changes = changes::read(&store, summary).await;
            }
            done.map(|done| Done { warned, ..done })
        }
        Err(problem) => Err(problem),
    })
}

/// An execution's input with the ARN of who asks, as AWS sees them.
fn requested_by(input: &str, arn: &str) -> String {
    let mut input: serde_json::Value = serde_json::from_str(input).unwrap_or_default();
    if let Some(input) = input.as_object_mut() {
        input.insert("requested_by".to_owned(), arn.into());
    }
    input.to_string()
}

type Asked = Result<Result<String, Problem>, InternalError>;

/// The input with a config of this machine, if it is one for this suite.
fn inline(
    request: &Request<'_>,
    local: &Input,
    suite: &Suite,
    shown: &Shown,
    warned: &mut Vec<Finding>,
) -> Asked {
    let checked = match request.check(&local.bytes, suite)? {
        Ok(checked) => checked,
        Err(problem) => return Ok(Err(problem)),
    };
    // It was parsed, so it is UTF-8; a byte order mark is no part of the text.
    let text = String::from_utf8_lossy(&local.bytes);
    let input = request.with_text(text.trim_start_matches('\u{feff}'));
    Ok(input.and_then(|input| {
        warn(&checked, Some((&local.name, &local.bytes)), shown, warned);
        confirmed(request, Some(&checked.ml_name)).map(|()| input)
    }))
}

/// The input with the place of a config. What was looked at is what is deployed: its version is pinned.
fn in_bucket(
    request: &Request<'_>,
    stored: &Stored,
    object: Result<Option<Object>, Problem>,
    suite: &Suite,
    shown: &Shown,
    warned: &mut Vec<Finding>,
) -> Asked {
    let object = match object {
        Ok(object) => object,
        Err(problem) => return Ok(Err(problem)),
    };
    let name = format!("s3://{}/{}", stored.bucket, stored.key);
    let Some(object) = object else {
        shown.note(&format!("{name} can't be read from here, so its mistakes are found by the execution"));
        return Ok(confirmed(request, None).and_then(|()| request.with_place(stored)));
    };
    let checked = match request.check(&object.bytes, suite)? {
        Ok(checked) => checked,
        Err(problem) => {
            // The file isn't here to be shown beside its mistakes.
            return Ok(Err(problem.help(format!("mend {name}"))));
        }
    };
    warn(&checked, Some((&name, &object.bytes)), shown, warned);
    let version = stored.version.clone().or(object.head.version_id);
    let pinned = Stored { version, ..stored.clone() };
    Ok(confirmed(request, Some(&checked.ml_name)).and_then(|()| request.with_place(&pinned)))
}

/// The config; nothing when it may be read by the suite only.
async fn read<S: BucketStore>(store: &S, stored: &Stored) -> Result<Option<Object>, Problem> {
    let limit = Limits::config().bytes.saturating_add(1);
    match store.get(&stored.bucket, &stored.key, stored.version.as_deref(), Some(limit)).await {
        Ok(object) => Ok(Some(object)),
        Err(error) => match error.kind {
            store::ErrorKind::Gone
            | store::ErrorKind::NoBucket
            | store::ErrorKind::Elsewhere
            | store::ErrorKind::Transient => Err(Problem::of_object(&error)),
            _ => Ok(None),
        },
    }
}

fn warn(checked: &Checked, source: Option<(&str, &[u8])>, shown: &Shown, warned: &mut Vec<Finding>) {
    if !shown.is_json() {
        complain_painted(&render(&checked.warnings, source, shown.is_colored()));
        warned.clone_from(&checked.warnings);
    }
}

fn confirmed(request: &Request<'_>, ml_name: Option<&str>) -> Result<(), Problem> {
    match (request.asks, ml_name) {
        (false, _) => Ok(()),
        (true, Some(ml_name)) => prompt::product(ml_name),
        (true, None) => Err(Problem::usage("the product's name isn't known here, so it can't be asked for")
            .help("`--yes` says that the product of that config may be deleted")),
    }
}

async fn go<E: Executions>(
    request: &Request<'_>,
    executions: &E,
    machine: &StateMachineArn,
    input: &str,
    shown: &Shown,
) -> Result<Done, Problem> {
    let action = request.action.as_str();
    let now = SystemTime::now();
    let name = request.start.name.clone().unwrap_or_else(|| {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        fresh_name(action, now, &format!("{} {}", std::process::id(), since.as_nanos()))
    });
    let execution = machine.execution(&name);
    let mut interrupt = pin!(interrupted());
    let text = machine.to_string();
    let started = tokio::select! {
        biased;
        () = &mut interrupt => {
            complain(&format!("\nThe execution may have been started. `mlp follow {execution}` tells.\n"));
            return Ok(Done::silent(INTERRUPTED));
        }
        started = executions.start(&text, &name, input) => started,
    };
    if let Err(error) = started {
        return Err(match error.kind {
            Kind::Exists => Problem::refused(
                Name::InvalidInput,
                format!("there is an execution {name} already, which has ended or has another input"),
            )
            .help(format!("`mlp follow {execution}` shows it; another --name starts another one")),
            Kind::Unavailable => Problem::of_call(&error, &text)
                .help(format!("it may have been started all the same; `mlp follow {execution}` tells")),
            _ => Problem::of_call(&error, &format!("state machine {text}")),
        });
    }
    complain(&format!("Started {execution}\n"));
    if let Some(link) = console_link(&execution.to_string()) {
        shown.note(&link);
    }
    if request.start.no_follow {
        complain(&format!("Follow it with `mlp follow {execution}`.\n"));
        let result = json!({
            "schema_version": mlp_operations::execution::outcome::SCHEMA_VERSION,
            "action": action,
            "ok": true,
            "outcome": "started",
            "execution": execution.to_string(),
            "generator_version": env!("CARGO_PKG_VERSION"),
        });
        return Ok(Done::new(result, DONE));
    }
    follow_to_the_end(executions, &execution, true, interrupt).await
}

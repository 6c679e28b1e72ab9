//! `check-drift`: checks stacks with the caller's permissions, and writes nothing.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt as _};
use mlp_aws::clients;
use mlp_aws::drift::{AwsDriftApi, DriftApi as _, RateLimiter};
use mlp_operations::drift::fleet::FleetBuilder;
use mlp_operations::drift::snapshot::ConfigSnapshot;
use mlp_operations::drift::{
    FindingKind, IgnoreList, ReportContext, StackReport, StackScope, UncheckableReason, Verdict, evaluate,
    no_stack_with_prefix,
};
use mlp_operations::drift::{check, managed_stacks, named_stacks};
use mlp_operations::execution::failure::Name;
use mlp_operations::time::rfc3339;
use mlp_product::actions::{self, Suite};
use mlp_template::error::InternalError;
use mlp_template::printable::printable;
use mlp_template::yaml;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::flags;
use super::place::{self, Place};
use super::problem::Problem;
use super::{finish, within};
use crate::files::Input;
use crate::show::{self, Shown, complain};
use crate::{BLOCKED, DONE, UNREACHABLE, UNUSABLE};

const ACTION: &str = "check-drift";

/// How long all checks together may take.
const MAX_TOTAL_DURATION: Duration = Duration::from_hours(2);

/// How long one stack may take.
const MAX_STACK_DURATION: Duration = Duration::from_mins(15);

/// Checks what was asked for; exit status 0 in sync, 1 drifted, 3 could not check.
pub(crate) fn run(flags: &flags::CheckDrift, shown: &Shown) -> Result<u8, InternalError> {
    let refused = |finding, what: &str| {
        let problem =
            Problem::refused(Name::InvalidInput, format!("the {what} can't be read; nothing was checked"));
        Ok(finish(Err(problem.findings(vec![finding]).status(UNUSABLE)), ACTION, None, shown))
    };
    let config =
        match flags.config.as_deref().map(|path| Input::read(path, yaml::Limits::config())).transpose() {
            Ok(config) => config,
            Err(finding) => return refused(finding, "config"),
        };
    let ignore =
        match flags.ignore.as_deref().map(|path| Input::read(path, yaml::Limits::config())).transpose() {
            Ok(input) => input.map(|input| IgnoreList::read(&input.bytes)).unwrap_or_default(),
            Err(finding) => return refused(finding, "ignore list"),
        };
    match within(look(flags, config.as_ref(), &ignore))? {
        Ok(Ok(seen)) => Ok(shown.printed(seen.show(shown), seen.status())),
        Ok(Err(problem)) => Ok(finish(Err(problem), ACTION, config.as_ref(), shown)),
        Err(defect) => Err(defect),
    }
}

/// What a check found.
struct Checked {
    asked: StackScope,
    reports: Vec<StackReport>,
    fleet: mlp_operations::drift::FleetReport,
}

type CheckResult = Result<Result<Checked, Problem>, InternalError>;

async fn look(flags: &flags::CheckDrift, config: Option<&Input>, ignore: &IgnoreList) -> CheckResult {
    let Place { config: sdk, arn } = match place::state_machine(&flags.suite).await {
        Ok(place) => place,
        Err(problem) => return Ok(Err(problem)),
    };
    let suite = place::suite_of(&arn);
    let (api, limiter) = (AwsDriftApi::new(&clients::paced(&sdk)), RateLimiter::default());
    let deadline = Instant::now() + MAX_TOTAL_DURATION;
    let wanted = match of_config(config, &suite)? {
        Ok(wanted) => wanted,
        Err(problem) => return Ok(Err(problem)),
    };
    let names: Vec<String> = flags.stack.iter().cloned().chain(wanted.clone()).collect();
    let prefix = flags.prefix.as_deref().unwrap_or_default();
    let (asked, found) = match (names.as_slice(), prefix) {
        ([_, ..], _) => (StackScope::Stacks, named_stacks(&api, &limiter, deadline, &names).await),
        ([], "") => (StackScope::All, managed_stacks(&api, &limiter, deadline).await),
        ([], _) => (StackScope::Prefix, managed_stacks(&api, &limiter, deadline).await),
    };
    let mut stacks = match found {
        Ok(found) => found,
        Err(error) => return Ok(Err(Problem::of_call(&error, "the stacks"))),
    };
    if asked == StackScope::Prefix {
        stacks.retain(|stack| stack.name.starts_with(prefix));
    }
    let missing = names.iter().find(|name| !stacks.iter().any(|stack| stack.name == **name));
    let missing = match missing {
        Some(name) => {
            let seen = match limiter.call(deadline, || api.stack(name)).await {
                Ok(seen) => seen,
                Err(error) => return Ok(Err(Problem::of_call(&error, "the stack"))),
            };
            let why = UncheckableReason::of(seen.as_ref().map(|stack| stack.status.as_str()));
            Some((why.message(name), why.help()))
        }
        None => (asked == StackScope::Prefix && stacks.is_empty()).then(|| {
            (no_stack_with_prefix(prefix), "check --prefix, --region and the account you are signed in to")
        }),
    };
    if let Some((missing, help)) = missing {
        return Ok(Err(Problem::refused(Name::InvalidInput, missing).status(UNREACHABLE).help(help)));
    }
    complain(&format!(
        "Checking {} {} ...\n",
        stacks.len(),
        if stacks.len() == 1 { "stack" } else { "stacks" }
    ));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let about = &ReportContext { run: "manual".to_owned(), checked_at: rfc3339(now), suite };
    let (api, limiter, wanted) = (&api, &limiter, wanted.as_deref());
    let results: Vec<Result<StackReport, InternalError>> = stream::iter(&stacks)
        .map(|stack| async move {
            let mut seen = check(api, limiter, Instant::now() + MAX_STACK_DURATION, stack).await;
            if let (Some(config), Some(wanted)) = (config, wanted)
                && wanted == stack.name
            {
                // No bucket: nothing can be started with it as it is.
                let bytes = Ok(config.bytes.clone());
                seen.config = Some(ConfigSnapshot { bucket: String::new(), key: config.name.clone(), bytes });
            }
            evaluate(&seen, ignore, about)
        })
        .buffer_unordered(flags.concurrency)
        .collect()
        .await;
    let mut reports = results.into_iter().collect::<Result<Vec<StackReport>, InternalError>>()?;
    reports.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.stack_name.cmp(&b.stack_name)));
    let mut builder = FleetBuilder::default();
    for report in &reports {
        builder.add(report);
    }
    let only = (asked != StackScope::All).then_some("some");
    let fleet = builder.finish(&about.run, &about.checked_at, only, ignore, None);
    Ok(Ok(Checked { asked, reports, fleet }))
}

/// The stack's name of a config.
fn of_config(
    config: Option<&Input>,
    suite: &Suite,
) -> Result<Result<Option<String>, Problem>, InternalError> {
    let Some(config) = config else { return Ok(Ok(None)) };
    let (outcome, product) = actions::deployed_product(ACTION, &config.bytes, suite, None)?;
    Ok(match product {
        Some(product) => Ok(Some(product.names.stack())),
        None => Err(Problem::refused(Name::InvalidInput, "the config has mistakes; nothing was checked")
            .findings(outcome.findings)),
    })
}

impl Checked {
    fn status(&self) -> u8 {
        if self.found_nothing() {
            return UNREACHABLE;
        }
        match self.fleet.totals.verdict(self.asked) {
            Verdict::InSync => DONE,
            Verdict::Drifted => BLOCKED,
            Verdict::CouldNotCheck | Verdict::Deleted => UNREACHABLE,
        }
    }

    /// Whether everything was to be checked and there was nothing: in a wrong account or region nothing is in sync.
    fn found_nothing(&self) -> bool {
        self.asked == StackScope::All && self.reports.is_empty()
    }

    fn show(&self, shown: &Shown) -> std::io::Result<()> {
        if shown.is_json() {
            return show::print_json(&format!("{:#}", self.json()));
        }
        show::print(&self.text())
    }

    fn json(&self) -> Json {
        json!({
            "schema_version": self.fleet.schema_version,
            "action": ACTION,
            "ok": self.status() == DONE,
            "totals": self.fleet.totals,
            "coverage": self.fleet.coverage,
            "stacks": self.reports,
            "ignore_list": self.fleet.ignore_list,
            "generator_version": self.fleet.generator_version,
        })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let width = self.reports.iter().map(|it| it.stack_name.len()).max().unwrap_or_default();
        for report in &self.reports {
            let _ = writeln!(
                out,
                "{:<15}  {:<width$}  coverage {}",
                report.verdict.words(),
                report.stack_name,
                report.coverage.percent()
            );
            for finding in report.findings.iter().filter(|it| it.kind != FindingKind::NotCheckable) {
                // Most messages name the place.
                let has = |text: &str| finding.message.contains(text);
                let is_named =
                    has(&finding.logical_id) && has(&finding.property) && !finding.logical_id.is_empty();
                let place = if is_named { String::new() } else { format!("{}: ", finding.place()) };
                let _ = writeln!(
                    out,
                    "  [{}] {}{}",
                    finding.severity.words(),
                    printable(&place),
                    printable(&finding.message)
                );
                let value = |title: &str, value: &Option<mlp_operations::changes::DisplayedValue>| {
                    value
                        .as_ref()
                        .map(|it| format!("      {title:<8} {}\n", printable(&it.text)))
                        .unwrap_or_default()
                };
                out += &value("expected", &finding.expected);
                out += &value("actual", &finding.actual);
                let _ = writeln!(out, "      help     {}", printable(&finding.remediation));
            }
            for it in &report.ignored {
                let _ = writeln!(
                    out,
                    "  ignored until {} by {}: {} ({})",
                    it.expires,
                    printable(&it.who),
                    it.finding.place(),
                    printable(&it.reason)
                );
            }
            if report.verdict == Verdict::InSync && report.coverage.not_checkable > 0 {
                let _ = writeln!(out, "  {} resources can't be checked", report.coverage.not_checkable);
            }
        }
        for mistake in &self.fleet.ignore_list {
            let line = mistake.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let _ = writeln!(out, "ignore list: {line}{}", printable(&mistake.message));
        }
        if self.found_nothing() {
            let _ = writeln!(
                out,
                "no stack has the tag ManagedBy=ml-provisioner here, so nothing was checked\nhelp: check --region, --profile and the \
                 account you are signed in to"
            );
            return out;
        }
        let _ = writeln!(out, "{}; coverage {}", self.fleet.headline(), self.fleet.coverage.percent());
        out
    }
}

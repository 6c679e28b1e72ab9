//! From what an input names to the product and its config.

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::{BucketStore, ErrorKind};
use mlp_product::outcome::{Outcome, Source, sha256};
use mlp_product::product::{MANAGED_BY, Product};
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::{Finding, Severity};
use mlp_template::template::Value;
use mlp_template::yaml::Limits;

use super::storing::{New, once};
use crate::custom_resource::stack_name;
use crate::execution::aws::Aws;
use crate::execution::calls::{failed, no_bucket, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::input::{APPROVAL_SECONDS, Action, ConfigSource, Input};
use crate::execution::keys;
use crate::execution::ownership::{self, ENVIRONMENT_TAG, IDENTITY_TAGS, MANAGER_TAG, PRODUCT_TAG};
use crate::execution::settings::Settings;
use crate::execution::status::StackStatus;
use crate::execution::work::{Approval, Cleanup, Facts, Next, StackWork, StoredTemplate, Wait, Work};
use crate::generate::storing::CONFIG_LIMIT;
use crate::rules::RuleBook;

pub(crate) fn work(
    settings: &Settings,
    input: Input,
    product: Facts,
    source: Source,
    template: Option<StoredTemplate>,
    findings: Vec<Finding>,
) -> Work {
    let action = input.action;
    let approval = approval(settings, &input, &product.env);
    Work {
        action,
        product,
        source,
        template,
        next: match action {
            Action::DeleteProduct => Next::Delete,
            Action::CheckDrift => Next::CheckDrift,
            action if action.is_local() => Next::Make,
            _ => Next::Deploy,
        },
        made: None,
        drift: None,
        cleanup: Cleanup::Nothing,
        recreate: false,
        round: 0,
        deletions: 0,
        emptyings: 0,
        role: None,
        network: None,
        quotas: None,
        registry: None,
        stack: StackWork::default(),
        wait: Wait::default(),
        approval,
        answer: None,
        approved: None,
        changes: None,
        unchanged: false,
        outputs: std::collections::BTreeMap::new(),
        kept: Vec::new(),
        findings,
        findings_left_out: 0,
        findings_at: None,
        busy: None,
        failed: None,
        original: None,
        input,
    }
}

/// The approval that is waited for, where the input asks for one or the suite requires one for this environment.
pub(crate) fn approval(settings: &Settings, input: &Input, environment: &str) -> Option<Approval> {
    let is_covered = match input.action {
        // A test leaves roles and pipelines behind if it is told to, so it is no way around an approval.
        Action::DeployProduct | Action::TestDeploy | Action::DeleteProduct => {
            settings.require_approval.covers(environment)
        }
        _ => false,
    };
    let longest_seconds = input.approval_seconds.or(is_covered.then_some(APPROVAL_SECONDS))?;
    Some(Approval {
        longest_seconds,
        timeout_seconds: longest_seconds,
        expires: String::new(),
        about: String::new(),
        is_deletion: false,
        subject: String::new(),
        message: String::new(),
        topic: None,
    })
}

/// What a stack's tags say of its product. Without a config nothing else says that the stack is one of ours; with
/// `adopt`, the template that it was made from may.
pub(crate) async fn deployed<S, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    named: &str,
    input: &Input,
) -> Result<Facts, Failure> {
    let stack = aws.stacks.stack(named).await.map_err(|error| failed(&error))?;
    let stack_name = stack_name(named).to_owned();
    let suite = &aws.settings.suite;
    let mut facts = Facts {
        ml_name: stack_name.trim_end_matches("-stack").to_owned(),
        account_id: suite.account_id.clone().unwrap_or_default(),
        region: suite.region.clone().unwrap_or_default(),
        ..Facts::default()
    };
    let Some(stack) = stack.filter(|stack| stack.status != StackStatus::DeleteComplete.as_str()) else {
        return Ok(Facts { stack_name, ..facts });
    };
    let tags = &stack.tags;
    let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
    let taken = |message: String| Failure::new(Name::StackTaken, message);
    match tags.get(MANAGER_TAG).map(String::as_str) {
        Some(MANAGED_BY) if tags.get(PRODUCT_TAG).is_some_and(|name| is_name(name)) => {
            facts.ml_name = tag(PRODUCT_TAG);
        }
        // The tag of its owner decides, and what isn't the custom resource's own is left alone.
        _ if input.respond.is_some() => {}
        Some(manager) if manager != MANAGED_BY => {
            return Err(taken(format!(
                "the tag `{MANAGER_TAG}` of the stack `{stack_name}` says `{manager}`"
            )));
        }
        _ if input.adopt => {
            let template = aws.stacks.template(&stack.id).await.map_err(|error| failed(&error))?;
            let made_for = template.as_deref().and_then(ownership::made_for);
            let made_for =
                made_for.filter(|made_for| made_for.stack_name == stack_name).ok_or_else(|| {
                    taken(format!(
                        "the template of the stack `{stack_name}` is none that ML Provisioner made for it"
                    ))
                })?;
            facts.ml_name = made_for.ml_name;
        }
        _ => {
            let message =
                format!("the stack `{stack_name}` lacks the tags `{MANAGER_TAG}` and `{PRODUCT_TAG}`");
            return Err(taken(message).help(
                "if ML Provisioner made its template: start it again with `\"adopt\": true` (`--adopt`)",
            ));
        }
    }
    facts.tier = tag("ml-provisioner:tier");
    facts.env = tag(ENVIRONMENT_TAG);
    // The stack is compared with what it says of itself: it must say so still when it is deleted.
    let own = IDENTITY_TAGS.into_iter().filter_map(|key| Some((key.to_owned(), tags.get(key)?.clone())));
    facts.tags = own.collect();
    Ok(Facts { stack_name, ..facts })
}

/// Whether a text can be a product's name. It becomes a part of keys.
fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(crate) async fn organisation<S: BucketStore + Sync>(
    rules: &RuleBook,
    store: &S,
    bucket: &str,
) -> Result<std::sync::Arc<mlp_template::security::Rules>, Failure> {
    rules.of(store, bucket).await.map_err(|error| store_failed(&error))
}

/// The config's bytes. What was given inline is stored, so that it needs not be carried from task to task and stays
/// beside the result.
pub(crate) async fn config<S: BucketStore + Sync>(
    store: &S,
    settings: &Settings,
    execution: Execution<'_>,
    input: &mut Input,
) -> Result<(Vec<u8>, Source), Failure> {
    match &mut input.config {
        ConfigSource::Deployed { .. } | ConfigSource::Products { .. } | ConfigSource::Fleet { .. } => {
            Err(Failure::new(Name::Internal, "there is no config to read"))
        }
        ConfigSource::Inline(text) => {
            let bytes = std::mem::take(text).into_bytes();
            let what = if input.is_template { "template" } else { "config" };
            // A name may be used again, when the first execution is forgotten or the suite was made anew.
            let sha256 = sha256(&bytes);
            let digits: String = sha256.chars().take(12).collect();
            let key = format!("{}{what}-{digits}.yaml", keys::files(execution.name()));
            let source = Source {
                bucket: Some(settings.bucket.clone()),
                key: Some(key.clone()),
                sha256: Some(sha256),
                ..Source::default()
            };
            let new = New { key: &key, bytes: bytes.clone(), media_type: "application/yaml" };
            once(store, &settings.bucket, new).await?;
            input.config = ConfigSource::Stored { bucket: settings.bucket.clone(), key, version: None };
            Ok((bytes, source))
        }
        ConfigSource::Stored { bucket, key, version } => {
            let folder = if input.is_template { "/template" } else { "/config" };
            if *bucket == settings.bucket && !keys::is_given(key) {
                let allowed = keys::GIVEN.map(|prefix| format!("`{prefix}`")).join(", ");
                let what = format!(
                    "`{key}` is no object of the suite's bucket that may be named; allowed are keys below {allowed}"
                );
                let finding = Finding::error(codes::DEP_INPUT, format!("{folder}/key"), what);
                return Err(invalid(
                    "the execution's input",
                    vec![finding.help("upload it below `configs/`, or give its text")],
                ));
            }
            let limit = if input.is_template { Limits::template().bytes + 1 } else { CONFIG_LIMIT + 1 };
            let got = store.get(bucket, key, version.as_deref(), Some(limit)).await;
            let object = got.map_err(|error| {
                let finding = if error.kind == ErrorKind::Gone {
                    let what = match version {
                        Some(version) => {
                            format!("there is no version `{version}` of `{key}` in the bucket `{bucket}`")
                        }
                        None => format!("there is no `{key}` in the bucket `{bucket}`"),
                    };
                    let finding = Finding::error(codes::DEP_INPUT, format!("{folder}/key"), what);
                    Some(finding.help("upload it, or name one that is there"))
                } else {
                    no_bucket(&error, &format!("{folder}/bucket"))
                };
                finding.map_or_else(
                    || store_failed(&error),
                    |finding| invalid("the execution's input", vec![finding]),
                )
            })?;
            *version = object.head.version_id.or_else(|| version.take());
            let source = Source {
                bucket: Some(bucket.clone()),
                key: Some(key.clone()),
                version_id: version.clone(),
                sha256: Some(sha256(&object.bytes)),
                ..Source::default()
            };
            Ok((object.bytes, source))
        }
    }
}

pub(crate) fn facts(product: &Product, outcome: &Outcome) -> Facts {
    let leaves = product.resources.values().filter_map(|spec| spec.links.leaf.as_deref());
    let published = leaves.map(|leaf| product.names.ssm_path(leaf)).collect();
    let tag = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    Facts {
        ml_name: product.names.ml_name().to_owned(),
        stack_name: product.names.stack(),
        tier: product.tier.as_str().to_owned(),
        scenario: product.scenario.clone(),
        env: product.env.as_str().to_owned(),
        account_id: product.account_id.as_str().to_owned(),
        region: product.region.to_string(),
        published,
        tags: product.inputs.tags.iter().filter_map(tag).collect(),
        resources: outcome.resource_counts.as_ref().map_or(0, |counts| counts.total),
    }
}

pub(crate) fn invalid(what: &str, findings: Vec<Finding>) -> Failure {
    let count = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let message = match (count, findings.first()) {
        (1, Some(first)) => format!("{what} has a mistake: {}", first.message),
        _ => format!("{what} has {count} mistakes"),
    };
    Failure::new(Name::InvalidInput, message).findings(findings)
}

pub(crate) fn defect(error: &InternalError) -> Failure {
    Failure::new(Name::Internal, error.to_string())
}

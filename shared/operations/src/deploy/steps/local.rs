//! `Make`: the actions that the library alone carries out. What they make lies below `deployments/files/<execution>/`: the keys below `templates/`, `policies/` and `reports/` belong to the configs that were uploaded.

use mlp_aws::s3::store::BucketStore;
use mlp_product::actions;
use mlp_product::config::Tier;
use mlp_product::outcome::{self, Outcome, Source};

use crate::execution::aws::Aws;
use crate::execution::calls::{damaged, excess, leave_out, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::findings::{self, About};
use crate::execution::identity::Execution;
use crate::execution::input::{Action, ConfigSource, Input};
use crate::execution::keys;
use crate::execution::read::{config, defect, organisation, work};
use crate::execution::storing::{New, newest};
use crate::execution::work::{Facts, Made, Next, Work};

/// What an execution carries of an answer, in bytes; Step Functions takes 256 KiB for everything.
const CARRIED: usize = 100_000;

/// Reads and pins the config. Its mistakes are what some of these actions are to find, so they stop nothing here.
pub(crate) async fn begin<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut input: Input,
) -> Result<Work, Failure> {
    if let ConfigSource::Products { tiers } = &input.config {
        let tier = match tiers.as_slice() {
            [tier] => tier.as_str().to_owned(),
            _ => String::new(),
        };
        let facts = Facts { tier, ..Facts::default() };
        return Ok(work(aws.settings, input, facts, Source::default(), None, Vec::new()));
    }
    let (bytes, source) = config(aws.store, aws.settings, Execution::new(execution), &mut input).await?;
    let product = if input.is_template {
        Facts::default()
    } else {
        let made = actions::validate_config(&bytes, &aws.settings.suite).map_err(|error| defect(&error))?;
        facts(&made.outcome)
    };
    Ok(work(aws.settings, input, product, source, None, Vec::new()))
}

fn facts(outcome: &Outcome) -> Facts {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Facts {
        ml_name: text(&outcome.ml_name),
        stack_name: text(&outcome.stack_name),
        tier: text(&outcome.tier),
        scenario: text(&outcome.scenario),
        ..Facts::default()
    }
}

/// Carries the action out and keeps what it makes.
pub(crate) async fn make<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let (store, bucket) = (aws.store, aws.settings.bucket.as_str());
    let folder = keys::files(Execution::new(execution).name());
    let made = carry_out(aws, &work).await?;
    let mut outcome = Outcome { source: work.source.clone(), ..made.outcome };
    outcome.outputs.clear();
    outcome.hashes.clear();
    for file in made.files {
        let key = format!("{folder}{}", file.path);
        outcome.hashes.insert(key.clone(), file.sha256());
        outcome.links.insert(file.kind, aws.settings.s3(&key));
        let new = New { key: &key, bytes: file.text.into_bytes(), media_type: file.kind.media_type() };
        newest(store, bucket, new).await?;
        outcome.outputs.push(key);
    }
    let key = format!("{folder}result.json");
    if let Some(all) = outcome.limit() {
        let about = About { execution, action: Some(work.action.as_str()), source: Some(&work.source) };
        outcome.findings_at = Some(findings::store(aws, about, "result-findings.json", all.findings).await?);
    }
    let mut bytes = serde_json::to_vec_pretty(&outcome).map_err(|error| damaged(&error))?;
    bytes.push(b'\n');
    newest(store, bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    let too_long = excess(&outcome, CARRIED);
    let (left_out, _) = leave_out(&mut outcome.findings, too_long);
    if left_out > 0 {
        outcome.findings_left_out += left_out;
        outcome.findings_at.get_or_insert_with(|| aws.settings.s3(&key));
    }
    work.made = Some(Made { outcome, key });
    work.next = Next::Conclude;
    Ok(work)
}

async fn carry_out<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    work: &Work,
) -> Result<outcome::Made, Failure> {
    let suite = &aws.settings.suite;
    if let ConfigSource::Products { tiers } = &work.input.config {
        let made = match work.action {
            Action::ListProducts => actions::list_products(),
            _ => actions::show_product(tiers.first().copied().unwrap_or(Tier::Starter)),
        };
        return made.map_err(|error| defect(&error));
    }
    let Source { bucket: Some(bucket), key: Some(key), version_id, .. } = &work.source else {
        return Err(Failure::new(Name::Internal, "there is no config to read"));
    };
    let object = aws.store.get(bucket, key, version_id.as_deref(), None).await;
    let bytes = object.map_err(|error| store_failed(&error))?.bytes;
    let rules = organisation(aws.rules, aws.store, &aws.settings.bucket).await?;
    let made = match work.action {
        Action::ValidateConfig => actions::validate_config(&bytes, suite),
        Action::ShowProduct => actions::show_product_of(&bytes, suite),
        Action::CreatePolicy => actions::create_policy(&bytes, suite),
        Action::CreateProvTemplate => actions::create_prov_template(&bytes, suite, &rules),
        Action::ValidateProvTemplate if work.input.is_template => actions::validate_template(&bytes, &rules),
        Action::ValidateProvTemplate => actions::validate_prov_template(&bytes, suite, &rules),
        Action::CreateReviewReport => actions::create_review_report(&bytes, suite, &rules),
        action @ (Action::ListProducts
        | Action::DeployProduct
        | Action::TestDeploy
        | Action::DeleteProduct
        | Action::ShowChanges
        | Action::CheckDrift) => {
            let message = format!("`{}` is not done by the library alone", action.as_str());
            return Err(Failure::new(Name::Internal, message));
        }
    };
    made.map_err(|error| defect(&error))
}

//! `ReadInput`: from an execution's input to what the other tasks work with.

use mlp_aws::cloudformation::stacks::Stacks;
use mlp_aws::s3::store::BucketStore;
use mlp_product::actions::{self, Deployable};
use mlp_product::outcome::{Outcome, Source, sha256};
use mlp_template::codes;
use mlp_template::finding::Finding;
use serde_json::Value as Json;

use crate::custom_resource::requests as custom;
use crate::custom_resource::{Kind, OWNER_TAG};
use crate::execution::aws::Aws;
use crate::execution::failure::Failure;
use crate::execution::identity::Execution;
use crate::execution::input::{Action, ConfigSource, Input};
use crate::execution::keys;
use crate::execution::read::{config, defect, deployed, facts, invalid, organisation, work};
use crate::execution::storing::{New, exact};
use crate::execution::work::{StoredTemplate, Work};

/// Everything that can be wrong with what was asked for is found here, before anything is touched.
pub(crate) async fn input<S: BucketStore + Sync, C: Stacks + Sync, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    input: &Json,
) -> Result<Work, Failure> {
    let Aws { store, rules, settings, .. } = aws;
    let mut input = Input::read(input).map_err(|findings| invalid("the execution's input", findings))?;
    // Whoever may start an execution can write a request into its input, and name any product of any custom resource.
    if let Some(respond) = &input.respond {
        let is_deletion = input.action == Action::DeleteProduct;
        let what = if is_deletion != (respond.request_type == Kind::Delete) {
            Some("`respond` is a request for something else than the action")
        } else if !custom::is_kept(*store, &settings.bucket, Execution::new(execution).name(), respond)
            .await?
        {
            Some("`respond` is no request that waits for this execution")
        } else {
            None
        };
        if let Some(what) = what {
            let finding = Finding::error(codes::DEP_INPUT, "/respond", what)
                .help("leave it out: it is written by the function that takes custom resources' requests");
            return Err(invalid("the execution's input", vec![finding]));
        }
    }
    if input.action.is_local() {
        return crate::deploy::steps::local::begin(aws, execution, input).await;
    }
    if input.action == Action::CheckDrift {
        return crate::drift::task::begin(aws, execution, input).await;
    }
    if let ConfigSource::Deployed { stack } = &input.config {
        let product = deployed(aws, stack, &input).await?;
        return Ok(work(settings, input, product, Source::default(), None, Vec::new()));
    }
    let execution = Execution::new(execution);
    let (bytes, source) = config(*store, settings, execution, &mut input).await?;
    let action = input.action;
    let test = (action == Action::TestDeploy).then(|| execution.test_workload());
    let (outcome, product, template) = match action {
        Action::DeleteProduct => {
            let (outcome, product) =
                actions::deployed_product(action.as_str(), &bytes, &settings.suite, None)
                    .map_err(|error| defect(&error))?;
            (outcome, product, None)
        }
        Action::DeployProduct | Action::TestDeploy | Action::ShowChanges => {
            let rules = organisation(rules, *store, &settings.bucket).await?;
            let made = actions::deployable(action.as_str(), &bytes, &settings.suite, &rules, test.as_deref());
            let (outcome, made) = made.map_err(|error| defect(&error))?;
            match made {
                Some(Deployable { product, template }) => (outcome, Some(product), Some(template)),
                None => (outcome, None, None),
            }
        }
        Action::CheckDrift
        | Action::ValidateConfig
        | Action::ListProducts
        | Action::ShowProduct
        | Action::CreatePolicy
        | Action::CreateProvTemplate
        | Action::ValidateProvTemplate
        | Action::CreateReviewReport => (Outcome::of(action.as_str(), Vec::new()), None, None),
    };
    let Some(product) = product else { return Err(invalid("the config", outcome.findings)) };
    let mut findings = Vec::new();
    let template = match template {
        Some(yaml) => {
            let key = keys::template(&sha256(yaml.as_bytes()));
            let new = New { key: &key, bytes: yaml.into_bytes(), media_type: "application/yaml" };
            let stored = exact(*store, &settings.bucket, new).await?;
            if stored.replaced {
                let message = format!(
                    "`{key}` held another template than the one that it is named after; it was replaced"
                );
                findings.push(
                    Finding::warning(codes::DEP_TEMPLATE_REPLACED, "", message)
                        .help("look for who may write to `deployments/` of the suite's bucket; the older version shows what was there"),
                );
            }
            Some(StoredTemplate { key, version: stored.version_id })
        }
        None => None,
    };
    let mut facts = facts(&product, &outcome);
    facts.tags.extend(input.respond.as_ref().map(|respond| (OWNER_TAG.to_owned(), respond.owner())));
    findings.extend(outcome.findings);
    Ok(work(settings, input, facts, source, template, findings))
}

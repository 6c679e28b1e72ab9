//! Tiers, described for people and programs.

use mlp_template::error::InternalError;

use super::{Product, Scenario, When, blueprint, select};
use crate::config::{Tier, VpcMode};
use crate::names;
use crate::outcome::{self, ProductSummary, ResourceSummary, ScenarioSummary};

/// What a tier holds: its scenarios with their counts, and every resource that it can have.
///
/// # Errors
///
/// When a tier file is broken, which the tests rule out.
pub fn summary(tier: Tier) -> Result<ProductSummary, InternalError> {
    let blueprint = blueprint(tier)?;
    let in_vpc = blueprint.resources.values().any(|spec| spec.when.vpc_mode.is_some());
    let modes: &[Option<VpcMode>] =
        if in_vpc { &[Some(VpcMode::Standalone), Some(VpcMode::SgProvisioner)] } else { &[None] };
    let mut scenarios = Vec::new();
    for source_control in ["codecommit", "s3"] {
        for mode in modes {
            let scenario = Scenario { source_control, vpc_mode: mode.map(VpcMode::as_str), data_lake: false };
            let resources = select(blueprint, &scenario);
            scenarios.push(ScenarioSummary {
                scenario: mode.map_or_else(
                    || source_control.to_owned(),
                    |mode| format!("{source_control}-{}", mode.word()),
                ),
                resource_counts: outcome::count(resources.values().map(|spec| spec.kind.as_str())),
            });
        }
    }
    let mut resources: Vec<_> = blueprint.resources.iter().collect();
    resources.sort_by_key(|(_, spec)| spec.group);
    Ok(ProductSummary {
        tier: blueprint.tier.clone(),
        title: blueprint.title.clone(),
        summary: blueprint.summary.clone(),
        extends: blueprint.extends.clone(),
        scenarios,
        resources: resources
            .into_iter()
            .map(|(id, spec)| ResourceSummary {
                logical_id: id.clone(),
                kind: spec.kind.clone(),
                name: spec.links.leaf.as_deref().map(|leaf| format!("/ml/{{ml_name}}/{leaf}")).or_else(
                    || {
                        let rule = names::rule(&spec.kind)?;
                        let base = if rule.global { "{global_name}" } else { "{ml_name}" };
                        Some(format!("{}{base}-{}", rule.prefix, spec.name.as_deref()?))
                    },
                ),
                group: spec.group.title().to_owned(),
                purpose: spec.purpose.clone(),
                when: condition(&spec.when),
            })
            .collect(),
    })
}

/// What one product holds: its own scenario only, with the names that its resources will have.
///
/// # Errors
///
/// When a tier file is broken, which the tests rule out.
pub fn summary_of(product: &Product) -> Result<ProductSummary, InternalError> {
    let mut summary = summary(product.tier)?;
    summary.scenarios = vec![ScenarioSummary {
        scenario: product.scenario.clone(),
        resource_counts: outcome::count(product.resources.values().map(|spec| spec.kind.as_str())),
    }];
    summary.resources.retain(|resource| product.has(&resource.logical_id));
    for resource in &mut summary.resources {
        resource.when = None;
        let spec = product.resources.get(&resource.logical_id);
        if let Some(leaf) = spec.and_then(|spec| spec.links.leaf.as_deref()) {
            resource.name = Some(product.names.ssm_path(leaf));
        } else if resource.name.is_some() {
            resource.name = Some(product.physical_name(&resource.logical_id)?);
        }
    }
    Ok(summary)
}

/// The condition as a person would write it; `None` for always.
fn condition(when: &When) -> Option<String> {
    let words: Vec<String> =
        [("source_control", &when.source_control), ("vpc_integration.mode", &when.vpc_mode)]
            .into_iter()
            .filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}: {value}")))
            .chain(
                when.data_lake
                    .map(|wanted| format!("data_lake {}", if wanted { "given" } else { "not given" })),
            )
            .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

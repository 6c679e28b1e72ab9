//! What CloudFormation's drift detection can't check or misses, and which probe checks it.
//!
//! Sources: AWS CloudFormation User Guide, "Resource type support for imports and drift detection"; the handlers in the
//! registry's schemas (`AWS::CodeBuild::Project` has no read handler); "Detect unmanaged configuration changes to stacks and
//! resources with drift detection" on what is compared: properties that the template sets; aws-cloudformation's
//! cloudformation-coverage-roadmap, issues 936 (inline policies, key policies), 1858 (managed policies) and 2489 (attached
//! policies), on what reads `IN_SYNC` although it isn't.

use mlp_aws::drift::Probe;
use mlp_aws::drift::ResourceSummary;
use mlp_template::template::Template;
use mlp_template::yaml::join;
use serde_json::Value as Json;

/// What a probe's answer is compared with.
pub(crate) trait ProbeExpectations {
    /// The expected answer: what the template sets, and the defaults of what no template sets.
    fn expected(&self, properties: &Json, answer: &Json) -> Json;

    /// The part of a resource's properties that the probe reads. If it reads all of them, it covers the resource.
    fn checkable(&self, properties: &Json) -> Json;

    /// Properties that no template sets and that still must have their default: property and default.
    fn defaults(&self) -> &'static [(&'static str, &'static str)];
}

impl ProbeExpectations for Probe {
    fn expected(&self, properties: &Json, answer: &Json) -> Json {
        let mut expected = self.checkable(properties);
        if let Json::Object(expected) = &mut expected {
            for (property, default) in self.defaults() {
                if answer.get(property).is_some() && !expected.contains_key(*property) {
                    expected.insert((*property).to_owned(), Json::from(*default));
                }
            }
        }
        expected
    }

    fn checkable(&self, properties: &Json) -> Json {
        checkable(properties, "", self.checked_properties())
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Only `UpdateProjectVisibility` sets it, and a public project shows its logs to everybody (CodeBuild API
            // Reference, "UpdateProjectVisibility"; "Project", `projectVisibility`). So no template has the property.
            Self::Project { .. } => &[("Visibility", "PRIVATE")],
            _ => &[],
        }
    }
}

fn checkable(value: &Json, pointer: &str, properties: &[&str]) -> Json {
    let Json::Object(entries) = value else { return value.clone() };
    let checkable = entries.iter().filter_map(|(key, value)| {
        let pointer = join(pointer, key);
        if properties.contains(&pointer.as_str()) {
            return Some((key.clone(), value.clone()));
        }
        let below = value.is_object().then(|| checkable(value, &pointer, properties));
        below.filter(|it| it.as_object().is_some_and(|it| !it.is_empty())).map(|it| (key.clone(), it))
    });
    Json::Object(checkable.collect())
}

/// The probes that a stack needs, in the order of its resources.
///
/// ```
/// # use mlp_aws::drift::ResourceSummary;
/// # use mlp_operations::drift::wanted;
/// # use mlp_template::template::Template;
/// let role = ResourceSummary {
///     logical_id: "BuildRole".into(), physical_id: Some("build".into()), kind: "AWS::IAM::Role".into(),
///     status: "CREATE_COMPLETE".into(),
/// };
/// assert_eq!(wanted(&Template::default(), &[role]).len(), 1);
/// ```
pub fn wanted(template: &Template, resources: &[ResourceSummary]) -> Vec<Probe> {
    let there = resources.iter().filter(|resource| !resource.status.starts_with("DELETE_"));
    there.filter_map(|resource| probe(template, resource)).collect()
}

fn probe(template: &Template, resource: &ResourceSummary) -> Option<Probe> {
    let logical_id = resource.logical_id.clone();
    let physical = resource.physical_id.clone()?;
    let declared = |property: &str| {
        let text = template.resources.get(&logical_id)?.properties.get(property)?.as_str()?;
        Some(text.to_owned())
    };
    Some(match resource.kind.as_str() {
        "AWS::CodeCommit::Repository" => {
            let name = declared("RepositoryName").unwrap_or_else(|| physical.clone());
            Probe::Repository { logical_id, id: physical, name }
        }
        "AWS::CodeBuild::Project" => Probe::Project { logical_id, name: physical },
        "AWS::CodePipeline::Pipeline" => Probe::Pipeline { logical_id, name: physical },
        "AWS::IAM::Role" => Probe::RolePolicies { logical_id, role: physical },
        "AWS::IAM::ManagedPolicy" => Probe::ManagedPolicy { logical_id, arn: physical },
        "AWS::KMS::Key" => Probe::KeyPolicy { logical_id, key_id: physical },
        "AWS::SSM::Parameter" => Probe::Parameter { logical_id, name: physical },
        _ => return None,
    })
}

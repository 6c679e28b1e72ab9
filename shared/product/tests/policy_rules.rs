//! What holds for the policies of every product, whatever its names.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use mlp_product::actions;
use mlp_product::config;
use mlp_product::outcome::OutputKind;
use mlp_product::policy::{self, MAX_SIZE, Policy};
use mlp_product::product::Product;
use mlp_product::suite::Suite;
use mlp_template::error::InternalError;
use mlp_template::glob;
use proptest::prelude::*;

type Maker = fn(&Product, &Suite) -> Result<Policy, InternalError>;

const MAKERS: [Maker; 3] = [policy::operator, policy::service_role, policy::stack_operator];

/// How many files there are for the documents of each.
const MOST: [usize; 3] = [3, 2, 2];

/// An enterprise product in the partition with the longest ARNs.
const LONGEST: &str = "\
client: {company_name: A, company_prefix: a-very-long-prefix-x, account_id: \"123456789012\", tenant_id: tenant01}
environment: {env: staging, region: us-gov-west-1, multi_region: true}
ml_product:
  use_case: USE_CASE
  workload: WORKLOAD
  tier: enterprise
  source_control: codecommit
  alerts_email: a@company.example
  vpc_integration:
    mode: standalone
    vpc_source: parameter-store
    vpc_parameter_store_path: /vpc/id
    subnet_parameter_store_path: /vpc/subnets
tags: {cost_center: a, project: b, owner: c}
";

/// `[a-z][a-z0-9-]*[a-z0-9]` of a length.
fn word(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = String> {
    length.prop_flat_map(|length| {
        prop::string::string_regex(&format!("[a-z][a-z0-9]{{{}}}", length - 1)).unwrap()
    })
}

fn region() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("us-west-2"), Just("us-gov-west-1"), Just("cn-northwest-1"), Just("ap-southeast-2")]
}

prop_compose! {
    /// An enterprise config, the tier with the most to grant, with names up to the longest.
    fn enterprise()(
        prefix in word(2..=20),
        tenant in "[a-z0-9]{2,8}",
        region in region(),
        multi_region in any::<bool>(),
        use_case in word(2..=20),
        workload in prop::option::of(word(2..=20)),
        codecommit in any::<bool>(),
        standalone in any::<bool>(),
        direct in any::<bool>(),
    ) -> String {
        let workload = workload.map_or_else(String::new, |it| format!("  workload: {it}\n"));
        let source = if codecommit { "  source_control: codecommit\n" } else { "  source_control: s3\n  s3_prefix: some-source/team\n" };
        let mode = if standalone { "standalone" } else { "sg-provisioner" };
        let ids = match (direct, standalone) {
            (true, true) => "    vpc_source: direct\n    vpc_id: vpc-0a1b2c3d\n    subnet_ids: [subnet-0a1b2c3d]\n",
            (true, false) => "    vpc_source: direct\n    vpc_id: vpc-0a1b2c3d\n    subnet_ids: [subnet-0a1b2c3d]\n    security_group_id: sg-0a1b2c3d\n",
            (false, true) => "    vpc_source: parameter-store\n    vpc_parameter_store_path: /vpc/id\n    subnet_parameter_store_path: /vpc/subnets\n",
            (false, false) => "    vpc_source: parameter-store\n    vpc_parameter_store_path: /vpc/id\n    subnet_parameter_store_path: /vpc/subnets\n    sg_parameter_store_path: /vpc/sg\n",
        };
        format!(
            "client:\n  company_name: A company\n  company_prefix: {prefix}\n  account_id: \"123456789012\"\n  tenant_id: \"{tenant}\"\n\
             environment:\n  env: staging\n  region: {region}\n  multi_region: {multi_region}\n\
             ml_product:\n  use_case: {use_case}\n{workload}  tier: enterprise\n{source}  alerts_email: a@company.example\n\
             \x20 vpc_integration:\n    mode: {mode}\n{ids}tags: {{cost_center: a, project: b, owner: c}}\n"
        )
    }
}

/// A config of random words can still be refused (a reserved beginning, say); such a case is drawn again.
fn product(config: &str) -> Option<Product> {
    config::load(config.as_bytes()).ok().map(|loaded| Product::new(&loaded.config).unwrap())
}

fn roles(product: &Product) -> Vec<String> {
    let ids = product.resources.iter().filter(|(_, spec)| spec.kind == "AWS::IAM::Role").map(|(id, _)| id);
    ids.map(|id| product.physical_name(id).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_document_fits_and_there_is_a_file_for_each(config in enterprise()) {
        let product = product(&config);
        prop_assume!(product.is_some());
        let product = product.unwrap();
        let mut expected = Vec::new();
        for (make, most) in MAKERS.into_iter().zip(MOST) {
            let documents = make(&product, &Suite::default()).unwrap().documents();
            prop_assert!(documents.len() <= most, "{} documents", documents.len());
            for document in documents {
                prop_assert!(document.size() <= MAX_SIZE, "{} characters", document.size());
                expected.push(document.to_json());
            }
        }
        let made = actions::create_policy(config.as_bytes(), &Suite::default()).unwrap();
        let files: Vec<String> = made.files.into_iter().map(|file| file.text).collect();
        prop_assert!(made.outcome.ok && files == expected, "{} files", files.len());
    }

    /// The longest names need the third document.
    #[test]
    fn the_longest_names_take_three_documents(use_case in word(20..=20), workload in word(20..=20)) {
        let config = LONGEST.replace("USE_CASE", &use_case).replace("WORKLOAD", &workload);
        let made = actions::create_policy(config.as_bytes(), &Suite::default()).unwrap();
        prop_assert!(made.files.iter().any(|file| file.kind == OutputKind::Policy3), "{:?}", made.outcome);
    }

    #[test]
    fn a_policy_covers_every_role_of_its_product_and_none_of_a_neighbour(config in enterprise()) {
        let neighbour = config.replace("staging", "prod");
        let (own, other) = (product(&config), product(&neighbour));
        prop_assume!(own.is_some() && other.is_some());
        let (own, other) = (own.unwrap(), other.unwrap());
        let policy = policy::operator(&own, &Suite::default()).unwrap();
        let create = policy.statements.iter().find(|it| it.sid == "RoleRights").unwrap();
        let covers = |role: &str| {
            let arn = format!("arn:{}:iam::{}:role/{role}", own.region.partition(), own.account_id);
            create.resources.iter().any(|pattern| glob::matches(pattern, &arn))
        };
        for role in roles(&own) {
            prop_assert!(covers(&role), "{role} is not covered");
        }
        for role in roles(&other) {
            prop_assert!(!covers(&role), "{role} is covered");
        }
    }

    #[test]
    fn statements_have_unique_names_and_purposes(config in enterprise()) {
        let product = product(&config);
        prop_assume!(product.is_some());
        let product = product.unwrap();
        for make in MAKERS {
            let policy = make(&product, &Suite::default()).unwrap();
            let mut sids: Vec<&str> = policy.statements.iter().map(|it| it.sid.as_str()).collect();
            sids.sort_unstable();
            sids.dedup();
            prop_assert_eq!(sids.len(), policy.statements.len());
            for statement in &policy.statements {
                prop_assert!(!statement.purpose.is_empty(), "{} has no purpose", statement.sid);
                prop_assert!(!statement.actions.is_empty() && !statement.resources.is_empty(), "{}", statement.sid);
            }
        }
    }
}

/// SSM takes paths of up to 1,011 characters; six of them are more than a document holds.
#[test]
fn the_longest_parameter_paths_are_spread_over_documents() {
    let config = include_str!("../../../tests/golden/products/enterprise-longest-names.yaml");
    let mut product = product(config).unwrap();
    for (index, parameter) in product.inputs.parameters.values_mut().enumerate() {
        let path = mlp_template::template::Value::str(format!("/{}/{index}", "p".repeat(1000)));
        parameter.attributes.insert("Default".to_owned(), path);
    }
    assert_eq!(product.inputs.parameters.len(), 5);
    let documents = policy::operator(&product, &Suite::default()).unwrap().documents();
    assert!(documents.iter().all(|document| document.size() <= MAX_SIZE));
    let text: String = documents.iter().map(Policy::to_json).collect();
    assert_eq!(text.matches(&"p".repeat(1000)).count(), 5);
}

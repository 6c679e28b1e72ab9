//! Names are legal wherever they are used, and no two products share one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;

use mlp_product::config::{
    AccountId, Build, Client, CompanyPrefix, Config, Env, Environment, MlProduct, ProductName, Retention,
    Source, TenantId, Tier, UseCase, Workload,
};
use mlp_product::names::{NAME_RULES, Names};
use mlp_product::product::blueprint;
use mlp_template::finding::blocks;
use mlp_template::region::Region;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    prefix: String,
    env: usize,
    tenant: String,
    region: usize,
    multi_region: bool,
    use_case: String,
    workload: Option<String>,
}

/// The symbols of digests in names.
const SYMBOLS: &[u8] = b"0123456789bcdfghjkmnpqrstvwxyz";

const ENVS: [Env; 4] = [Env::Dev, Env::Test, Env::Staging, Env::Prod];

fn config(identity: &Identity) -> Config {
    Config {
        client: Client {
            company_name: "Company".to_owned(),
            company_prefix: CompanyPrefix::parse(&identity.prefix).unwrap(),
            account_id: AccountId::parse("123456789012").unwrap(),
            tenant_id: TenantId::parse(&identity.tenant).unwrap(),
        },
        environment: Environment {
            env: ENVS[identity.env],
            region: Region::all().nth(identity.region % Region::all().count()).unwrap(),
            multi_region: identity.multi_region,
        },
        ml_product: MlProduct {
            use_case: UseCase::parse(&identity.use_case).unwrap(),
            tier: Tier::Enterprise,
            source: Source::CodeCommit,
            product_name_override: None,
            workload: identity.workload.as_deref().map(|workload| Workload::parse(workload).unwrap()),
            alerts_email: None,
            vpc: None,
            build: Build {
                image: "aws/codebuild/standard:7.0".to_owned(),
                compute_type: "BUILD_GENERAL1_SMALL".to_owned(),
                timeout_minutes: 60,
                privileged: None,
            },
            retention: Retention { artifact_days: 90, log_days: 365 },
            source_kms_key_arn: None,
            data_lake: None,
            data_lake_kms_key_arn: None,
            load_balancer: None,
        },
        tags: [].into_iter().collect(),
    }
}

/// A field of the shape `^[a-z][a-z0-9-]*[a-z0-9]$`, hyphens included.
fn kebab() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,18}[a-z0-9]"
}

/// Techcorp's product for a use case, in prod and us-west-2.
fn techcorp(use_case: &str, workload: Option<&str>) -> Identity {
    Identity {
        prefix: "techcorp".to_owned(),
        env: 3,
        tenant: "a001".to_owned(),
        region: Region::all().position(|region| region.as_str() == "us-west-2").unwrap(),
        multi_region: false,
        use_case: use_case.to_owned(),
        workload: workload.map(ToOwned::to_owned),
    }
}

/// The config of an identity with a name of its own.
fn with_name(identity: &Identity, name: &str) -> Config {
    let mut config = config(identity);
    config.ml_product.product_name_override = Some(ProductName::parse(name).unwrap());
    config
}

fn identity() -> impl Strategy<Value = Identity> {
    (kebab(), 0..4usize, "[a-z0-9]{2,8}", 0..100usize, any::<bool>(), kebab(), proptest::option::of(kebab()))
        .prop_map(|(prefix, env, tenant, region, multi_region, use_case, workload)| Identity {
            prefix,
            env,
            tenant,
            region,
            multi_region,
            use_case,
            workload,
        })
}

/// Type, suffix and physical name of everything that a product can name.
fn all_names(names: &Names) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = blueprint(Tier::Enterprise)
        .unwrap()
        .resources
        .values()
        .filter_map(|spec| Some((spec.kind.clone(), names.physical(&spec.kind, spec.name.as_deref()?)?)))
        .collect();
    all.push(("AWS::CloudFormation::Stack".to_owned(), names.stack()));
    all
}

/// What the services say about the characters of names (their API references; CodeCommit, S3 and SageMaker are the
/// strictest).
fn is_legal(kind: &str, name: &str) -> bool {
    let word = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match kind {
        "AWS::KMS::Alias" => {
            name.strip_prefix("alias/").is_some_and(|name| word(name) && !name.starts_with("aws"))
        }
        "AWS::S3::Bucket" => {
            (3..=63).contains(&name.len())
                && word(name)
                && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !name.ends_with('-')
                && !name.ends_with("-s3alias")
                && !name.ends_with("--ol-s3")
        }
        _ => word(name) && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.ends_with('-'),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_name_is_legal_and_within_its_limit(identity in identity()) {
        for (kind, name) in all_names(&Names::new(&config(&identity))) {
            prop_assert!(name.contains("-ml-"), "{kind} {name}");
            let rule = NAME_RULES.iter().find(|rule| rule.resource_type == kind).unwrap();
            prop_assert!(name.len() <= rule.max, "{kind} {name}: {} characters", name.len());
            prop_assert!(is_legal(&kind, &name), "{kind} {name}");
        }
    }

    #[test]
    fn a_name_that_fits_is_exactly_the_pattern(identity in identity()) {
        let names = Names::new(&config(&identity));
        for (kind, suffix, base) in [
            ("AWS::IAM::Role", "codebuild-role", names.global_name()),
            ("AWS::SageMaker::ModelPackageGroup", "models", names.ml_name()),
        ] {
            let max = NAME_RULES.iter().find(|rule| rule.resource_type == kind).unwrap().max;
            let full = format!("{base}-{suffix}");
            let name = names.physical(kind, suffix).unwrap();
            if full.len() <= max {
                prop_assert_eq!(name, full);
            } else {
                let ending = format!("-ml-{suffix}");
                prop_assert!(name.ends_with(&ending));
                let (_, hash) = name.strip_suffix(&ending).unwrap().rsplit_once('-').unwrap();
                prop_assert!(hash.len() == 12 && hash.bytes().all(|b| SYMBOLS.contains(&b)), "{}", name);
            }
        }
    }

    /// One product's names of one type never meet.
    #[test]
    fn one_product_never_names_two_things_the_same(identity in identity()) {
        let mut seen = std::collections::HashSet::new();
        for pair in all_names(&Names::new(&config(&identity))) {
            prop_assert!(seen.insert(pair.clone()), "{:?}", pair);
        }
    }

    /// Neighbours: products that differ in one field only, with long parts, where cutting would hurt.
    #[test]
    fn products_that_differ_never_share_a_name(
        prefix in "[a-z]{12,20}", tenant in "[a-z][0-9]{3}", use_case in "[a-z]{12,20}", workload in "[a-z]{12,20}",
        other in "[a-z]{12,20}",
    ) {
        let one = Identity { prefix, env: 3, tenant, region: 0, multi_region: true, use_case, workload: Some(workload) };
        let mut products = vec![one.clone()];
        products.push(Identity { workload: Some(other.clone()), ..one.clone() });
        products.push(Identity { workload: None, ..one.clone() });
        products.push(Identity { use_case: other.clone(), ..one.clone() });
        products.push(Identity { prefix: other, ..one.clone() });
        products.push(Identity { env: 0, ..one.clone() });
        products.push(Identity { region: 1, ..one.clone() });
        products.push(Identity { tenant: "zz".to_owned(), ..one });
        products.dedup();
        let mut owners: HashMap<(String, String), Identity> = HashMap::new();
        for product in products {
            for pair in all_names(&Names::new(&config(&product))) {
                if let Some(owner) = owners.insert(pair.clone(), product.clone()) {
                    prop_assert_eq!(&owner, &product, "{:?}", pair);
                }
            }
        }
    }

    /// The hyphen joins the parts of a name and may stand inside them. Small vocabularies make such collisions likely;
    /// every product that could be mistaken for another one is refused.
    #[test]
    fn products_that_nothing_refuses_never_share_a_name(one in ambiguous(), other in ambiguous()) {
        let (a, b) = (config(&one), config(&other));
        if blocks(&mlp_product::names::check(&a)) || blocks(&mlp_product::names::check(&b)) {
            return Ok(());
        }
        let same = |one: &Identity, other: &Identity| {
            (&one.prefix, one.env, &one.tenant, tail(one)) == (&other.prefix, other.env, &other.tenant, tail(other))
        };
        let (names, others) = (Names::new(&a), Names::new(&b));
        if names.ml_name() == others.ml_name() {
            prop_assert!(same(&one, &other) && a.environment.region == b.environment.region, "{}", names.ml_name());
        }
        if names.global_name() == others.global_name() {
            prop_assert!(same(&one, &other), "{}", names.global_name());
            prop_assert!(!one.multi_region || a.environment.region == b.environment.region, "{}", names.global_name());
        }
    }
}

/// Identities of few words, which often look like each other.
fn ambiguous() -> impl Strategy<Value = Identity> {
    let words = |words: &'static [&'static str]| {
        proptest::collection::vec(proptest::sample::select(words), 1..3).prop_map(|words| words.join("-"))
    };
    (
        words(&["aa", "prod", "c1"]),
        2..4usize,
        proptest::sample::select(&["c1", "usw2", "prod"][..]),
        0..2usize,
        any::<bool>(),
        words(&["aa", "usw2", "c1", "use1"]),
        proptest::option::of(words(&["aa", "c1"])),
    )
        .prop_map(|(prefix, env, tenant, region, multi_region, use_case, workload)| Identity {
            prefix,
            env,
            tenant: tenant.to_owned(),
            region: Region::all().position(|it| it.as_str() == ["us-west-2", "us-east-1"][region]).unwrap(),
            multi_region,
            use_case,
            workload,
        })
}

/// Use case and workload are one text in names: `a` with the workload `b-c` is the same product as `a-b` with `c`.
fn tail(identity: &Identity) -> String {
    let workload = identity.workload.iter().map(|workload| format!("-{workload}"));
    std::iter::once(identity.use_case.clone()).chain(workload).collect()
}

#[test]
fn a_config_that_could_be_mistaken_for_another_gets_a_warning() {
    let us_west = Region::all().position(|region| region.as_str() == "us-west-2").unwrap();
    let identity = |prefix: &str, use_case: &str| Identity {
        prefix: prefix.to_owned(),
        env: 3,
        tenant: "c1".to_owned(),
        region: us_west,
        multi_region: false,
        use_case: use_case.to_owned(),
        workload: None,
    };
    let paths = |identity: &Identity| -> Vec<String> {
        mlp_product::names::check(&config(identity)).into_iter().map(|finding| finding.path).collect()
    };
    assert_eq!(paths(&identity("aa-prod", "churn")), ["/client/company_prefix"]);
    assert_eq!(paths(&identity("aa", "usw2-churn")), ["/ml_product/use_case"]);
    assert_eq!(paths(&identity("xn--a", "churn")), ["/client/company_prefix"]);
    assert_eq!(paths(&identity("aa-products", "churn")), [""; 0]);
}

#[test]
fn the_example_of_the_documentation_is_shortened_the_same_way_for_ever() {
    let identity = Identity {
        prefix: "globalbank".to_owned(),
        env: 3,
        tenant: "c001".to_owned(),
        region: Region::all().position(|region| region.as_str() == "us-west-2").unwrap(),
        multi_region: false,
        use_case: "demand-forecasting".to_owned(),
        workload: Some("realtime".to_owned()),
    };
    let names = Names::new(&config(&identity));
    assert_eq!(names.ml_name(), "globalbank-prod-c001-us-west-2-demand-forecasting-realtime-ml");
    assert_eq!(
        names.physical("AWS::IAM::Role", "codepipeline-role").unwrap(),
        "globalbank-prod-c001-demand-fo-wmd7zq252sw7-ml-codepipeline-role"
    );
    let multi = Names::new(&config(&Identity { multi_region: true, ..identity }));
    assert_eq!(multi.global_name(), "globalbank-prod-c001-usw2-demand-forecasting-realtime-ml");
}

#[test]
fn an_override_replaces_the_pattern_and_keeps_the_region_code() {
    let identity = Identity {
        prefix: "edge".to_owned(),
        env: 3,
        tenant: "b001".to_owned(),
        region: Region::all().position(|region| region.as_str() == "us-west-2").unwrap(),
        multi_region: true,
        use_case: "fraud".to_owned(),
        workload: None,
    };
    let mut config = config(&identity);
    config.ml_product.product_name_override = Some(ProductName::parse("edge-fraud-ml").unwrap());
    let names = Names::new(&config);
    assert_eq!((names.ml_name(), names.global_name()), ("edge-fraud-ml", "edge-fraud-usw2-6tzcwqzdvkhb-ml"));
    assert_eq!(names.ssm_path("BucketName"), "/ml/edge-fraud-ml/BucketName");
    config.environment.multi_region = false;
    assert_eq!(Names::new(&config).global_name(), "edge-fraud-6tzcwqzdvkhb-ml");
}

/// Somebody who writes configs chooses the override, so it may be any text that another product's names begin with.
#[test]
fn an_override_never_gives_the_global_names_of_another_product() {
    let identity = techcorp("demand-forecasting", Some("realtime-decisions"));
    let victim = config(&identity);
    let named: Vec<String> = all_names(&Names::new(&victim)).into_iter().map(|(_, name)| name).collect();
    assert!(
        named.iter().any(|name| name == "techcorp-prod-a001-demand-forecas-33w0kc3411f9-ml-codebuild-role"),
        "{named:#?}"
    );
    // What every name of the victim begins with, of its cut names, too.
    let beginnings: std::collections::BTreeSet<String> = named
        .iter()
        .filter_map(|name| {
            Some(format!("{}-ml", name.strip_prefix("alias/").unwrap_or(name).split_once("-ml-")?.0))
        })
        .filter(|name| *name != Names::new(&victim).ml_name())
        .collect();
    assert!(beginnings.len() > 3, "{beginnings:#?}");
    for name in beginnings {
        for multi_region in [false, true] {
            let attacker = with_name(&Identity { multi_region, ..identity.clone() }, &name);
            if !mlp_product::names::check(&attacker).is_empty() {
                continue;
            }
            for (kind, theirs) in all_names(&Names::new(&attacker)) {
                assert!(
                    !named.contains(&theirs),
                    "the override {name} gives the {kind} {theirs} of another product"
                );
            }
        }
    }
}

#[test]
fn the_table_knows_the_longest_suffix_of_each_type() {
    for rule in NAME_RULES.iter().filter(|rule| rule.resource_type != "AWS::CloudFormation::Stack") {
        let longest = Tier::ALL
            .into_iter()
            .flat_map(|tier| blueprint(tier).unwrap().resources.values())
            .filter(|spec| spec.kind == rule.resource_type)
            .filter_map(|spec| spec.name.as_deref())
            .map(str::len)
            .max();
        assert_eq!(Some(rule.longest_suffix.len()), longest, "{}", rule.resource_type);
    }
}

#[test]
fn a_name_that_could_be_the_cut_name_of_another_product_is_refused() {
    let refused = |config: &Config| -> Vec<String> {
        let findings = mlp_product::names::check(config).into_iter();
        findings.filter(|it| it.code.as_str() == "MLP-CFG-023").map(|it| it.path).collect()
    };
    let found = |use_case: &str, workload: Option<&str>| refused(&config(&techcorp(use_case, workload)));
    // As long as names that are cut.
    assert_eq!(found("demand-forecast-4ab0", Some("x-4bb0c2345678")), ["/ml_product/workload"]);
    let long_prefix =
        Identity { prefix: "techcorp-global-inc".to_owned(), ..techcorp("forecas-4bb0c2345678", None) };
    assert_eq!(refused(&config(&long_prefix)), ["/ml_product/use_case"]);
    let long = format!("{}-4bb0c2345678-ml", "a".repeat(50));
    assert_eq!(refused(&with_name(&techcorp("churn", None), &long)), ["/ml_product/product_name_override"]);
    // What an override gets: `techcorp-prod-a001-fraud-ml` has these symbols in its global names.
    for multi_region in [false, true] {
        let other = Identity { multi_region, ..techcorp("fraud", None) };
        let names = Names::new(&with_name(&other, "techcorp-prod-a001-q-ml"));
        let taken = names.global_name();
        let use_case = taken.strip_prefix("techcorp-prod-a001-").unwrap().strip_suffix("-ml").unwrap();
        assert_eq!(found(use_case, None), ["/ml_product/use_case"], "{taken}");
    }
    // Nothing is cut to these.
    for (use_case, workload) in [
        ("decade", None),
        ("q-202401241200", None),
        ("churn-4bb0c2345678", None),
        ("churn-4bb0c2345678", Some("live")),
    ] {
        assert_eq!(found(use_case, workload), [""; 0], "{use_case}");
    }
}

/// What is as long as names that are cut, and ends otherwise: 11 and 13 symbols, and a word with a letter that is none.
#[test]
fn a_last_word_that_is_no_digest_is_nobodys() {
    let found = |word: &str, expected: usize| {
        let config = with_name(&techcorp("churn", None), &format!("{}-{word}-ml", "a".repeat(50)));
        assert_eq!(mlp_product::names::check(&config).len(), expected, "{word}");
    };
    found("4bb0c2345678", 1);
    for word in
        ["4bb0c234567", "4bb0c23456789", "distribution", "4ab0c2345678", "4bl0c2345678", "4bb0c-345678"]
    {
        found(word, 0);
    }
}

/// The symbols of a digest, as another program computes them: Python's `hashlib` and `divmod`.
#[test]
fn digests_are_those_of_the_design() {
    let names = |name: &str| {
        let names = Names::new(&with_name(&techcorp("churn", None), name));
        (names.global_name().to_owned(), names.job_prefix())
    };
    assert_eq!(
        names("edge-fraud-ml"),
        ("edge-fraud-6tzcwqzdvkhb-ml".to_owned(), "edge-f-6tzcwqzdvkhb52--".to_owned())
    );
    assert_eq!(names("a1-ml"), ("a1-8ysbxk90h7mt-ml".to_owned(), "a1-ml-8ysbxk90h7mt6n--".to_owned()));
    assert_eq!(
        names("tiny--name-ml"),
        ("tiny--name-gsfq5xbtpczh-ml".to_owned(), "tiny-gsfq5xbtpczh0k--".to_owned())
    );
    assert_eq!(
        names("techcorp-prod-a001-us-west-2-churn-ml"),
        (
            "techcorp-prod-a001-us-west-2-churn-y7cx1bfwd1hh-ml".to_owned(),
            "techco-y7cx1bfwd1hhb3--".to_owned()
        )
    );
}

/// A cut may end between hyphens; how short it can be is known all the same.
#[test]
fn a_cut_takes_at_most_one_hyphen_away() {
    for hyphens in 1..=18 {
        let workload = format!("a{}x", "-".repeat(18));
        let names = Names::new(&config(&techcorp(&format!("q{}x", "-".repeat(hyphens)), Some(&workload))));
        for rule in NAME_RULES {
            let name = names.physical(rule.resource_type, rule.longest_suffix).unwrap();
            let base = if rule.global { names.global_name() } else { names.ml_name() };
            let is_whole = name == format!("{}{base}-{}", rule.prefix, rule.longest_suffix);
            assert!(is_whole || (rule.max - 1..=rule.max).contains(&name.len()), "{name}");
        }
    }
}

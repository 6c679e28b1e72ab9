//! The schemas and the types of fields say the same: whatever the text, both take it or both refuse it.

#![expect(clippy::unwrap_used, reason = "tests may panic")]

use std::cell::Cell;
use std::path::Path;

use mlp_product::config::{
    AccountId, Build, Cidr, CompanyName, CompanyPrefix, Email, Env, Image, KmsKeyArn, ProductName, Reason,
    Retention, RouteTableId, S3Prefix, SecurityGroupId, SsmPath, SubnetId, TenantId, Tier, UseCase, VpcId,
    VpcMode, Workload,
};
use mlp_product::product::OWN_TAGS;
use mlp_template::region::Region;
use mlp_template::{codes, yaml};
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config as Settings, TestRunner};
use serde_json::{Value, json};

const FILES: [&str; 4] = [
    "config.schema.json",
    "config-starter.schema.json",
    "config-professional.schema.json",
    "config-enterprise.schema.json",
];

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Settings { cases, failure_persistence: None, ..Settings::default() })
}

fn schema(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A field type: its definition in the schemas, its parser, its words, and a shape that random texts are made near to.
struct Field {
    definition: &'static str,
    takes: fn(&str) -> bool,
    allowed: &'static str,
    near: &'static str,
}

macro_rules! field {
    ($definition:literal, $type:ty, $near:literal) => {
        Field {
            definition: $definition,
            takes: |text| <$type>::parse(text).is_ok(),
            allowed: <$type>::ALLOWED,
            near: $near,
        }
    };
}

const FIELDS: &[Field] = &[
    field!(
        "companyName",
        CompanyName,
        "[A-Za-z \t\n\u{a0}\u{85}\u{2003}éß-]{0,103}|[ab\u{61c}\u{200b}\u{200f}\u{2010}\u{2028}\u{202e}\u{202f}\u{2060}\u{206f}\u{2070}\u{feff} ]{0,4}"
    ),
    field!(
        "reason",
        Reason,
        "[a-z \t\n\u{a0}\u{200b}]{0,4}|[a\u{61c}\u{200f}\u{2028}\u{202e}\u{202f}\u{206f}\u{feff}]{0,3}|[a-z]{498,502}"
    ),
    field!("name20", CompanyPrefix, "[a-z][a-z0-9-]{0,20}[a-z0-9]?"),
    field!("name20", UseCase, "[a-z-]{0,4}[a-z0-9-]{0,20}"),
    field!("name20", Workload, "[a-z0-9-]{1,22}"),
    field!("productName", ProductName, "[a-z][a-z0-9-]{0,98}(-ml)?[a-z0-9]?"),
    field!("accountId", AccountId, "[0-9]{10,14}"),
    field!("tenantId", TenantId, "[a-z0-9]{1,10}"),
    field!(
        "email",
        Email,
        "([a-z.+'A-Z]{1,9}|[a-z]{63,65})@[a-z0-9][a-z0-9-]{0,6}(\\.[a-z0-9]{1,4}){1,3}(@[a-z])?"
    ),
    field!("email", Email, "[a-z]\\.{0,2}[a-z]?\\.?@([a-z0-9-]{61,65}\\.[a-z]{2}|[a-z]\\.[a-z]{61,65})"),
    field!(
        "image",
        Image,
        "(aws/codebuild/)?(standard|amazonlinux2?-(x86_64|aarch64)-standard|[a-z0-9/._-]{0,9}):[0-9]{0,2}\\.?[0-9]{0,2}(-[0-9.]{0,5})?"
    ),
    field!(
        "s3Prefix",
        S3Prefix,
        "(xn--|sthree-|amzn-s3-demo-)?[a-z0-9]{1,9}[a-z0-9.-]{0,2}[a-z0-9](-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)?(/[a-zA-Z0-9._=()-]{1,4}){0,3}/?|[a-z]{61,65}(/a)?"
    ),
    field!("s3Prefix", S3Prefix, "[a-z]{3}/[a-z]{400}/[a-z]{578,586}"),
    field!(
        "kmsKeyArn",
        KmsKeyArn,
        "arn:aws[a-z-]{0,6}:kms:[a-z0-9-]{1,12}:[0-9]{11,13}:key/(mrk-[0-9a-f]{31,33}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{3,4}-[0-9a-f]{12})"
    ),
    field!("s3Prefix", S3Prefix, "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}(/a)?"),
    field!(
        "ssmPath",
        SsmPath,
        "(/aws|/AWS|/ssm|/SSm|/aws/service|/aws/reference/secretsmanager|/aws/services)?(/[a-zA-Z0-9_.-]{0,3}){0,17}"
    ),
    field!("ssmPath", SsmPath, "/[a-z]{1007,1012}"),
    field!("vpcId", VpcId, "vpc-[0-9a-g]{7,9}|vpc-[0-9a-f]{16,18}|vpc-[0-9A-F]{8}"),
    field!("subnetId", SubnetId, "subnet-[0-9a-f]{7,9}|subnet-[0-9a-f]{16,18}"),
    field!("securityGroupId", SecurityGroupId, "sg-[0-9a-f]{7,9}|sg-[0-9a-f]{16,18}"),
    field!("routeTableId", RouteTableId, "rtb-[0-9a-f]{7,9}|rtb-[0-9a-f]{16,18}"),
];

fn definition(name: &str) -> Value {
    ["config.schema.json", "config-enterprise.schema.json"]
        .into_iter()
        .find_map(|file| schema(file).pointer(&format!("/$defs/{name}")).cloned())
        .unwrap()
}

/// Texts near to a shape: some fit, some are one character away, some are anything.
fn texts(near: &str) -> impl Strategy<Value = String> + use<> {
    let spoiled =
        (string_regex(near).unwrap(), any::<prop::sample::Index>(), "[A-Za-z0-9 ./@:_\n\u{0}\u{7f}é$*-]")
            .prop_map(|(text, at, extra)| {
                let at = at.index(text.chars().count() + 1);
                text.chars().take(at).chain(extra.chars()).chain(text.chars().skip(at + 1)).collect()
            });
    prop_oneof![4 => string_regex(near).unwrap(), 3 => spoiled, 1 => any::<String>()]
}

#[test]
fn a_schema_and_its_type_take_the_same_texts() {
    for Field { definition: name, takes, near, .. } in FIELDS {
        let validator = jsonschema::validator_for(&definition(name)).unwrap();
        let taken = Cell::new(0);
        let outcome = runner(500).run(&texts(near), |text| {
            taken.set(taken.get() + u32::from(takes(&text)));
            prop_assert_eq!(validator.is_valid(&json!(text)), takes(&text), "{:?}", text);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            (15..485).contains(&taken.get()),
            "{name}: {} of 500 texts fit, which tests little",
            taken.get()
        );
    }
}

/// The schema says the shape only: that no bit is set behind the prefix is arithmetic.
#[test]
fn a_network_fits_its_schema_and_an_address_with_a_prefix_fits_it_too() {
    let validator = jsonschema::validator_for(&definition("cidr")).unwrap();
    let near = "(10|25[0-9]|[0-9]{1,2})\\.(0|[0-9]{1,2})\\.(0|01|[0-9]{1,3})\\.(0|[0-9])/(8|16|24|08|[0-9]{1,2}|\\+8)";
    let networks = Cell::new(0);
    let outcome = runner(2000).run(&texts(near), |text| {
        let has_shape = validator.is_valid(&json!(text));
        prop_assert_eq!(Cidr::around(&text).is_some(), has_shape, "{:?}", text);
        if let Ok(network) = Cidr::parse(&text) {
            prop_assert!(has_shape);
            prop_assert_eq!(Cidr::around(&text), Some(network));
            networks.set(networks.get() + 1);
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(networks.get() > 20, "{}", networks.get());
}

#[test]
fn a_network_around_an_address_has_no_bits_behind_its_prefix() {
    for (text, network) in [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3/0", "0.0.0.0/0"),
        ("10.1.2.3/32", "10.1.2.3/32"),
        ("172.31.255.1/20", "172.31.240.0/20"),
    ] {
        assert_eq!(Cidr::around(text).unwrap().as_str(), network);
    }
}

#[test]
fn a_schema_and_its_type_have_the_same_words() {
    for field in FIELDS {
        assert_eq!(definition(field.definition)["x-allowed"], field.allowed, "{}", field.definition);
    }
    assert_eq!(definition("cidr")["x-allowed"], Cidr::ALLOWED);
    assert_eq!(
        schema("config.schema.json")["$defs"]["environment"]["properties"]["region"]["x-allowed"],
        Region::ALLOWED
    );
}

#[test]
fn choices_and_their_types_are_the_same() {
    let common = schema("config.schema.json");
    let enterprise = schema("config-enterprise.schema.json");
    assert_eq!(common["$defs"]["environment"]["properties"]["env"]["enum"], json!(Env::ALL.map(Env::as_str)));
    assert_eq!(
        common["$defs"]["mlProduct"]["properties"]["tier"]["enum"],
        json!(Tier::ALL.map(Tier::as_str))
    );
    let modes = &enterprise["$defs"]["vpcIntegration"]["properties"]["mode"]["enum"];
    for mode in modes.as_array().unwrap() {
        assert!(VpcMode::parse(mode.as_str().unwrap()).is_some(), "{mode}");
    }
    let regions: Vec<_> = Region::all().map(|region| region.to_string()).collect();
    let examples = &common["$defs"]["environment"]["properties"]["region"]["examples"];
    assert_eq!(*examples, json!(regions), "editors offer these");
}

#[test]
fn defaults_in_the_schemas_are_the_ones_that_are_used() {
    let common = schema("config.schema.json");
    let default = |block: &str, key: &str| common["$defs"][block]["properties"][key]["default"].clone();
    let (build, retention) = (Build::default(), Retention::default());
    assert_eq!(default("build", "image"), build.image);
    assert_eq!(default("build", "compute_type"), build.compute_type);
    assert_eq!(default("build", "timeout_minutes"), build.timeout_minutes);
    assert_eq!(default("build", "privileged_mode"), build.privileged.is_some());
    assert_eq!(default("retention", "artifact_days"), retention.artifact_days);
    assert_eq!(default("retention", "log_days"), retention.log_days);
    let enterprise = schema("config-enterprise.schema.json");
    let cidr = &enterprise["$defs"]["vpcIntegration"]["properties"]["endpoint_ingress_cidr"]["default"];
    assert_eq!(*cidr, Cidr::default().as_str());
}

#[test]
fn a_product_may_have_as_many_tags_as_its_own_leave_free() {
    assert_eq!(schema("config.schema.json")["$defs"]["tags"]["maxProperties"], 50 - OWN_TAGS);
}

/// What editors show: every field explains itself, and every example and default fits its field.
#[test]
fn every_field_has_a_title_and_examples_that_fit() {
    let mut fields = 0;
    for file in FILES {
        let schema = schema(file);
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            let properties =
                definition["properties"].as_object().filter(|_| definition["additionalProperties"] == false);
            for (key, field) in
                properties.into_iter().flatten().filter(|(_, field)| field["title"].is_string())
            {
                fields += 1;
                let mut texts: Vec<&Value> = field["examples"].as_array().into_iter().flatten().collect();
                texts.extend(field.get("default"));
                let inlined = inline(field);
                let validator = jsonschema::validator_for(&inlined).unwrap();
                for text in texts {
                    assert!(validator.is_valid(text), "{file} {name}.{key}: {text}");
                }
            }
        }
    }
    assert!(fields > 25, "{fields}");
}

/// A field's schema with its definitions in place.
fn inline(field: &Value) -> Value {
    let name = |reference: &Value| reference.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut field = field.clone();
    if let Some(reference) = field.as_object_mut().unwrap().remove("$ref") {
        field.as_object_mut().unwrap().extend(definition(&name(&reference)).as_object().unwrap().clone());
    }
    if let Some(items) = field.get_mut("items") {
        *items = definition(&name(&items["$ref"]));
    }
    field
}

/// So that every message has words, and every code that a schema names is one.
#[test]
fn every_rule_of_the_schemas_has_its_words_and_every_code_exists() {
    fn walk(file: &str, schema: &Value) {
        if let Some(code) = schema.get("x-code") {
            assert!(codes::ALL.iter().any(|info| info.code == code), "{file}: {code}");
        }
        let has = |keyword: &str| schema.get(keyword).is_some_and(|value| !value.is_object());
        if ["pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"]
            .into_iter()
            .any(has)
        {
            assert!(schema.get("x-allowed").is_some(), "{file}: {schema}");
        }
        match schema {
            Value::Object(members) => members.values().for_each(|member| walk(file, member)),
            Value::Array(entries) => entries.iter().for_each(|entry| walk(file, entry)),
            _ => {}
        }
    }
    for file in FILES {
        walk(file, &schema(file));
    }
}

/// Editors see the empty text that says "none"; the program leaves empty values out before it validates.
#[test]
fn an_optional_path_is_a_path_or_empty() {
    let path = definition("ssmPath")["pattern"].as_str().unwrap().to_owned();
    assert_eq!(definition("ssmPathOrEmpty")["pattern"], format!("^$|{path}"));
}

/// For editors: one file is enough for a config, and it says the same as the common one.
#[test]
fn the_schema_of_a_tier_stands_on_its_own() {
    let base = "file:///schemas/";
    let schemas = FILES.map(|file| (format!("{base}{file}"), schema(file)));
    for (tier, folder) in
        [("starter", "starter"), ("professional", "professional"), ("enterprise", "enterprise")]
    {
        let registry = jsonschema::Registry::new().extend(schemas.clone()).unwrap().prepare().unwrap();
        let reference = json!({ "$ref": format!("{base}config-{tier}.schema.json") });
        let validator = jsonschema::options().offline().with_registry(&registry).build(&reference).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/examples").join(folder);
        for example in std::fs::read_dir(path).unwrap() {
            let bytes = std::fs::read(example.unwrap().path()).unwrap();
            let mut config = yaml::load(&bytes, &yaml::Limits::config()).unwrap().to_json();
            let errors: Vec<_> = validator.iter_errors(&config).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
            config["ml_product"]["tier"] = json!("other");
            assert!(!validator.is_valid(&config));
        }
    }
}

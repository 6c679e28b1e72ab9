//! What holds for every template with products, and for every request.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use mlp_product::config::{self, Config, Field, KmsKeyArn, Source, VpcIds};
use mlp_product::expand::{self, Expanded, Input, Lookups, Status};
use mlp_product::generate;
use mlp_product::product::{Product, RoleBoundary};
use mlp_template::printable::is_hidden;
use mlp_template::template::references::{self, Reference};
use mlp_template::template::{Template, Value};
use mlp_template::yaml::Node;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn configs() -> Vec<(String, Config)> {
    let folders = [
        "configs/examples/starter",
        "configs/examples/professional",
        "configs/examples/enterprise",
        "tests/golden/products",
    ];
    let mut configs: Vec<(String, Config)> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.display().to_string(), config::load(&fs::read(path).unwrap()).unwrap().config))
        .collect();
    configs.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(configs.len() > 30);
    configs
}

/// The value of a field; a YAML config defers none.
fn known<T>(field: &Field<T>) -> &T {
    field.known().unwrap()
}

/// The properties that say what a config says.
fn properties(config: &Config) -> Json {
    let (client, environment, product) = (&config.client, &config.environment, &config.ml_product);
    let mut json = json!({
        "CompanyName": client.company_name, "CompanyPrefix": client.company_prefix.as_str(),
        "TenantId": client.tenant_id.as_str(), "Environment": environment.env.as_str(),
        "MultiRegion": environment.multi_region, "UseCase": product.use_case.as_str(),
        "Tier": product.tier.as_str(), "SourceControl": product.source.as_str(),
        "Tags": config.tags.iter().map(|(key, tag)| (key.clone(), json!(known(tag)))).collect::<Json>(),
        "Build": {
            "Image": product.build.image, "ComputeType": product.build.compute_type,
            "TimeoutMinutes": product.build.timeout_minutes, "PrivilegedMode": product.build.privileged.is_some(),
        },
        "Retention": { "ArtifactDays": product.retention.artifact_days, "LogDays": product.retention.log_days },
    });
    let mut set = |pointer: &str, value: Option<Json>| {
        if let Some(value) = value {
            let (block, key) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(block).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        }
    };
    set("/Build/PrivilegedJustification", product.build.privileged.as_ref().map(|reason| json!(reason)));
    set("/ProductNameOverride", product.product_name_override.as_ref().map(|name| json!(name.as_str())));
    set("/Workload", product.workload.as_ref().map(|workload| json!(workload.as_str())));
    set("/AlertsEmail", product.alerts_email.as_ref().map(|email| json!(known(email).as_str())));
    // The generated template refers to these by its own template parameters; here the user's are called the same.
    set("/DataLake", product.data_lake.as_ref().map(|_| json!({ "Ref": "DataLakeBucketName" })));
    set("/LoadBalancer", product.load_balancer.as_ref().map(|_| json!({ "Ref": "LoadBalancerArn" })));
    let key = |key: &Option<Field<KmsKeyArn>>| key.as_ref().map(|key| json!(known(key).as_str()));
    set("/SourceKmsKeyArn", key(&product.source_kms_key_arn));
    set("/DataLakeKmsKeyArn", key(&product.data_lake_kms_key_arn));
    if let Source::S3 { bucket, prefix } = &product.source {
        let place = if prefix.is_empty() { bucket.clone() } else { format!("{bucket}/{prefix}") };
        set("/S3Prefix", Some(json!(place)));
    }
    if let Some(vpc) = &product.vpc {
        let mut block = json!({
            "Mode": vpc.mode.as_str(), "EndpointIngressCidr": vpc.endpoint_ingress_cidr.to_string(),
            "EndpointPrivateDns": vpc.endpoint_private_dns,
        });
        let reference = |name: &str| json!({ "Ref": name });
        let ids = match &vpc.ids {
            VpcIds::Direct { vpc, subnets, security_group, route_tables } => [
                ("VpcId", Some(json!(known(vpc).as_str()))),
                ("SubnetIds", Some(known(subnets).iter().map(|id| json!(known(id).as_str())).collect())),
                ("SecurityGroupId", security_group.as_ref().map(|id| json!(known(id).as_str()))),
                (
                    "RouteTableIds",
                    (!route_tables.is_empty())
                        .then(|| known(route_tables).iter().map(|id| json!(known(id).as_str())).collect()),
                ),
            ],
            VpcIds::ParameterStore { security_group, route_tables, .. } => [
                ("VpcId", Some(reference("VpcId"))),
                ("SubnetIds", Some(reference("SubnetIds"))),
                ("SecurityGroupId", security_group.as_ref().map(|_| reference("SecurityGroupId"))),
                ("RouteTableIds", route_tables.as_ref().map(|_| reference("RouteTableIds"))),
            ],
        };
        for (key, value) in ids {
            if let Some(value) = value {
                block.as_object_mut().unwrap().insert(key.to_owned(), value);
            }
        }
        set("/VpcIntegration", Some(block));
    }
    json
}

fn expand_as(id: &str, config: &Config) -> Expanded {
    let fragment = json!({ "Resources": { id: { "Type": expand::TYPE, "Properties": properties(config) } } });
    let input = Input {
        fragment: Node::from_json_text(&fragment.to_string()).unwrap(),
        parameters: IndexMap::new(),
        account_id: config.client.account_id.to_string(),
        region: config.environment.region.to_string(),
        permissions_boundary: None,
        loop_order: expand::LoopOrder::After,
        language_extensions: None,
    };
    expand::plan(input).expand(&Lookups::new()).unwrap()
}

/// A template whose names of its own resources have `prefix` in front.
fn prefixed(template: &Template, prefix: &str) -> Vec<(String, Json)> {
    let own = |name: &str| template.resources.contains_key(name).then(|| format!("{prefix}{name}"));
    let rename = |mut value: Value| {
        references::rewrite(&mut value, &mut |reference| match reference {
            Reference::Name { name, .. } => own(name).map(Value::Ref),
            Reference::Attribute { name, attribute: Some(attribute), .. } => {
                own(name).map(|name| Value::GetAtt(name, attribute.to_owned()))
            }
            _ => None,
        });
        value
    };
    template
        .resources
        .iter()
        .map(|(id, resource)| {
            let properties = rename(Value::Map(resource.properties.clone())).to_json();
            let resource = json!({
                "Type": resource.kind, "Properties": properties,
                "DeletionPolicy": resource.deletion_policy.as_ref().map(Value::to_json),
                "UpdateReplacePolicy": resource.update_replace_policy.as_ref().map(Value::to_json),
            });
            (format!("{prefix}{id}"), resource)
        })
        .collect()
}

#[test]
fn a_product_is_the_template_of_the_same_config_with_its_id_in_front() {
    for (name, config) in configs() {
        let mut product = Product::new(&config).unwrap();
        // A macro can't add the template parameter that names the boundary.
        product.inputs.permissions_boundary = RoleBoundary::Own;
        let generated = generate::template(&product).unwrap();
        let expanded = expand_as("Fraud", &config);
        let made: Vec<(String, Json)> = expanded
            .made()
            .map(|(id, resource)| {
                let resource = json!({
                    "Type": resource.kind, "Properties": Value::Map(resource.properties.clone()).to_json(),
                    "DeletionPolicy": resource.deletion_policy.as_ref().map(Value::to_json),
                    "UpdateReplacePolicy": resource.update_replace_policy.as_ref().map(Value::to_json),
                });
                (id.to_owned(), resource)
            })
            .collect();
        for (made, generated) in made.iter().zip(prefixed(&generated, "Fraud")) {
            assert_eq!(*made, generated, "{name}");
        }
        assert_eq!(made.len(), generated.resources.len(), "{name}");
    }
}

#[test]
fn json_written_at_once_is_the_json_of_the_typed_template() {
    for (name, config) in configs() {
        let expanded = expand_as("Fraud", &config);
        let direct: Json = serde_json::from_str(expanded.json().get()).unwrap();
        for (id, resource) in expanded.made() {
            assert_eq!(
                direct["Resources"][id]["Properties"],
                Value::Map(resource.properties.clone()).to_json(),
                "{name}: {id}"
            );
        }
    }
}

/// Every `Ref`, `Fn::GetAtt` and `${}` that names something, anywhere.
fn named(template: &Json) -> Vec<String> {
    let (template, _) = mlp_template::template::read::from_json(template);
    let mut names = Vec::new();
    template.references(&mut |_, reference, _| match reference {
        Reference::Name { name, .. } | Reference::Attribute { name, .. } | Reference::DependsOn(name) => {
            names.push(name.to_owned());
        }
        _ => {}
    });
    names
}

/// A value that may refer to the product in every way there is.
fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(json!("Fraud")),
        Just(json!(1.5)),
        Just(json!(null)),
        Just(json!({ "Ref": "Fraud" })),
        Just(json!({ "Ref": "Topic" })),
        select(vec!["BucketName", "KmsKeyArn", "MlName", "ArtifactsBucket", "KmsKey.Arn"])
            .prop_map(|name| json!({ "Fn::GetAtt": ["Fraud", name] })),
        Just(json!({ "Fn::GetAtt": "Fraud.BucketName" })),
        vec(
            select(vec![
                "${Fraud}",
                "${Fraud.BucketName}",
                "${!Fraud.X}",
                "${Topic}",
                "$",
                "{",
                "}",
                "${AWS::Region}",
                "a"
            ]),
            0..5
        )
        .prop_map(|parts| json!({ "Fn::Sub": parts.concat() })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::Array),
            vec((select(vec!["A", "B", "Ref2", "Name"]), inner.clone()), 0..4).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
            inner.clone().prop_map(|value| json!({ "Fn::Join": [",", [value]] })),
            inner.clone().prop_map(|value| json!({ "Fn::If": ["Here", value, { "Ref": "AWS::NoValue" }] })),
            inner.prop_map(
                |value| json!({ "Fn::Sub": ["${Fraud}${Inner}${Fraud.KmsKeyArn}", { "Inner": value }] })
            ),
        ]
    })
}

fn enterprise() -> Json {
    json!({ "Type": expand::TYPE, "Properties": {
        "CompanyPrefix": "globalbank", "TenantId": "c001", "Environment": "prod", "UseCase": "fraud", "Tier": "enterprise",
        "SourceControl": "codecommit", "AlertsEmail": "a@b.example", "Tags": { "owner": "a" },
        "VpcIntegration": { "Mode": "standalone", "VpcId": "vpc-0a1b2c3d", "SubnetIds": ["subnet-0a1b2c3d"] },
    } })
}

fn request(fragment: &Json) -> Vec<u8> {
    json!({
        "requestId": "r", "region": "us-west-2", "accountId": "123456789012", "templateParameterValues": {}, "params": {},
        "fragment": fragment,
    })
    .to_string()
    .into_bytes()
}

proptest! {
    #[test]
    fn no_reference_to_a_product_is_left(value in value()) {
        let fragment = json!({
            "Conditions": { "Here": { "Fn::Equals": ["a", "a"] } },
            "Resources": {
                "Fraud": enterprise(),
                "Topic": { "Type": "AWS::SNS::Topic", "DependsOn": ["Fraud"], "Properties": { "TopicName": value } },
            },
            "Outputs": { "Out": { "Value": value } },
        });
        let answer = serde_json::to_value(expand::respond(&request(&fragment), &Lookups::new())).unwrap();
        prop_assert_eq!(&answer["status"], "success", "{}", answer);
        prop_assert!(!named(&answer["fragment"]).contains(&"Fraud".to_owned()), "{}", answer["fragment"]["Outputs"]);
    }

    #[test]
    fn what_names_no_product_goes_out_as_it_came_in(
        resources in vec(("[A-Z][a-z]{2,6}", value()), 0..5), numbers in vec("-?[1-9][0-9]{0,30}(\\.[0-9]{1,5})?(e[0-9]{1,3})?", 3)
    ) {
        // Nothing here is a product, so nothing may change, not even the spelling of numbers.
        let resources: IndexMap<String, Json> = resources.into_iter().collect();
        let text = format!(
            r#"{{"Zeta":[{}],"Resources":{},"Alpha":{{"Ref":"Fraud"}}}}"#,
            numbers.join(","),
            serde_json::to_string(&resources).unwrap()
        );
        let request = format!(r#"{{"requestId":1.0,"region":"us-west-2","accountId":"123456789012","fragment":{text}}}"#);
        let answer = expand::respond(request.as_bytes(), &Lookups::new());
        prop_assert_eq!(answer.request_id.get(), "1.0");
        let fragment = answer.fragment.unwrap();
        prop_assert_eq!(fragment.get(), text);
    }

    #[test]
    fn any_bytes_get_a_well_formed_answer(bytes in vec(any::<u8>(), 0..200)) {
        well_formed(&bytes)?;
    }

    #[test]
    fn any_fields_get_a_well_formed_answer(
        fields in vec((select(vec!["requestId", "fragment", "region", "accountId", "params", "templateParameterValues"]), value()), 0..7)
    ) {
        let fields: IndexMap<&str, Json> = fields.into_iter().collect();
        well_formed(serde_json::to_string(&fields).unwrap().as_bytes())?;
    }

    #[test]
    fn any_product_gets_a_well_formed_answer(
        properties in vec((select(vec!["CompanyPrefix", "TenantId", "Tier", "Tags", "VpcIntegration", "Build", "DataLake", "AlertsEmail", "X"]), value()), 0..5),
        attributes in vec((select(vec!["DependsOn", "Condition", "DeletionPolicy", "Metadata", "Properties", "X"]), value()), 0..3),
    ) {
        let mut product = enterprise();
        for (key, value) in properties {
            product["Properties"][key] = value;
        }
        for (key, value) in attributes {
            product[key] = value;
        }
        well_formed(&request(&json!({ "Resources": { "Fraud": product, "Topic": { "Type": "AWS::SNS::Topic" } } })))?;
    }
}

/// What CloudFormation takes for an answer, and what a person wants to read.
fn well_formed(request: &[u8]) -> Result<(), TestCaseError> {
    let answer = expand::respond(request, &Lookups::new());
    prop_assert_eq!(answer.status == Status::Success, answer.fragment.is_some());
    prop_assert_eq!(answer.status == Status::Failed, answer.error_message.is_some());
    if let Some(message) = answer.error_message {
        prop_assert!(!message.contains("internal error"), "{}", message);
        prop_assert!((1..=1_000).contains(&message.chars().count()), "{}", message);
        prop_assert!(!message.contains(is_hidden) && !message.contains(['\n', '\t']), "{}", message);
    }
    Ok(())
}

#[test]
fn a_message_shows_characters_that_nobody_sees_by_their_number() {
    let properties = json!({"Tier": "a\u{1b}[2J\u{202e}b\u{200b}\u{ad}\u{e0041}", "\u{2066}x": 1});
    let fragment = json!({"Resources": {"Fraud": {"Type": "MLProvisioner::MLOps::MLProduct", "Properties": properties}}});
    let request = request(&fragment);
    well_formed(&request).unwrap();
    let message = expand::respond(&request, &Lookups::new()).error_message.unwrap();
    assert!(message.contains("[U+202E]") && message.contains("[U+2066]"), "{message}");
}

#[test]
fn nesting_without_end_gets_an_answer() {
    for depth in [100, 1_000, 1_000_000] {
        let fragment = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let request = format!(
            r#"{{"requestId":"1","region":"us-west-2","accountId":"123456789012","fragment":{{"Resources":{fragment}}}}}"#
        );
        assert_eq!(expand::respond(request.as_bytes(), &Lookups::new()).status, Status::Failed);
    }
}

#[test]
fn a_template_that_grows_over_the_limit_is_refused_with_its_size() {
    let text = "x".repeat(200_000);
    let note = |index: usize| {
        (format!("Note{index}"), json!({ "Type": "AWS::SNS::Topic", "Metadata": { "Note": text } }))
    };
    let mut resources: serde_json::Map<String, Json> = (0..5).map(note).collect();
    let few = expand::respond(&request(&json!({ "Resources": resources })), &Lookups::new());
    assert_eq!(few.status, Status::Success);
    resources.insert("Fraud".to_owned(), enterprise());
    let more = expand::respond(&request(&json!({ "Resources": resources })), &Lookups::new());
    let message = more.error_message.unwrap();
    assert!(
        message.starts_with("the template has 10") && message.contains("CloudFormation allows 1048576"),
        "{message}"
    );
}

/// Whatever stands in `Ref` and in the properties is put out in the fragment's order.
#[test]
fn sections_and_resources_keep_their_order() {
    let fragment = json!({
        "Outputs": {}, "Resources": { "Zeta": { "Type": "AWS::SNS::Topic" }, "Fraud": enterprise(), "Alpha": { "Type": "AWS::SNS::Topic" } },
        "Parameters": { "P": { "Type": "String" } }, "Description": "d",
    });
    let answer = expand::respond(&request(&fragment), &Lookups::new());
    let fragment: Json = serde_json::from_str(answer.fragment.unwrap().get()).unwrap();
    let keys = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    // Metadata has no place of its own in this template: before the first section that it stands before in most.
    assert_eq!(keys(&fragment), ["Metadata", "Outputs", "Resources", "Parameters", "Description"]);
    let resources = keys(&fragment["Resources"]);
    assert_eq!((resources.first().unwrap().as_str(), resources.last().unwrap().as_str()), ("Zeta", "Alpha"));
    assert_eq!(resources.len(), 43);
}

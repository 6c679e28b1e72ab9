//! Macro requests with many products.
//!
//! `cargo xtask bench`, or `cargo bench -p mlp-product --bench expand`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use divan::Bencher;
use mlp_product::expand::{self, Lookups, Status};
use serde_json::{Value, json};

/// As in what is deployed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // The first request of a process compiles the schemas and reads the tier files.
    let answer = expand::respond(&request(1, "enterprise"), &Lookups::new());
    assert!(answer.status == Status::Success, "{:?}", answer.error_message);
    divan::main();
}

/// A request with so many products, a bucket of the user's own for each and an output for each.
fn request(products: usize, tier: &str) -> Vec<u8> {
    let mut resources = serde_json::Map::new();
    let mut outputs = serde_json::Map::new();
    for index in 0..products {
        let id = format!("Product{index}");
        let mut properties = json!({
            "CompanyPrefix": "globalbank", "TenantId": "c001", "Environment": { "Ref": "Stage" },
            "UseCase": format!("case-{index}"), "Tier": tier, "SourceControl": "s3", "S3Prefix": "sources/models",
            "Tags": { "cost_center": "Fraud", "project": "Cards", "owner": { "Ref": "Owner" } },
        });
        if tier == "enterprise" {
            properties["AlertsEmail"] = json!({ "Ref": "Owner" });
            properties["VpcIntegration"] = json!({
                "Mode": "standalone", "VpcId": { "Ref": "Vpc" }, "SubnetIds": { "Ref": "Subnets" },
                "EndpointPrivateDns": index == 0,
            });
        }
        let bucket = json!({
            "Type": "AWS::S3::Bucket", "DependsOn": id,
            "Properties": { "BucketName": { "Fn::Sub": format!("${{{id}}}-${{AWS::AccountId}}") } },
        });
        outputs.insert(
            format!("{id}Registry"),
            json!({ "Value": { "Fn::GetAtt": [id, "ModelPackageGroupArn"] } }),
        );
        resources.insert(id.clone(), json!({ "Type": expand::TYPE, "Properties": properties }));
        if products < 12 || tier != "enterprise" {
            resources.insert(format!("{id}Data"), bucket);
        }
    }
    let request: Value = json!({
        "region": "us-west-2", "accountId": "123456789012", "transformId": "123456789012::MLProvisioner", "params": {},
        "requestId": "5dba79b5-f117-4de0-9ce4-d40363bfb6ab",
        "templateParameterValues": { "Stage": "prod", "Owner": "ml@globalbank.example", "Vpc": "vpc-0a1b2c3d", "Subnets": ["subnet-0a1b2c3d"] },
        "fragment": {
            "Parameters": {
                "Stage": { "Type": "String" }, "Owner": { "Type": "String" }, "Vpc": { "Type": "AWS::EC2::VPC::Id" },
                "Subnets": { "Type": "List<AWS::EC2::Subnet::Id>" },
            },
            "Resources": resources, "Outputs": outputs,
        },
    });
    request.to_string().into_bytes()
}

/// Request bytes to answer bytes.
#[divan::bench(args = [1, 12])]
fn enterprise_products(bencher: Bencher<'_, '_>, products: usize) {
    let request = request(products, "enterprise");
    bencher.bench(|| answered(&request));
}

/// Request bytes to answer bytes.
#[divan::bench(args = [1, 12])]
fn starter_products(bencher: Bencher<'_, '_>, products: usize) {
    let request = request(products, "starter");
    bencher.bench(|| answered(&request));
}

/// A template that is no business of ours.
#[divan::bench]
fn template_of_300_resources_without_products(bencher: Bencher<'_, '_>) {
    let topic = |index: usize| {
        let properties = json!({ "TopicName": { "Fn::Sub": format!("${{AWS::StackName}}-{index}") } });
        (format!("Topic{index}"), json!({ "Type": "AWS::SNS::Topic", "Properties": properties }))
    };
    let resources: serde_json::Map<String, Value> = (0..300).map(topic).collect();
    let request = json!({
        "region": "us-west-2", "accountId": "123456789012", "requestId": "1", "fragment": { "Resources": resources },
    });
    let request = request.to_string().into_bytes();
    bencher.bench(|| answered(&request));
}

fn answered(request: &[u8]) -> Vec<u8> {
    // As the function does it.
    let request = expand::Request::read(divan::black_box(request));
    assert!(request.needs().is_empty());
    let answer = request.respond(&Lookups::new());
    serde_json::to_vec(&answer).unwrap()
}

//! VPC endpoints and who may reach them.

use mlp_template::error::InternalError;
use mlp_template::template::{Map, Value, map};

use super::policy::{Statement, document};
use super::{Built, Context};
use crate::product::VpcInputs;

fn vpc<'a>(cx: &Context<'a>) -> Result<&'a VpcInputs, InternalError> {
    cx.product.inputs.vpc.as_ref().ok_or_else(|| cx.bug("needs a VPC, and the config has none"))
}

/// The security group of endpoints and builds: the product's own, or the SG provisioner's.
pub(super) fn security_group_id(cx: &Context<'_>) -> Result<Value, InternalError> {
    match (cx.product.of_type("AWS::EC2::SecurityGroup"), &vpc(cx)?.security_group_id) {
        (Some(own), _) => Ok(cx.get_att(own, "GroupId")),
        (None, Some(given)) => Ok(given.clone()),
        (None, None) => Err(cx.bug("needs a security group, and there is none")),
    }
}

/// `AWS::EC2::SecurityGroup`: HTTPS in from the config's network, HTTPS out.
///
/// Out is needed because builds work with the same group: they reach repositories, package indexes and the endpoints.
/// DNS and time of the VPC are not subject to security groups.
pub(super) fn security_group(cx: &Context<'_>) -> Built {
    let vpc = vpc(cx)?;
    let https = |cidr: &str, description: &str| {
        Value::list([Value::map([
            ("IpProtocol", Value::str("tcp")),
            ("FromPort", Value::Int(443)),
            ("ToPort", Value::Int(443)),
            ("CidrIp", Value::str(cidr)),
            ("Description", Value::str(description)),
        ])])
    };
    Ok(map([
        ("GroupName", cx.name()?),
        // Can't be changed without a replacement, so it says nothing that could change.
        ("GroupDescription", Value::str("VPC endpoints and builds of an ML product")),
        ("VpcId", vpc.vpc_id.clone()),
        ("SecurityGroupIngress", https(&vpc.ingress_cidr, "HTTPS to the endpoints")),
        (
            "SecurityGroupEgress",
            https("0.0.0.0/0", "HTTPS from builds to endpoints, repositories and package indexes"),
        ),
        ("Tags", cx.tag_list()),
    ]))
}

/// `AWS::EC2::VPCEndpoint`, interface or gateway as the tier file says.
pub(super) fn endpoint(cx: &Context<'_>) -> Built {
    let vpc = vpc(cx)?;
    let service = cx.link(cx.spec.links.service.as_deref(), "service")?;
    let mut properties = map([
        ("ServiceName", service_name(cx.product.region.partition(), service)),
        ("VpcId", vpc.vpc_id.clone()),
    ]);
    let interface = cx.spec.properties.get("VpcEndpointType").is_some_and(|kind| kind == "Interface");
    if interface {
        properties.insert("SubnetIds".to_owned(), vpc.subnet_ids.clone());
        properties.insert("SecurityGroupIds".to_owned(), Value::list([security_group_id(cx)?]));
        properties.insert("PrivateDnsEnabled".to_owned(), vpc.private_dns.into());
    } else if let Some(tables) = &vpc.route_table_ids {
        properties.insert("RouteTableIds".to_owned(), tables.clone());
    }
    properties.extend(endpoint_policy(service));
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

/// SageMaker is reached only for this account's own principals: nothing leaves through somebody else's credentials.
///
/// STS and S3 keep the default policy on purpose. Requests without a principal (web identities, public package
/// repositories in S3) would be refused, for everybody in the VPC.
fn endpoint_policy(service: &str) -> Map {
    if !service.starts_with("sagemaker.") {
        return Map::default();
    }
    let statement = Statement::allow("OwnAccountOnly", ["sagemaker:*"], [Value::str("*")])
        .to(Value::str("*"))
        .when("StringEquals", "aws:PrincipalAccount", Value::reference("AWS::AccountId"));
    map([("PolicyDocument", document([statement]))])
}

/// The endpoint service's name. Its beginning depends on the partition: in China, services other than S3 have a prefix of
/// their own (`describe-vpc-endpoint-services` there lists `cn.com.amazonaws.cn-north-1.sts` beside
/// `com.amazonaws.cn-north-1.s3`), and in the isolated partitions SageMaker has the partition's reversed domain.
///
/// Source: `VPC_ENDPOINT_SERVICE_EXCEPTIONS` in aws/aws-cdk, `packages/aws-cdk-lib/aws-ec2/lib/vpc-endpoint.ts`; aws/aws-cdk#16139.
fn service_name(partition: &str, service: &str) -> Value {
    Value::sub(&service_name_in(partition, "${AWS::Region}", service))
}

/// The same in a region.
pub fn service_name_in(partition: &str, region: &str, service: &str) -> String {
    let prefix = match partition {
        "aws-cn" if service != "s3" => "cn.com.amazonaws",
        "aws-iso" if service.starts_with("sagemaker.") => "gov.ic.c2s",
        "aws-iso-b" if service.starts_with("sagemaker.") => "gov.sgov.sc2s",
        _ => "com.amazonaws",
    };
    format!("{prefix}.{region}.{service}")
}

//! What must be there before a change set is made, and what must not.
//!
//! What is needed follows from the config; what is there is looked up by the caller.

use std::collections::BTreeMap;

use mlp_aws::s3::versions::Bucket;
use mlp_product::actions::Suite;
use mlp_product::config;
use mlp_product::expand::{Lookups, ParameterPaths, Wanted};
use mlp_product::generate::network::service_name_in;
use mlp_product::product::Product;
use mlp_template::codes;
use mlp_template::error::InternalError;
use mlp_template::finding::Finding;
use mlp_template::template::Value;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a product needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Preflight {
    product: Product,
    wanted: Wanted,
    source_bucket: Option<String>,
    own_bucket: Option<String>,
}

/// The network that a product lives in, and what EC2 says of it. The state machine asks EC2 and puts the answers in here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The VPC's id.
    pub vpc_id: String,
    /// The subnets' ids.
    pub subnet_ids: Vec<String>,
    /// The security group's id, if the product makes none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The route tables' ids, if the S3 endpoint gets routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_table_ids: Vec<String>,
    /// The paths in Parameter Store that ids are from, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, String>,
    /// `DescribeVpcs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpcs: Option<Seen>,
    /// `DescribeSubnets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Seen>,
    /// `DescribeSecurityGroups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Seen>,
    /// `DescribeRouteTables`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_tables: Option<Seen>,
    /// The endpoint services of the product: the interface endpoints' first, S3's last.
    #[serde(default)]
    pub services: Vec<String>,
    /// How many of them are interface endpoints'.
    #[serde(default)]
    pub interfaces: usize,
    /// Whether they answer under the services' own names.
    #[serde(default)]
    pub private_dns: bool,
    /// The region whose private hosted zones are looked up: only for endpoints with private names, and only where Route 53
    /// lists the zones of a VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_region: Option<String>,
    /// `ListHostedZonesByVPC`, its first page of 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zones: Option<Seen>,
    /// Who may reach them, if the product makes its own security group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress_cidr: Option<String>,
    /// The endpoints that the product's stack has already.
    #[serde(default)]
    pub own_endpoints: Vec<String>,
    /// `DescribeVpcEndpoints`: those of the VPC for the product's services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Seen>,
    /// `DescribeVpcEndpoints`: how many interface endpoints the VPC has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_endpoints: Option<Counted>,
    /// `DescribeVpcEndpointServices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_services: Option<Seen>,
    /// `DescribeVpcAttribute`: `enableDnsSupport`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_support: Option<Switch>,
    /// `DescribeVpcAttribute`: `enableDnsHostnames`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_hostnames: Option<Switch>,
    /// The error outputs of calls that failed, by what they ask for: the deployment goes on without them.
    #[serde(default)]
    pub refused: BTreeMap<String, Json>,
}

/// A number of things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many.
    pub count: usize,
}

/// An attribute of a VPC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Whether it is on.
    pub value: bool,
}

/// What EC2 answered: of the ids that were asked for those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// As the API spells them.
    pub found: Vec<Json>,
}

/// Interface and Gateway Load Balancer endpoints that a VPC takes, if nobody has raised the quota. Sources: AWS `PrivateLink`
/// Guide, "AWS `PrivateLink` quotas"; AWS General Reference, "Amazon VPC endpoints and quotas".
const ENDPOINTS: usize = 50;

const NETWORK: &str = "/ml_product/vpc_integration";

impl Network {
    /// What is missing, belongs to another VPC, or shares a zone. What was not looked up counts as present.
    ///
    /// An id that comes from Parameter Store is called by its path: no message contains a looked-up value.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |id: &str, (direct, stored): (&str, &str), message: String, help: &str| {
            let key = if self.paths.contains_key(id) { stored } else { direct };
            findings.push(Finding::error(codes::PRE_NETWORK, format!("{NETWORK}/{key}"), message).help(help));
        };
        let missing = |name: String| format!("{name} doesn't exist in this account and region");
        let there = "name one of this account and region";
        let vpc = self.vpc_id.as_str();
        if lacks(self.vpcs.as_ref(), "VpcId", vpc) {
            let keys = ("vpc_id", "vpc_parameter_store_path");
            add(vpc, keys, missing(self.name("the VPC", vpc, None)), there);
        }
        let of_list = |position: usize, ids: &[String]| (ids.len() > 1).then_some(position + 1);
        let mut zones: BTreeMap<&str, String> = BTreeMap::new();
        for (position, id) in self.subnet_ids.iter().enumerate() {
            let Some(seen) = &self.subnets else { break };
            let keys = ("subnet_ids", "subnet_parameter_store_path");
            let name = self.name("the subnet", id, of_list(position, &self.subnet_ids));
            let Some(subnet) = seen.find("SubnetId", id) else {
                add(id, keys, missing(name), there);
                continue;
            };
            let text = |key: &str| subnet.get(key).and_then(Json::as_str).unwrap_or_default();
            if text("VpcId") != vpc {
                let message = self.elsewhere(&name, id, text("VpcId"));
                add(id, keys, message, "name subnets of the product's VPC");
            }
            let zone = text("AvailabilityZone");
            if let Some(other) = zones.insert(zone, name.clone()) {
                let message =
                    format!("{other} and {name} are both in `{zone}`; an endpoint takes one a zone");
                add(id, keys, message, "name subnets of different availability zones");
            }
        }
        if let (Some(id), Some(seen)) = (&self.group_id, &self.groups) {
            let keys = ("security_group_id", "sg_parameter_store_path");
            let name = self.name("the security group", id, None);
            match seen.find("GroupId", id).map(|it| it.get("VpcId").and_then(Json::as_str)) {
                None => add(id, keys, missing(name), "name a security group of the product's VPC"),
                Some(Some(other)) if other != vpc => {
                    let message = self.elsewhere(&name, id, other);
                    add(id, keys, message, "name a security group of the product's VPC");
                }
                Some(_) => {}
            }
        }
        for (position, id) in self.route_table_ids.iter().enumerate() {
            let Some(seen) = &self.route_tables else { break };
            let keys = ("route_table_ids", "route_table_parameter_store_path");
            let name = self.name("the route table", id, of_list(position, &self.route_table_ids));
            let message = match seen.find("RouteTableId", id).map(|it| it.get("VpcId").and_then(Json::as_str))
            {
                None => missing(name),
                Some(Some(other)) if other != vpc => self.elsewhere(&name, id, other),
                Some(_) => continue,
            };
            add(id, keys, message, "name route tables of the product's VPC");
        }
        if lacks(self.vpcs.as_ref(), "VpcId", vpc) {
            return findings;
        }
        findings.extend(self.check_endpoints());
        findings.extend(self.check_hosted_zones());
        findings.extend(self.check_zones());
        findings.extend(self.check_access());
        let help = "nothing else depends on it. If it is refused, update the suite: its template has the permissions; a policy of the \
                    organization may refuse the call too";
        findings.extend(self.refused.iter().map(|(what, error)| could_not_look(NETWORK, what, error, help)));
        findings
    }

    /// A finding of what would fail when endpoints are created, or cut them off. Of a product that has its endpoints it is a
    /// warning: it must not stand in the way of an update that is about something else.
    fn finding(&self, path: String, message: String, help: &str) -> Finding {
        let make = if self.own_endpoints.is_empty() { Finding::error } else { Finding::warning };
        make(codes::PRE_NETWORK, path, message).help(help)
    }

    /// Endpoints of others, with the names and routes that the product's would have; and the VPC's DNS attributes.
    ///
    /// Sources: AWS `PrivateLink` Guide, "Access an AWS service using an interface VPC endpoint" (DNS attributes, one private
    /// name); `hashicorp/terraform-provider-aws` issues 17535 and 17269 (conflicting DNS domain); Amazon EC2 API Reference, "Error
    /// codes" (`RouteAlreadyExists`), eksctl-io/eksctl#2510 (route to S3).
    fn check_endpoints(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let private_dns = format!("{NETWORK}/endpoint_private_dns");
        let switches = [("enableDnsSupport", self.dns_support), ("enableDnsHostnames", self.dns_hostnames)];
        for (attribute, switch) in switches.into_iter().filter(|_| self.private_dns) {
            if switch.is_some_and(|switch| !switch.value) {
                let vpc = self.name("the VPC", &self.vpc_id, None);
                let message = format!("`{attribute}` of {vpc} is off; endpoints with private names need it");
                let help =
                    "switch it on with `aws ec2 modify-vpc-attribute`, or set `endpoint_private_dns: false`";
                findings.push(self.finding(private_dns.clone(), message, help));
            }
        }
        for endpoint in self.endpoints.iter().flat_map(|seen| &seen.found) {
            let text = |key: &str| endpoint.get(key).and_then(Json::as_str).unwrap_or_default();
            let (id, service) = (text("VpcEndpointId"), text("ServiceName"));
            let is_gone = ["deleted", "deleting", "failed", "rejected", "expired"]
                .iter()
                .any(|state| text("State").eq_ignore_ascii_case(state));
            if is_gone || self.own_endpoints.iter().any(|own| own == id) {
                continue;
            }
            let has_name = endpoint.get("PrivateDnsEnabled").and_then(Json::as_bool) == Some(true);
            let is_interface = self.services.iter().take(self.interfaces).any(|it| it == service);
            if self.private_dns && has_name && is_interface {
                let message = format!(
                    "the VPC has the endpoint `{id}` for `{service}` already, with the private name that the product's would have"
                );
                let help = "set `endpoint_private_dns: false`, so that builds use the endpoints that are there; or remove theirs";
                findings.push(Finding::error(codes::PRE_COLLISION, private_dns.clone(), message).help(help));
            }
            let tables = endpoint.get("RouteTableIds").and_then(Json::as_array).into_iter().flatten();
            for table in tables.filter_map(Json::as_str).filter(|_| text("VpcEndpointType") == "Gateway") {
                let Some(position) = self.route_table_ids.iter().position(|id| id == table) else { continue };
                let position = (self.route_table_ids.len() > 1).then_some(position + 1);
                let name = self.name("the route table", table, position);
                let key = if self.paths.contains_key(table) {
                    "route_table_parameter_store_path"
                } else {
                    "route_table_ids"
                };
                let message = format!(
                    "{name} has a route to `{service}` already, through the endpoint `{id}`; it takes one"
                );
                let help =
                    "leave this route table out: what uses it reaches S3 through the endpoint that is there";
                findings.push(
                    Finding::error(codes::PRE_COLLISION, format!("{NETWORK}/{key}"), message).help(help),
                );
            }
        }
        if let Some(Counted { count }) = self.all_endpoints
            && self.own_endpoints.is_empty()
            && count + self.interfaces > ENDPOINTS - ENDPOINTS / 10
        {
            let message = format!(
                "the VPC has {count} interface endpoints and the product makes {} more; a VPC takes {ENDPOINTS} if nobody has raised \
                 the quota",
                self.interfaces
            );
            let help = "look at the quota \"Interface VPC endpoints per VPC\" in Service Quotas";
            findings.push(Finding::warning(codes::PRE_QUOTA, NETWORK, message).help(help));
        }
        findings
    }

    /// Private hosted zones of the account with a private name of one of the endpoints. Zones of AWS services are left out:
    /// [`Self::check_endpoints`] finds those of endpoints, and a VPC can't be removed from them.
    ///
    /// Sources: `hashicorp/terraform-provider-aws` issue 17535 ("private-dns-enabled cannot be set because there is already a
    /// conflicting DNS domain") and issue 37783 (a VPC takes one zone of a name, endpoints' zones included); Route 53 API
    /// Reference, `DisassociateVPCFromHostedZone` (`OwningAccount`, `OwningService`). A zone of a parent domain is no conflict:
    /// Route 53 Developer Guide, "Considerations when working with a private hosted zone" (the most specific name wins).
    fn check_hosted_zones(&self) -> Vec<Finding> {
        let (Some(zones), Some(services)) = (&self.hosted_zones, &self.endpoint_services) else {
            return Vec::new();
        };
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let mut findings = Vec::new();
        for zone in zones.found.iter().filter(|zone| zone.pointer("/Owner/OwningAccount").is_some()) {
            let text = |key: &str| zone.get(key).and_then(Json::as_str).unwrap_or_default();
            let name = plain(text("Name"));
            let of_zone = |service: &&Json| {
                let listed = service.get("PrivateDnsNames").and_then(Json::as_array).into_iter().flatten();
                let all = listed.chain(std::iter::once(*service)).filter_map(|it| it.get("PrivateDnsName"));
                all.filter_map(Json::as_str).any(|it| plain(it) == name)
            };
            let wanted = services.found.iter().filter_map(|it| Some((it, it.get("ServiceName")?.as_str()?)));
            let mut wanted = wanted
                .filter(|(_, service)| self.services.iter().take(self.interfaces).any(|it| it == service));
            let Some((_, service)) = wanted.find(|(it, _)| of_zone(it)) else { continue };
            let message = format!(
                "the VPC has the private hosted zone `{}` for `{name}`, which is the private name of the endpoint for `{service}`",
                text("HostedZoneId")
            );
            let help = "set `endpoint_private_dns: false`, so that the zone answers as before; or take the VPC out of the zone with \
                        `aws route53 disassociate-vpc-from-hosted-zone`";
            let make = if self.own_endpoints.is_empty() { Finding::error } else { Finding::warning };
            let path = format!("{NETWORK}/endpoint_private_dns");
            findings.push(make(codes::PRE_COLLISION, path, message).help(help));
        }
        findings
    }

    /// Zones that an endpoint service isn't in. Sources: AWS `PrivateLink` Guide, "Access an AWS service using an interface VPC
    /// endpoint" (subnets); Amazon EC2 API Reference, `DescribeVpcEndpointServices` (`AvailabilityZones`).
    fn check_zones(&self) -> Vec<Finding> {
        let (Some(services), Some(subnets)) = (&self.endpoint_services, &self.subnets) else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        for service in self.services.iter().take(self.interfaces) {
            let is_interface = |it: &&Json| {
                let kinds = it.get("ServiceType").and_then(Json::as_array);
                it.get("ServiceName").and_then(Json::as_str) == Some(service)
                    && kinds.is_none_or(|kinds| {
                        kinds.iter().any(|kind| kind.get("ServiceType").is_some_and(|it| it == "Interface"))
                    })
            };
            let Some(found) = services.found.iter().find(is_interface) else { continue };
            let zones: Vec<&str> = found
                .get("AvailabilityZones")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            for (position, id) in self.subnet_ids.iter().enumerate().filter(|_| !zones.is_empty()) {
                let subnet = subnets.find("SubnetId", id);
                let zone = subnet.and_then(|it| it.get("AvailabilityZone")?.as_str());
                let Some(zone) = zone.filter(|zone| !zones.contains(zone)) else { continue };
                let position = (self.subnet_ids.len() > 1).then_some(position + 1);
                let name = self.name("the subnet", id, position);
                let key =
                    if self.paths.contains_key(id) { "subnet_parameter_store_path" } else { "subnet_ids" };
                let message = format!(
                    "{name} is in `{zone}`, and the endpoint service `{service}` isn't; it is in {}",
                    zones.iter().map(|zone| format!("`{zone}`")).collect::<Vec<_>>().join(", ")
                );
                findings.push(self.finding(
                    format!("{NETWORK}/{key}"),
                    message,
                    "name subnets of zones that have all of the product's endpoint services",
                ));
            }
        }
        findings
    }

    /// Whether the VPC's own addresses reach the endpoints on 443. With private names the services are reached through them by
    /// everything in the VPC.
    fn check_access(&self) -> Vec<Finding> {
        let blocks: Vec<&str> = self
            .vpcs
            .iter()
            .filter_map(|seen| seen.find("VpcId", &self.vpc_id))
            .flat_map(blocks_of)
            .collect();
        let overlaps = |cidr: &str| {
            let Some(range) = range(cidr) else { return false };
            blocks.iter().filter_map(|block| self::range(block)).any(|it| it.0 <= range.1 && range.0 <= it.1)
        };
        let vpc = self.name("the VPC", &self.vpc_id, None);
        if let Some(cidr) = self.ingress_cidr.as_deref().filter(|_| !blocks.is_empty()) {
            let path = format!("{NETWORK}/endpoint_ingress_cidr");
            let help = format!(
                "give `endpoint_ingress_cidr` a block that contains the VPC's: {}",
                blocks.join(", ")
            );
            let is_within = |block: &&&str| {
                self::range(block)
                    .zip(range(cidr))
                    .is_none_or(|(it, allowed)| allowed.0 <= it.0 && it.1 <= allowed.1)
            };
            if !overlaps(cidr) {
                let message =
                    format!("`{cidr}` contains no address of {vpc}, so nothing in it reaches the endpoints");
                return vec![self.finding(path, message, &help)];
            }
            let outside: Vec<&str> = blocks.iter().filter(|block| !is_within(block)).copied().collect();
            if !outside.is_empty() {
                let message = format!(
                    "{} of {vpc} is not within `{cidr}`; these addresses don't reach the endpoints",
                    outside.join(", ")
                );
                return vec![Finding::warning(codes::PRE_NETWORK, path, message).help(help)];
            }
        }
        let (Some(id), Some(seen)) = (&self.group_id, &self.groups) else { return Vec::new() };
        let Some(rules) = seen.find("GroupId", id).and_then(|it| it.get("IpPermissions")?.as_array()) else {
            return Vec::new();
        };
        let name = self.name("the security group", id, None);
        let key = if self.paths.contains_key(id) { "sg_parameter_store_path" } else { "security_group_id" };
        let path = format!("{NETWORK}/{key}");
        let help = "add a rule: TCP 443 in, from the group itself or from the VPC's addresses";
        let https: Vec<&Json> = rules.iter().filter(|rule| allows_https(rule)).collect();
        if https.is_empty() {
            let message = format!("{name} lets nobody in on port 443, so nothing reaches the endpoints");
            return vec![self.finding(path, message, help)];
        }
        let from_vpc = |rule: &&Json| {
            let list = |key: &str| rule.get(key).and_then(Json::as_array).into_iter().flatten();
            ["UserIdGroupPairs", "PrefixListIds", "Ipv6Ranges"].iter().any(|key| list(key).next().is_some())
                || list("IpRanges").filter_map(|it| it.get("CidrIp")?.as_str()).any(overlaps)
        };
        if blocks.is_empty() || https.iter().any(from_vpc) {
            return Vec::new();
        }
        let message = format!("{name} lets nobody of {vpc} in on port 443");
        vec![Finding::warning(codes::PRE_NETWORK, path, message).help(help)]
    }

    /// What a message calls an id: itself, or its place in Parameter Store. `position` counts from 1 in a list.
    fn name(&self, what: &str, id: &str, position: Option<usize>) -> String {
        match (self.paths.get(id), position) {
            (None, _) => format!("{what} `{id}`"),
            (Some(path), None) => format!("{what} in the SSM parameter `{path}`"),
            (Some(path), Some(position)) => {
                format!("{what} at position {position} in the SSM parameter `{path}`")
            }
        }
    }

    /// Something that belongs to another VPC than the product.
    fn elsewhere(&self, name: &str, id: &str, other: &str) -> String {
        match self.paths.get(id) {
            None => format!("{name} is in `{other}`, not in `{}`", self.vpc_id),
            Some(_) => format!("{name} is not in the product's VPC"),
        }
    }
}

/// Whether Route 53 lists the private hosted zones of a VPC in a region's partition. Sources: Route 53 API Reference,
/// `ListHostedZonesByVPC` ("supported partitions"); the same text in botocore's model.
fn lists_zones(region: &config::Region) -> bool {
    ["aws", "aws-cn", "aws-us-gov"].contains(&region.partition())
}

/// The blocks of IPv4 addresses of a VPC.
fn blocks_of(vpc: &Json) -> Vec<&str> {
    let associated = vpc.get("CidrBlockAssociationSet").and_then(Json::as_array).into_iter().flatten();
    let is_there = |it: &&Json| {
        let state = it.pointer("/CidrBlockState/State").and_then(Json::as_str);
        state.is_none_or(|state| state.eq_ignore_ascii_case("associated"))
    };
    let mut blocks: Vec<&str> =
        associated.filter(is_there).filter_map(|it| it.get("CidrBlock")?.as_str()).collect();
    let main = vpc.get("CidrBlock").and_then(Json::as_str);
    blocks.extend(main.filter(|main| !blocks.contains(main)));
    blocks
}

/// The first and the last address of a block.
fn range(cidr: &str) -> Option<(u32, u32)> {
    let (address, bits) = cidr.split_once('/')?;
    let address = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let mask = u32::MAX.checked_shr(bits).unwrap_or_default();
    Some((address & !mask, address | mask))
}

/// Whether a rule of a security group lets TCP connections to port 443 through.
fn allows_https(rule: &Json) -> bool {
    let port = |key: &str| rule.get(key).and_then(Json::as_i64);
    match rule.get("IpProtocol").and_then(Json::as_str) {
        Some("-1") => true,
        Some("tcp" | "6") => {
            port("FromPort").is_none_or(|from| from <= 443) && port("ToPort").is_none_or(|to| to >= 443)
        }
        _ => false,
    }
}

/// A look that failed: the deployment goes on, and CloudFormation finds what it would have found.
fn could_not_look(path: &str, what: &str, error: &Json, help: &str) -> Finding {
    let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default();
    let why = format!("{} {}", text("Error"), mlp_product::expand::shortened(text("Cause"), 300));
    let message = format!("{what} could not be looked at: {}", why.trim());
    Finding::warning(codes::PRE_NETWORK, path, message).help(help)
}

/// What a new product takes of the account's quotas, and what AWS says of them. The state machine asks and puts the answers
/// in here.
///
/// Sources: IAM API Reference, `GetAccountSummary`; IAM User Guide, "IAM and AWS STS quotas". AWS CodePipeline User Guide,
/// "Quotas in AWS CodePipeline" (300 polling pipelines a region, fixed), in its English and its Chinese edition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Roles that the product has.
    pub roles: usize,
    /// Managed policies of its own.
    pub policies: usize,
    /// Pipelines, which poll for changes.
    pub pipelines: usize,
    /// `GetAccountSummary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Summary>,
    /// `ListPipelines`, its first page: the names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Seen>,
    /// The error outputs of calls that failed.
    #[serde(default)]
    pub refused: BTreeMap<String, Json>,
}

/// What IAM counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As the API spells it: `Roles`, `RolesQuota`, ...
    pub counts: BTreeMap<String, Json>,
}

impl Quotas {
    /// Quotas that are nearly exhausted: more than nine tenths would be used.
    pub fn check(&self) -> Vec<Finding> {
        const POLLING: usize = 300;
        let mut findings = Vec::new();
        let mut add = |message: String, help: &str| {
            findings.push(Finding::warning(codes::PRE_QUOTA, "", message).help(help));
        };
        let of_account = self.account.as_ref().map(|account| &account.counts);
        for (what, has, limit, more) in [
            ("roles", "Roles", "RolesQuota", self.roles),
            ("managed policies", "Policies", "PoliciesQuota", self.policies),
        ] {
            let count = |key: &str| {
                let value = of_account.and_then(|counts| counts.get(key))?;
                value
                    .as_u64()
                    .or_else(|| value.as_str()?.parse().ok())
                    .and_then(|it| usize::try_from(it).ok())
            };
            if let (Some(has), Some(limit)) = (count(has), count(limit))
                && more > 0
                && has + more > limit - limit / 10
            {
                add(
                    format!("the account has {has} of {limit} {what}, and the product makes {more} more"),
                    "ask for a higher quota in Service Quotas, or remove what nobody needs",
                );
            }
        }
        if let Some(listed) = &self.listed {
            let all = listed.found.len();
            let ours = |it: &&Json| {
                let name = it.as_str().unwrap_or_default();
                name.ends_with("-build-pipeline") || name.ends_with("-deploy-pipeline")
            };
            let ours = listed.found.iter().filter(ours).count();
            if self.pipelines > 0 && all + self.pipelines > POLLING - POLLING / 10 {
                let or_more = if all >= POLLING { " or more" } else { "" };
                add(
                    format!(
                        "the region has {all}{or_more} pipelines, of which {ours} are named as products' are, and the product makes {} \
                         more; CodePipeline polls for {POLLING} in a region, and never for more",
                        self.pipelines
                    ),
                    "pipelines that events start don't count; put further products into another region or account",
                );
            }
        }
        findings.extend(self.refused.iter().map(|(what, error)| {
            let help = match what.as_str() {
                "roles" => {
                    "the deployment goes on. `aws iam get-account-summary` compares Roles with RolesQuota, and Policies with PoliciesQuota"
                }
                _ => "the deployment goes on. `aws codepipeline list-pipelines` lists the region's pipelines, of which 300 may poll",
            };
            Finding { code: codes::PRE_QUOTA, ..could_not_look("", what, error, help) }
        }));
        findings
    }
}

/// The role that CloudFormation takes on, and what IAM says of it. The state machine asks IAM and puts the answer in here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name, without its path.
    pub name: String,
    /// Its trust policy: `GetRole`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Trust>,
    /// The error output of that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Json>,
}

/// What IAM answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The trust policy as JSON, which IAM hands out percent-encoded.
    pub policy: Json,
}

impl Role {
    /// The role of an ARN, `arn:<partition>:iam::<account>:role/<path><name>`; nothing for anything else.
    ///
    /// ```
    /// # use mlp_operations::deploy::preflight::Role;
    /// let role = Role::of("arn:aws:iam::123456789012:role/service/deployer").unwrap();
    /// assert_eq!(role.name, "deployer");
    /// ```
    pub fn of(arn: &str) -> Option<Self> {
        let (_, path) = arn.split_once(":role/")?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Self { name: name.to_owned(), ..Self::default() })
    }

    /// Whether CloudFormation may take it on. That it could not be looked at is a warning: then the order of the change set
    /// tells.
    pub fn check(&self) -> Option<Finding> {
        const SERVICE: &str = "cloudformation.amazonaws.com";
        let name = &self.name;
        if let Some(refused) = &self.refused {
            let text = |key: &str| refused.get(key).and_then(Json::as_str).unwrap_or_default();
            if text("Error").contains("NoSuchEntity") {
                let message = format!("there is no role `{name}`, which CloudFormation is to take on");
                let help = "create it, or set the suite's parameter `ServiceRoleArn` to one that is there";
                return Some(Finding::error(codes::PRE_ROLE, "", message).help(help));
            }
            let why = format!("{} {}", text("Error"), mlp_product::expand::shortened(text("Cause"), 300));
            let message = format!("the service role `{name}` could not be looked at: {}", why.trim());
            let help = "allow `iam:GetRole` on it to the role of the state machine";
            return Some(Finding::warning(codes::PRE_ROLE, "", message).help(help));
        }
        let policy = &self.seen.as_ref()?.policy;
        let decoded = match policy.as_str() {
            Some(text) => {
                let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
                serde_json::from_str(&text).unwrap_or_default()
            }
            None => policy.clone(),
        };
        let statements = match decoded.get("Statement") {
            Some(Json::Array(all)) => all.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let trusts = |statement: &Json| {
            let has = |value: Option<&Json>, wanted: &[&str]| match value {
                Some(Json::String(text)) => wanted.iter().any(|it| it.eq_ignore_ascii_case(text)),
                Some(Json::Array(all)) => all
                    .iter()
                    .filter_map(Json::as_str)
                    .any(|text| wanted.iter().any(|it| it.eq_ignore_ascii_case(text))),
                _ => false,
            };
            let principal = statement.get("Principal");
            statement.get("Effect").and_then(Json::as_str) == Some("Allow")
                && has(statement.get("Action"), &["sts:AssumeRole", "sts:*", "*"])
                && (has(principal, &["*"])
                    || has(principal.and_then(|it| it.get("Service")), &[SERVICE, "*"]))
        };
        if statements.iter().any(trusts) {
            return None;
        }
        let message = format!(
            "the service role `{name}` doesn't trust `{SERVICE}`, so CloudFormation can't take it on"
        );
        let help = "add a statement to its trust policy: Effect Allow, Action sts:AssumeRole, Principal Service \
                    cloudformation.amazonaws.com";
        Some(Finding::error(codes::PRE_ROLE, "", message).help(help))
    }
}

impl Seen {
    fn find(&self, key: &str, id: &str) -> Option<&Json> {
        self.found.iter().find(|it| it.get(key).and_then(Json::as_str) == Some(id))
    }
}

fn lacks(seen: Option<&Seen>, key: &str, id: &str) -> bool {
    seen.is_some_and(|seen| seen.find(key, id).is_none())
}

impl Preflight {
    /// What the product of a config needs; nothing for a config with mistakes. `test` is the workload of a `test-deploy`.
    ///
    /// # Errors
    ///
    /// Only for our own defects.
    pub fn of(config: &[u8], test: Option<&str>) -> Result<Option<Self>, InternalError> {
        let (_, product) =
            mlp_product::actions::deployed_product("preflight", config, &Suite::default(), test)?;
        let (Some(product), Ok(loaded)) = (product, config::load(config)) else { return Ok(None) };
        let source_bucket = match &product.source {
            config::Source::S3 { bucket, .. } => Some(bucket.clone()),
            config::Source::CodeCommit => None,
        };
        let own_bucket = product.of_type("AWS::S3::Bucket").and_then(|id| product.physical_name(id).ok());
        Ok(Some(Self { wanted: Wanted::of(&loaded.config), product, source_bucket, own_bucket }))
    }

    /// Leaves out the SSM paths that the suite doesn't allow, with a finding for each: they are never looked up.
    pub fn within(&mut self, paths: &ParameterPaths) -> Vec<Finding> {
        let findings = self.wanted.within(paths).into_iter();
        findings.map(|finding| Finding { code: codes::PRE_SSM, ..finding }).collect()
    }

    /// The SSM parameters that the stack reads.
    pub fn ssm_paths(&self) -> Vec<String> {
        self.wanted.paths().map(str::to_owned).collect()
    }

    /// The bucket that the pipelines read from, if it isn't the product's own business.
    pub fn source_bucket(&self) -> Option<&str> {
        self.source_bucket.as_deref()
    }

    /// The bucket that the stack makes.
    pub fn own_bucket(&self) -> Option<&str> {
        self.own_bucket.as_deref()
    }

    /// SSM parameters that are missing, or whose value has not the shape that its use requires.
    pub fn check_parameters(&self, found: &Lookups) -> Vec<Finding> {
        let findings = self.wanted.put_into(&mut self.product.clone(), found);
        let named = |finding: Finding| {
            Finding { code: codes::PRE_SSM, ..finding }
                .help("store it with `aws ssm put-parameter`, or name another path in the config")
        };
        findings.into_iter().map(named).collect()
    }

    /// What a new product takes of the account's quotas.
    pub fn quotas(&self) -> Quotas {
        let count = |kind: &str| self.product.resources.values().filter(|spec| spec.kind == kind).count();
        Quotas {
            roles: count("AWS::IAM::Role"),
            policies: count("AWS::IAM::ManagedPolicy"),
            pipelines: count("AWS::CodePipeline::Pipeline"),
            ..Quotas::default()
        }
    }

    /// The endpoint services of the product, as EC2 names them: interface endpoints' or gateways'.
    fn services(&self, interface: bool) -> impl Iterator<Item = String> {
        let (partition, region) = (self.product.region.partition(), self.product.region.to_string());
        let specs = self.product.resources.values().filter(|spec| spec.kind == "AWS::EC2::VPCEndpoint");
        let wanted = specs.filter(move |spec| {
            spec.properties.get("VpcEndpointType").is_some_and(|kind| kind == "Interface") == interface
        });
        wanted
            .filter_map(|spec| spec.links.service.as_deref())
            .map(move |service| service_name_in(partition, &region, service))
    }

    /// The network, with the ids that Parameter Store holds now; nothing for a product without one, or with paths that can't
    /// be read.
    pub fn network(&self, found: &Lookups) -> Option<Network> {
        let mut product = self.product.clone();
        if !self.wanted.put_into(&mut product, found).is_empty() {
            return None;
        }
        let vpc = product.inputs.vpc?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let Value::List(subnets) = &vpc.subnet_ids else { return None };
        let paths = found.iter().filter_map(|(path, value)| Some((path, value.as_ref().ok()?)));
        let paths = paths
            .flat_map(|(path, value)| value.split(',').map(move |id| (id.trim().to_owned(), path.clone())));
        Some(Network {
            vpc_id: text(&vpc.vpc_id)?,
            subnet_ids: subnets.iter().filter_map(text).collect(),
            group_id: vpc.security_group_id.as_ref().and_then(text),
            route_table_ids: match &vpc.route_table_ids {
                Some(Value::List(ids)) => ids.iter().filter_map(text).collect(),
                _ => Vec::new(),
            },
            interfaces: self.services(true).count(),
            services: self.services(true).chain(self.services(false)).collect(),
            private_dns: vpc.private_dns,
            dns_region: (vpc.private_dns && lists_zones(&self.product.region))
                .then(|| self.product.region.to_string()),
            ingress_cidr: vpc.security_group_id.is_none().then(|| vpc.ingress_cidr.clone()),
            paths: paths
                .filter(|(id, _)| ["vpc-", "subnet-", "sg-", "rtb-"].iter().any(|it| id.starts_with(it)))
                .collect(),
            ..Network::default()
        })
    }

    /// Sources and data that would be in the suite's own bucket, whatever it is called. No message contains a looked-up
    /// value.
    pub fn check_suite_bucket(&self, suite: &str, found: &Lookups) -> Vec<Finding> {
        let finding = |path: &str, message: String| {
            Finding::error(codes::RESERVED_BUCKET, path, message).help("name another bucket")
        };
        let source = (self.source_bucket.as_deref() == Some(suite)).then(|| {
            finding(
                "/ml_product/s3_prefix",
                format!("`{suite}` is the suite's own bucket, so it can't hold the sources"),
            )
        });
        let lake = self.wanted.data_lake().filter(|path| {
            found.get(*path).is_some_and(|value| value.as_deref().is_ok_and(|name| name.trim() == suite))
        });
        let lake = lake.map(|path| {
            finding(
                "/ml_product/data_lake",
                format!("the SSM parameter `{path}` holds the name of the suite's own bucket, which is no data lake"),
            )
        });
        source.into_iter().chain(lake).collect()
    }

    /// The bucket of the sources. It may be filled after the deployment, so this is a warning.
    pub fn check_source(&self, bucket: &Bucket) -> Option<Finding> {
        let name = self.source_bucket.as_deref()?;
        let (message, help) = match bucket {
            Bucket::Versioned | Bucket::Hidden => return None,
            Bucket::Missing => (
                format!("there is no bucket `{name}`, which the pipelines read from"),
                "create it with versioning, and put the sources there",
            ),
            Bucket::Unversioned => (
                format!(
                    "the bucket `{name}` keeps no versions; a pipeline can't tell a new source from an old one"
                ),
                "switch versioning on: `aws s3api put-bucket-versioning`",
            ),
            // Source: AWS CodePipeline User Guide, "Add a cross-Region action in CodePipeline".
            Bucket::Elsewhere { region } => (
                format!(
                    "the bucket `{name}` is {}; a pipeline takes sources from its own only",
                    in_region(region.as_deref())
                ),
                "name a bucket of the product's region; S3 can replicate the sources into it",
            ),
        };
        Some(Finding::warning(codes::PRE_SOURCE_BUCKET, "/ml_product/s3_prefix", message).help(help))
    }

    /// The name of the product's own bucket, when there is no stack yet: nobody must have it.
    pub fn check_collision(&self, bucket: &Bucket) -> Option<Finding> {
        let name = self.own_bucket.as_deref()?;
        let message = match bucket {
            Bucket::Missing => return None,
            Bucket::Elsewhere { region } => format!(
                "there is a bucket `{name}` already, {}: without `environment.multi_region` the same product has the same \
                 global names in every region",
                in_region(region.as_deref())
            ),
            Bucket::Versioned | Bucket::Unversioned | Bucket::Hidden => {
                format!("there is a bucket `{name}` already, and no stack of this product in this region")
            }
        };
        let help = "if the product stands in another region, set `environment.multi_region: true` here; if the bucket was \
                    left behind, delete it; otherwise give the product another use case or workload";
        Some(Finding::error(codes::PRE_COLLISION, "/environment/region", message).help(help))
    }
}

fn in_region(region: Option<&str>) -> String {
    region.map_or_else(|| "in another region".to_owned(), |region| format!("in `{region}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example(name: &str) -> Preflight {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/examples");
        let config = std::fs::read(format!("{folder}/{name}")).unwrap();
        Preflight::of(&config, None).unwrap().unwrap()
    }

    #[test]
    fn every_missing_parameter_is_named_with_its_path_and_its_place_in_the_config() {
        let preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        let paths = preflight.ssm_paths();
        assert!(paths.len() >= 3, "{paths:?}");
        let mut found: Lookups =
            paths.iter().map(|path| (path.clone(), Err("there is none".to_owned()))).collect();
        let findings = preflight.check_parameters(&found);
        assert_eq!(findings.len(), paths.len());
        for (finding, path) in findings.iter().zip(&paths) {
            assert!(
                finding.message.contains(path.as_str()) && finding.path.ends_with("_parameter_store_path")
            );
        }
        found.insert(paths[0].clone(), Ok("subnet-0123456789abcdef0".to_owned()));
        let wrong = preflight.check_parameters(&found);
        assert!(wrong[0].message.contains("but must hold"), "{}", wrong[0].message);
    }

    #[test]
    fn a_path_outside_of_what_the_suite_allows_is_refused_and_never_looked_up() {
        let mut preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        assert_eq!(preflight.within(&ParameterPaths::parse("/vpc/*,/sg/*,/s3/*,/lb/*,/ml/*")), []);
        let all = preflight.ssm_paths();
        let findings = preflight.within(&ParameterPaths::parse("/vpc/*,/s3/*"));
        assert_eq!(
            findings.iter().map(|it| (it.code.as_str(), it.path.as_str())).collect::<Vec<_>>(),
            [("MLP-PRE-001", "/ml_product/vpc_integration/sg_parameter_store_path")]
        );
        assert_eq!(
            findings[0].message,
            "the SSM path `/sg/ml/SecurityGroupId` is outside of the suite's `ParameterPaths`; allowed is a path like \
             `/vpc/*` or `/s3/*`"
        );
        assert_eq!(preflight.ssm_paths().len(), all.len() - 1);
    }

    #[test]
    fn a_data_lake_and_a_load_balancer_must_be_what_policies_and_builds_take_them_for() {
        let config = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/products/starter-data-lake-and-load-balancer.yaml"
        ));
        let preflight = Preflight::of(&config.unwrap(), None).unwrap().unwrap();
        let paths = preflight.ssm_paths();
        let (lake, balancer) = ("/s3/lake/BucketName", "/lb/ml/LoadBalancerArn");
        let wrong = |path: &str, value: &str| {
            assert!(paths.iter().any(|it| it == path), "{paths:?}");
            let found = Lookups::from([(path.to_owned(), Ok(value.to_owned()))]);
            let findings = preflight.check_parameters(&found);
            let of_path = format!("the SSM parameter `{path}` ");
            findings.into_iter().find(|it| it.message.starts_with(&of_path)).map(|it| it.message)
        };
        for good in ["globalbank-data-lake", "a.b-3"] {
            assert_eq!(wrong(lake, good), None, "{good}");
        }
        for bad in [
            "*",
            "bucket/*",
            "arn:aws:s3:::lake",
            "Lake",
            "hunter2 secret",
            "",
            "a",
            "globalbank-prod-c001-fraud-ml-artifacts",
            "mlp-123456789012-us-west-2",
        ] {
            let message = wrong(lake, bad).unwrap_or_else(|| panic!("`{bad}` is no bucket"));
            assert!(message.contains("but must hold the name of an S3 bucket"), "{message}");
            assert!(bad.len() < 2 || !message.contains(bad), "{message}");
        }
        for good in [
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/ml/0123456789abcdef",
            "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/net/ml-1/0123456789abcdef",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/classic",
        ] {
            assert_eq!(wrong(balancer, good), None, "{good}");
        }
        for bad in [
            "*",
            "ml-balancer",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/ml/0123456789abcdef",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/*/0123456789abcdef",
            "arn:aws:s3:::lake",
            "arn:aws:elasticloadbalancing:*:123456789012:loadbalancer/app/ml/0123456789abcdef",
        ] {
            let message = wrong(balancer, bad).unwrap_or_else(|| panic!("`{bad}` is no load balancer"));
            let length = format!("holds a value of {} character", bad.len());
            assert!(message.contains(&length) && message.contains("the ARN of a load balancer"), "{message}");
            assert!(bad == "*" || !message.contains(bad), "{message}");
        }
    }

    #[test]
    fn sources_and_data_are_in_no_bucket_of_the_suite() {
        let preflight = example("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
        let none = Lookups::new();
        let paths = |findings: Vec<Finding>| findings.into_iter().map(|it| it.path).collect::<Vec<_>>();
        assert_eq!(
            paths(preflight.check_suite_bucket("techcorp-ml-sources", &none)),
            ["/ml_product/s3_prefix"]
        );
        assert_eq!(paths(preflight.check_suite_bucket("techcorp-ml-source", &none)), [""; 0]);

        let config = std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/products/starter-data-lake-and-load-balancer.yaml"
        ));
        let preflight = Preflight::of(&config.unwrap(), None).unwrap().unwrap();
        let holding = |name: &str| Lookups::from([("/s3/lake/BucketName".to_owned(), Ok(name.to_owned()))]);
        let found = preflight.check_suite_bucket("acme-platform", &holding("acme-platform"));
        assert!(!found[0].message.contains("acme-platform"), "{}", found[0].message);
        assert_eq!(paths(found), ["/ml_product/data_lake"]);
        assert_eq!(paths(preflight.check_suite_bucket("acme-platform", &holding("acme-lake"))), [""; 0]);
    }

    #[test]
    fn no_message_contains_a_value_of_parameter_store() {
        let preflight = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        let secret = "hunter2,correct horse,battery\u{202e}staple";
        let found = preflight.ssm_paths().into_iter().map(|path| (path, Ok(secret.to_owned()))).collect();
        let findings = preflight.check_parameters(&found);
        assert!(findings.len() >= 3);
        let text = serde_json::to_string(&findings).unwrap();
        for part in secret.split(',') {
            assert!(!text.contains(part), "{text}");
        }
        assert!(
            text.contains("a list of 3 values with 36 characters in all, of which entry 1 doesn't fit"),
            "{text}"
        );
        assert!(text.contains("`vpc-` and 8 or 17 hexadecimal digits"), "{text}");

        // What EC2 says of ids that have the right shape names the path and the place in the list.
        let ids = |path: &str| match path {
            _ if path.contains("Subnet") => "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
            _ if path.contains("VPC") => "vpc-0123456789abcdef0",
            _ => "sg-0123456789abcdef0",
        };
        let found = preflight.ssm_paths().into_iter().map(|path| (path.clone(), Ok(ids(&path).to_owned())));
        let mut network = preflight.network(&found.collect()).unwrap();
        let zone =
            |id: &String| json!({"SubnetId": id, "VpcId": "vpc-other", "AvailabilityZone": "us-west-2a"});
        let subnets = network.subnet_ids.iter().map(zone).collect();
        network.subnets = Some(Seen { found: subnets });
        (network.vpcs, network.groups) = (Some(Seen::default()), Some(Seen::default()));
        let text = serde_json::to_string(&network.check()).unwrap();
        for id in ["vpc-0", "vpc-other", "subnet-0", "sg-0"] {
            assert!(!text.contains(id), "{text}");
        }
        for part in [
            "the VPC in the SSM parameter `/vpc/main/VPCId` doesn't exist",
            "the subnet at position 2 in the SSM parameter `/vpc/main/PrivateSubnetIds` is not in the product's VPC",
            "the security group in the SSM parameter `/sg/ml/SecurityGroupId` doesn't exist",
            "are both in `us-west-2a`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_network_is_looked_at_as_a_whole_and_mistakes_name_id_place_and_path() {
        let direct = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-direct.yaml",
        );
        let mut network = direct.network(&Lookups::new()).unwrap();
        assert!(network.subnet_ids.len() >= 2 && network.group_id.is_some());
        assert_eq!(network.check(), [], "nothing was asked yet");
        let seen = |found: Vec<Json>| Some(Seen { found });
        let (vpc, group) = (network.vpc_id.clone(), network.group_id.clone().unwrap());
        let subnets = |vpc: &str, zones: [&str; 2]| {
            let both = network.subnet_ids.iter().zip(zones);
            both.map(|(id, zone)| json!({"SubnetId": id, "VpcId": vpc, "AvailabilityZone": zone}))
                .collect::<Vec<_>>()
        };
        let (good, elsewhere, crowded) =
            (subnets(&vpc, ["a", "b"]), subnets("vpc-other", ["a", "b"]), subnets(&vpc, ["a", "a"]));
        network.vpcs = seen(vec![json!({"VpcId": vpc})]);
        network.groups = seen(vec![json!({"GroupId": group, "VpcId": vpc})]);
        network.subnets = seen(good);
        assert_eq!(network.check(), []);
        let told = |network: &Network| {
            network.check().iter().map(|it| format!("{} {}", it.path, it.message)).collect::<Vec<_>>()
        };
        network.subnets = seen(elsewhere);
        assert!(told(&network).iter().all(|it| it.contains("/subnet_ids") && it.contains("vpc-other")));
        network.subnets = seen(crowded);
        assert!(told(&network)[0].contains("one a zone"), "{:?}", told(&network));
        (network.vpcs, network.subnets, network.groups) = (seen(vec![]), seen(vec![]), seen(vec![]));
        assert_eq!(network.check().len(), 2 + network.subnet_ids.len());
        network.paths.insert(vpc.clone(), "/net/vpc".to_owned());
        let first = &network.check()[0];
        assert!(
            first.path.ends_with("vpc_parameter_store_path") && first.message.contains("`/net/vpc`"),
            "{first:?}"
        );

        let stored = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-ssm.yaml",
        );
        assert_eq!(stored.network(&Lookups::new()), None);
        let found = stored.ssm_paths().into_iter().map(|path| {
            let name = path.to_lowercase();
            let value = if name.contains("subnet") {
                "subnet-0123456789abcdef0,subnet-0fedcba9876543210"
            } else if name.contains("vpcid") {
                "vpc-0123456789abcdef0"
            } else if name.contains("security") {
                "sg-0123456789abcdef0"
            } else {
                "rtb-0123456789abcdef0"
            };
            (path, Ok(value.to_owned()))
        });
        let network = stored.network(&found.collect());
        if let Some(network) = network {
            assert_eq!(network.paths.len(), 4 + network.route_table_ids.len(), "{:?}", network.paths);
        } else {
            panic!("{:?}", stored.ssm_paths());
        }
    }

    #[test]
    fn a_route_table_of_another_vpc_or_of_none_is_told() {
        let table = |vpc: &str| json!({"RouteTableId": "rtb-1", "VpcId": vpc});
        let of = |found: Option<Vec<Json>>| Network {
            vpc_id: "vpc-1".to_owned(),
            route_table_ids: vec!["rtb-1".to_owned()],
            route_tables: found.map(|found| Seen { found }),
            ..Network::default()
        };
        assert_eq!(of(None).check(), [], "nothing was asked yet");
        assert_eq!(of(Some(vec![table("vpc-1")])).check(), []);
        for (found, wanted) in
            [(vec![], "the route table `rtb-1` doesn't exist"), (vec![table("vpc-2")], "is in `vpc-2`")]
        {
            let finding = &of(Some(found)).check()[0];
            assert!(
                finding.message.contains(wanted) && finding.path.ends_with("/route_table_ids"),
                "{finding:?}"
            );
        }
    }

    const VPC: &str = "vpc-0123456789abcdef0";
    const STS: &str = "com.amazonaws.us-west-2.sts";
    const S3: &str = "com.amazonaws.us-west-2.s3";

    /// A network without anything in the way.
    fn network() -> Network {
        let seen = |found: Json| Some(Seen { found: vec![found] });
        Network {
            vpc_id: VPC.to_owned(),
            subnet_ids: vec!["subnet-1".to_owned()],
            route_table_ids: vec!["rtb-1".to_owned()],
            vpcs: seen(json!({"VpcId": VPC, "CidrBlock": "10.1.0.0/16", "CidrBlockAssociationSet": [
                {"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associated"}},
                {"CidrBlock": "172.16.0.0/16", "CidrBlockState": {"State": "disassociated"}}]})),
            subnets: seen(json!({"SubnetId": "subnet-1", "VpcId": VPC, "AvailabilityZone": "us-west-2a"})),
            route_tables: seen(json!({"RouteTableId": "rtb-1", "VpcId": VPC})),
            services: vec![STS.to_owned(), S3.to_owned()],
            interfaces: 1,
            private_dns: true,
            ingress_cidr: Some("10.0.0.0/8".to_owned()),
            endpoints: Some(Seen::default()),
            all_endpoints: Some(Counted { count: 3 }),
            endpoint_services: seen(
                json!({"ServiceName": STS, "ServiceType": [{"ServiceType": "Interface"}],
                "AvailabilityZones": ["us-west-2a", "us-west-2b"]}),
            ),
            dns_support: Some(Switch { value: true }),
            dns_hostnames: Some(Switch { value: true }),
            ..Network::default()
        }
    }

    fn told(network: &Network) -> Vec<(String, String, String)> {
        let part = |finding: Finding| {
            let path = finding.path.trim_start_matches(NETWORK).to_owned();
            (finding.severity.to_string(), path, finding.message)
        };
        network.check().into_iter().map(part).collect()
    }

    /// The one finding of a network: its severity, its place and a part of its message.
    #[track_caller]
    fn one(network: &Network, severity: &str, path: &str, part: &str) {
        let told = told(network);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].0.as_str(), told[0].1.as_str()), (severity, path), "{told:?}");
        assert!(told[0].2.contains(part), "{told:?}");
    }

    #[test]
    fn an_endpoint_of_others_with_the_same_private_name_is_in_the_way() {
        let of = |change: Json, private_dns: bool| {
            let mut endpoint = json!({"VpcEndpointId": "vpce-1", "VpcEndpointType": "Interface", "VpcId": VPC,
                "ServiceName": STS, "State": "available", "PrivateDnsEnabled": true});
            endpoint.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            Network { private_dns, endpoints: Some(Seen { found: vec![endpoint] }), ..network() }
        };
        one(
            &of(json!({}), true),
            "error",
            "/endpoint_private_dns",
            "the endpoint `vpce-1` for `com.amazonaws.us-west-2.sts`",
        );
        assert_eq!(told(&of(json!({}), false)), []);
        for harmless in
            [json!({"PrivateDnsEnabled": false}), json!({"State": "deleted"}), json!({"ServiceName": "x"})]
        {
            assert_eq!(told(&of(harmless.clone(), true)), [], "{harmless}");
        }
        let own = Network { own_endpoints: vec!["vpce-1".to_owned()], ..of(json!({}), true) };
        assert_eq!(told(&own), [], "its own endpoint");
    }

    #[test]
    fn a_private_hosted_zone_with_the_private_name_of_an_endpoint_is_in_the_way() {
        let of = |zone: Json| Network {
            hosted_zones: Some(Seen { found: vec![zone] }),
            endpoint_services: Some(Seen {
                found: vec![json!({"ServiceName": STS, "PrivateDnsName": "sts.us-west-2.amazonaws.com",
                    "PrivateDnsNames": [{"PrivateDnsName": "sts.us-west-2.amazonaws.com"}, {"PrivateDnsName": "sts-2.example.com"}]})],
            }),
            ..network()
        };
        let zone = |name: &str, owner: &str| json!({"HostedZoneId": "Z1", "Name": name, "Owner": {owner: "123456789012"}});
        for name in ["sts.us-west-2.amazonaws.com.", "STS.us-west-2.amazonaws.com", "sts-2.example.com."] {
            let found = of(zone(name, "OwningAccount"));
            one(&found, "error", "/endpoint_private_dns", "the private hosted zone `Z1` for `sts");
            let own = Network { own_endpoints: vec!["vpce-1".to_owned()], ..found };
            one(&own, "warning", "/endpoint_private_dns", "the private hosted zone `Z1`");
        }
        for (name, owner) in [
            ("amazonaws.com.", "OwningAccount"),
            ("a.sts.us-west-2.amazonaws.com.", "OwningAccount"),
            ("example.com.", "OwningAccount"),
            ("sts.us-west-2.amazonaws.com.", "OwningService"),
        ] {
            assert_eq!(told(&of(zone(name, owner))), [], "{name} {owner}");
        }
    }

    #[test]
    fn hosted_zones_are_looked_up_for_private_names_where_route_53_lists_them() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/products");
        let dns_region = |region: &str, private_dns: bool| {
            let name = format!("{golden}/enterprise-codecommit-standalone-direct-workload.yaml");
            let config = std::fs::read_to_string(name).unwrap();
            let start = config.find("  region: ").unwrap();
            let end = start + config[start..].find('\n').unwrap();
            let config = format!("{}  region: {region}{}", &config[..start], &config[end..]);
            let mode = "    mode: standalone\n";
            assert!(config.contains(mode));
            let config = config.replace(mode, &format!("{mode}    endpoint_private_dns: {private_dns}\n"));
            let preflight = Preflight::of(config.as_bytes(), None).unwrap();
            preflight.unwrap().network(&Lookups::new()).unwrap().dns_region
        };
        for region in ["us-west-2", "cn-north-1", "us-gov-west-1"] {
            assert_eq!(dns_region(region, true).as_deref(), Some(region));
        }
        assert_eq!(dns_region("us-west-2", false), None);
        assert_eq!(dns_region("us-iso-east-1", true), None, "Route 53 doesn't list them there");
    }

    #[test]
    fn a_quota_that_could_not_be_looked_at_says_how_to_see_it_oneself() {
        let mut quotas = Quotas::default();
        quotas
            .refused
            .insert("roles".to_owned(), json!({"Error": "Iam.IamException", "Cause": "not authorized"}));
        let [finding] = &quotas.check()[..] else { panic!("{:?}", quotas.check()) };
        assert_eq!(finding.code, codes::PRE_QUOTA);
        assert!(finding.help.as_deref().unwrap().contains("aws iam get-account-summary"), "{finding:?}");
    }

    #[test]
    fn a_route_table_with_a_route_to_s3_takes_no_second_one() {
        let endpoint = json!({"VpcEndpointId": "vpce-2", "VpcEndpointType": "Gateway", "VpcId": VPC, "ServiceName": S3,
            "State": "available", "RouteTableIds": ["rtb-9", "rtb-1"]});
        let mut found = Network { endpoints: Some(Seen { found: vec![endpoint] }), ..network() };
        one(
            &found,
            "error",
            "/route_table_ids",
            "the route table `rtb-1` has a route to `com.amazonaws.us-west-2.s3` already",
        );
        found.paths.insert("rtb-1".to_owned(), "/net/rtb".to_owned());
        one(&found, "error", "/route_table_parameter_store_path", "in the SSM parameter `/net/rtb`");
        found.route_table_ids.clear();
        assert_eq!(told(&found), []);
    }

    #[test]
    fn private_names_need_the_dns_attributes_of_the_vpc() {
        let off = Some(Switch { value: false });
        let path = "/endpoint_private_dns";
        one(&Network { dns_support: off, ..network() }, "error", path, "`enableDnsSupport`");
        let hostnames = Network { dns_hostnames: off, ..network() };
        one(&hostnames, "error", path, "`enableDnsHostnames` of the VPC `vpc-0123456789abcdef0` is off");
        // Of a product that has its endpoints it is no reason to refuse an update.
        let own = vec!["vpce-1".to_owned()];
        one(&Network { own_endpoints: own, ..hostnames.clone() }, "warning", path, "`enableDnsHostnames`");
        assert_eq!(told(&Network { private_dns: false, ..hostnames }), []);
    }

    #[test]
    fn an_ingress_block_without_the_vpcs_addresses_cuts_the_vpc_off() {
        let of = |cidr: &str| Network { ingress_cidr: Some(cidr.to_owned()), ..network() };
        let path = "/endpoint_ingress_cidr";
        for bad in ["192.168.0.0/16", "10.2.0.0/16", "10.0.255.255/32", "172.16.0.0/12"] {
            one(&of(bad), "error", path, "contains no address of the VPC");
        }
        for good in ["10.1.0.0/16", "10.0.0.0/15", "0.0.0.0/0"] {
            assert_eq!(told(&of(good)), [], "{good}");
        }
        one(
            &of("10.1.4.0/24"),
            "warning",
            path,
            "10.1.0.0/16 of the VPC `vpc-0123456789abcdef0` is not within",
        );
        assert_eq!(range("10.1.0.0/16"), Some((0x0a01_0000, 0x0a01_ffff)));
        assert_eq!(range("0.0.0.0/0"), Some((0, u32::MAX)));
        assert_eq!(range("10.1.2.3/32"), Some((0x0a01_0203, 0x0a01_0203)));
    }

    #[test]
    fn a_security_group_lets_the_vpc_in_on_443() {
        let of = |rules: Json| Network {
            group_id: Some("sg-1".to_owned()),
            groups: Some(Seen {
                found: vec![json!({"GroupId": "sg-1", "VpcId": VPC, "IpPermissions": rules})],
            }),
            ingress_cidr: None,
            ..network()
        };
        let tcp = |from: u16, to: u16, cidr: &str| {
            json!([{"IpProtocol": "tcp", "FromPort": from, "ToPort": to,
            "IpRanges": [{"CidrIp": cidr}], "UserIdGroupPairs": []}])
        };
        for bad in [
            json!([]),
            tcp(80, 80, "10.0.0.0/8"),
            tcp(444, 65535, "10.0.0.0/8"),
            json!([{"IpProtocol": "udp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]),
        ] {
            one(
                &of(bad),
                "error",
                "/security_group_id",
                "the security group `sg-1` lets nobody in on port 443",
            );
        }
        let foreign = tcp(443, 443, "192.168.0.0/16");
        one(
            &of(foreign),
            "warning",
            "/security_group_id",
            "lets nobody of the VPC `vpc-0123456789abcdef0` in on port 443",
        );
        for good in [
            tcp(443, 443, "10.1.0.0/24"),
            tcp(0, 65535, "0.0.0.0/0"),
            json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}]),
            json!([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": "pl-1"}]}]),
        ] {
            assert_eq!(told(&of(good.clone())), [], "{good}");
        }
    }

    #[test]
    fn a_zone_without_the_endpoint_service_takes_no_endpoint() {
        let mut found = network();
        found.subnets.as_mut().unwrap().found[0]["AvailabilityZone"] = json!("us-west-2d");
        one(
            &found,
            "error",
            "/subnet_ids",
            "`us-west-2d`, and the endpoint service `com.amazonaws.us-west-2.sts` isn't; it is in `us-west-2a`, `us-west-2b`",
        );
        // What EC2 doesn't tell is no finding.
        found.endpoint_services.as_mut().unwrap().found[0]["AvailabilityZones"] = json!([]);
        assert_eq!(told(&found), []);
    }

    #[test]
    fn what_could_not_be_looked_at_stops_nothing_and_is_told() {
        let refused = json!({"Error": "Ec2.Ec2Exception", "Cause": "You are not authorized"});
        let mut found = Network { endpoints: None, all_endpoints: None, ..network() };
        found.refused.insert("endpoints".to_owned(), refused);
        one(
            &found,
            "warning",
            "",
            "endpoints could not be looked at: Ec2.Ec2Exception You are not authorized",
        );
    }

    #[test]
    fn quotas_that_are_nearly_exhausted_are_warnings() {
        one(
            &Network { all_endpoints: Some(Counted { count: 45 }), ..network() },
            "warning",
            "",
            "45 interface endpoints and the product makes 1 more",
        );
        let of = |roles: u64, pipelines: usize| {
            let mut quotas = example(
                "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-sgprov-direct.yaml",
            )
            .quotas();
            assert_eq!((quotas.roles, quotas.pipelines), (3, 2));
            let counts = [
                ("Roles", json!(roles)),
                ("RolesQuota", json!(1_000)),
                ("Policies", json!(1)),
                ("PoliciesQuota", json!(1_500)),
            ];
            quotas.account =
                Some(Summary { counts: counts.map(|(key, value)| (key.to_owned(), value)).into() });
            let name = |n: usize| {
                json!(if n.is_multiple_of(2) { format!("{n}-ml-build-pipeline") } else { n.to_string() })
            };
            quotas.listed = Some(Seen { found: (0..pipelines).map(name).collect() });
            quotas.check().into_iter().map(|it| (it.severity.to_string(), it.message)).collect::<Vec<_>>()
        };
        assert_eq!(of(897, 268), []);
        let told = of(898, 300);
        assert!(told.iter().all(|(severity, _)| severity == "warning"), "{told:?}");
        assert!(
            told[0].1.starts_with("the account has 898 of 1000 roles, and the product makes 3 more"),
            "{told:?}"
        );
        assert!(
            told[1]
                .1
                .starts_with("the region has 300 or more pipelines, of which 150 are named as products' are"),
            "{told:?}"
        );
    }

    #[test]
    fn the_network_of_a_product_names_its_services_and_what_it_would_have() {
        let direct = example(
            "enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-direct.yaml",
        );
        let network = direct.network(&Lookups::new()).unwrap();
        assert_eq!(network.interfaces, 3);
        assert_eq!(
            network.services[..3].iter().filter(|it| it.rsplit('.').next() == Some("s3")).count(),
            0,
            "{:?}",
            network.services
        );
        assert_eq!(network.services[3..], [S3.to_owned()]);
        assert!(network.private_dns && network.ingress_cidr.is_some());
    }

    #[test]
    fn a_role_is_one_that_cloudformation_may_take_on() {
        let role = |policy: Json| Role { name: "r".to_owned(), seen: Some(Trust { policy }), refused: None };
        let statement = |effect: &str, action: Json, principal: Json| json!({"Statement": [{"Effect": effect, "Action": action, "Principal": principal}]});
        let service = json!({"Service": "cloudformation.amazonaws.com"});
        let good = statement("Allow", json!("sts:AssumeRole"), service.clone());
        // As IAM hands it out.
        let text = good.to_string();
        let encoded = percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC);
        for policy in [
            good,
            json!(encoded.to_string()),
            statement(
                "Allow",
                json!(["sts:TagSession", "sts:assumerole"]),
                json!({"Service": ["a", "cloudformation.amazonaws.com"]}),
            ),
            statement("Allow", json!("sts:*"), json!("*")),
            json!({"Statement": {"Effect": "Allow", "Action": "*", "Principal": service}}),
        ] {
            assert_eq!(role(policy.clone()).check(), None, "{policy}");
        }
        for policy in [
            statement("Deny", json!("sts:AssumeRole"), service.clone()),
            statement("Allow", json!("sts:TagSession"), service),
            statement("Allow", json!("sts:AssumeRole"), json!({"Service": "lambda.amazonaws.com"})),
            statement("Allow", json!("sts:AssumeRole"), json!({"AWS": "arn:aws:iam::123456789012:root"})),
            json!("no policy"),
            json!({}),
        ] {
            let finding = role(policy.clone()).check().unwrap_or_else(|| panic!("{policy}"));
            assert_eq!(finding.severity, mlp_template::finding::Severity::Error);
            assert!(finding.message.contains("doesn't trust"), "{finding:?}");
        }
        let refused = |error: &str| Role {
            refused: Some(json!({"Error": error, "Cause": "why"})),
            name: "r".to_owned(),
            seen: None,
        };
        let gone = refused("Iam.NoSuchEntityException").check().unwrap();
        assert_eq!(gone.severity, mlp_template::finding::Severity::Error);
        let denied = refused("Iam.IamException").check().unwrap();
        assert_eq!(denied.severity, mlp_template::finding::Severity::Warning);
        assert!(denied.message.contains("why") && denied.help.unwrap().contains("iam:GetRole"));
        assert_eq!(Role::default().check(), None, "nothing was asked yet");
        assert_eq!(Role::of("arn:aws:iam::123456789012:user/x"), None);
    }

    #[test]
    fn a_source_bucket_is_a_warning_and_a_taken_name_an_error() {
        let preflight = example("starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml");
        assert!(preflight.source_bucket().is_some());
        assert_eq!(preflight.check_source(&Bucket::Versioned), None);
        let elsewhere = Bucket::Elsewhere { region: Some("eu-west-1".to_owned()) };
        for (bucket, wanted) in [
            (&Bucket::Missing, "there is no bucket"),
            (&Bucket::Unversioned, "keeps no versions"),
            (&elsewhere, "is in `eu-west-1`"),
            (&Bucket::Elsewhere { region: None }, "is in another region"),
        ] {
            let finding = preflight.check_source(bucket).unwrap();
            assert_eq!(finding.severity, mlp_template::finding::Severity::Warning);
            assert!(finding.message.contains(wanted), "{finding:?}");
        }
        assert_eq!(preflight.own_bucket(), Some("techcorp-prod-a001-customer-churn-ml-artifacts"));
        assert_eq!(preflight.check_collision(&Bucket::Missing), None);
        for bucket in [&Bucket::Versioned, &Bucket::Unversioned, &Bucket::Hidden, &elsewhere] {
            let finding = preflight.check_collision(bucket).unwrap();
            assert_eq!(finding.severity, mlp_template::finding::Severity::Error);
            assert!(finding.help.unwrap().contains("multi_region"));
            assert_eq!(finding.message.contains("eu-west-1"), *bucket == elsewhere, "{}", finding.message);
        }
    }
}

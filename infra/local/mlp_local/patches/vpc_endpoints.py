"""VPC endpoints: DNS names, network interfaces and services, and the conflicts that EC2 refuses.

Reason: ministack checks nothing, gives no DNS entries or network interfaces, ignores filters, and doesn't know SageMaker's
endpoint services.
Source: EC2 API Reference, "CreateVpcEndpoint", "DescribeVpcEndpoints" and "DescribeVpcEndpointServices"; PrivateLink Guide.
"""

from __future__ import annotations

import random
import re
import string
from typing import Any

from ..emulator import ec2, get_region, provisioners

_endpoint_create, _endpoint_update = provisioners.ec2_vpc_endpoint_create, provisioners.ec2_vpc_endpoint_update

# The hosted zone of the regional names of interface endpoints, one a region on AWS.
_ZONE = "Z1YSA3EXCYUU9Z"


def refuse(message: str, code: str) -> ValueError:
    return ValueError(f"{message} (Service: Ec2, Status Code: 400, Error Code: {code})")


def check_vpc(vpc_id: Any) -> dict:
    ec2.ensure_defaults_initialized()
    if vpc_id not in ec2.vpcs:
        raise refuse(f"The Vpc Id {vpc_id} does not exist", "InvalidVpcId.NotFound")
    return ec2.vpcs[vpc_id]


def private_name(service_name: str) -> str:
    """The name that an interface endpoint answers inside the VPC: ``sts.us-west-2.amazonaws.com``."""
    region, _, service = service_name.removeprefix("com.amazonaws.").partition(".")
    special = {"sagemaker.api": "api.sagemaker", "sagemaker.runtime": "runtime.sagemaker"}
    return f"{special.get(service, service)}.{region}.amazonaws.com"


def _check_endpoint(properties: dict, own_id: str = "") -> None:
    vpc = check_vpc(properties.get("VpcId"))
    service = properties.get("ServiceName", "")
    if not re.fullmatch(rf"(com|cn\.com)\.amazonaws\.{re.escape(get_region())}\.[a-z0-9.-]+", service):
        raise refuse(f"The Vpc Endpoint Service '{service}' does not exist", "InvalidServiceName")
    others = [
        e
        for e in ec2.vpc_endpoints.values()
        if e["VpcEndpointId"] != own_id and e["VpcId"] == vpc["VpcId"] and e["ServiceName"] == service
    ]
    if properties.get("VpcEndpointType", "Gateway") == "Gateway":
        if not service.endswith((".s3", ".dynamodb")):
            raise refuse(
                "Endpoint type (Gateway) does not match available service types ([Interface]).", "InvalidParameter"
            )
        for member in ("SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled"):
            if properties.get(member):
                raise refuse(f"{member} can't be set for a gateway endpoint", "InvalidParameter")
        for table in properties.get("RouteTableIds") or []:
            if table not in ec2.route_tables:
                raise refuse(f"The routeTable ID '{table}' does not exist", "InvalidRouteTableID.NotFound")
            if ec2.route_tables[table]["VpcId"] != vpc["VpcId"]:
                raise refuse(f"Route table {table} belongs to a different VPC than {vpc['VpcId']}", "InvalidParameter")
            if any(table in e.get("RouteTableIds", []) for e in others):
                raise refuse(
                    f"route table {table} already has a route with destination-prefix-list-id pl-68a54001",
                    "RouteAlreadyExists",
                )
        return
    if properties.get("RouteTableIds"):
        raise refuse("Route table IDs are only supported for Gateway type VPC Endpoint.", "InvalidParameter")
    zones: dict[str, str] = {}
    for subnet_id in properties.get("SubnetIds") or []:
        subnet = ec2.subnets.get(subnet_id)
        if subnet is None:
            raise refuse(f"The subnet ID '{subnet_id}' does not exist", "InvalidSubnetId.NotFound")
        if subnet["VpcId"] != vpc["VpcId"]:
            raise refuse(f"The subnet ID '{subnet_id}' does not belong to {vpc['VpcId']}", "InvalidParameter")
        zone = subnet.get("AvailabilityZone", "")
        if zone in zones:
            raise refuse(
                f"Found another VPC endpoint subnet in the availability zone of {subnet_id}. VPC endpoint "
                "subnets should be in different availability zones supported by the VPC endpoint service.",
                "DuplicateSubnetsInSameZone",
            )
        zones[zone] = subnet_id
    for group_id in properties.get("SecurityGroupIds") or []:
        group = ec2.security_groups.get(group_id)
        if group is None:
            raise refuse(f"The security group '{group_id}' does not exist", "InvalidSecurityGroupID.NotFound")
        if group["VpcId"] != vpc["VpcId"]:
            raise refuse(f"Security group {group_id} and subnet belong to different networks.", "InvalidGroup.NotFound")
    if provisioners.cfn_bool(properties.get("PrivateDnsEnabled", False)):
        if not (vpc.get("EnableDnsSupport", True) and (vpc.get("EnableDnsHostnames", False) or vpc.get("IsDefault"))):
            raise refuse(
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "
                f"set to true for {vpc['VpcId']}",
                "InvalidParameter",
            )
        if any(provisioners.cfn_bool(e.get("PrivateDnsEnabled", False)) for e in others):
            raise refuse(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{private_name(service)} in the VPC {vpc['VpcId']}",
                "InvalidParameter",
            )


def _complete(endpoint_id: str) -> dict:
    """Network interfaces and DNS names of an interface endpoint, and the attributes that a template reads."""
    record = ec2.vpc_endpoints[endpoint_id]
    if record["VpcEndpointType"] == "Interface":
        known = record.setdefault("_interfaces", {})
        for subnet_id in record["SubnetIds"]:
            known.setdefault(subnet_id, "eni-" + "".join(random.choices(string.hexdigits[:16], k=17)))
        record["NetworkInterfaceIds"] = [known[s] for s in record["SubnetIds"]]
        suffix = record.setdefault("_suffix", "".join(random.choices(string.ascii_lowercase + string.digits, k=8)))
        service = record["ServiceName"].split(".", 3)[3]
        host = f"{endpoint_id}-{suffix}.{service}.{get_region()}.vpce.amazonaws.com"
        names = [(_ZONE, host)]
        if provisioners.cfn_bool(record.get("PrivateDnsEnabled", False)):
            names.append(("ZONEIDPENDING", private_name(record["ServiceName"])))
        record["DnsEntries"] = [f"{zone}:{name}" for zone, name in names]
    return {
        "Id": endpoint_id,
        "CreationTimestamp": record["CreationTimestamp"],
        "DnsEntries": list(record.get("DnsEntries") or []),
        "NetworkInterfaceIds": list(record.get("NetworkInterfaceIds") or []),
    }


def _cfn_endpoint_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_endpoint(properties)
    endpoint_id, _ = _endpoint_create(logical_id, properties, stack_name)
    return endpoint_id, _complete(endpoint_id)


def _cfn_endpoint_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    _check_endpoint(new, physical_id)
    endpoint_id, _ = _endpoint_update(physical_id, old, new, stack_name)
    return endpoint_id, _complete(endpoint_id)


# What products use, beside ministack's own; each is in the zones of ``zones``, or in three of the region.
_SERVICES = ("sagemaker.api", "sagemaker.runtime", "sts")

zones: dict[str, list[str]] = {}


def _matches(endpoint: dict, filters: dict) -> bool:
    keys = {
        "vpc-id": "VpcId",
        "service-name": "ServiceName",
        "vpc-endpoint-type": "VpcEndpointType",
        "vpc-endpoint-id": "VpcEndpointId",
        "vpc-endpoint-state": "State",
    }
    return all(str(endpoint.get(keys[name], "")) in values for name, values in filters.items() if name in keys)


def _describe_endpoints(p: dict) -> tuple:
    ids, filters = ec2.parse_member_list(p, "VpcEndpointId"), ec2.parse_filters(p)
    items = []
    for endpoint in ec2.vpc_endpoints.values():
        if (ids and endpoint["VpcEndpointId"] not in ids) or not _matches(endpoint, filters):
            continue
        private = provisioners.cfn_bool(endpoint.get("PrivateDnsEnabled", False))
        text = ec2.vpce_fields_xml(endpoint)
        items.append(
            text.replace(
                "</serviceName>", f"</serviceName><privateDnsEnabled>{str(private).lower()}</privateDnsEnabled>", 1
            )
        )
    return ec2.xml(200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{''.join(items)}</vpcEndpointSet>")


def _describe_services(p: dict) -> tuple:
    region = get_region()
    wanted = ec2.parse_member_list(p, "ServiceName")
    if not wanted:
        return _services(p)
    known = {f"com.amazonaws.{region}.{name}": "Gateway" for name in ec2.VPCE_GATEWAY_SERVICES}
    known |= {f"com.amazonaws.{region}.{name}": "Interface" for name in (*ec2.VPCE_INTERFACE_SERVICES, *_SERVICES)}
    for name in wanted:
        if name not in known:
            return ec2.error("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist", 400)
    names = "".join(f"<item>{name}</item>" for name in wanted)
    details = "".join(
        f"<item><serviceName>{name}</serviceName><serviceType><item><serviceType>{known[name]}</serviceType></item>"
        "</serviceType><availabilityZoneSet>"
        + "".join(f"<item>{zone}</item>" for zone in zones.get(name, [f"{region}{letter}" for letter in "abc"]))
        + "</availabilityZoneSet><owner>amazon</owner></item>"
        for name in wanted
    )
    return ec2.xml(
        200,
        "DescribeVpcEndpointServicesResponse",
        f"<serviceNameSet>{names}</serviceNameSet><serviceDetailSet>{details}</serviceDetailSet>",
    )


_services = ec2.describe_vpc_endpoint_services


def install() -> None:
    ec2.ACTION_MAP.update(DescribeVpcEndpoints=_describe_endpoints, DescribeVpcEndpointServices=_describe_services)
    provisioners.RESOURCE_HANDLERS["AWS::EC2::VPCEndpoint"].update(
        create=_cfn_endpoint_create, update=_cfn_endpoint_update
    )
    provisioners.REPLACING_PROPERTIES["AWS::EC2::VPCEndpoint"] = (
        "PrivateDnsPreference",
        "PrivateDnsSpecifiedDomains",
        "ResourceConfigurationArn",
        "ServiceName",
        "ServiceNetworkArn",
        "ServiceRegion",
        "VpcEndpointType",
        "VpcId",
    )

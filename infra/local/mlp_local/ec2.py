"""VPC endpoints and security groups as EC2 makes them: their attributes, and the conflicts it refuses."""

from __future__ import annotations

import random
import re
import string

from ministack.core.responses import get_region
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

_endpoint_create, _endpoint_update = provisioners._ec2_vpc_endpoint_create, provisioners._ec2_vpc_endpoint_update
_group_create, _group_update = provisioners._ec2_sg_create, provisioners._ec2_sg_update
# The hosted zone of the regional names of interface endpoints, one a region on AWS.
_ZONE = "Z1YSA3EXCYUU9Z"


def _refuse(message: str, code: str) -> ValueError:
    return ValueError(f"{message} (Service: Ec2, Status Code: 400, Error Code: {code})")


def _check_vpc(vpc_id) -> dict:
    ec2._ensure_defaults_initialized()
    if vpc_id not in ec2._vpcs:
        raise _refuse(f"The Vpc Id {vpc_id} does not exist", "InvalidVpcId.NotFound")
    return ec2._vpcs[vpc_id]


def private_name(service_name: str) -> str:
    """The name that an interface endpoint answers inside the VPC: ``sts.us-west-2.amazonaws.com``."""
    region, _, service = service_name.removeprefix("com.amazonaws.").partition(".")
    special = {"sagemaker.api": "api.sagemaker", "sagemaker.runtime": "runtime.sagemaker"}
    return f"{special.get(service, service)}.{region}.amazonaws.com"


def _check_endpoint(properties: dict, own_id: str = "") -> None:
    vpc = _check_vpc(properties.get("VpcId"))
    service = properties.get("ServiceName", "")
    if not re.fullmatch(rf"(com|cn\.com)\.amazonaws\.{re.escape(get_region())}\.[a-z0-9.-]+", service):
        raise _refuse(f"The Vpc Endpoint Service '{service}' does not exist", "InvalidServiceName")
    others = [e for e in ec2._vpc_endpoints.values()
              if e["VpcEndpointId"] != own_id and e["VpcId"] == vpc["VpcId"] and e["ServiceName"] == service]
    if properties.get("VpcEndpointType", "Gateway") == "Gateway":
        if not service.endswith((".s3", ".dynamodb")):
            raise _refuse("Endpoint type (Gateway) does not match available service types ([Interface]).",
                          "InvalidParameter")
        for member in ("SubnetIds", "SecurityGroupIds", "PrivateDnsEnabled"):
            if properties.get(member):
                raise _refuse(f"{member} can't be set for a gateway endpoint", "InvalidParameter")
        for table in properties.get("RouteTableIds") or []:
            if table not in ec2._route_tables:
                raise _refuse(f"The routeTable ID '{table}' does not exist", "InvalidRouteTableID.NotFound")
            if ec2._route_tables[table]["VpcId"] != vpc["VpcId"]:
                raise _refuse(f"Route table {table} belongs to a different VPC than {vpc['VpcId']}",
                              "InvalidParameter")
            if any(table in e.get("RouteTableIds", []) for e in others):
                raise _refuse(f"route table {table} already has a route with destination-prefix-list-id pl-68a54001",
                              "RouteAlreadyExists")
        return
    if properties.get("RouteTableIds"):
        raise _refuse("Route table IDs are only supported for Gateway type VPC Endpoint.", "InvalidParameter")
    zones: dict[str, str] = {}
    for subnet_id in properties.get("SubnetIds") or []:
        subnet = ec2._subnets.get(subnet_id)
        if subnet is None:
            raise _refuse(f"The subnet ID '{subnet_id}' does not exist", "InvalidSubnetId.NotFound")
        if subnet["VpcId"] != vpc["VpcId"]:
            raise _refuse(f"The subnet ID '{subnet_id}' does not belong to {vpc['VpcId']}", "InvalidParameter")
        zone = subnet.get("AvailabilityZone", "")
        if zone in zones:
            raise _refuse(f"Found another VPC endpoint subnet in the availability zone of {subnet_id}. VPC endpoint "
                          "subnets should be in different availability zones supported by the VPC endpoint service.",
                          "DuplicateSubnetsInSameZone")
        zones[zone] = subnet_id
    for group_id in properties.get("SecurityGroupIds") or []:
        group = ec2._security_groups.get(group_id)
        if group is None:
            raise _refuse(f"The security group '{group_id}' does not exist", "InvalidSecurityGroupID.NotFound")
        if group["VpcId"] != vpc["VpcId"]:
            raise _refuse(f"Security group {group_id} and subnet belong to different networks.",
                          "InvalidGroup.NotFound")
    if provisioners._cfn_bool(properties.get("PrivateDnsEnabled", False)):
        if not (vpc.get("EnableDnsSupport", True) and (vpc.get("EnableDnsHostnames", False) or vpc.get("IsDefault"))):
            raise _refuse("Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "
                          f"set to true for {vpc['VpcId']}", "InvalidParameter")
        if any(provisioners._cfn_bool(e.get("PrivateDnsEnabled", False)) for e in others):
            raise _refuse("private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                          f"{private_name(service)} in the VPC {vpc['VpcId']}", "InvalidParameter")


def _complete(endpoint_id: str) -> dict:
    """Network interfaces and DNS names of an interface endpoint, and the attributes that a template reads."""
    record = ec2._vpc_endpoints[endpoint_id]
    if record["VpcEndpointType"] == "Interface":
        known = record.setdefault("_interfaces", {})
        for subnet_id in record["SubnetIds"]:
            known.setdefault(subnet_id, "eni-" + "".join(random.choices(string.hexdigits[:16], k=17)))
        record["NetworkInterfaceIds"] = [known[s] for s in record["SubnetIds"]]
        suffix = record.setdefault("_suffix", "".join(random.choices(string.ascii_lowercase + string.digits, k=8)))
        service = record["ServiceName"].split(".", 3)[3]
        host = f"{endpoint_id}-{suffix}.{service}.{get_region()}.vpce.amazonaws.com"
        names = [(_ZONE, host)]
        if provisioners._cfn_bool(record.get("PrivateDnsEnabled", False)):
            names.append(("ZONEIDPENDING", private_name(record["ServiceName"])))
        record["DnsEntries"] = [f"{zone}:{name}" for zone, name in names]
    return {"Id": endpoint_id, "CreationTimestamp": record["CreationTimestamp"],
            "DnsEntries": list(record.get("DnsEntries") or []),
            "NetworkInterfaceIds": list(record.get("NetworkInterfaceIds") or [])}


def _cfn_endpoint_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    _check_endpoint(properties)
    endpoint_id, _ = _endpoint_create(logical_id, properties, stack_name)
    return endpoint_id, _complete(endpoint_id)


def _cfn_endpoint_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    _check_endpoint(new, physical_id)
    endpoint_id, _ = _endpoint_update(physical_id, old, new, stack_name)
    return endpoint_id, _complete(endpoint_id)


def _check_rules(properties: dict) -> None:
    import ipaddress
    for member in ("SecurityGroupIngress", "SecurityGroupEgress"):
        for rule in properties.get(member) or []:
            for key, kind in (("CidrIp", ipaddress.IPv4Network), ("CidrIpv6", ipaddress.IPv6Network)):
                if key in rule:
                    try:
                        kind(rule[key])
                    except ValueError:
                        raise _refuse(f"CIDR block {rule[key]} is malformed", "InvalidParameterValue") from None


def _cfn_group_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("GroupName")
    if properties.get("VpcId"):
        _check_vpc(properties["VpcId"])
    vpc_id = properties.get("VpcId") or ec2._DEFAULT_VPC_ID
    if name and (len(name) > 255 or name.startswith("sg-")
                 or not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+", name)):
        raise _refuse(f"Invalid group name: {name}", "InvalidParameterValue")
    if name and any(g["GroupName"].lower() == name.lower() and g["VpcId"] == vpc_id
                    for g in ec2._security_groups.values()):
        raise _refuse(f"The security group '{name}' already exists for VPC '{vpc_id}'", "InvalidGroup.Duplicate")
    description = properties.get("GroupDescription") or ""
    if not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", description):
        raise _refuse("Invalid security group description. Valid descriptions are strings less than 256 characters "
                      "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", "InvalidParameterValue")
    _check_rules(properties)
    group_id, attributes = _group_create(logical_id, properties, stack_name)
    return group_id, {**attributes, "Id": group_id}


def _cfn_group_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id=None) -> tuple:
    _check_rules(new)
    group_id, attributes = _group_update(physical_id, old, new, stack_name, logical_id)
    return group_id, {**attributes, "Id": group_id}


def _cfn_group_delete(physical_id: str, properties: dict) -> None:
    if any(physical_id in e.get("SecurityGroupIds", []) for e in ec2._vpc_endpoints.values()):
        raise _refuse(f"resource {physical_id} has a dependent object", "DependencyViolation")
    provisioners._ec2_sg_delete(physical_id, properties)


# ---- Endpoints and their services as they are described ------------------------------------------------------

# What products use, beside ministack's own; each is in the zones of ``zones``, or in three of the region.
_SERVICES = ("sagemaker.api", "sagemaker.runtime", "sts")
zones: dict[str, list[str]] = {}


def _matches(endpoint: dict, filters: dict) -> bool:
    keys = {"vpc-id": "VpcId", "service-name": "ServiceName", "vpc-endpoint-type": "VpcEndpointType",
            "vpc-endpoint-id": "VpcEndpointId", "vpc-endpoint-state": "State"}
    return all(str(endpoint.get(keys[name], "")) in values for name, values in filters.items() if name in keys)


def _describe_endpoints(p) -> tuple:
    ids, filters = ec2._parse_member_list(p, "VpcEndpointId"), ec2._parse_filters(p)
    items = []
    for endpoint in ec2._vpc_endpoints.values():
        if (ids and endpoint["VpcEndpointId"] not in ids) or not _matches(endpoint, filters):
            continue
        private = provisioners._cfn_bool(endpoint.get("PrivateDnsEnabled", False))
        text = ec2._vpce_fields_xml(endpoint)
        items.append(text.replace("</serviceName>", f"</serviceName><privateDnsEnabled>{str(private).lower()}"
                                                    "</privateDnsEnabled>", 1))
    return ec2._xml(200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{''.join(items)}</vpcEndpointSet>")


def _describe_services(p) -> tuple:
    region = get_region()
    wanted = ec2._parse_member_list(p, "ServiceName")
    if not wanted:
        return _services(p)
    known = {f"com.amazonaws.{region}.{name}": "Gateway" for name in ec2._VPCE_GATEWAY_SERVICES}
    known |= {f"com.amazonaws.{region}.{name}": "Interface" for name in (*ec2._VPCE_INTERFACE_SERVICES, *_SERVICES)}
    for name in wanted:
        if name not in known:
            return ec2._error("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist", 400)
    names = "".join(f"<item>{name}</item>" for name in wanted)
    details = "".join(
        f"<item><serviceName>{name}</serviceName><serviceType><item><serviceType>{known[name]}</serviceType></item>"
        "</serviceType><availabilityZoneSet>"
        + "".join(f"<item>{zone}</item>" for zone in zones.get(name, [f"{region}{letter}" for letter in "abc"]))
        + "</availabilityZoneSet><owner>amazon</owner></item>" for name in wanted)
    return ec2._xml(200, "DescribeVpcEndpointServicesResponse",
                    f"<serviceNameSet>{names}</serviceNameSet><serviceDetailSet>{details}</serviceDetailSet>")


_services = ec2._describe_vpc_endpoint_services


def install() -> None:
    ec2._ACTION_MAP.update(DescribeVpcEndpoints=_describe_endpoints, DescribeVpcEndpointServices=_describe_services)
    table = provisioners._RESOURCE_HANDLERS
    table["AWS::EC2::VPCEndpoint"].update(create=_cfn_endpoint_create, update=_cfn_endpoint_update)
    table["AWS::EC2::SecurityGroup"].update(create=_cfn_group_create, update=_cfn_group_update,
                                            delete=_cfn_group_delete)
    provisioners._REPLACING_PROPERTIES["AWS::EC2::VPCEndpoint"] = (
        "PrivateDnsPreference", "PrivateDnsSpecifiedDomains", "ResourceConfigurationArn", "ServiceName",
        "ServiceNetworkArn", "ServiceRegion", "VpcEndpointType", "VpcId")
    provisioners._REPLACING_PROPERTIES["AWS::EC2::SecurityGroup"] = ("GroupDescription", "GroupName", "VpcId")

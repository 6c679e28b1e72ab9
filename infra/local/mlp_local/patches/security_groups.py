"""Security groups: names, descriptions and rules that EC2 refuses, and groups that are in use.

Reason: ministack checks nothing.
Source: EC2 API Reference, "CreateSecurityGroup", "AuthorizeSecurityGroupIngress" and "DeleteSecurityGroup".
"""

from __future__ import annotations

import re

from ..emulator import ec2, provisioners
from .vpc_endpoints import check_vpc, refuse

_group_create, _group_update = provisioners.ec2_sg_create, provisioners.ec2_sg_update


def _check_rules(properties: dict) -> None:
    import ipaddress

    for member in ("SecurityGroupIngress", "SecurityGroupEgress"):
        for rule in properties.get(member) or []:
            for key, kind in (("CidrIp", ipaddress.IPv4Network), ("CidrIpv6", ipaddress.IPv6Network)):
                if key in rule:
                    try:
                        kind(rule[key])
                    except ValueError:
                        raise refuse(f"CIDR block {rule[key]} is malformed", "InvalidParameterValue") from None


def _cfn_group_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("GroupName")
    if properties.get("VpcId"):
        check_vpc(properties["VpcId"])
    vpc_id = properties.get("VpcId") or ec2.DEFAULT_VPC_ID
    if name and (
        len(name) > 255 or name.startswith("sg-") or not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]+", name)
    ):
        raise refuse(f"Invalid group name: {name}", "InvalidParameterValue")
    if name and any(
        g["GroupName"].lower() == name.lower() and g["VpcId"] == vpc_id for g in ec2.security_groups.values()
    ):
        raise refuse(f"The security group '{name}' already exists for VPC '{vpc_id}'", "InvalidGroup.Duplicate")
    description = properties.get("GroupDescription") or ""
    if not re.fullmatch(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", description):
        raise refuse(
            "Invalid security group description. Valid descriptions are strings less than 256 characters "
            "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
            "InvalidParameterValue",
        )
    _check_rules(properties)
    group_id, attributes = _group_create(logical_id, properties, stack_name)
    return group_id, {**attributes, "Id": group_id}


def _cfn_group_update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str | None = None) -> tuple:
    _check_rules(new)
    group_id, attributes = _group_update(physical_id, old, new, stack_name, logical_id)
    return group_id, {**attributes, "Id": group_id}


def _cfn_group_delete(physical_id: str, properties: dict) -> None:
    if any(physical_id in e.get("SecurityGroupIds", []) for e in ec2.vpc_endpoints.values()):
        raise refuse(f"resource {physical_id} has a dependent object", "DependencyViolation")
    provisioners.ec2_sg_delete(physical_id, properties)


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::EC2::SecurityGroup"].update(
        create=_cfn_group_create, update=_cfn_group_update, delete=_cfn_group_delete
    )
    provisioners.REPLACING_PROPERTIES["AWS::EC2::SecurityGroup"] = ("GroupDescription", "GroupName", "VpcId")

"""Networks on the running suite."""

from .suite import REGION, client


def network(zones="ab", account=None, block=0):
    """A VPC with DNS and one private subnet in each zone: its id and the subnets' ids."""
    ec2 = client("ec2", account)
    vpc = ec2.create_vpc(CidrBlock=f"10.{block}.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{block}.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for index, zone in enumerate(zones)
    ]
    return vpc, subnets


def endpoint_group(vpc, name, account=None):
    """A security group that takes HTTPS from inside the network; returns its id."""
    ec2 = client("ec2", account)
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[https])
    return group

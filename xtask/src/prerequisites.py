"""What the demo's products need before they can be deployed: a network with its ids in Parameter Store, and sources."""

import boto3

ec2, ssm, s3 = (boto3.client(service) for service in ("ec2", "ssm", "s3"))
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"us-west-2{zone}")["Subnet"][
        "SubnetId"
    ]
    for index, zone in enumerate("ab")
]
ssm.put_parameter(Name="/vpc/main/VPCId", Type="String", Value=vpc)
ssm.put_parameter(Name="/vpc/main/PrivateSubnetIds", Type="StringList", Value=",".join(subnets))
s3.create_bucket(Bucket="edge-ml-sources", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
s3.put_bucket_versioning(Bucket="edge-ml-sources", VersioningConfiguration={"Status": "Enabled"})
for archive in ("model-build.zip", "model-deploy.zip"):
    # An archive without files.
    s3.put_object(Bucket="edge-ml-sources", Key=f"fraud-detection/{archive}", Body=b"PK\x05\x06" + b"\0" * 18)

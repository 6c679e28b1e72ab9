"""Every golden template deploys to CREATE_COMPLETE, and every value it publishes can be read afterwards."""

import concurrent.futures
import time

from mlp_tests import cloudformation, suite
from mlp_tests.paths import TEMPLATES
from mlp_tests.vpc import endpoint_group, network

RUN = int(time.time()) % 10**9


def account(index):
    """An account of its own for each template, so that products can't meet in names or in a VPC."""
    return f"7{RUN:09d}{index:02d}"


def prerequisites(account_id, text, template):
    """Makes what a product needs from outside; returns the text with the ids of this account's VPC."""
    ec2, ssm, s3 = (suite.client(service, account_id) for service in ("ec2", "ssm", "s3"))
    vpc, subnets = network("abc", account_id)
    group = endpoint_group(vpc, "given", account_id)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(3)]
    lake = f"lake-{account_id}"
    s3.create_bucket(Bucket=lake, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
    values = {
        "VpcId": vpc,
        "SubnetIds": ",".join(subnets),
        "SecurityGroupId": group,
        "RouteTableIds": ",".join(tables),
        "DataLakeBucketName": lake,
        "LoadBalancerArn": f"arn:aws:elasticloadbalancing:us-west-2:{account_id}:loadbalancer/app/ml/0a1b2c3d4e5f6071",
    }
    for name, parameter in template.get("Parameters", {}).items():
        if not parameter["Type"].startswith("AWS::SSM::Parameter::"):
            continue
        kind = "StringList" if "List<" in parameter["Type"] else "String"
        ssm.put_parameter(Name=parameter["Default"], Type=kind, Value=values[name])
    # Ids that a config names directly: each distinct one becomes one of this VPC's.
    given = {"vpc-": iter([vpc]), "subnet-": iter(subnets), "sg-": iter([group]), "rtb-": iter(tables)}
    for prefix, made in given.items():
        found = []
        for word in text.replace('"', " ").replace(",", " ").split():
            if word.startswith(prefix) and len(word) in (len(prefix) + 8, len(prefix) + 17) and word not in found:
                found.append(word)
        for word in found:
            text = text.replace(word, next(made))
    return text


def checked(index, path):
    try:
        return deploy(index, path)
    except Exception as error:  # Every template is tried, whatever becomes of the others.
        return f"{type(error).__name__}: {error}"


def deploy(index, path):
    """What is wrong with the deployment of one template; None if nothing."""
    account_id, text = account(index), path.read_text(encoding="utf-8")
    template = cloudformation.loads(text)
    text = prerequisites(account_id, text, template)
    cfn, ssm, s3 = (suite.client(service, account_id) for service in ("cloudformation", "ssm", "s3"))
    made_for = template["Metadata"]["MLProvisioner"]
    stack = made_for["StackName"]
    # As an operator does it: enterprise templates are over the 51,200 bytes that fit into a request.
    store = f"templates-{account_id}"
    s3.create_bucket(Bucket=store, CreateBucketConfiguration={"LocationConstraint": suite.REGION})
    s3.put_object(Bucket=store, Key="template.yaml", Body=text.encode())
    url = f"{suite.setting('AWS_ENDPOINT_URL')}/{store}/template.yaml"
    cfn.create_change_set(
        StackName=stack,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateURL=url,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )

    def change_set():
        answer = cfn.describe_change_set(StackName=stack, ChangeSetName="first")
        return answer if answer["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    answer = suite.wait("change set", change_set)
    if answer["Status"] == "FAILED":
        return f"change set failed: {answer.get('StatusReason')}"
    cfn.execute_change_set(StackName=stack, ChangeSetName="first")

    def settled():
        found = cfn.describe_stacks(StackName=stack)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    found = suite.wait("stack", settled, 60)
    if found["StackStatus"] != "CREATE_COMPLETE":
        events = cfn.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events
            if "FAILED" in event["ResourceStatus"]
        ]
        return f"{found['StackStatus']}: {reasons}"
    resources = cfn.describe_stack_resources(StackName=stack)["StackResources"]
    if len(resources) != len(template["Resources"]):
        return f"{len(resources)} resources, not {len(template['Resources'])}"
    leaves = {
        resource["Properties"]["Name"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SSM::Parameter"
    }
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/ml/{made_for['MlName']}")
    values = {parameter["Name"]: parameter["Value"] for page in pages for parameter in page["Parameters"]}
    if set(values) != leaves or not all(values.values()):
        return f"published {values}, not {leaves}"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    if outputs != {name.rsplit("/", 1)[1]: value for name, value in values.items()}:
        return f"outputs {outputs} differ from {values}"
    cfn.delete_stack(StackName=stack)

    def gone():
        try:
            state = cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except Exception as error:
            if "does not exist" in str(error):
                return "gone"
            raise
        return None if state == "DELETE_IN_PROGRESS" else state

    state = suite.wait("deletion", gone, 60)
    return None if state in ("gone", "DELETE_COMPLETE") else f"deleting it ended in {state}"


class TestGoldenTemplates:
    def test_every_one_deploys_publishes_its_values_and_is_deleted(self, subtests):
        assert len(TEMPLATES) >= 31
        for service in ("ec2", "ssm", "s3", "cloudformation"):
            suite.client(service)
        # Bucket names are unique in the world, whatever the account: variants of one product come one after the other.
        products = {}
        for index, path in enumerate(TEMPLATES):
            template = cloudformation.load(path)
            products.setdefault(template["Metadata"]["MLProvisioner"]["MlName"], []).append((index, path))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = pool.map(
                lambda variants: [(path, checked(index, path)) for index, path in variants], products.values()
            )
            problems = dict(pair for variants in done for pair in variants)
        assert len(problems) == len(TEMPLATES)
        for path, problem in problems.items():
            with subtests.test(template=path.stem):
                assert problem is None

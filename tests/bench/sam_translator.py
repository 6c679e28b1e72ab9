"""How long the SAM translator takes, in one process and warm: what the macro is compared with.

    target/venv/tools/bin/python tests/bench/sam_translator.py

Each line: what, the median, and what went in and came out. From JSON text to JSON text, as the macro's benchmark.
"""

import json
import logging
import os
import statistics
import time

os.environ.setdefault("AWS_DEFAULT_REGION", "us-west-2")

from samtranslator.translator.transform import transform

# It complains about metrics that nobody collects here.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

SAMPLES = 30
PSEUDO = {
    "AWS::Region": "us-west-2",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


class ManagedPolicies:
    """The translator asks IAM for them; it ships those that are common."""

    @staticmethod
    def load():
        return {}


def template(functions):
    """Functions with what most have: code, variables, a policy, a queue, a schedule."""
    resources, outputs = {}, {}
    for index in range(functions):
        name = f"Function{index}"
        resources[f"Queue{index}"] = {"Type": "AWS::SQS::Queue"}
        resources[name] = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "CodeUri": {"Bucket": "code", "Key": f"{name}.zip"},
                "MemorySize": 256,
                "Timeout": 30,
                "Environment": {"Variables": {"QUEUE": {"Ref": f"Queue{index}"}, "STAGE": {"Ref": "Stage"}}},
                "Policies": [{"SQSSendMessagePolicy": {"QueueName": {"Fn::GetAtt": [f"Queue{index}", "QueueName"]}}}],
                "Events": {
                    "Nightly": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}},
                    "Messages": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": [f"Queue{index}", "Arn"]}}},
                },
                "Tags": {"cost_center": "Fraud", "project": "Cards", "owner": {"Ref": "Owner"}},
            },
        }
        outputs[name] = {"Value": {"Fn::GetAtt": [name, "Arn"]}}
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Stage": {"Type": "String"}, "Owner": {"Type": "String"}},
        "Resources": resources,
        "Outputs": outputs,
    }


def translated(text):
    values = {"Stage": "prod", "Owner": "ml@globalbank.example", **PSEUDO}
    return json.dumps(transform(json.loads(text), values, ManagedPolicies()), separators=(",", ":"))


def measure(what, functions):
    text = json.dumps(template(functions), separators=(",", ":"))
    result = translated(text)
    times = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        translated(text)
        times.append(time.perf_counter() - began)
    resources = len(json.loads(result)["Resources"])
    median = f"{statistics.median(times) * 1e3:.2f} ms"
    print(f"{what}: {median}; {len(text)} bytes in, {resources} resources and {len(result)} bytes out")


if __name__ == "__main__":
    # As many compact resources as the macro's benchmark has products; and as many resources in the end.
    measure("12 functions", 12)
    measure("76 functions", 76)

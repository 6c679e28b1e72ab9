"""The AWS managed policies that the starter tier attaches, for the services that the suite has.

Roles in stacks name them, and a session of such a role has their rights (``--enforce-iam``). ministack has
AmazonS3ReadOnlyAccess. AWSLambdaExecute and AmazonSSMReadOnlyAccess are complete; of the other three only the statements
about services that answer here.

Reason: ministack lacks these policies.
Source: AWS Managed Policy Reference, one page for each policy; version 1 of each.
"""

from __future__ import annotations

import json
from typing import Any

from ..emulator import iam


def _allow(actions: Any, resources: Any = "*", **more: Any) -> dict:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


_POLICIES = {
    "AWSLambdaExecute": [
        _allow("logs:*", "arn:aws:logs:*:*:*"),
        _allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::*"),
    ],
    "AmazonSSMReadOnlyAccess": [_allow(["ssm:Describe*", "ssm:Get*", "ssm:List*"])],
    "AWSCodeBuildDeveloperAccess": [
        _allow(
            [
                "codebuild:StartBuild",
                "codebuild:StopBuild",
                "codebuild:RetryBuild",
                "codebuild:BatchGet*",
                "codebuild:List*",
                "codecommit:GetBranch",
                "codecommit:GetCommit",
                "codecommit:GetRepository",
                "codecommit:ListBranches",
                "cloudwatch:GetMetricStatistics",
                "logs:GetLogEvents",
                "s3:GetBucketLocation",
                "s3:ListAllMyBuckets",
            ]
        )
    ],
    "AWSCodeCommitFullAccess": [_allow("codecommit:*")],
    "AmazonSageMakerFullAccess": [
        _allow("sagemaker:*"),
        _allow(
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"],
        ),
        _allow(
            [
                "s3:CreateBucket",
                "s3:GetBucketLocation",
                "s3:ListBucket",
                "s3:ListAllMyBuckets",
                "s3:GetBucketCors",
                "s3:PutBucketCors",
            ]
        ),
        _allow(
            "iam:PassRole",
            "arn:aws:iam::*:role/*",
            Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        _allow(
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:Describe*",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
                "cloudwatch:PutMetricData",
                "ecr:GetAuthorizationToken",
                "ecr:BatchGetImage",
                "kms:DescribeKey",
                "kms:ListAliases",
            ]
        ),
    ],
}


def install() -> None:
    for name, statements in _POLICIES.items():
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        record = iam.make_aws_managed_record(name, document)
        iam.aws_managed_policies[record["Arn"]] = record

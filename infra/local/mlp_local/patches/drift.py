"""Drift detection for every type that the product generates and AWS can check.

The readers give a resource's present properties in the template's shape. The types that AWS can't check have no reader
here either: CodeBuild projects and macros, whose schemas have no read handler. Drift that AWS doesn't detect is not
detected here: write-only properties, documents of managed policies and keys, and managed policies attached to a role
beside the template's.

Reason: ministack detects drift of five of the product's types, in part.
Source: CloudFormation User Guide, "Resource type support" (drift detection); aws-cloudformation/cloudformation-coverage-roadmap.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from ..emulator import (
    cloudwatch,
    cloudwatch_logs,
    drift,
    ec2,
    eventbridge,
    iam,
    kms,
    lambda_service,
    provisioners,
    s3,
    scheduler,
    sns,
)
from ..services import codecommit, codepipeline, sagemaker
from . import dashboards


def _plain(tags: Any) -> dict:
    return {k: v for k, v in provisioners.tag_map(tags).items() if not k.startswith("aws:")}


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _repository(physical_id: str, properties: dict) -> dict | None:
    record = codecommit.by_id(physical_id)
    if record is None:
        return None
    return {
        "RepositoryName": record["repositoryName"],
        "RepositoryDescription": record.get("repositoryDescription", ""),
        "KmsKeyId": record["kmsKeyId"],
        "Tags": _plain(codecommit.tags_by_name.get(record["repositoryName"], {})),
    }


def _group(physical_id: str, properties: dict) -> dict | None:
    record = sagemaker.groups.get(physical_id.rsplit("/", 1)[-1])
    if record is None:
        return None
    return {
        "ModelPackageGroupName": record["ModelPackageGroupName"],
        "ModelPackageGroupDescription": record.get("ModelPackageGroupDescription", ""),
        "Tags": _plain(sagemaker.tags_by_arn.get(physical_id, {})),
    }


def _upper_first(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _upper_first(item) for key, item in value.items()}
    return [_upper_first(item) for item in value] if isinstance(value, list) else value


def _only(like: Any, actual: Any) -> Any:
    """``actual`` without the members that the template leaves to the service."""
    if isinstance(like, dict) and isinstance(actual, dict):
        return {key: _only(like.get(key), item) for key, item in actual.items() if key in like}
    if isinstance(like, list) and isinstance(actual, list):
        return [
            _only(like[i] if i < len(like) else None, item) if i < len(like) else item for i, item in enumerate(actual)
        ]
    return actual


def _pipeline(physical_id: str, properties: dict) -> dict | None:
    record = codepipeline.pipelines.get(physical_id)
    if record is None:
        return None
    definition = record["versions"][-1]
    stages = []
    for stage in definition["stages"]:
        actions = []
        for action in stage["actions"]:
            shown = _upper_first({k: v for k, v in action.items() if k != "configuration"})
            if "configuration" in action:
                shown["Configuration"] = action["configuration"]
            actions.append(shown)
        stages.append({**_upper_first({k: v for k, v in stage.items() if k != "actions"}), "Actions": actions})
    current = {
        key: _upper_first(definition[key[:1].lower() + key[1:]])
        for key in ("ArtifactStore", "ExecutionMode", "Name", "PipelineType", "RoleArn", "Triggers", "Variables")
        if key[:1].lower() + key[1:] in definition
    }
    current["Stages"] = stages
    return {**_only(properties, current), "Tags": _plain(record["tags"])}


def _child(element: Any, name: str) -> Any:
    return next((c for c in element.iter() if c.tag.rsplit("}", 1)[-1] == name), None)


def _bucket(physical_id: str, properties: dict) -> dict | None:
    if physical_id not in s3.buckets:
        return None
    current = {"BucketName": physical_id, "Tags": _plain(s3.bucket_tags.get(physical_id) or {})}
    if s3.bucket_versioning.get(physical_id):
        current["VersioningConfiguration"] = {"Status": s3.bucket_versioning[physical_id]}
    record = s3.buckets[physical_id]
    if record.get("_public_access_block"):
        root = ElementTree.fromstring(record["_public_access_block"])
        current["PublicAccessBlockConfiguration"] = {
            key: _child(root, key) is not None and _child(root, key).text == "true"
            for key in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        }
    if record.get("_ownership_controls"):
        root = ElementTree.fromstring(record["_ownership_controls"])
        current["OwnershipControls"] = {"Rules": [{"ObjectOwnership": _child(root, "ObjectOwnership").text}]}
    if s3.bucket_encryption.get(physical_id):
        root = ElementTree.fromstring(s3.bucket_encryption[physical_id])
        default = {"SSEAlgorithm": _child(root, "SSEAlgorithm").text}
        if _child(root, "KMSMasterKeyID") is not None:
            default["KMSMasterKeyID"] = _child(root, "KMSMasterKeyID").text
        rule = {"ServerSideEncryptionByDefault": default}
        if _child(root, "BucketKeyEnabled") is not None:
            rule["BucketKeyEnabled"] = _child(root, "BucketKeyEnabled").text == "true"
        current["BucketEncryption"] = {"ServerSideEncryptionConfiguration": [rule]}
    rules = s3.bucket_lifecycle.get(physical_id)
    if rules is not None:
        current["LifecycleConfiguration"] = {"Rules": [_lifecycle_rule(r) for r in _lifecycle_rules(rules)]}
    return current


def _lifecycle_rules(stored: Any) -> list:
    stored = _json(stored) if isinstance(stored, str) and stored.lstrip()[:1] in "[{" else stored
    if isinstance(stored, dict):
        stored = stored.get("Rules") or stored.get("rules") or []
    return stored if isinstance(stored, list) else []


def _lifecycle_rule(rule: dict) -> dict:
    shown = {"Id": rule.get("ID"), "Status": rule.get("Status")}
    days = (rule.get("Expiration") or {}).get("Days")
    if days is not None:
        shown["ExpirationInDays"] = days
    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if rule.get(key):
            shown[key] = rule[key]
    if (rule.get("Filter") or {}).get("Prefix"):
        shown["Prefix"] = rule["Filter"]["Prefix"]
    return {k: v for k, v in shown.items() if v is not None}


def _managed_policy(physical_id: str, properties: dict) -> dict | None:
    record = iam.policies.get(physical_id)
    if record is None:
        return None
    return {
        "ManagedPolicyName": record["PolicyName"],
        "Path": record.get("Path", "/"),
        "Description": record.get("Description", ""),
    }


def _role(physical_id: str, properties: dict) -> dict | None:
    current = drift.read_iam_role(physical_id, properties)
    if current is None:
        return None
    role = iam.roles[physical_id]
    boundary = role.get("PermissionsBoundary")
    if isinstance(boundary, dict):
        boundary = boundary.get("PermissionsBoundaryArn")
    # A policy attached beside the template's own reads as IN_SYNC on AWS; one that is missing doesn't.
    wanted = properties.get("ManagedPolicyArns") or []
    attached = role.get("AttachedPolicies", [])
    return {
        **current,
        **({"PermissionsBoundary": boundary} if boundary else {}),
        "ManagedPolicyArns": [arn for arn in wanted if arn in attached],
    }


def _rule(physical_id: str, properties: dict) -> dict | None:
    key = eventbridge.rule_key(physical_id, provisioners.eb_rule_bus_name(properties))
    record = eventbridge.rules.get(key)
    if record is None:
        return None
    current = {
        "Name": record["Name"],
        "State": record.get("State"),
        "Description": record.get("Description", ""),
        "Targets": eventbridge.targets.get(key, []),
        "Tags": _plain(eventbridge.tags.get(record["Arn"], {})),
    }
    if record.get("EventPattern"):
        current["EventPattern"] = _json(record["EventPattern"])
    if record.get("ScheduleExpression"):
        current["ScheduleExpression"] = record["ScheduleExpression"]
    return current


def _dashboard(physical_id: str, properties: dict) -> dict | None:
    record = cloudwatch.dashboards.get(physical_id)
    if record is None:
        return None
    body = record["DashboardBody"]
    # CloudFormation compares the meaning of the JSON text.
    if json.loads(body) == json.loads(properties.get("DashboardBody") or "null"):
        body = properties["DashboardBody"]
    return {"DashboardName": physical_id, "DashboardBody": body, "Tags": _plain(dashboards.dashboard_tags(physical_id))}


_ALARM = (
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
    "Unit",
)


def _alarm(physical_id: str, properties: dict) -> dict | None:
    record = cloudwatch.alarms.get(physical_id)
    if record is None:
        return None
    current = {key: record[key] for key in _ALARM if record.get(key) is not None}
    wanted = properties.get("Threshold")
    if wanted is not None and float(wanted) == float(current.get("Threshold", "nan")):
        current["Threshold"] = wanted  # 1 and 1.0 are one number
    return current


def _metric_filter(physical_id: str, properties: dict) -> dict | None:
    record = cloudwatch_logs.metric_filters.get((properties.get("LogGroupName"), physical_id))
    if record is None:
        return None
    transformations = [_upper_first(t) for t in record.get("metricTransformations", [])]
    return {
        "LogGroupName": properties.get("LogGroupName"),
        "FilterName": physical_id,
        "FilterPattern": record.get("filterPattern", ""),
        "MetricTransformations": _only(properties.get("MetricTransformations"), transformations),
    }


def _log_group(physical_id: str, properties: dict) -> dict | None:
    current = drift.read_log_group(physical_id, properties)
    if current is None:
        return None
    key = cloudwatch_logs.log_groups[physical_id].get("kmsKeyId")
    return {**current, **({"KmsKeyId": key} if key else {})}


def _topic(physical_id: str, properties: dict) -> dict | None:
    current = drift.read_sns_topic(physical_id, properties)
    if current is None:
        return None
    key = sns.topics[physical_id]["attributes"].get("KmsMasterKeyId")
    return {**current, **({"KmsMasterKeyId": key} if key else {})}


def _subscription(physical_id: str, properties: dict) -> dict | None:
    topic = sns.sub_arn_to_topic.get(physical_id)
    record = sns.find_subscription(topic, physical_id) if topic else None
    return (
        None if record is None else {"TopicArn": topic, "Protocol": record["protocol"], "Endpoint": record["endpoint"]}
    )


def _key(physical_id: str, properties: dict) -> dict | None:
    record = kms.keys.get(physical_id)
    if record is None or record.get("KeyState") == "PendingDeletion":
        return None
    return {
        "Description": record.get("Description", ""),
        "Enabled": record.get("Enabled", True),
        "EnableKeyRotation": bool(record.get("KeyRotationEnabled")),
        "KeyPolicy": _json(record.get("Policy")),
        "Tags": {t["TagKey"]: t["TagValue"] for t in record.get("Tags", [])},
    }


def _alias(physical_id: str, properties: dict) -> dict | None:
    target = kms.aliases.get(kms.alias_arn(physical_id))
    if target is None:
        return None
    wanted = kms.resolve_key(properties.get("TargetKeyId", ""))
    # Any name of the same key is the same target.
    same = wanted is not None and wanted["KeyId"] == target
    return {"AliasName": physical_id, "TargetKeyId": properties["TargetKeyId"] if same else target}


def _endpoint(physical_id: str, properties: dict) -> dict | None:
    record = ec2.vpc_endpoints.get(physical_id)
    if record is None:
        return None
    keys = (
        "VpcId",
        "ServiceName",
        "VpcEndpointType",
        "SubnetIds",
        "SecurityGroupIds",
        "RouteTableIds",
        "PrivateDnsEnabled",
    )
    return {**{key: record[key] for key in keys if key in record}, "Tags": _plain(ec2.tags.get(physical_id) or [])}


def _security_group(physical_id: str, properties: dict) -> dict | None:
    record = ec2.security_groups.get(physical_id)
    if record is None:
        return None
    current = {
        "GroupName": record["GroupName"],
        "GroupDescription": record["Description"],
        "VpcId": record["VpcId"],
        "Tags": _plain(ec2.tags.get(physical_id) or []),
    }
    for member, stored in (("SecurityGroupIngress", "IpPermissions"), ("SecurityGroupEgress", "IpPermissionsEgress")):
        current[member] = _matched(properties.get(member) or [], [r for p in record[stored] for r in _rules(p)])
    return current


def _rules(permission: dict) -> list:
    base = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
    rules = []
    for store, member, key in (
        ("IpRanges", "CidrIp", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
        ("PrefixListIds", "SourcePrefixListId", "PrefixListId"),
        ("UserIdGroupPairs", "SourceSecurityGroupId", "GroupId"),
    ):
        for entry in permission.get(store) or []:
            rule = {**base, member: entry.get(key)}
            if entry.get("Description"):
                rule["Description"] = entry["Description"]
            rules.append(rule)
    return rules


def _matched(wanted: list, actual: list) -> list:
    """The actual rules, each spelt like the template's rule that means the same."""

    def key(rule: dict) -> str:
        return json.dumps({k: str(v) for k, v in rule.items()}, sort_keys=True)

    by_key = {key(dict(rule.items())): rule for rule in wanted}
    return [by_key.get(key(rule), rule) for rule in actual]


def _schedule(physical_id: str, properties: dict) -> dict | None:
    record = scheduler.schedules.get(f"{properties.get('GroupName', 'default')}/{physical_id}")
    if record is None:
        return None
    return {
        key: record[key]
        for key in (
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "State",
            "Target",
            "FlexibleTimeWindow",
            "Description",
            "GroupName",
        )
        if record.get(key)
    }


def _invoke_config(physical_id: str, properties: dict) -> dict | None:
    function, qualifier = physical_id.rsplit(":", 1)
    record = lambda_service.functions.get(function)
    config = ((record or {}).get("event_invoke_configs") or {}).get(qualifier)
    if config is None:
        return None
    keys = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    return {
        "FunctionName": properties.get("FunctionName"),
        "Qualifier": qualifier,
        **_only(properties, {key: config[key] for key in keys if config.get(key) is not None}),
    }


_READERS = {
    "AWS::CodeCommit::Repository": (_repository, "RepositoryName RepositoryDescription KmsKeyId Tags"),
    "AWS::SageMaker::ModelPackageGroup": (_group, "ModelPackageGroupName ModelPackageGroupDescription Tags"),
    "AWS::CodePipeline::Pipeline": (
        _pipeline,
        "ArtifactStore ExecutionMode Name PipelineType RoleArn Stages Triggers Variables Tags",
    ),
    "AWS::S3::Bucket": (
        _bucket,
        "BucketName VersioningConfiguration PublicAccessBlockConfiguration OwnershipControls "
        "BucketEncryption LifecycleConfiguration Tags",
    ),
    # A document that was edited reads as IN_SYNC on AWS (cloudformation-coverage-roadmap issue 1858), so it is not compared.
    "AWS::IAM::ManagedPolicy": (_managed_policy, "ManagedPolicyName Path Description"),
    "AWS::IAM::Role": (
        _role,
        "RoleName Path Description MaxSessionDuration AssumeRolePolicyDocument "
        "PermissionsBoundary ManagedPolicyArns Tags",
    ),
    "AWS::Events::Rule": (_rule, "Name State Description EventPattern ScheduleExpression Targets Tags"),
    "AWS::CloudWatch::Dashboard": (_dashboard, "DashboardName DashboardBody Tags"),
    "AWS::CloudWatch::Alarm": (_alarm, " ".join(_ALARM)),
    "AWS::Logs::MetricFilter": (_metric_filter, "LogGroupName FilterName FilterPattern MetricTransformations"),
    "AWS::Logs::LogGroup": (_log_group, "LogGroupName RetentionInDays LogGroupClass KmsKeyId Tags"),
    "AWS::SNS::Topic": (_topic, "TopicName DisplayName KmsMasterKeyId Tags"),
    "AWS::SNS::Subscription": (_subscription, "TopicArn Protocol Endpoint"),
    # A key policy that was edited reads as IN_SYNC on AWS, so the policy is not compared here either.
    "AWS::KMS::Key": (_key, "Description Enabled EnableKeyRotation Tags"),
    "AWS::KMS::Alias": (_alias, "AliasName TargetKeyId"),
    "AWS::EC2::VPCEndpoint": (
        _endpoint,
        "VpcId ServiceName VpcEndpointType SubnetIds SecurityGroupIds RouteTableIds PrivateDnsEnabled Tags",
    ),
    "AWS::EC2::SecurityGroup": (
        _security_group,
        "GroupName GroupDescription VpcId SecurityGroupIngress SecurityGroupEgress Tags",
    ),
    "AWS::Scheduler::Schedule": (
        _schedule,
        "Name ScheduleExpression ScheduleExpressionTimezone State Target FlexibleTimeWindow Description GroupName",
    ),
    "AWS::Lambda::EventInvokeConfig": (
        _invoke_config,
        "FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig",
    ),
}


def install() -> None:
    for name, (reader, properties) in _READERS.items():
        drift.DRIFT_READERS[name] = (reader, frozenset(properties.split()))
    # Write-only in the provider's schema: AWS can't read them back.
    reader, properties = drift.DRIFT_READERS["AWS::SSM::Parameter"]
    drift.DRIFT_READERS["AWS::SSM::Parameter"] = (reader, properties - {"Description", "Tier", "AllowedPattern"})

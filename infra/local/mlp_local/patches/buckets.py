"""Buckets as CloudFormation provisions them: every property that the product sets, and no silent deletion.

Reason: ministack drops encryption, lifecycle, ownership and tags, and deletes a bucket together with its objects.
Source: CloudFormation Template Reference, "AWS::S3::Bucket".
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from .. import cfntype
from ..emulator import provisioners, s3

_create = provisioners.s3_create

_update = provisioners.s3_update


def _xml(root: Element) -> bytes:
    return tostring(root, encoding="utf-8")


def _encryption(value: dict) -> bytes:
    root = Element("ServerSideEncryptionConfiguration", xmlns=s3.S3_NS)
    for rule in value.get("ServerSideEncryptionConfiguration") or []:
        element = SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault") or {}
        if default:
            by_default = SubElement(element, "ApplyServerSideEncryptionByDefault")
            SubElement(by_default, "SSEAlgorithm").text = str(default.get("SSEAlgorithm", ""))
            if default.get("KMSMasterKeyID"):
                SubElement(by_default, "KMSMasterKeyID").text = str(default["KMSMasterKeyID"])
        if "BucketKeyEnabled" in rule:
            SubElement(element, "BucketKeyEnabled").text = str(rule["BucketKeyEnabled"]).lower()
    return _xml(root)


def _lifecycle(value: dict) -> bytes:
    root = Element("LifecycleConfiguration", xmlns=s3.S3_NS)
    for rule in value.get("Rules") or []:
        element = SubElement(root, "Rule")
        if rule.get("Id"):
            SubElement(element, "ID").text = str(rule["Id"])
        SubElement(element, "Status").text = str(rule.get("Status", "Enabled"))
        SubElement(SubElement(element, "Filter"), "Prefix").text = str(rule.get("Prefix") or "")
        if "ExpirationInDays" in rule or rule.get("ExpiredObjectDeleteMarker"):
            expiration = SubElement(element, "Expiration")
            if "ExpirationInDays" in rule:
                SubElement(expiration, "Days").text = str(rule["ExpirationInDays"])
            else:
                SubElement(expiration, "ExpiredObjectDeleteMarker").text = "true"
        noncurrent = rule.get("NoncurrentVersionExpiration") or (
            {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
            if "NoncurrentVersionExpirationInDays" in rule
            else None
        )
        if noncurrent:
            expiration = SubElement(element, "NoncurrentVersionExpiration")
            for key in ("NoncurrentDays", "NewerNoncurrentVersions"):
                if key in noncurrent:
                    SubElement(expiration, key).text = str(noncurrent[key])
        for transition in rule.get("Transitions") or []:
            change = SubElement(element, "Transition")
            if "TransitionInDays" in transition:
                SubElement(change, "Days").text = str(transition["TransitionInDays"])
            SubElement(change, "StorageClass").text = str(transition.get("StorageClass", ""))
        abort = rule.get("AbortIncompleteMultipartUpload")
        if abort:
            SubElement(SubElement(element, "AbortIncompleteMultipartUpload"), "DaysAfterInitiation").text = str(
                abort.get("DaysAfterInitiation", 7)
            )
    return _xml(root)


def _ownership(value: dict) -> bytes:
    root = Element("OwnershipControls", xmlns=s3.S3_NS)
    for rule in value.get("Rules") or []:
        SubElement(SubElement(root, "Rule"), "ObjectOwnership").text = str(rule.get("ObjectOwnership", ""))
    return _xml(root)


_CONFIGURATIONS = (
    ("BucketEncryption", _encryption, s3.put_bucket_encryption, s3.delete_bucket_encryption),
    ("LifecycleConfiguration", _lifecycle, s3.put_bucket_lifecycle, s3.delete_bucket_lifecycle),
    ("OwnershipControls", _ownership, s3.put_bucket_ownership_controls, s3.delete_bucket_ownership_controls),
)


def _apply(name: str, new: dict, old: dict) -> None:
    for key, to_xml, put, delete in _CONFIGURATIONS:
        if key in new:
            status, _, body = put(name, to_xml(new[key] or {}))
            if status >= 400:
                raise ValueError(f"AWS::S3::Bucket {key}: {body.decode(errors='replace')}")
        elif key in old:
            delete(name)
    tags = dict(s3.bucket_tags.get(name) or {})
    for key in cfntype.tag_map(old.get("Tags")):
        tags.pop(key, None)
    tags.update(cfntype.tag_map(new.get("Tags")))
    if tags:
        s3.bucket_tags[name] = tags
    else:
        s3.bucket_tags.pop(name, None)
    status = (new.get("VersioningConfiguration") or {}).get("Status")
    if status:
        s3.bucket_versioning[name] = status
    elif (old.get("VersioningConfiguration") or {}).get("Status"):
        # Versioning can't be taken back; a dropped property suspends it.
        s3.bucket_versioning[name] = "Suspended"


def _attributes(name: str, attributes: dict) -> dict:
    region = s3.buckets[name].get("region")
    return {**attributes, "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com"}


def _cfn_create(logical_id: str, properties: dict, stack_name: str) -> tuple:
    name = properties.get("BucketName")
    if name and not s3.validate_bucket_name(name):
        raise ValueError(
            f"Bucket name {name} is not valid: 3 to 63 lower-case letters, digits, dots and hyphens "
            "(Status Code: 400, Error Code: InvalidBucketName)"
        )
    name, attributes = _create(logical_id, properties, stack_name)
    _apply(name, properties, {})
    return name, _attributes(name, attributes)


def _cfn_update(physical_id: str, old: dict, new: dict, stack_name: str) -> tuple:
    name, attributes = _update(physical_id, old, new, stack_name)
    _apply(name, new, old if name == physical_id else {})
    return name, _attributes(name, attributes)


def _cfn_delete(physical_id: str, properties: dict) -> None:
    if physical_id not in s3.buckets:
        return
    status, _, body = s3.delete_bucket(physical_id)
    if status >= 400:
        text = body.decode(errors="replace")
        if "BucketNotEmpty" in text:
            raise ValueError(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket. "
                "(Service: S3, Status Code: 409, Error Code: BucketNotEmpty)"
            )
        raise ValueError(f"AWS::S3::Bucket: {text}")


def install() -> None:
    provisioners.RESOURCE_HANDLERS["AWS::S3::Bucket"].update(create=_cfn_create, update=_cfn_update, delete=_cfn_delete)
    provisioners.STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")
    provisioners.REPLACING_PROPERTIES["AWS::S3::Bucket"] = ("BucketName", "BucketNamePrefix", "BucketNamespace")

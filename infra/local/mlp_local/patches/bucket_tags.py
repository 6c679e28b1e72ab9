"""Refuses changes of the tags that CloudFormation set on a bucket.

Reason: ministack replaces all tags of the bucket.
Source: S3 API Reference, "PutBucketTagging": "System tags cannot be added/updated by requester".
"""

from __future__ import annotations

from typing import Any

from ..emulator import s3

_put_tags, _delete_tags = s3.put_bucket_tagging, s3.delete_bucket_tagging


def _system(tags: dict | None) -> dict:
    return {key: value for key, value in (tags or {}).items() if key.startswith("aws:")}


def _put_bucket_tagging(name: str, body: bytes) -> Any:
    """PutBucketTagging replaces all tags but CloudFormation's: a caller must name those as they are."""
    before = dict(s3.bucket_tags.get(name) or {})
    answer = _put_tags(name, body)
    if answer[0] < 300 and _system(s3.bucket_tags.get(name)) != _system(before):
        lost = set(_system(before)) - set(s3.bucket_tags[name])
        s3.bucket_tags[name] = before
        return s3.error(
            "InvalidTag",
            "System tags cannot be " + ("removed by requester" if lost else "added/updated by requester"),
            400,
            f"/{name}",
        )
    return answer


def _delete_bucket_tagging(name: str) -> Any:
    before = _system(s3.bucket_tags.get(name))
    answer = _delete_tags(name)
    if before:
        s3.bucket_tags[name] = before
    return answer


def configure(request: dict) -> dict:
    """``/_mlp/bucket-tags``: ``{"bucket": ..., "tags": {...}}`` sets all tags of a bucket, CloudFormation's own too.

    So a bucket looks as one that a stack has imported, or that another stack created.
    """
    bucket, tags = str(request.get("bucket", "")), request.get("tags")
    owner = s3.bucket_owner_account(bucket)
    if owner is None or not isinstance(tags, dict):
        raise ValueError("a bucket that exists, and its tags as an object")
    s3.bucket_tags.set_scoped(owner, None, bucket, {str(key): str(value) for key, value in tags.items()})
    return {"tags": tags}


def install() -> None:
    s3.put_bucket_tagging = _put_bucket_tagging
    s3.delete_bucket_tagging = _delete_bucket_tagging

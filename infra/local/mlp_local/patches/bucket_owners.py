"""Refuses a request that expects a bucket of another owner.

Reason: ministack ignores ``x-amz-expected-bucket-owner``.
Source: S3 User Guide, "Verifying bucket ownership with bucket owner condition".
"""

from __future__ import annotations

from urllib.parse import unquote

from ..emulator import s3


def refusal(scope: dict) -> bytes | None:
    """S3's answer to a request that expects a bucket of another owner; None for every other request.

    S3 User Guide, "Verifying bucket ownership with bucket owner condition": the request fails with 403 Access Denied.
    Buckets stand in the path here, as with every client of the suite.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    path = unquote(scope.get("path", "")).lstrip("/")
    for header, place in (
        (b"x-amz-expected-bucket-owner", path),
        (b"x-amz-source-expected-bucket-owner", unquote(headers.get(b"x-amz-copy-source", ""))),
    ):
        expected, bucket = headers.get(header), place.lstrip("/").split("/", 1)[0]
        if expected and s3.bucket_owner_account(bucket) not in (None, expected):
            return s3.error("AccessDenied", "Access Denied", 403, f"/{bucket}")[2]
    return None

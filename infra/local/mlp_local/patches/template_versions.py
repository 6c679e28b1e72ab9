"""Reads the version of a template or stack policy that ``?versionId=`` in its URL names.

Reason: ministack ignores the query of the URL and reads the current version.
Source: CloudFormation API Reference, "CreateChangeSet", parameter ``TemplateURL``; S3 API Reference, "GetObject".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from ..emulator import helpers, s3

_original_document = helpers.resolve_document


def _resolve_document(params: dict, body_key: Any, url_key: Any, label: Any) -> Any:
    """The version that the address of a document names, as S3 serves it; without one the current version."""
    parsed = urlparse(helpers.parameter(params, url_key) or "")
    version = parse_qs(parsed.query).get("versionId", [""])[0]
    if not version or helpers.parameter(params, body_key):
        return _original_document(params, body_key, url_key, label)
    bucket, _, key = unquote(parsed.path).lstrip("/").partition("/")
    text = s3.get_object_data(bucket, key, version)
    if text is None:
        return None, helpers.error(
            "ValidationError",
            f"S3 error: The specified version of {label.lower()} {key} does not exist. (NoSuchVersion)",
        )
    return text.decode("utf-8"), None


def install() -> None:
    helpers.resolve_document = _resolve_document

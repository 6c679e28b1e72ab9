"""``/_mlp/sessions``: credentials of a role, as a service gets them that assumes it.

No service runs builds or jobs here, so a test that asks what a build may do takes its role's session from this path. Roles
of products trust services only, for requests that name the service's own resource; nobody else can assume them.
"""

from __future__ import annotations

import re
import time

from ..emulator import get_account_id, iam, sts

_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(?:.+/)?([\w+=,.@-]+)")

_SECONDS = 3600


def create(request: dict) -> dict:
    """Credentials for ``{"role": "<name or ARN>"}``, with an optional ``"session"`` name."""
    given = str(request.get("role", ""))
    match = _ARN.fullmatch(given)
    account, name = match.groups() if match else (get_account_id(), given)
    role = iam.roles.get_scoped(account, None, name)
    if role is None:
        raise ValueError(f"there is no role {given!r}")
    session = str(request.get("session") or "local")
    key, secret, token = iam.gen_session_access_key(), iam.gen_secret(), iam.gen_session_token()
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    sts.register_session(
        key,
        {
            "Arn": arn,
            "UserId": f"{role.get('RoleId', name)}:{session}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + _SECONDS,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SessionTags": [],
        },
    )
    return {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token, "Arn": arn}

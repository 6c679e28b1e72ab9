"""AWS License Manager: checkout and check-in, with a switch for every answer that the product must handle.

    curl -X POST $ENDPOINT/_mlp/license -d '{"mode": "refuse"}'

Modes: ``grant`` (the default), ``refuse`` (the account has no such entitlement), ``no-license`` (the account has received
no license for this product SKU), ``self-issued`` (the account has issued the license itself, and must name itself as
its beneficiary), ``elsewhere`` (the license is one of another region), ``denied`` (the caller's role may not ask),
``unauthorized`` (the account may not), ``throttle`` and ``down`` (License Manager itself fails). ``entitlements`` names
what is granted, all that is asked for when it is null; ``seconds`` is how long a granted checkout lasts.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from ..emulator import get_account_id, get_region, new_uuid
from ..jsonservice import ApiError, JsonService, page

SERVICE = JsonService("license-manager", validation_code="ValidationException")

MODES = ("grant", "refuse", "no-license", "self-issued", "elsewhere", "denied", "unauthorized", "throttle", "down")

_DEFAULTS = {"mode": "grant", "entitlements": None, "seconds": 3600}

_state: dict = dict(_DEFAULTS)

_checkouts: dict[str, dict] = {}  # consumption token -> what was handed out

_by_client_token: dict[tuple, str] = {}

_calls: list[dict] = []


def state() -> dict:
    """The switch, what is checked out now, and the calls since the last change (newest last)."""
    return {**_state, "modes": list(MODES), "checkouts": list(_checkouts.values()), "calls": list(_calls)}


def configure(change: dict) -> dict:
    """Sets the switch; ``{"mode": "grant"}`` alone also puts the rest back to its default."""
    unknown = set(change) - set(_DEFAULTS)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; allowed: {', '.join(_DEFAULTS)}")
    new = {**_DEFAULTS, **change}
    if new["mode"] not in MODES:
        raise ValueError(f"mode {new['mode']!r} is none of {', '.join(MODES)}")
    _state.update(new)
    _calls.clear()
    return state()


def _before(operation: str) -> None:
    _calls.append({"operation": operation, "mode": _state["mode"]})
    mode = _state["mode"]
    if mode == "throttle":
        raise ApiError("RateLimitExceededException", "Too many requests")
    if mode == "down":
        raise ApiError("ServerInternalException", "Service is unable to process the request.", 500)
    if mode == "elsewhere":
        raise ApiError("RedirectException", "This is not the correct Region for the resource. Try again.")
    if mode == "unauthorized":
        raise ApiError("AuthorizationException", "The AWS user account does not have permission to perform the action.")
    if mode == "denied":
        raise ApiError("AccessDeniedException", f"User is not authorized to perform: license-manager:{operation}")


SERVICE.before = _before


def _timestamp(seconds_from_now: float = 0) -> str:
    moment = datetime.fromtimestamp(time.time() + seconds_from_now, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@SERVICE.operation("CheckoutLicense")
def _checkout(request: dict) -> dict:
    if not request["Entitlements"]:
        raise ApiError("InvalidParameterValueException", "Entitlements must not be empty")
    mode = _state["mode"]
    if mode == "no-license" or mode == "self-issued" and request.get("Beneficiary") != get_account_id():
        raise ApiError("ResourceNotFoundException", f"License not found for product SKU {request['ProductSKU']}")
    granted: list | None = _state["entitlements"]
    missing = [e["Name"] for e in request["Entitlements"] if granted is not None and e["Name"] not in granted]
    if mode == "refuse" or missing:
        raise ApiError(
            "NoEntitlementsAllowedException",
            "There are no entitlements found for this license, or the entitlement maximum count is "
            f"reached: {', '.join(missing or [e['Name'] for e in request['Entitlements']])}",
        )
    # The client token makes a retried call the same checkout.
    key = (get_account_id(), request["ClientToken"])
    token = _by_client_token.get(key)
    if token not in _checkouts:
        token = new_uuid().replace("-", "")
        _by_client_token[key] = token
        _checkouts[token] = {
            "CheckoutType": request["CheckoutType"],
            "LicenseConsumptionToken": token,
            "EntitlementsAllowed": [
                {"Name": e["Name"], "Unit": e["Unit"], "Value": e.get("Value", "1")} for e in request["Entitlements"]
            ],
            "IssuedAt": _timestamp(),
            "Expiration": _timestamp(float(_state["seconds"])),
            "LicenseArn": f"arn:aws:license-manager::{get_account_id()}:license:l-{request['ProductSKU']}",
        }
        if request.get("NodeId"):
            _checkouts[token]["NodeId"] = request["NodeId"]
    return _checkouts[token]


@SERVICE.operation("CheckInLicense")
def _check_in(request: dict) -> dict:
    if _checkouts.pop(request["LicenseConsumptionToken"], None) is None:
        raise ApiError("ResourceNotFoundException", "The license consumption token does not exist.")
    return {}


@SERVICE.operation("ListReceivedLicenses")
def _received(request: dict) -> dict:
    if _state["mode"] == "no-license":
        return {"Licenses": []}
    received = {
        "LicenseArn": f"arn:aws:license-manager::{get_account_id()}:license:l-local",
        "LicenseName": "ML Provisioner (local)",
        "ProductName": "ML Provisioner",
        "ProductSKU": "local",
        "Issuer": {"Name": "local", "KeyFingerprint": "aws:local:local:issuer-fingerprint"},
        "HomeRegion": get_region(),
        "Status": "AVAILABLE",
        "Validity": {"Begin": "2020-01-01T00:00:00Z", "End": "2099-12-31T00:00:00Z"},
        "Beneficiary": get_account_id(),
        "CreateTime": "2020-01-01T00:00:00Z",
        "Version": "1",
        "Entitlements": [
            {"Name": name, "Unit": "Count", "MaxCount": 100, "AllowCheckIn": True, "Overage": False}
            for name in (_state["entitlements"] or ["starter", "professional", "enterprise"])
        ],
        "ReceivedMetadata": {"ReceivedStatus": "ACTIVE", "AllowedOperations": ["CheckoutLicense", "CheckInLicense"]},
    }
    licenses = [received]
    for condition in request.get("Filters") or []:
        if condition.get("Name") in ("ProductSKU", "Status"):
            licenses = [item for item in licenses if item[condition["Name"]] in (condition.get("Values") or [])]
    items, token = page(
        licenses, request, request.get("MaxResults") or 100, "NextToken", "InvalidParameterValueException"
    )
    return {"Licenses": items, **({"NextToken": token} if token else {})}

"""Asks for ``CAPABILITY_IAM`` and ``CAPABILITY_AUTO_EXPAND`` always.

Reason: ministack asks for capabilities only when it also enforces IAM policies.
Source: CloudFormation API Reference, "CreateStack", parameter ``Capabilities``.
"""

from __future__ import annotations

from ..emulator import handlers


def install() -> None:
    handlers.capabilities_enforced = lambda: True

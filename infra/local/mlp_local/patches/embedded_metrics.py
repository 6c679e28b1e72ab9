"""Metrics in CloudWatch's embedded metric format.

Reason: ministack leaves the format in the log lines and records no metrics.
Source: CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..emulator import cloudwatch, lambda_service


def _embedded_metrics(text: str) -> None:
    """Metrics in CloudWatch's embedded metric format, which Logs takes out of every line that a function writes."""
    for line in text.splitlines():
        if '"CloudWatchMetrics"' not in line:
            continue
        try:
            record = json.loads(line)
            for directive in record["_aws"]["CloudWatchMetrics"]:
                for names in directive.get("Dimensions") or [[]]:
                    dimensions = {name: str(record[name]) for name in names}
                    for metric in directive["Metrics"]:
                        values = record[metric["Name"]]
                        for value in values if isinstance(values, list) else [values]:
                            cloudwatch.record_metric(
                                directive["Namespace"],
                                metric["Name"],
                                float(value),
                                metric.get("Unit", "None"),
                                dimensions,
                            )
        except (ValueError, KeyError, TypeError) as error:
            lambda_service.logger.warning("a line in embedded metric format is not valid (%s): %s", error, line[:300])


def _with_metrics(original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(func: Any, request_id: str, log_text: Any, *args: Any, **kwargs: Any) -> None:
        original(func, request_id, log_text, *args, **kwargs)
        _embedded_metrics(log_text or "")

    return emit


def install() -> None:
    lambda_service.emit_lambda_logs = _with_metrics(lambda_service.emit_lambda_logs)

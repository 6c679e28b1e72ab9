"""Distributed maps: batches of items on the way in, files of results on the way out.

Reason: ministack ignores ``ItemBatcher`` and ``ResultWriter``.
Source: Step Functions Developer Guide, "ItemBatcher (Map)" and "ResultWriter (Map)".
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ..emulator import s3, stepfunctions

_original_map = stepfunctions.run_distributed_map


def _run_distributed_map(state: dict, raw_input: Any, effective: Any, iterator: Any, execution: Any, ctx: Any) -> Any:
    """Batches of items on the way in, files of results on the way out."""
    own = dict(state)
    for member in ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"):
        if f"{member}Path" in state:
            own[member] = stepfunctions.resolve_path_or_ctx(state[f"{member}Path"], effective, ctx)
    if "ItemBatcher" in state:
        items = (
            stepfunctions.read_map_items(state["ItemReader"], effective, ctx)
            if state.get("ItemReader")
            else stepfunctions.resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
        )
        effective = {"batches": _batches(state, items if isinstance(items, list) else [items], effective, ctx)}
        for member in ("ItemReader", "ItemSelector", "Parameters", "ItemBatcher"):
            own.pop(member, None)
        own["ItemsPath"] = "$.batches"
    if "ResultWriter" not in state:
        return _original_map(own, raw_input, effective, iterator, execution, ctx)
    for member in ("ResultSelector", "ResultPath", "OutputPath"):
        own.pop(member, None)
    try:
        _original_map(own, raw_input, effective, iterator, execution, ctx)
    finally:
        result = _write_results(state["ResultWriter"], execution, raw_input, ctx)
    result = stepfunctions.apply_result_selector(state, result)
    output = stepfunctions.apply_result_path(state, raw_input, result)
    return stepfunctions.apply_output_path(state, output, ctx), stepfunctions.next_or_end(state)


def _batches(state: dict, items: list, effective: Any, ctx: Any) -> list:
    batcher = state["ItemBatcher"]
    selector = state.get("ItemSelector") or state.get("Parameters")
    selected = []
    for index, item in enumerate(items):
        if selector:
            item_ctx = {**copy.deepcopy(ctx), "Map": {"Item": {"Index": index, "Value": item}}}
            item = stepfunctions.resolve_params_obj(selector, effective, item_ctx)
        selected.append(item)
    size = batcher.get("MaxItemsPerBatch")
    if "MaxItemsPerBatchPath" in batcher:
        size = stepfunctions.resolve_path_or_ctx(batcher["MaxItemsPerBatchPath"], effective, ctx)
    size = int(size or len(selected) or 1)
    extra = batcher.get("BatchInput")
    head = {"BatchInput": stepfunctions.resolve_params_obj(extra, effective, ctx)} if extra else {}
    return [{**head, "Items": selected[i : i + size]} for i in range(0, len(selected), size)]


def _write_results(writer: dict, execution: dict, raw_input: Any, ctx: Any) -> dict:
    run = [r for r in stepfunctions.map_runs.values() if r["executionArn"] == execution["executionArn"]][-1]
    place = stepfunctions.resolve_params_obj(writer.get("Parameters") or writer.get("Arguments") or {}, raw_input, ctx)
    bucket, prefix = place.get("Bucket"), str(place.get("Prefix") or "").strip("/")
    folder = "/".join(part for part in (prefix, run["mapRunArn"].rsplit(":", 1)[1]) if part)
    children = [e for e in stepfunctions.executions.values() if e.get("mapRunArn") == run["mapRunArn"]]
    files: dict[str, list] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in ("FAILED", "SUCCEEDED"):
        entries = [
            {
                "ExecutionArn": e["executionArn"],
                "Input": e["input"],
                "InputDetails": {"Included": True},
                "Name": e["name"],
                "StartDate": e["startDate"],
                "StateMachineArn": e["stateMachineArn"],
                "Status": status,
                "StopDate": e["stopDate"],
                **(
                    {"Output": e["output"], "OutputDetails": {"Included": True}}
                    if status == "SUCCEEDED"
                    else {"Error": e.get("error"), "Cause": e.get("cause")}
                ),
            }
            for e in children
            if e["status"] == status
        ]
        if entries:
            key = f"{folder}/{status}_0.json"
            files[status].append({"Key": key, "Size": _put(bucket, key, entries)})
    manifest = f"{folder}/manifest.json"
    _put(bucket, manifest, {"DestinationBucket": bucket, "MapRunArn": run["mapRunArn"], "ResultFiles": files})
    return {"MapRunArn": run["mapRunArn"], "ResultWriterDetails": {"Bucket": bucket, "Key": manifest}}


def _put(bucket: str, key: str, value: Any) -> int:
    body = json.dumps(value).encode()
    status, _, answer = s3.put_object(bucket, key, body, {})
    if status >= 400:
        raise stepfunctions.ExecutionError("States.ResultWriterFailed", answer.decode(errors="replace"))
    return len(body)


def install() -> None:
    stepfunctions.run_distributed_map = _run_distributed_map

"""Runs in the endpoint. The SageMaker scikit-learn container calls these four functions by their names.

A request is JSON: {"rows": [[months, monthly_charge, support_calls, contract_years], ...]}.
The answer is JSON: {"probabilities": [0.93, ...]}.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from model import Model  # noqa: E402


def model_fn(model_dir):
    return Model.load(model_dir)


def input_fn(body, content_type="application/json"):
    if content_type.split(";")[0].strip() != "application/json":
        raise ValueError("the content type must be application/json")
    text = body.decode("utf-8") if isinstance(body, (bytes, bytearray)) else body
    rows = json.loads(text)["rows"]
    return [[float(value) for value in row] for row in rows]


def predict_fn(rows, model):
    return [model.probability(row) for row in rows]


def output_fn(probabilities, accept="application/json"):
    return json.dumps({"probabilities": probabilities})

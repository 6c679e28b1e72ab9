"""Logistic regression in plain Python, so that the example needs no package.

Replace it by the library that you use. Training, evaluation and inference share this file.
"""

import json
import math
import os


class Model:
    def __init__(self, means, scales, weights, bias):
        self.means, self.scales, self.weights, self.bias = means, scales, weights, bias

    def probability(self, row):
        """The probability that the customer leaves."""
        if len(row) != len(self.weights):
            raise ValueError("a row has %d numbers, but the model needs %d" % (len(row), len(self.weights)))
        scaled = [(value - mean) / scale for value, mean, scale in zip(row, self.means, self.scales)]
        score = self.bias + sum(weight * value for weight, value in zip(self.weights, scaled))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))

    def save(self, folder):
        with open(os.path.join(folder, "model.json"), "w") as file:
            json.dump(vars(self), file)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "model.json")) as file:
            return cls(**json.load(file))


def fit(features, labels, epochs=200, rate=0.5):
    """Gradient descent over the whole table, which is small."""
    columns = list(zip(*features))
    means = [sum(column) / len(column) for column in columns]
    scales = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column)) or 1.0
        for column, mean in zip(columns, means)
    ]
    model = Model(means, scales, [0.0] * len(columns), 0.0)
    table = [[(value - mean) / scale for value, mean, scale in zip(row, means, scales)] for row in features]
    plain = Model([0.0] * len(columns), [1.0] * len(columns), model.weights, 0.0)
    for _ in range(epochs):
        errors = [plain.probability(row) - label for row, label in zip(table, labels)]
        for index in range(len(columns)):
            slope = sum(error * row[index] for error, row in zip(errors, table)) / len(table)
            plain.weights[index] -= rate * slope
        plain.bias -= rate * sum(errors) / len(table)
    return Model(means, scales, plain.weights, plain.bias)


def accuracy(model, features, labels):
    """The share of rows that the model decides right."""
    right = sum((model.probability(row) >= 0.5) == bool(label) for row, label in zip(features, labels))
    return right / len(labels)

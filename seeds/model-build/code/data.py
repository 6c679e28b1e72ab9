"""The table that this example learns from: made-up customers, and whether they left.

Replace this file by a query of your own data. `pipeline.py` calls `write` and uploads what it wrote.
"""

import csv
import os
import random

FEATURES = ["months", "monthly_charge", "support_calls", "contract_years"]
LABEL = "left"


def rows(count, seed):
    """`count` customers. The same seed gives the same customers."""
    dice = random.Random(seed)
    for _ in range(count):
        months = dice.randint(1, 72)
        charge = round(dice.uniform(20, 120), 2)
        calls = dice.randint(0, 8)
        years = dice.choice([0, 1, 2])
        # Short contracts, high charges and many calls make customers leave; the rest is chance.
        score = 0.02 * (charge - 70) + 0.6 * (calls - 3) - 0.05 * (months - 24) - 0.8 * (years - 0.7)
        yield [months, charge, calls, years, int(score + dice.gauss(0, 0.5) > 0)]


def write(folder, train=600, test=200):
    """Writes `train/train.csv` and `test/test.csv` below `folder`."""
    for name, count, seed in (("train", train, 1), ("test", test, 2)):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, name + ".csv"), "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(FEATURES + [LABEL])
            table.writerows(rows(count, seed))


def read(folder):
    """The tables of all CSV files in a folder: features and labels."""
    features, labels = [], []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".csv"):
            with open(os.path.join(folder, name), newline="") as file:
                for row in csv.DictReader(file):
                    features.append([float(row[column]) for column in FEATURES])
                    labels.append(int(row[LABEL]))
    if not features:
        raise SystemExit("there is no CSV file with a row in " + folder)
    return features, labels

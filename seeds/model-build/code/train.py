"""Runs in the training container. SageMaker copies the channel `train` to SM_CHANNEL_TRAIN and packs SM_MODEL_DIR."""

import argparse
import os
import shutil

import data
import model


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    given, _ = parser.parse_known_args(arguments)

    features, labels = data.read(given.train)
    made = model.fit(features, labels, given.epochs)
    made.save(given.model_dir)
    # The endpoint runs the code that lies in the model's archive, so it needs no network.
    code = os.path.join(given.model_dir, "code")
    os.makedirs(code, exist_ok=True)
    for name in ("inference.py", "model.py"):
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), code)
    print("trained on %d rows, accuracy %.3f" % (len(labels), model.accuracy(made, features, labels)))


if __name__ == "__main__":
    main()

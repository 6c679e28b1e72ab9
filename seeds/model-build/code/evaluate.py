"""Runs in the processing container, with a table that the training didn't see. Writes evaluation.json."""

import json
import os
import sys
import tarfile

BASE = os.environ.get("PROCESSING_DIR", "/opt/ml/processing")


def main(base=BASE):
    sys.path.insert(0, os.path.join(base, "input/code"))
    import data
    import model

    folder = os.path.join(base, "input/model")
    with tarfile.open(os.path.join(folder, "model.tar.gz")) as archive:
        with open(os.path.join(folder, "model.json"), "wb") as file:
            file.write(archive.extractfile(_member(archive, "model.json")).read())
    features, labels = data.read(os.path.join(base, "input/test"))
    value = model.accuracy(model.Model.load(folder), features, labels)
    os.makedirs(os.path.join(base, "output"), exist_ok=True)
    with open(os.path.join(base, "output/evaluation.json"), "w") as file:
        # The form of SageMaker's model quality statistics, which the model registry shows.
        json.dump({"binary_classification_metrics": {"accuracy": {"value": value, "standard_deviation": "NaN"}}}, file)
    print("accuracy on %d rows: %.3f" % (len(labels), value))


def _member(archive, name):
    for member in archive.getmembers():
        if member.isfile() and os.path.normpath(member.name) == name:
            return member
    raise SystemExit("the model's archive holds no " + name)


if __name__ == "__main__":
    main()

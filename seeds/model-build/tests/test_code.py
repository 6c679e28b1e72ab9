"""The scripts that run in containers, run here as the containers run them."""

import json
import os
import sys
import tarfile
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CODE = os.path.join(os.path.dirname(HERE), "code")
sys.path.insert(0, CODE)

import data  # noqa: E402
import evaluate  # noqa: E402
import inference  # noqa: E402
import model  # noqa: E402
import train  # noqa: E402


class Data(unittest.TestCase):
    def test_the_same_seed_gives_the_same_table_and_another_seed_gives_another(self):
        self.assertEqual(list(data.rows(20, 1)), list(data.rows(20, 1)))
        self.assertNotEqual(list(data.rows(20, 1)), list(data.rows(20, 2)))

    def test_a_folder_without_a_table_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(SystemExit, "no CSV file"):
                data.read(folder)


class Learning(unittest.TestCase):
    def test_a_model_that_is_trained_here_is_evaluated_and_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            data.write(folder)
            made = os.path.join(folder, "model")
            os.makedirs(made)
            train.main(["--train", os.path.join(folder, "train"), "--model-dir", made, "--unknown", "1"])
            self.assertEqual(sorted(os.listdir(os.path.join(made, "code"))), ["inference.py", "model.py"])

            # SageMaker packs the folder and gives the archive to the evaluation.
            packed = os.path.join(folder, "input/model")
            os.makedirs(packed)
            with tarfile.open(os.path.join(packed, "model.tar.gz"), "w:gz") as archive:
                archive.add(made, arcname=".")
            os.makedirs(os.path.join(folder, "input/code"))
            os.rename(os.path.join(folder, "test"), os.path.join(folder, "input/test"))
            evaluate.main(folder)
            with open(os.path.join(folder, "output/evaluation.json")) as file:
                told = json.load(file)
            self.assertGreater(told["binary_classification_metrics"]["accuracy"]["value"], 0.8)

            served = inference.model_fn(made)
            rows = inference.input_fn(b'{"rows": [[3, 110, 6, 0], [60, 30, 0, 2]]}', "application/json; charset=utf-8")
            answer = json.loads(inference.output_fn(inference.predict_fn(rows, served)))
            leaves, stays = answer["probabilities"]
            self.assertGreater(leaves, 0.9)
            self.assertLess(stays, 0.1)

    def test_a_row_of_the_wrong_length_and_another_content_type_are_refused(self):
        with self.assertRaisesRegex(ValueError, "needs 1"):
            model.Model([0], [1], [1], 0).probability([1, 2])
        with self.assertRaisesRegex(ValueError, "application/json"):
            inference.input_fn(b"1,2", "text/csv")

    def test_a_column_that_never_changes_is_no_division_by_zero(self):
        made = model.fit([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]], [0, 0, 1, 1])
        self.assertEqual(model.accuracy(made, [[1.0, 5.0], [4.0, 5.0]], [0, 1]), 1.0)


if __name__ == "__main__":
    unittest.main()

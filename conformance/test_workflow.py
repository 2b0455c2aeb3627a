"""The whole workflow, by each client that people use, as they use it.

Every client trains, transforms, deploys, predicts, updates and deletes; what is asserted is the
same for all: the transform's first row is the endpoint's prediction, the second model's differs.
"""
import math

import pytest
from harness.client import CLIENTS, ROOT
from harness.data import boston


def check(result, folder):
    rows = [float(line) for line in (folder / "test.csv.out").read_text().split()]
    assert len(rows) == len((folder / "test.csv").read_text().splitlines())
    assert rows[0] == result["first"]
    assert result["second"] != result["first"]
    assert all(math.isfinite(row) for row in rows)
    return rows


def error(rows, labels):
    return math.sqrt(sum((row - label) ** 2 for row, label in zip(rows, labels)) / len(labels))


@pytest.mark.parametrize("route", ["both", "proxy"])
def test_the_course_runs_unchanged_with_the_sdk_of_its_time(client, route, tmp_path):
    course = client("course", route)
    done = course.command(course.bin / "python", ROOT / "examples/course/course.py")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    words = done.stdout.split("RMSE on the test set")[1].split()
    model, constant = float(words[0]), float(words[1].strip("("))
    assert model < 0.9 * constant
    assert "validation-rmse:" in done.stdout, "the log did not stream in"
    assert (tmp_path / "data/diabetes/test.csv.out").exists()


def test_sdk_v1_learns_boston_housing(client, tmp_path):
    labels = boston(tmp_path)
    result = client("course").run("sdk_v1.py", tmp_path)
    rows = check(result, tmp_path)
    mean = sum(labels) / len(labels)
    assert error(rows, labels) < 0.6 * error([mean] * len(labels), labels)
    assert result["image"].endswith("/xgboost:1")
    assert result["bucket"] == "sagemaker-us-east-1-123456789012"
    assert result["metrics"]["validation:rmse"] < 6


def test_sdk_v2_runs_the_workflow(client, tmp_path):
    boston(tmp_path)
    check(client("sdk_v2").run("sdk_v2.py", tmp_path), tmp_path)


@pytest.mark.slow
def test_sdk_v3_runs_the_workflow(client, tmp_path):
    boston(tmp_path)
    check(client("sdk_v3").run("sdk_v3.py", tmp_path), tmp_path)


@pytest.mark.parametrize("route", ["both", "endpoint", "proxy"])
def test_current_boto3_runs_the_workflow(client, route, tmp_path):
    boston(tmp_path)
    result = client("boto3_current", route).run("boto3_workflow.py", tmp_path, f"by-boto3-{route}")
    check(result, tmp_path)


def test_a_boto3_that_knows_no_endpoint_variable_comes_in_by_the_proxy(client, tmp_path):
    boston(tmp_path)
    result = client("boto3_1_26").run("boto3_workflow.py", tmp_path, "by-old-boto3")
    check(result, tmp_path)


def test_the_aws_command_line_runs_the_workflow(client, tmp_path):
    import json

    boston(tmp_path)
    done = client("boto3_current").command("sh", CLIENTS / "aws_cli.sh", tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    check(json.loads(done.stdout.strip().splitlines()[-1]), tmp_path)

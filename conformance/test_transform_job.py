"""Batch transform: every row scored in its order, by the endpoint's own arithmetic."""
import pytest
from harness.api import BUCKET, unique
from harness.data import features, table
from test_endpoint import deploy
from test_identity import refusal


def transform(api, model, uri, **changes):
    name = unique("transform")
    api.sagemaker.create_transform_job(**{
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/scored/{name}", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
    } | changes)
    return name


@pytest.fixture(scope="module")
def endpoint(api, model_data):
    return deploy(api, model_data)


def test_each_object_gets_its_output_and_each_row_its_line(api, endpoint):
    rows = features(table(300, seed=3))
    api.put("batch/one.csv", rows)
    api.put("batch/deep/two.csv", features(table(10, seed=4)))
    name = transform(api, endpoint, f"s3://{BUCKET}/batch/")
    job = api.transformed(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    scored = api.read(f"s3://{BUCKET}/scored/{name}/one.csv.out").decode().split()
    assert len(scored) == 300
    for row, score in list(zip(rows.splitlines(), scored))[::50]:
        assert api.invoke(endpoint, row)[0] == float(score)
    assert len(api.read(f"s3://{BUCKET}/scored/{name}/deep/two.csv.out").decode().split()) == 10


def test_its_log_stands_in_a_stream_of_its_own(api, endpoint):
    name = transform(api, endpoint, api.put("logged/rows.csv", features(table(5))))
    api.transformed(name)
    streams = api.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name + "/")["logStreams"]
    assert len(streams) == 1


def test_rows_that_cannot_be_read_fail_the_job_with_the_file_named(api, endpoint):
    name = transform(api, endpoint, api.put("bad/rows.csv", "a,b,c,d,e\n"))
    job = api.transformed(name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "rows.csv" in job["FailureReason"]


def test_an_unknown_model_is_refused(api):
    code, words, _ = refusal(transform, api=api, model="nobody", uri=f"s3://{BUCKET}/batch/")
    assert code == "ValidationException"
    assert "Could not find model" in words


def test_an_unknown_job_is_not_found(api):
    answer = refusal(api.sagemaker.describe_transform_job, TransformJobName="nobody")
    assert answer[:2] == ("ValidationException", "Requested resource not found.")

"""What a training job leaves in S3 beside its model, and when there is nothing to leave."""
import io
import tarfile

import pytest
from harness.api import BUCKET, unique, until
from harness.data import table
from test_training_job import running

ROWS = 300


def output_of(api, name, archive):
    """The files of an archive of a job, by name; None where there is no archive."""
    try:
        packed = api.read(f"s3://{BUCKET}/output/{name}/output/{archive}")
    except api.s3.exceptions.NoSuchKey:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}


def test_the_predictions_of_a_cross_validation_are_beside_its_models(api):
    name = unique("folds")
    uri = api.put("outputs/train.csv", table(ROWS))
    api.train(name, {"train": uri}, {"num_round": 5, "_kfold": 3})
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert sorted(output_of(api, name, "model.tar.gz")) == [f"xgboost-model-{fold}" for fold in range(3)]
    output = output_of(api, name, "output.tar.gz")
    assert list(output) == ["predictions.csv"]
    rows = [line.split(",") for line in output["predictions.csv"].decode().splitlines()]
    assert len(rows) == ROWS
    assert all(len(row) == 2 for row in rows)


def test_a_job_that_wrote_nothing_beside_its_model_has_no_output_archive(api, trained):
    name = trained["TrainingJobName"]
    assert list(output_of(api, name, "model.tar.gz")) == ["xgboost-model"]
    assert output_of(api, name, "output.tar.gz") is None


@pytest.mark.parametrize("saves", [True, False], ids=["saving", "not saving"])
def test_a_job_that_is_stopped_leaves_the_rounds_so_far_if_it_saves_them(api, saves):
    uri = api.put("outputs/large.csv", table(20_000, columns=20))
    name = unique("stopped-model")
    chosen = {"num_round": 100_000, "max_depth": 4} | ({"save_model_on_termination": "true"} if saves else {})
    api.train(name, {"train": uri}, chosen)
    until(lambda: running(api, name), bool)
    api.sagemaker.stop_training_job(TrainingJobName=name)
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Stopped"
    model = output_of(api, name, "model.tar.gz")
    if not saves:
        assert model is None
        assert "ModelArtifacts" not in job
        return
    assert list(model) == ["xgboost-model"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"{name}/output/model.tar.gz")
    assert b"learner" in model["xgboost-model"]


def test_a_model_that_shall_not_be_packed_is_an_object_for_each_file(api):
    name, uri = unique("unpacked"), api.put("outputs/train.csv", table(ROWS))
    output = {"S3OutputPath": f"s3://{BUCKET}/output", "CompressionType": "NONE"}
    api.train(name, {"train": uri}, {"num_round": 5}, OutputDataConfig=output)
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    prefix = f"output/{name}/output/"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{prefix}model/"
    listed = api.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    assert [item["Key"] for item in listed] == [f"{prefix}model/xgboost-model"]

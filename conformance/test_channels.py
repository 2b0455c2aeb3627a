"""Channels of training jobs: what they may be made of, how they come, and on how many instances."""
import gzip
import json
import os
import pathlib
import signal
import time

import pytest
from harness.api import BUCKET, XGBOOST, channel, unique, until
from harness.data import table
from test_identity import refusal

# Seconds in which a job must be over whose instance was lost.
PROMPTLY = 20
ROUNDS = {"num_round": 5, "max_depth": 3}


def image(tag):
    return {"TrainingImage": XGBOOST.rsplit(":", 1)[0] + ":" + tag, "TrainingInputMode": "File"}


@pytest.fixture(scope="module")
def parts(api):
    """Four objects below one prefix."""
    for number in range(4):
        api.put(f"channels/parts/{number}.csv", table(300, seed=number))
    return f"s3://{BUCKET}/channels/parts/"


def made_of(uri, kind="S3Prefix", mode=None, **changes):
    """A channel `train` whose source and members are changed so."""
    made = channel("train", uri) | changes
    made["DataSource"]["S3DataSource"]["S3DataType"] = kind
    if mode:
        made["InputMode"] = mode
    return made


def sharded(name, uri):
    made = channel(name, uri)
    made["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    return made


def instances(count):
    return {"InstanceType": "ml.m4.xlarge", "InstanceCount": count, "VolumeSizeInGB": 1}


def ended(api, name, channels, hyperparameters=ROUNDS, **changes):
    api.train(name, {}, hyperparameters, InputDataConfig=channels, **changes)
    return api.finished(name)


def completed(api, name, channels, hyperparameters=ROUNDS, **changes):
    job = ended(api, name, channels, hyperparameters, **changes)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def failure(api, name, channels, **changes):
    job = ended(api, name, channels, **changes)
    assert job["TrainingJobStatus"] == "Failed", job
    return job["FailureReason"]


def rmse(job):
    return {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}["train:rmse"]


def streams(api, name):
    """The lines of each host's log."""
    group = "/aws/sagemaker/TrainingJobs"
    found = api.logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"]
    lines = {}
    for stream in found:
        stream = stream["logStreamName"]
        events = api.logs.get_log_events(
            logGroupName=group, startFromHead=True, logStreamName=stream)["events"]
        lines[stream.split("/")[1].rsplit("-", 1)[0]] = [event["message"] for event in events]
    return lines


def test_a_manifest_and_a_fast_file_give_the_model_that_their_prefix_gives(api, parts):
    names = [f"{number}.csv" for number in range(4)]
    manifest = api.put("channels/all.manifest", json.dumps([{"prefix": parts}, *names]))
    expected = rmse(completed(api, unique("prefix"), [made_of(parts)]))
    for made in (made_of(manifest, "ManifestFile"), made_of(parts, mode="FastFile"),
                 made_of(manifest, "ManifestFile", ShuffleConfig={"Seed": 3})):
        assert rmse(completed(api, unique("same"), [made])) == pytest.approx(expected, rel=1e-3)


def test_a_manifest_that_is_wrong_fails_the_job_with_the_entry(api, parts):
    for manifest, words in (
            ([{"prefix": parts}, "0.csv", "none.csv"], "none.csv cannot be read: The specified key does not exist"),
            ([{"prefix": parts}, 7], "entry 2 is neither a text nor a prefix"),
            ({"prefix": parts}, "it is no JSON array")):
        uri = api.put("channels/wrong.manifest", json.dumps(manifest))
        reason = failure(api, unique("wrong"), [made_of(uri, "ManifestFile")])
        assert reason.startswith("ClientError: ") and words in reason


def test_a_pipe_brings_what_the_versions_container_could_read(api, parts):
    zipped = gzip.compress(table(300, seed=1).encode())
    api.s3.put_object(Bucket=BUCKET, Key="channels/zipped/1.csv.gz", Body=zipped)
    uri = f"s3://{BUCKET}/channels/zipped/"
    plain = completed(api, unique("plain"), [made_of(parts + "1.csv", mode="Pipe")],
                      AlgorithmSpecification=image("1.7-1"))
    packed = completed(api, unique("packed"), [made_of(uri, mode="Pipe", CompressionType="Gzip")],
                       AlgorithmSpecification=image("1.7-1"))
    assert rmse(packed) == rmse(plain)
    reason = failure(api, unique("gone"), [made_of(parts, mode="Pipe")])
    assert "Pipe mode for CSV is no longer supported. Please use Fast File mode (default)" in reason


def test_lines_of_an_augmented_manifest_are_rows(api):
    lines = [{"row": row} for row in table(200).splitlines()]
    uri = api.put("channels/rows.manifest", "\n".join(map(json.dumps, lines)))
    made = made_of(uri, "AugmentedManifestFile", mode="Pipe")
    made["DataSource"]["S3DataSource"]["AttributeNames"] = ["row"]
    completed(api, unique("augmented"), [made], AlgorithmSpecification=image("1.7-1"))


def test_what_only_a_pipe_can_do_is_refused_elsewhere(api, parts):
    for made, words in (
            (made_of(parts, CompressionType="Gzip"), "CompressionType is used only in Pipe input mode"),
            (made_of(parts, RecordWrapperType="RecordIO"), "is used only in Pipe input mode"),
            (made_of(parts, "AugmentedManifestFile"), "if the Channel's input mode is Pipe")):
        code, told, _ = refusal(
            api.train, name=unique("file"), channels={}, hyperparameters=ROUNDS, InputDataConfig=[made])
        assert code == "ValidationException" and words in told


def test_a_content_type_is_the_containers_to_the_letter(api, parts):
    made = made_of(parts, ContentType="text/csv; charset=utf-8")
    reason = failure(api, unique("type"), [made])
    assert ("Channel configuration for 'train' channel is not supported: "
            "{'ContentType': 'text/csv; charset=utf-8', 'TrainingInputMode': 'File'") in reason
    assert "is not an accepted ContentType: csv, libsvm, parquet" in reason


def test_two_instances_train_one_model_on_their_shares(api, parts):
    name = unique("sharded")
    job = completed(api, name, [sharded("train", parts)], ResourceConfig=instances(2))
    alone = completed(api, unique("alone"), [made_of(parts)])
    assert rmse(job) == pytest.approx(rmse(alone), rel=0.05)
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == ["train:rmse"]
    assert api.read(job["ModelArtifacts"]["S3ModelArtifacts"])
    lines = streams(api, name)
    assert sorted(lines) == ["algo-1", "algo-2"]
    for host in lines:
        assert any("Train matrix has 600 rows" in line for line in lines[host]), host
    told = [host for host in lines if any("#011train-rmse:" in line for line in lines[host])]
    assert told == ["algo-1"]


def test_two_instances_train_on_all_the_data_each(api, parts):
    name = unique("replicated")
    channels = [made_of(parts), channel("validation", parts + "0.csv")]
    completed(api, name, channels, ROUNDS | {"early_stopping_rounds": 2}, ResourceConfig=instances(2))
    for lines in streams(api, name).values():
        assert any("Train matrix has 1200 rows" in line for line in lines)


@pytest.mark.parametrize("count", [2, 3])
def test_an_instance_without_data_is_left_out(api, count):
    """Of two, the other trains alone; of three, two train, and the first instance is not among them.
    The checkpoints come from the first that trains."""
    prefix = f"channels/few-{count}/"
    api.put(prefix + "0.csv", "\n")
    for number in range(1, count):
        api.put(f"{prefix}{number}.csv", table(200, seed=number))
    name = unique("few")
    job = completed(
        api, name, [sharded("train", f"s3://{BUCKET}/{prefix}")], ResourceConfig=instances(count),
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/{name}"})
    kept = api.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{name}/xgboost-checkpoint.")
    assert kept["KeyCount"] > 0
    assert api.read(job["ModelArtifacts"]["S3ModelArtifacts"])
    lines = streams(api, name)
    assert any("Host algo-1 not being used for distributed training." in line for line in lines["algo-1"])


def test_a_mistake_in_one_instances_data_is_the_jobs_reason(api):
    api.put("channels/mistake/0.csv", table(20_000))
    api.put("channels/mistake/1.csv", table(200) + "1,2,x,4,5,6\n")
    started = time.monotonic()
    reason = failure(api, unique("mistake"), [sharded("train", f"s3://{BUCKET}/channels/mistake/")],
                     ResourceConfig=instances(2))
    assert time.monotonic() - started < PROMPTLY
    assert reason.startswith("ClientError: ") and "line 201 of file '1.csv'" in reason


def test_a_lost_instance_fails_the_job_at_once(api, parts):
    name = unique("lost")
    api.train(name, {}, {"num_round": 1_000_000}, InputDataConfig=[sharded("train", parts)],
              ResourceConfig=instances(2))
    until(lambda: streams(api, name).get("algo-1", []),
          lambda lines: any("[3]#011train-rmse" in line for line in lines))
    lost = processes(name, "algo-2")
    assert len(lost) == 1
    at = time.monotonic()
    os.kill(lost[0], signal.SIGKILL)
    job = api.finished(name)
    assert time.monotonic() - at < PROMPTLY
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: algo-2 was killed by signal 9, exit code: 137"
    assert until(lambda: processes(name, "algo-1"), lambda found: not found) == []


def processes(job, host):
    """The programs of one host of a job, known by the name that they carry and by their variables."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            named = (folder / "cmdline").read_bytes().split(b"\0")[0] == f"sagewright[{job}]".encode()
            if named and f"SAGEWRIGHT_HOST={host}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found

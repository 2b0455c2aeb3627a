"""Batch transform of every shape of input: one model, the same rows, the same scores."""
import gzip
import json
import struct

import pytest
from harness.api import BUCKET, unique
from harness.data import features, table
from test_identity import refusal
from test_transform_job import transform

ROWS = features(table(40, seed=11))


@pytest.fixture(scope="module")
def model(api, model_data):
    name = unique("model")
    api.model(name, model_data)
    return name


@pytest.fixture(scope="module")
def scores(api, model):
    """What plain CSV by line is scored as, a line each."""
    lines = scored(api, model, ROWS).split()
    assert len(lines) == 40 and len(set(lines)) > 20
    return lines


def completed(api, name):
    job = api.transformed(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    return job


def scored(api, model, body, key="rows.csv", **changes):
    """The output of a transform of one object."""
    uri = api.put(f"{unique('shape')}/{key}", body)
    name = transform(api, model, uri, **given(uri, changes))
    completed(api, name)
    return api.read(f"s3://{BUCKET}/scored/{name}/{key}.out").decode()


def given(uri, changes):
    """`ContentType`, `SplitType` and `CompressionType` belong to the input, the rest to the top."""
    within = {"ContentType", "SplitType", "CompressionType"}
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    put = {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"}
    put |= {name: value for name, value in changes.items() if name in within}
    return {"TransformInput": put} | {
        name: value for name, value in changes.items() if name not in within}


def record(row):
    """A row as SageMaker's RecordIO-protobuf: one dense tensor of 32-bit floats."""
    numbers = b"".join(struct.pack("<f", float(cell)) for cell in row.split(","))
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content
    entry = field(1, b"values") + field(2, field(2, field(1, numbers)))
    body = field(1, entry)
    return struct.pack("<II", 0xCED7230A, len(body)) + body + bytes(-len(body) % 4)


def test_a_request_for_each_record_scores_as_one_for_many(api, model, scores):
    single = scored(api, model, ROWS, BatchStrategy="SingleRecord")
    assert single.split() == scores


def test_objects_are_scored_whole_where_they_are_not_split(api, model, scores):
    assert scored(api, model, ROWS, SplitType="None").split() == scores


def test_a_stream_of_any_length_is_scored(api, model, scores):
    assert scored(api, model, ROWS, MaxPayloadInMB=0).split() == scores


def test_compressed_objects_are_scored_as_what_they_hold(api, model, scores):
    packed = gzip.compress(ROWS.encode())
    assert scored(api, model, packed, "rows.csv.gz", CompressionType="Gzip").split() == scores


def test_records_of_recordio_are_scored_as_their_rows(api, model, scores):
    body = b"".join(record(row) for row in ROWS.split())
    # 32-bit features of six decimals: what CSV's are narrowed to.
    for strategy in ("MultiRecord", "SingleRecord"):
        told = scored(api, model, body, "rows.rec", SplitType="RecordIO", BatchStrategy=strategy,
                      ContentType="application/x-recordio-protobuf")
        assert told.split() == scores, strategy


def test_an_id_is_left_out_and_joined_to_its_score(api, model, scores):
    named = "".join(f"id-{number},{row}\n" for number, row in enumerate(ROWS.split()))
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    told = scored(api, model, named, DataProcessing=processing)
    assert told.split() == [f"id-{number},{score}" for number, score in enumerate(scores)]
    whole = scored(api, model, named, DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input"})
    assert whole.split() == [f"{row},{score}" for row, score in zip(named.split(), scores)]


def test_a_path_beyond_the_columns_fails_with_the_record_named(api, model):
    uri = api.put(f"{unique('short')}/rows.csv", "1,2\n3\n")
    changes = given(uri, {"DataProcessing": {"InputFilter": "$[1]"}})
    job = api.transformed(transform(api, model, uri, **changes))
    assert job["TransformJobStatus"] == "Failed"
    assert "Invalid JsonPath: $[1]" in job["FailureReason"]
    assert "(record 2)" in job["FailureReason"]


def test_the_objects_of_a_manifest_are_scored_each_by_its_name_there(api, model, scores):
    folder = unique("listed")
    lines = ROWS.splitlines(keepends=True)
    parts = {"a/one.csv": lines[:13], "two.csv": lines[13:]}
    for name, part in parts.items():
        api.put(f"{folder}/{name}", "".join(part))
    api.put(f"{folder}/three.csv", "not asked for")
    entries = [{"prefix": f"s3://{BUCKET}/{folder}/"}, *parts]
    changes = given(api.put(f"{unique('list')}.json", json.dumps(entries)), {})
    changes["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    job = transform(api, model, "", **changes)
    completed(api, job)
    told = [api.read(f"s3://{BUCKET}/scored/{job}/{name}.out").decode() for name in parts]
    assert "".join(told).split() == scores
    made = api.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"scored/{job}/")["Contents"]
    assert len(made) == len(parts)


def test_objects_are_shared_out_among_instances(api, model, scores):
    folder = unique("many")
    for number in range(5):
        api.put(f"{folder}/part-{number}.csv", ROWS)
    resources = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 2}
    name = transform(api, model, f"s3://{BUCKET}/{folder}/", TransformResources=resources,
                     MaxConcurrentTransforms=2)
    completed(api, name)
    for number in range(5):
        told = api.read(f"s3://{BUCKET}/scored/{name}/part-{number}.csv.out").decode()
        assert told.split() == scores
    streams = api.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name + "/")["logStreams"]
    assert len(streams) == 2
    lines = [[event["message"] for event in api.logs.get_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamName=stream["logStreamName"],
        startFromHead=True)["events"]] for stream in streams]
    start = "[sagemaker logs]: MaxConcurrentTransforms=2, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert all(line[0] == start for line in lines), lines
    told = sorted(line.split(":")[0] for host in lines for line in host[1:])
    assert told == [f"transformed part-{number}.csv" for number in range(5)]


def test_one_object_that_fails_fails_the_job_and_leaves_the_others_their_outputs(api, model, scores):
    folder = unique("mixed")
    api.put(f"{folder}/a.csv", ROWS)
    api.put(f"{folder}/b.csv", ROWS + "no,number\n")
    api.put(f"{folder}/c.csv", ROWS)
    resources = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 2}
    name = transform(api, model, f"s3://{BUCKET}/{folder}", TransformResources=resources)
    job = api.transformed(name)
    assert job["TransformJobStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith(f"ClientError: {BUCKET}/{folder}/b.csv: Bad HTTP status"), reason
    assert "(record 41)" in reason
    kept = api.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"scored/{name}/")["Contents"]
    assert [item["Key"].rsplit("/", 1)[1] for item in kept] == ["a.csv.out", "c.csv.out"]
    assert api.read(f"s3://{BUCKET}/scored/{name}/c.csv.out").decode().split() == scores


def test_what_cannot_be_done_is_refused_in_awss_words(api, model):
    uri = api.put("refused/rows.csv", ROWS)
    for changes, words in [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB cannot be greater than 100 MB"),
        ({"MaxPayloadInMB": 30, "MaxConcurrentTransforms": 4},
         "(MaxConcurrentTransforms * MaxPayloadInMB) cannot exceed 100 MB"),
        ({"DataProcessing": {"InputFilter": "$.a"}}, 'Invalid InputFilter: "$.a". Unexpected "."'),
        ({"DataProcessing": {"JoinSource": "Input"}, "SplitType": "None"}, "SplitType must be Line"),
    ]:
        code, told, _ = refusal(transform, api=api, model=model, uri=uri, **given(uri, changes))
        assert code == "ValidationException"
        assert words in told


def test_the_sdks_transformer_asks_for_all_of_it(client, api, model, scores):
    folder = unique("by-sdk")
    named = "".join(f"{number},{row}\n" for number, row in enumerate(ROWS.split()))
    for part in ("a", "b", "c"):
        api.put(f"{folder}/{part}.csv.gz", gzip.compress(named.encode()))
    result = client("sdk_v2").run(
        "sdk_v2_transform.py", model, f"s3://{BUCKET}/{folder}", f"s3://{BUCKET}/scored/{folder}")
    assert result["ModelClientConfig"] == {
        "InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1}
    for part in ("a", "b", "c"):
        told = api.read(f"s3://{BUCKET}/scored/{folder}/{part}.csv.gz.out").decode()
        assert told.split() == [f"{number},{score}" for number, score in enumerate(scores)]

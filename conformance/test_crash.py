"""The server is killed at the worst moments; the next start goes on where it stood."""
import io
import os
import pathlib
import threading

from harness.api import BUCKET, Api, unique, until
from harness.data import features, table
from test_endpoint import ROW, deploy
from test_training_job import running
from test_transform_job import transform

MIB = 1 << 20
# Long enough to be killed in, short enough to wait for.
ROWS, ROUNDS = 20_000, 150


def shims_of(server):
    """Processes that work for this data folder, other than the server."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == server.process.pid:
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            folder = os.readlink(entry / "cwd")
        except OSError:
            continue  # it ended meanwhile, or is not ours to look at
        if str(server.data).encode() in told or folder.startswith(str(server.data)):
            found.append(entry.name)
    return found


def test_a_training_job_outlives_the_server_and_is_completed_by_the_next(own_server):
    api = Api(own_server)
    name = unique("outlived")
    uri = api.put("train.csv", table(ROWS, columns=20))
    api.train(name, {"train": uri}, {"num_round": ROUNDS, "max_depth": 6})
    until(lambda: running(api, name), bool)
    own_server.kill()
    own_server.start()
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    rounds = [event for event in log(api, name) if "train-rmse:" in event]
    assert len(rounds) == ROUNDS, "lines of the log were lost or doubled"
    until(lambda: shims_of(own_server), lambda found: not found, within=5)


def log(api, name):
    group = "/aws/sagemaker/TrainingJobs"
    stream = api.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"][0]
    pages, token = [], {}
    while True:
        page = api.logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, **token)
        if not page["events"]:
            return pages
        pages += [event["message"] for event in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}


def test_a_job_accepted_a_moment_before_the_kill_is_not_lost(own_server):
    api = Api(own_server)
    uri = api.put("train.csv", table(500))
    names = [unique("accepted") for _ in range(3)]
    for name in names:
        api.train(name, {"train": uri}, {"num_round": 5})
    own_server.kill()
    own_server.start()
    assert [api.finished(name)["TrainingJobStatus"] for name in names] == ["Completed"] * 3


def test_a_transform_job_outlives_the_server(own_server):
    api = Api(own_server)
    train = unique("for-transform")
    api.train(train, {"train": api.put("train.csv", table(500))}, {"num_round": 100})
    model = unique("model")
    api.model(model, api.finished(train)["ModelArtifacts"]["S3ModelArtifacts"])
    rows = features(table(ROWS, seed=6)) * 20
    name = transform(api, model, api.put("rows.csv", rows))
    until(lambda: shims_of(own_server), bool, every=0.001)
    own_server.kill()
    own_server.start()
    job = api.transformed(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    scored = api.read(f"s3://{BUCKET}/scored/{name}/rows.csv.out")
    assert scored.count(b"\n") == 20 * ROWS
    until(lambda: shims_of(own_server), lambda found: not found, within=5)


def test_an_upload_that_was_cut_off_leaves_no_half_object(own_server):
    api = Api(own_server)
    api.ensure_bucket()
    api.s3.put_object(Bucket=BUCKET, Key="acknowledged", Body=b"kept")
    data = io.BytesIO(os.urandom(100 * MIB))
    sent = []

    def upload():
        try:
            api.s3.upload_fileobj(data, BUCKET, "cut-off", Callback=sent.append)
        except Exception:  # the server is killed under it
            pass

    uploader = threading.Thread(target=upload)
    uploader.start()
    until(lambda: sum(sent), lambda size: size > 16 * MIB, within=30, every=0.001)
    own_server.kill()
    uploader.join()
    own_server.start()
    keys = [item["Key"] for item in api.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == ["acknowledged"]
    assert api.read(f"s3://{BUCKET}/acknowledged") == b"kept"
    for upload in api.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        api.s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    assert "Uploads" not in api.s3.list_multipart_uploads(Bucket=BUCKET)


def test_what_was_acknowledged_is_there_after_a_kill(own_server):
    api = Api(own_server)
    api.ensure_bucket()
    bodies = {f"key-{number}": os.urandom(number * 40_000) for number in range(20)}
    for key, body in bodies.items():
        api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    own_server.kill()
    own_server.start()
    for key, body in bodies.items():
        assert api.read(f"s3://{BUCKET}/{key}") == body, key


def test_an_endpoint_answers_as_soon_as_the_server_is_ready_again(own_server):
    api = Api(own_server)
    name = unique("for-endpoint")
    api.train(name, {"train": api.put("train.csv", table(500))}, {"num_round": 10})
    endpoint = deploy(api, api.finished(name)["ModelArtifacts"]["S3ModelArtifacts"])
    before = api.invoke(endpoint, ROW)
    own_server.kill()
    own_server.start()
    assert api.invoke(endpoint, ROW) == before

"""`sagewright backup` and `restore`: of a running server, of none, and killed at bad moments."""
import json
import os
import random
import shutil
import subprocess
import threading

import pytest
from harness.api import BUCKET, Api, until
from harness.data import table
from harness.outside import BUCKET as OUTSIDE
from harness.outside import STORES, Place
from harness.server import BINARY, Server
from test_endpoint import ROW, deploy
from test_training_job import running

MIB = 1 << 20
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": bytes(range(32))}
# What an object is encrypted with, by the beginning of its key, and what reading it needs.
SEALS = {
    "plain": ({}, {}),
    "s3": ({"ServerSideEncryption": "AES256"}, {}),
    "kms": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/team/data"}, {}),
    "customer": (CUSTOMER, CUSTOMER),
}


@pytest.fixture
def own_server(tmp_path, library):
    """Its blobs lie in its data folder, wherever those of other tests' servers do."""
    server = Server(tmp_path / "data")
    server.take_library(library)
    yield server.start()
    server.stop()


@pytest.fixture
def restored(tmp_path, library):
    """Restores a file into a folder of its own, and starts a server on it unless told not to."""
    servers = []

    def restore(file, start=True):
        server = Server(tmp_path / f"restored-{len(servers)}" / "data")
        server.data.parent.mkdir()
        server.command("restore", str(file))
        server.take_library(library)
        servers.append(server)
        return server.start() if start else server

    yield restore
    for server in servers:
        server.stop()


def start(server, file, *options):
    """Begins a backup."""
    environ = os.environ | {"SAGEWRIGHT_DATA": str(server.data)}
    return subprocess.Popen([BINARY, "backup", str(file), *options], env=environ,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def begun(server):
    """A backup that waits in the midst of its blobs until its output is read; what it wrote."""
    backup = start(server, "-", "--with-keys")
    return backup, backup.stdout.read(5 * MIB)


def blob_files(server):
    return [path for path in (server.data / "objects/blobs").rglob("*") if path.is_file()]


def bodies(seed, count, size):
    dice = random.Random(seed)
    return {f"k{number}": dice.randbytes(size) for number in range(count)}


def furnish(api):
    """Everything that a bucket can hold: versions, markers, tags, parts, each kind of encryption."""
    dice = random.Random(4)
    api.ensure_bucket()
    api.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    api.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    for way, (asked, _) in SEALS.items():
        for size in (0, 100, 300_000, 9 * MIB):
            for version in range(2):
                api.s3.put_object(Bucket=BUCKET, Key=f"{way}/{size}", Body=dice.randbytes(size),
                                  Metadata={"version": str(version)}, Tagging="a=b", **asked)
        api.s3.delete_object(Bucket=BUCKET, Key=f"{way}/100")
        upload = begin_upload(api, f"{way}/parts", 2, dice, asked)
        complete_upload(api, upload)
    return begin_upload(api, "plain/under way", 2, dice, {})


def begin_upload(api, key, count, dice, asked):
    upload = {"Bucket": BUCKET, "Key": key}
    upload["UploadId"] = api.s3.create_multipart_upload(**upload, **asked)["UploadId"]
    for number in range(1, count + 1):
        customer = CUSTOMER if asked == CUSTOMER else {}
        api.s3.upload_part(PartNumber=number, Body=dice.randbytes(5 * MIB), **upload, **customer)
    return upload


def complete_upload(api, upload):
    found = api.s3.list_parts(**upload)["Parts"]
    parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in found]
    api.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)


def picture(api):
    """All that can be asked of the bucket."""
    listed = api.s3.list_object_versions(Bucket=BUCKET)
    seen = {"markers": listed.get("DeleteMarkers", []), "versions": listed["Versions"]}
    for version in listed["Versions"]:
        name = {"Bucket": BUCKET, "Key": version["Key"], "VersionId": version["VersionId"]}
        read = SEALS[version["Key"].split("/")[0]][1]
        answer = api.s3.get_object(**name, **read)
        told = ("ETag", "Metadata", "LastModified", "ServerSideEncryption", "SSEKMSKeyId", "TagCount")
        seen[version["VersionId"]] = (
            answer["Body"].read(), [answer.get(header) for header in told],
            api.s3.get_object_tagging(**name)["TagSet"])
    seen["tags"] = api.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    seen["uploads"] = api.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    return seen


def contents(api):
    pages = api.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [it["Key"] for page in pages for it in page.get("Contents", [])]
    return {key: api.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


class Writer(threading.Thread):
    """Puts, overwrites, completes uploads and deletes until it is told to stop."""

    def __init__(self, api, seed):
        super().__init__(daemon=True)
        self.s3, self.seed = api.client("s3"), seed
        self.dice = random.Random(seed)
        # What each key was asked to hold, in order, None for nothing; how much was acknowledged.
        self.asked, self.acknowledged = {}, {}
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            key = f"{self.seed}/{self.dice.randrange(40)}"
            call = self.dice.choice([self.put, self.put, self.put, self.upload, self.delete])
            body = self.dice.randbytes(self.dice.choice([0, 100, 40_000, 300_000]))
            asked = self.asked.setdefault(key, [])
            asked.append(None if call == self.delete else body)
            call(key, body)
            self.acknowledged[key] = len(asked)

    def put(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def upload(self, key, body):
        upload = {"Bucket": BUCKET, "Key": key}
        upload["UploadId"] = self.s3.create_multipart_upload(**upload)["UploadId"]
        part = self.s3.upload_part(PartNumber=1, Body=body, **upload)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        self.s3.complete_multipart_upload(MultipartUpload=parts, **upload)

    def delete(self, key, _):
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def stop(self):
        self.over.set()
        self.join()


def test_a_backup_of_a_server_that_is_written_to_holds_what_was_acknowledged_before(
        own_server, restored, tmp_path):
    api = Api(own_server)
    api.ensure_bucket()
    writers = [Writer(api, seed) for seed in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: sum(len(writer.acknowledged) for writer in writers), lambda count: count > 60)
    for number in range(3):
        before = [dict(writer.acknowledged) for writer in writers]
        own_server.command("backup", str(tmp_path / f"backup-{number}"))
        assert all(writer.is_alive() for writer in writers), "nobody waits for a backup"
        asked = [{key: list(values) for key, values in dict(writer.asked).items()} for writer in writers]
        server = restored(tmp_path / f"backup-{number}")
        found = contents(Api(server))
        server.stop()
        for acknowledged, history in zip(before, asked):
            for key, count in acknowledged.items():
                assert found.get(key) in history[key][count - 1:], f"{key} is of before"
    for writer in writers:
        writer.stop()


def test_everything_in_a_bucket_comes_back_with_the_master_key_and_nothing_without(
        own_server, restored, tmp_path):
    api = Api(own_server)
    upload = furnish(api)
    before = picture(api)
    told = json.loads(own_server.command("backup", str(tmp_path / "with"), "--with-keys", "--json").stdout)
    assert (told["keys"], told["sealed"], told["blobs"]) == (True, True, "folder")
    without = own_server.command("backup", str(tmp_path / "without"))
    assert "cannot be read without keys/master.key" in without.stderr
    own_server.stop()

    again = Api(restored(tmp_path / "with"))
    assert picture(again) == before
    complete_upload(again, upload)

    server = restored(tmp_path / "without", start=False)
    refused = server.command("up", "--port", str(server.port), check=False)
    assert refused.returncode == 1 and "master.key is missing" in refused.stderr
    shutil.copy(own_server.data / "keys/master.key", server.data / "keys/master.key")
    assert picture(Api(server.start())) == before


def test_what_is_deleted_during_a_backup_is_in_it(own_server, restored, tmp_path):
    api = Api(own_server)
    api.ensure_bucket()
    large = bodies(1, 8, 8 * MIB)
    for key, body in large.items():
        api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    backup, first = begun(own_server)
    for key in large:
        api.s3.delete_object(Bucket=BUCKET, Key=key)
    (tmp_path / "backup").write_bytes(first + backup.stdout.read())
    assert backup.wait(timeout=60) == 0, backup.stderr.read()
    assert contents(api) == {}
    until(lambda: blob_files(own_server), lambda left: not left)
    assert contents(Api(restored(tmp_path / "backup"))) == large


def test_a_backup_that_is_killed_leaves_the_older_one_and_holds_nothing_up(
        own_server, restored, tmp_path):
    api = Api(own_server)
    api.put("first", "one")
    own_server.command("backup", str(tmp_path / "backup"))
    older = (tmp_path / "backup").read_bytes()
    large = bodies(2, 20, 8 * MIB)
    for key, body in large.items():
        api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    for size in (0, 20 * MIB, 100 * MIB):
        backup = start(own_server, tmp_path / "backup", "--replace")
        archive = tmp_path / ".backup.unfinished/archive"
        until(lambda: archive.exists() and archive.stat().st_size >= size, bool, every=0.001)
        backup.kill()
        backup.wait()
        assert (tmp_path / "backup").read_bytes() == older
    # The server no longer keeps blobs for it, and the next one takes its leavings away.
    api.s3.delete_object(Bucket=BUCKET, Key="k0")
    del large["k0"]
    until(lambda: len(blob_files(own_server)), lambda left: left == 19)
    own_server.command("backup", str(tmp_path / "backup"), "--replace")
    assert not list(tmp_path.glob(".*"))
    assert contents(Api(restored(tmp_path / "backup"))) == large | {"first": b"one"}


def test_a_server_that_stops_during_a_backup_spoils_it(own_server, tmp_path):
    api = Api(own_server)
    api.ensure_bucket()
    for key, body in bodies(3, 4, 8 * MIB).items():
        api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    backup, first = begun(own_server)
    own_server.kill()
    (tmp_path / "backup").write_bytes(first + backup.stdout.read())
    assert backup.wait(timeout=60) == 1 and b"make the backup again" in backup.stderr.read()
    assert not list(own_server.data.glob(".*"))
    other = Server(tmp_path / "other")
    refused = other.command("restore", str(tmp_path / "backup"), check=False)
    assert refused.returncode == 1 and "its end is missing" in refused.stderr


def test_a_backup_of_a_server_that_was_killed_needs_none(own_server, restored, tmp_path):
    api = Api(own_server)
    api.put("small", "x")
    api.s3.put_object(Bucket=BUCKET, Key="large", Body=bytes(9 * MIB))
    keys = {name: api.settings[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    own_server.kill()
    own_server.command("backup", str(tmp_path / "with"), "--with-keys")
    told = own_server.command("backup", str(tmp_path / "without")).stderr
    assert told == "without keys: who restores it gets new ones\n"
    again = Api(restored(tmp_path / "with"))
    assert {name: again.settings[name] for name in keys} == keys
    assert contents(again) == {"small": b"x", "large": bytes(9 * MIB)}
    other = Api(restored(tmp_path / "without"))
    assert other.settings["AWS_ACCESS_KEY_ID"] != keys["AWS_ACCESS_KEY_ID"]
    assert contents(other) == {"small": b"x", "large": bytes(9 * MIB)}
    assert other.s3.list_buckets()["Owner"] == again.s3.list_buckets()["Owner"], "an id is no secret"
    assert keys["AWS_SECRET_ACCESS_KEY"].encode() not in (tmp_path / "without").read_bytes()
    assert ((tmp_path / "with").stat().st_mode & 0o777) == 0o600


def test_a_backup_goes_through_a_pipe_and_one_that_broke_off_is_none(own_server, tmp_path):
    api = Api(own_server)
    large = bodies(5, 3, 8 * MIB)
    api.ensure_bucket()
    for key, body in large.items():
        api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    backup = own_server.command("backup", "-", "--with-keys", text=False)
    assert backup.stderr.startswith(b"written: -, ")
    other = Server(tmp_path / "other")
    cut = other.command("restore", "-", input=backup.stdout[:20 * MIB], text=False, check=False)
    assert cut.returncode == 1 and b"is no whole backup" in cut.stderr
    assert not other.data.exists()
    other.command("restore", "-", input=backup.stdout, text=False)
    assert contents(Api(other.start())) == large
    other.stop()
    unread = f"set -o pipefail; {BINARY} backup - | head -c 1000 > {tmp_path}/head"
    done = subprocess.run(["bash", "-c", unread], env=own_server._environ(), capture_output=True, text=True)
    assert done.returncode == 1 and "Broken pipe" in done.stderr


def test_models_and_endpoints_are_served_again_and_a_job_that_ran_has_failed(
        own_server, restored, tmp_path):
    api = Api(own_server)
    uri = api.put("train.csv", table(500))
    api.train("done", {"train": uri}, {"num_round": 5})
    endpoint = deploy(api, api.finished("done")["ModelArtifacts"]["S3ModelArtifacts"])
    answer = api.invoke(endpoint, ROW)[0]
    long = api.put("long.csv", table(20_000, columns=20))
    api.train("running", {"train": long}, {"num_round": 1_000, "max_depth": 6})
    until(lambda: running(api, "running"), bool)
    own_server.command("backup", str(tmp_path / "backup"), "--with-keys")
    own_server.stop()
    again = Api(restored(tmp_path / "backup"))
    assert again.invoke(endpoint, ROW)[0] == answer
    job = again.finished("running")
    assert job["TrainingJobStatus"] == "Failed" and job["FailureReason"], job


def test_only_an_empty_folder_is_restored_into_and_only_a_new_file_written(server, tmp_path):
    (tmp_path / "file").write_text("no backup")
    done = server.command("restore", str(tmp_path / "file"), check=False)
    assert done.returncode == 1 and "is not empty" in done.stderr
    done = server.command("backup", str(tmp_path / "file"), check=False)
    assert done.returncode == 1 and "--replace" in done.stderr
    other = Server(tmp_path / "other")
    done = other.command("restore", str(tmp_path / "file"), check=False)
    assert done.returncode == 1 and "is no whole backup" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "no backup"


def test_blobs_of_an_outside_store_are_taken_over_only_where_that_is_said(restored, tmp_path):
    store = STORES["sagewright"](tmp_path)
    store.start()
    place = Place(store)
    server = Server(tmp_path / "data")
    server.keep_blobs_at(place)
    api = Api(server.start())
    api.put("small", "x")
    api.s3.put_object(Bucket=BUCKET, Key="large", Body=bytes(9 * MIB))
    backup = server.command("backup", str(tmp_path / "backup"), "--with-keys")
    assert f"without the blobs of objects, which lie at {place.line}" in backup.stderr
    assert (tmp_path / "backup").stat().st_size < 4 * MIB

    copy = restored(tmp_path / "backup", start=False)
    copy.environ = place.environ()
    refused = copy.command("up", "--port", str(copy.port), check=False)
    assert refused.returncode == 1 and "the blobs of another data folder" in refused.stderr
    server.stop()
    name = (copy.data / "objects/BLOBS").read_text().splitlines()[1]
    store.s3.put_object(Bucket=OUTSIDE, Key=f"{place.prefix}/OWNER", Body=name)
    assert contents(Api(copy.start())) == {"small": b"x", "large": bytes(9 * MIB)}
    copy.stop()
    store.stop()

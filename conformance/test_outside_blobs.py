"""All blobs in an outside store: a second Sagewright, and SeaweedFS.

`cargo xtask conformance --blobs seaweedfs` runs everything else on one too.
"""
import hashlib
import http.client
import io
import os
import subprocess
import threading
import time
import urllib.parse

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ResponseStreamingError
from harness.api import BUCKET, Api, until
from harness.client import ROOT
from harness.outside import STORES, Place
from harness.server import BINARY, Server
from test_identity import refusal

MIB = 1 << 20
# What is not above this lives in the index.
INLINE = 16 * 1024
MD5_OF_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="


@pytest.fixture(scope="module", params=list(STORES))
def store(request, tmp_path_factory):
    store = STORES[request.param](tmp_path_factory.mktemp(request.param))
    yield store.start()
    store.stop()


@pytest.fixture
def place(store):
    return Place(store)


@pytest.fixture
def inner(place, tmp_path):
    """A server that keeps its blobs at the place; not started."""
    server = Server(tmp_path / "data")
    server.keep_blobs_at(place)
    yield server
    server.stop()


@pytest.fixture
def api(inner):
    api = Api(inner.start())
    api.ensure_bucket()
    return api


def get(api, key, **options):
    return api.s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def put(api, key, body):
    return api.s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def refused_start(server):
    """What a server says that does not start."""
    with open(os.devnull) as nothing:
        done = subprocess.run(
            [BINARY, "up", "--port", str(server.port)], env=server._environ(), stdin=nothing,
            capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    return done.stderr


def test_the_ports_own_questions_are_answered(place):
    """The suite that every place of blobs passes, by the adapter alone."""
    command = ["cargo", "test", "--locked", "--profile", "ci", "--workspace", "--test", "live", "--", "--ignored"]
    environ = os.environ | place.environ() | {"SAGEWRIGHT_OUTSIDE": place.line}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "2 passed" in done.stdout
    assert place.blobs() == [] and place.uploads() == []


@pytest.mark.parametrize("size", [0, 1, INLINE + 1, 8 * MIB, 8 * MIB + 1, 40 * MIB + 7])
def test_a_body_of_any_size_comes_back_whole_and_in_ranges(api, place, size):
    body = os.urandom(size)
    assert put(api, "k", body)["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert get(api, "k") == body
    assert len(place.blobs()) == (size > INLINE)
    if size > INLINE:
        assert get(api, "k", Range=f"bytes={size - 3}-") == body[-3:]
        assert get(api, "k", Range="bytes=1-4097") == body[1:4098]
    assert place.uploads() == []


def test_the_data_folder_holds_no_blob(api, inner):
    put(api, "k", os.urandom(10 * MIB))
    objects = inner.data / "objects"
    assert not (objects / "blobs").exists()
    assert sum(file.stat().st_size for file in objects.rglob("*") if file.is_file()) < MIB


def test_parts_copies_and_overwritten_objects_come_and_go(api, place):
    data = os.urandom(21 * MIB + 7)
    parts = TransferConfig(multipart_chunksize=9 * MIB)
    api.s3.upload_fileobj(io.BytesIO(data), BUCKET, "large", Config=parts)
    api.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "large"})
    assert len(place.blobs()) == 3, "a copy shares its blobs"
    put(api, "large", b"small now")
    assert get(api, "copy") == data
    back = io.BytesIO()
    api.s3.download_fileobj(BUCKET, "copy", back, Config=parts)
    assert back.getvalue() == data
    assert get(api, "copy", Range=f"bytes={9 * MIB - 2}-{9 * MIB + 1}") == data[9 * MIB - 2:9 * MIB + 2]
    keys = [item["Key"] for item in api.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == ["copy", "large"]
    api.s3.delete_object(Bucket=BUCKET, Key="copy")
    until(place.blobs, lambda blobs: blobs == [], within=30)


def test_a_body_that_breaks_its_promise_leaves_nothing(api, place):
    wrong = refusal(
        api.s3.put_object, Bucket=BUCKET, Key="k", Body=os.urandom(20 * MIB), ContentMD5=MD5_OF_NOTHING)
    assert wrong[0] == "BadDigest"
    assert (place.blobs(), api.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"]) == ([], 0)
    until(place.uploads, lambda uploads: uploads == [], within=30)


def half_sent(api, key):
    """A body of 40 MiB of which the last half is not coming."""
    url = urllib.parse.urlsplit(api.s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": key}))
    connection = http.client.HTTPConnection(url.netloc)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(40 * MIB))
    connection.endheaders()
    connection.send(os.urandom(20 * MIB))
    return connection


def test_an_upload_that_a_client_or_a_kill_cut_off_is_aborted_outside(api, inner, place):
    sender = half_sent(api, "by-the-client")
    until(place.uploads, lambda uploads: len(uploads) == 1, within=30)
    sender.close()
    until(place.uploads, lambda uploads: uploads == [], within=30)
    sender = half_sent(api, "by-a-kill")
    until(place.uploads, lambda uploads: len(uploads) == 1, within=30)
    inner.kill()
    sender.close()
    assert len(place.uploads()) == 1
    inner.start()
    assert place.uploads() == [] and place.blobs() == []


def test_a_server_killed_in_the_middle_of_uploads_loses_nothing_and_leaves_nothing(api, inner, place):
    kept, journal = {}, inner.data / "objects" / "uploads"

    def upload(name):
        for number in range(100):
            body = os.urandom((number % 3) * 12 * MIB + 100_000)
            try:
                put(api, f"{name}-{number}", body)
            except Exception:  # the server is killed under it
                return
            kept[f"{name}-{number}"] = hashlib.sha256(body).digest()

    uploaders = [threading.Thread(target=upload, args=(name,)) for name in "abc"]
    for uploader in uploaders:
        uploader.start()
    for size in range(3):
        until(lambda: len(kept) >= 4 * size and any(journal.iterdir()), bool, every=0.001)
    inner.kill()
    for uploader in uploaders:
        uploader.join()
    inner.start()
    keys = {item["Key"] for item in api.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert keys >= set(kept), "an acknowledged object is gone"
    for key, digest in kept.items():
        assert hashlib.sha256(get(api, key)).digest() == digest, key
    for key in keys - set(kept):
        get(api, key)  # committed, and killed before the answer: whole
    assert list(journal.iterdir()) == []
    # An upload whose name was not noted yet when the server died has no part, for those come later.
    assert len(place.uploads()) <= 3 and place.uploaded_parts() == []
    until(lambda: len(place.blobs()), lambda blobs: blobs == len(keys), within=30)


def test_a_lost_outside_store_gives_errors_and_no_bytes_and_comes_back(api, inner, store):
    body = os.urandom(3 * MIB)
    put(api, "outside", body)
    put(api, "inline", b"in the index")
    store.pause()
    try:
        assert get(api, "inline") == b"in the index"
        answers = []

        def ask(call, **arguments):
            answers.append(refusal(call, Bucket=BUCKET, **arguments)[2])

        asked = [
            threading.Thread(target=ask, args=(api.s3.put_object,), kwargs={"Key": "new", "Body": body}),
            threading.Thread(target=cut_off, args=(api, answers)),
        ]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert sorted(answers, key=str) == [500, "cut off"]
    finally:
        store.resume()
    assert read_soon(api, "outside") == body
    assert refusal(api.s3.head_object, Bucket=BUCKET, Key="new")[2] == 404


def read_soon(api, key):
    """A store that was stopped answers what waited for it first, and some of that too late."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return get(api, key)
        except ResponseStreamingError:
            if time.monotonic() > deadline:
                raise


def cut_off(api, answers):
    """A body whose blob cannot be read ends before its length, which no client takes for the whole."""
    try:
        get(api, "outside")
    except Exception:
        answers.append("cut off")


def test_wrong_credentials_and_a_missing_bucket_are_told_at_the_start(inner, place):
    inner.environ["AWS_SECRET_ACCESS_KEY"] = "wrong"
    said = refused_start(inner)
    assert "refuses this server's credentials" in said and "AWS_SECRET_ACCESS_KEY" in said, said
    inner.environ = place.environ()
    settings = inner.data / "sagewright.toml"
    settings.write_text(settings.read_text().replace("s3://outside/", "s3://no-such-bucket/"))
    said = refused_start(inner)
    assert "cannot be listed: make the bucket" in said, said


def test_an_outside_store_that_is_not_there_is_told_at_the_start(inner, place):
    settings = inner.data / "sagewright.toml"
    settings.write_text(settings.read_text().replace(place.store.url, "http://127.0.0.1:9"))
    said = refused_start(inner)
    assert "gives no usable answer" in said and "127.0.0.1:9" in said, said


def test_a_place_has_one_data_folder_and_a_data_folder_one_place(api, inner, place, tmp_path):
    put(api, "k", os.urandom(MIB))
    second = Server(tmp_path / "second")
    second.keep_blobs_at(place)
    said = refused_start(second)
    assert "another data folder" in said and f"{place.prefix}/OWNER" in said, said
    inner.stop()
    settings = inner.data / "sagewright.toml"
    before = settings.read_text()
    settings.write_text('blobs = "folder"\n')
    assert "blobs do not move by themselves" in refused_start(inner)
    settings.write_text(before.replace(place.prefix, "elsewhere"))
    assert "does not keep the blobs of this data folder" in refused_start(inner)
    settings.write_text(before)
    inner.start()
    assert len(get(api, "k")) == MIB

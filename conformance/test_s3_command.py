"""`sagewright s3` against boto3 and the AWS command line: the same objects, the same words."""
import json
import os
import pty
import random
import signal
import subprocess
import urllib.request

import pytest
from harness.api import Api, unique, until
from harness.server import BINARY

MIB = 1 << 20
KEYS = ["plain", "a b+c/ü%20&é.txt", "new\nline", "<&>\"'", "deep/er/still", "s3://x"]


@pytest.fixture(scope="module")
def bucket(api):
    return api.ensure_bucket("s3-command")


@pytest.fixture
def s3(server, tmp_path):
    """Runs `sagewright s3 …` in a folder of its own."""
    def run(*arguments, **options):
        return server.command("s3", *map(str, arguments), **{"check": False, "cwd": tmp_path} | options)
    return run


def noise(size):
    return random.Random(1).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7])
def test_what_is_copied_there_and_back_is_the_same(s3, api, bucket, tmp_path, size):
    body = noise(size)
    (tmp_path / "there").write_bytes(body)
    up = s3("cp", "there", f"s3://{bucket}/sized/")
    assert (up.returncode, up.stdout) == (0, f"upload: ./there to s3://{bucket}/sized/there\n"), up.stderr
    stored = api.s3.get_object(Bucket=bucket, Key="sized/there", ChecksumMode="ENABLED")
    assert stored["Body"].read() == body and stored["ChecksumType"] == "FULL_OBJECT"
    assert ("-" in stored["ETag"]) == (size > 8 * MIB), "larger than 8 MiB goes in parts"
    down = s3("cp", f"s3://{bucket}/sized/there", "back")
    assert (down.returncode, down.stdout) == (0, f"download: s3://{bucket}/sized/there to ./back\n"), down.stderr
    assert (tmp_path / "back").read_bytes() == body
    assert (tmp_path / "back").stat().st_mtime == stored["LastModified"].timestamp()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "there"]


def test_keys_that_are_hard_to_write_are_listed_copied_and_removed(s3, api, bucket, tmp_path):
    for key in KEYS:
        api.s3.put_object(Bucket=bucket, Key=f"hard/{key}", Body=key.encode())
    listed = [json.loads(line) for line in s3("ls", f"s3://{bucket}/hard/", "--recursive", "--json").stdout.splitlines()]
    assert [it["key"] for it in listed] == sorted(f"hard/{key}" for key in KEYS)
    assert [it["size"] for it in listed] == [len(it["key"].encode()) - 5 for it in listed]
    assert s3("cp", f"s3://{bucket}/hard", f"s3://{bucket}/copied", "--recursive").returncode == 0
    # One of them has an empty component, which no path of a file can have.
    down = s3("cp", f"s3://{bucket}/copied", "here", "--recursive")
    assert down.returncode == 1 and "its key is no path of a file" in down.stderr
    for key in set(KEYS) - {"s3://x"}:
        assert (tmp_path / "here" / key).read_text() == key
    assert s3("cp", "here", f"s3://{bucket}/again", "--recursive").returncode == 0
    removed = s3("rm", f"s3://{bucket}/copied", "--recursive")
    assert f"delete: s3://{bucket}/copied/plain\n" in removed.stdout
    keys = [it["Key"] for it in api.s3.list_objects_v2(Bucket=bucket, Prefix="again/")["Contents"]]
    assert keys == sorted(f"again/{key}" for key in set(KEYS) - {"s3://x"})
    assert "Contents" not in api.s3.list_objects_v2(Bucket=bucket, Prefix="copied/")


def test_no_key_leads_out_of_the_folder(s3, api, bucket, tmp_path):
    for key in ["../outside", "a/../../outside", "/outside", "./dot", "fine"]:
        api.s3.put_object(Bucket=bucket, Key=f"hostile/{key}", Body=b"x")
    done = s3("cp", f"s3://{bucket}/hostile", "in", "--recursive")
    assert done.returncode == 1 and done.stderr.count("its key is no path of a file") == 4
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["fine"]


def test_a_prefix_of_a_name_is_no_folder(s3, api, bucket):
    for key in ["part/1", "partial"]:
        api.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert s3("rm", f"s3://{bucket}/part", "--recursive").stdout == f"delete: s3://{bucket}/part/1\n"
    api.s3.head_object(Bucket=bucket, Key="partial")


def test_lists_look_like_those_of_the_aws_command_line(s3, client, api, bucket):
    for key in ["look/1", "look/2", "look/folder/3", "look/double//4"]:
        api.s3.put_object(Bucket=bucket, Key=key, Body=b"x" * 1234)
    aws = client("boto3_current")
    for arguments in (["ls", f"s3://{bucket}/look/"], ["ls", f"s3://{bucket}/lo"],
                      ["ls", f"s3://{bucket}/look/", "--recursive"], ["ls", f"s3://{bucket}/look/double/"]):
        theirs = aws.command("env", "TZ=UTC", aws.bin / "aws", "s3", *arguments)
        assert s3(*arguments).stdout == theirs.stdout, theirs.stderr
    assert bucket in [line.split()[2] for line in s3("ls").stdout.splitlines()]
    assert s3("ls", f"s3://{bucket}/nothing-here").returncode == 3


def test_what_others_uploaded_is_checked_by_each_checksum_they_chose(s3, api, bucket, tmp_path):
    for algorithm in ["CRC32", "SHA1", "SHA256"]:
        api.s3.put_object(Bucket=bucket, Key="summed", Body=noise(9 * MIB), ChecksumAlgorithm=algorithm)
        assert s3("cp", f"s3://{bucket}/summed", algorithm).returncode == 0
        assert (tmp_path / algorithm).read_bytes() == noise(9 * MIB)


def test_a_damaged_object_becomes_no_file(own_server, tmp_path):
    api = Api(own_server)
    bucket = api.ensure_bucket()
    api.s3.put_object(Bucket=bucket, Key="damaged", Body=noise(9 * MIB))
    (tmp_path / "target").write_text("old")
    blob, = [path for path in (own_server.data / "objects/blobs").rglob("*") if path.is_file()]
    blob.chmod(0o600)
    with open(blob, "r+b") as file:
        file.seek(5 * MIB)
        file.write(b"damage")
    done = own_server.command("s3", "cp", f"s3://{bucket}/damaged", "target", check=False, cwd=tmp_path)
    assert done.returncode == 1 and "download failed" in done.stderr
    assert (tmp_path / "target").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_upload_that_is_interrupted_leaves_nothing(server, api, bucket, tmp_path):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(4 << 30)
    environ = os.environ | {"SAGEWRIGHT_DATA": str(server.data)}
    upload = subprocess.Popen([BINARY, "s3", "cp", "huge", f"s3://{bucket}/huge"], cwd=tmp_path, env=environ,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun = lambda: [it for it in api.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) if it["Key"] == "huge"]
    until(begun, bool)
    upload.send_signal(signal.SIGINT)
    out, err = upload.communicate(timeout=60)
    assert (upload.returncode, out) == (1, "") and "interrupted" in err
    assert begun() == []


def test_a_url_that_is_presigned_is_for_anybody_for_a_while(s3, api, bucket):
    api.s3.put_object(Bucket=bucket, Key="for all/ü", Body=b"hello")
    url = s3("presign", f"s3://{bucket}/for all/ü", "--expires-in", "60").stdout.strip()
    assert "X-Amz-Expires=60&" in url
    assert urllib.request.urlopen(url).read() == b"hello"
    assert s3("presign", f"s3://{bucket}/x", "--expires-in", "604801").returncode == 2


def test_another_endpoint_is_reached_with_the_key_of_the_environment(server, api, bucket, tmp_path):
    settings = api.settings
    environ = {name: settings[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CA_BUNDLE")}
    (tmp_path / "file").write_bytes(noise(9 * MIB))
    for url in (server.url, server.url.replace("http://", "https://")):
        command = [BINARY, "s3", "cp", "file", f"s3://{bucket}/by-{url[:5]}", "--endpoint-url", url]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    lost = subprocess.run([BINARY, "s3", "ls", "--endpoint-url", server.url], env={}, capture_output=True, text=True)
    assert lost.returncode == 1 and "AWS_ACCESS_KEY_ID" in lost.stderr


def test_what_fails_is_told_with_a_code(s3, api, bucket, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    words = "An error occurred (NoSuchBucket) when calling the PutObject operation: The specified bucket does not exist"
    to_nowhere = s3("cp", "file", "s3://there-is-none/file")
    assert to_nowhere.returncode == 1
    assert to_nowhere.stderr.strip() == f"upload failed: ./file to s3://there-is-none/file {words}"
    assert s3("ls", "s3://there-is-none").returncode == 3
    assert s3("cp", "none", f"s3://{bucket}/x").returncode == 3
    assert s3("cp", f"s3://{bucket}/none", "x").returncode == 1
    assert s3("cp", "file", "other").returncode == 2
    assert s3("rm", f"s3://{bucket}").returncode == 2
    assert s3("ls", "no-scheme").returncode == 2
    assert "--recursive" in s3("cp", "folder", f"s3://{bucket}/x").stderr


def test_a_terminal_sees_a_bar_and_a_pipe_does_not(server, bucket, tmp_path):
    (tmp_path / "file").write_bytes(noise(64 * MIB))
    ours, theirs = pty.openpty()
    command = [BINARY, "s3", "cp", "file", f"s3://{bucket}/{unique('bar')}"]
    environ = os.environ | {"SAGEWRIGHT_DATA": str(server.data), "TERM": "xterm"}
    done = subprocess.run(command, cwd=tmp_path, env=environ, stderr=theirs, stdout=subprocess.PIPE, text=True)
    os.close(theirs)
    assert "MiB of 64.00 MiB" in os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.stdout.startswith("upload: ./file")
    quiet = server.command("s3", "cp", "file", f"s3://{bucket}/{unique('bar')}", cwd=tmp_path)
    assert quiet.stderr == ""

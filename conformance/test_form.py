"""Uploads by web forms, as `generate_presigned_post` signs them and a browser sends them."""
import http.client
import json
import os
import socket
import uuid

import boto3
import pytest
from botocore.config import Config
from harness.api import unique

MIB = 1 << 20
# More than is kept in the index, so that there is a blob.
FILE = os.urandom(100_000)
# What the server may grow by, whatever the size of a form.
GROWTH = 48 * MIB
LARGE = int(os.environ.get("FORM_MIB", "256")) * MIB


@pytest.fixture
def bucket(api):
    name = unique("forms")
    api.s3.create_bucket(Bucket=name)
    return name


def head(boundary, fields, filename="f.bin"):
    """What stands before the file."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n')
    return "".join(parts).encode()


def send(server, signed, chunks, length, **options):
    """Posts a form whose file comes in chunks; status, headers, and body of the answer."""
    boundary = uuid.uuid4().hex
    before, after = head(boundary, signed["fields"], **options), f"\r\n--{boundary}--\r\n".encode()
    path = "/" + signed["url"].split("/", 3)[3]
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}",
               "Content-Length": str(len(before) + length + len(after))}
    try:
        connection.request("POST", path, (piece for part in ([before], chunks, [after]) for piece in part), headers)
    except ConnectionError:
        pass  # The server has answered and heard enough.
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def post(server, signed, data=FILE, **options):
    return send(server, signed, [data], len(data), **options)


def files(server):
    """All that lies among the blobs, or on its way there."""
    folders = [server.data / "objects" / name for name in ("blobs", "staging")]
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def keys(api, bucket):
    return [item["Key"] for item in api.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_what_boto3_signs_is_kept_with_its_fields(api, server, bucket):
    fields = {"Content-Type": "text/csv", "x-amz-meta-by": "me", "success_action_status": "201"}
    conditions = [{name: value} for name, value in fields.items()]
    signed = api.s3.generate_presigned_post(bucket, "in/${filename}", fields, conditions)
    status, headers, text = post(server, signed, filename="ü b.csv")
    assert (status, "<Key>in/ü b.csv</Key>" in text) == (201, True), text
    kept = api.s3.get_object(Bucket=bucket, Key="in/ü b.csv")
    assert kept["Body"].read() == FILE
    assert (kept["ContentType"], kept["Metadata"], kept["ETag"]) == ("text/csv", {"by": "me"}, headers["etag"])


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_both_signatures_are_taken_once_they_are_right(api, server, bucket, version):
    s3 = api.client("s3", config=Config(signature_version=version))
    signed = s3.generate_presigned_post(bucket, "k")
    assert post(server, signed)[0] == 204
    name = "signature" if version == "s3" else "x-amz-signature"
    signed["fields"][name] = signed["fields"][name][::-1]
    status, _, text = post(server, signed)
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text


def test_a_session_of_a_role_signs_with_its_token(api, server, bucket):
    role = "arn:aws:iam::123456789012:role/forms"
    session = api.sts.assume_role(RoleArn=role, RoleSessionName="form")["Credentials"]
    s3 = boto3.client(
        "s3", endpoint_url=server.url, region_name="eu-west-1", aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
    signed = s3.generate_presigned_post(bucket, "k")
    assert post(server, signed)[0] == 204
    signed["fields"]["x-amz-security-token"] = "other"
    assert post(server, signed)[0] == 400


# What is changed of a form after it was signed, and what is answered.
ATTACKS = {
    "key": ({"key": "elsewhere"}, 403, "AccessDenied", '["eq", "$key", "k"]'),
    "type": ({"Content-Type": "text/html"}, 403, "AccessDenied", '["starts-with", "$Content-Type", "image/"]'),
    "metadata": ({"x-amz-meta-by": "you"}, 403, "AccessDenied", '["eq", "$x-amz-meta-by", "me"]'),
    "more": ({"x-amz-meta-more": "1"}, 403, "AccessDenied", "Extra input fields: x-amz-meta-more"),
    "acl": ({"acl": "public-read"}, 403, "AccessDenied", "Extra input fields: acl"),
    "policy": ({"policy": "e30="}, 403, "SignatureDoesNotMatch", ""),
    "large": (None, 400, "EntityTooLarge", "exceeds the maximum"),
    "small": (b"x", 400, "EntityTooSmall", "smaller than the minimum"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_broken_condition_leaves_no_object_and_no_blob(api, server, bucket, attack):
    change, status, code, message = ATTACKS[attack]
    fields = {"Content-Type": "image/png", "x-amz-meta-by": "me"}
    conditions = [["starts-with", "$Content-Type", "image/"], {"x-amz-meta-by": "me"},
                  ["content-length-range", 10, len(FILE)]]
    signed = api.s3.generate_presigned_post(bucket, "k", fields, conditions)
    data = change if isinstance(change, bytes) else FILE
    if isinstance(change, dict):
        signed["fields"].update(change)
    if attack == "large":
        data = FILE + b"x"
    before = files(server)
    answered, _, text = post(server, signed, data)
    assert (answered, f"<Code>{code}</Code>" in text) == (status, True), text
    assert message in text.replace("&quot;", '"')
    assert keys(api, bucket) == []
    assert files(server) == before


def test_a_form_of_yesterday_and_one_for_another_bucket_are_refused(api, server, bucket):
    late = api.s3.generate_presigned_post(bucket, "k", ExpiresIn=-1)
    assert "Policy expired." in post(server, late)[2]
    other = unique("forms")
    api.s3.create_bucket(Bucket=other)
    moved = api.s3.generate_presigned_post(bucket, "k")
    moved["url"] = moved["url"].replace(bucket, other)
    assert "$bucket" in post(server, moved)[2]
    assert keys(api, bucket) == keys(api, other) == []


def test_nobody_uploads_without_a_signature(server, api, bucket):
    unsigned = {"url": f"{server.url}/{bucket}", "fields": {"key": "k"}}
    status, _, text = post(server, unsigned)
    assert (status, "<Code>AccessDenied</Code>" in text) == (403, True)
    assert keys(api, bucket) == []


def test_a_form_that_breaks_off_leaves_nothing(api, server, bucket):
    signed = api.s3.generate_presigned_post(bucket, "k")
    body = head("x", signed["fields"])
    before = files(server)
    request = (f"POST /{bucket} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {len(body) + MIB}\r\n"
               "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request + body + FILE)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert keys(api, bucket) == []
    assert files(server) == before


def test_a_browser_is_sent_on(api, server, bucket):
    page = f"{server.url}/_/health/live"
    signed = api.s3.generate_presigned_post(
        bucket, "a b", {"success_action_redirect": page}, [{"success_action_redirect": page}])
    status, headers, _ = post(server, signed)
    etag = api.s3.head_object(Bucket=bucket, Key="a b")["ETag"].strip('"')
    assert (status, headers["location"]) == (303, f"{page}?bucket={bucket}&key=a%20b&etag=%22{etag}%22")


def resident(process):
    """Bytes of memory that a process had at most."""
    status = (line.split() for line in open(f"/proc/{process.pid}/status"))
    return next(int(words[1]) << 10 for words in status if words[0] == "VmHWM:")


def test_a_large_form_is_never_gathered(api, server, bucket):
    signed = api.s3.generate_presigned_post(bucket, "large", Conditions=[["content-length-range", LARGE, LARGE]])
    chunk = json.dumps({"boundary": "\r\n--"}).encode().ljust(MIB, b"\r")
    before = resident(server.process)
    status, _, text = send(server, signed, (chunk for _ in range(LARGE // MIB)), LARGE)
    assert status == 204, text
    assert resident(server.process) - before < GROWTH
    assert api.s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == LARGE
    api.s3.delete_object(Bucket=bucket, Key="large")

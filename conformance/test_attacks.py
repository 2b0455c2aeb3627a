"""Attacks on the object store: each is refused, shows nothing, and leaves nothing behind.

The numbers are those of the list of attacks in the store's design; 5, forms that break their policy, is
tested with forms. Requests are signed by boto3's own signer, or by hand where a client never would."""
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import time
import urllib.parse

import boto3
import botocore.auth
import pytest
from botocore.auth import HmacV1Auth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from harness.api import Api, unique
from harness.server import Server
from test_identity import refusal

REGION = "us-east-1"
SECRET_BODY = b"what only the owner may read"
# Answering a hostile document takes milliseconds; a loaded machine may stretch them.
SECONDS = 2.0


class Ground:
    """A server with a bucket, an object and an account beside the first."""

    def __init__(self, server):
        self.server = server
        self.api = Api(server)
        self.s3 = self.api.s3
        settings = self.api.settings
        self.credentials = Credentials(
            settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
        self.bucket = unique("attacked")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="secret", Body=SECRET_BODY)
        # Large enough to be a file of its own.
        self.s3.put_object(Bucket=self.bucket, Key="large", Body=bytes(100_000))
        self.upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="parts")["UploadId"]
        self.stranger, self.theirs = self._stranger()

    def _stranger(self):
        """Another account's number, and its client."""
        account = self._told("accounts", "add")["id"]
        key = self._told("keys", "add", "--account", account, "--admin")
        session = boto3.Session(
            key["access_key_id"], key["secret_access_key"], region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return account, session.client("s3", endpoint_url=self.server.url, config=config)

    def _told(self, *arguments):
        return json.loads(self.server.command(*arguments, "--json").stdout)

    def blobs(self):
        objects = self.server.data / "objects"
        return {path.name for folder in ("blobs", "staging") for path in (objects / folder).rglob("*")
                if path.is_file()}

    def visible(self):
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        parts = self.s3.list_parts(Bucket=self.bucket, Key="parts", UploadId=self.upload)
        return ([(item["Key"], item["ETag"]) for item in listed],
                [item["UploadId"] for item in uploads],
                [item["ETag"] for item in parts.get("Parts", [])],
                [item["Name"] for item in self.s3.list_buckets()["Buckets"]])

    @contextlib.contextmanager
    def untouched(self):
        """Whatever happens inside changes nothing that can be seen, and leaves no bytes."""
        before = self.visible(), self.blobs()
        yield
        assert (self.visible(), self.blobs()) == before

    def url(self, path):
        return self.server.url + path

    def signed(self, method, path, body=b"", headers=(), *, at=None, region=REGION, service="s3", by=None):
        """A request with a good signature in its header."""
        request = AWSRequest(method, self.url(path), data=body, headers=dict(headers))
        with clock(at):
            S3SigV4Auth(by or self.credentials, service, region).add_auth(request)
        return request

    def presigned(self, method, path, headers=(), *, expires=600, at=None):
        """The path and query of a presigned request."""
        request = AWSRequest(method, self.url(path), headers=dict(headers))
        with clock(at):
            S3SigV4QueryAuth(self.credentials, "s3", REGION, expires=expires).add_auth(request)
        return request.url.removeprefix(self.server.url)

    def send(self, method, path, headers=(), body=b""):
        """Sends exactly this; the status and the code of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": f"127.0.0.1:{self.server.port}"} | dict(headers)
        if not any(name.lower() == "content-length" for name in headers):
            headers["Content-Length"] = str(len(body))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        # The server may refuse before it has read the body.
        with contextlib.suppress(ConnectionError):
            connection.send(body)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def replay(self, request, *, method=None, path=None, body=None, headers=()):
        """Sends a signed request, with what is given here in place of what was signed."""
        signed = path or request.url.removeprefix(self.server.url)
        return self.send(method or request.method, signed, dict(request.headers) | dict(headers),
                         request.data if body is None else body)


@contextlib.contextmanager
def clock(at):
    """The time that botocore signs with."""
    if at is None:
        yield
        return
    real = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: at.replace(tzinfo=None)
    try:
        yield
    finally:
        botocore.auth.get_current_datetime = real


def ago(**span):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**span)


def path(ground, key):
    return f"/{ground.bucket}/{key}"


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("attacks") / "data")
    yield Ground(server.start())
    server.stop()


def amz_headers():
    """Every x-amz-* header that any operation of S3 knows."""
    model = boto3.client("s3", region_name=REGION, aws_access_key_id="a",
                         aws_secret_access_key="b").meta.service_model
    found = set()
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        for member in shape.members.values() if shape else ():
            header = member.serialization.get("name", "").lower()
            if member.serialization.get("location") == "header" and header.startswith("x-amz-"):
                found.add(header)
    assert len(found) > 40
    return sorted(found)


@pytest.mark.parametrize("header", [*amz_headers(), "x-amz-meta-anything", "x-amz-of-tomorrow"])
def test_1_a_header_that_was_not_signed_is_refused(ground, header):
    value = f"/{ground.bucket}/secret" if header == "x-amz-copy-source" else "1"
    with ground.untouched():
        for method in ("PUT", "GET"):
            request = ground.signed(method, path(ground, "large"), b"x" if method == "PUT" else b"")
            status, text = ground.replay(request, headers={header: value})
            assert status in (400, 403), (method, text)
            presigned = ground.presigned(method, path(ground, "large"))
            status, text = ground.send(method, presigned, {header: value}, b"x")
            assert status in (400, 403), (method, text)


@pytest.mark.parametrize("wrong", [
    {"region": "evil"}, {"region": "us-east-1 "}, {"service": "sts"}, {"service": "s3express"}])
def test_2_a_scope_of_elsewhere_is_refused(ground, wrong):
    with ground.untouched():
        status, text = ground.replay(ground.signed("PUT", path(ground, "new"), b"x", **wrong))
        assert 400 <= status < 500, text


def test_2_a_scope_of_another_day_is_refused(ground):
    request = ground.signed("PUT", path(ground, "new"), b"x")
    today = request.headers["X-Amz-Date"][:8]
    other = request.headers["Authorization"].replace(f"/{today}/", "/20200101/")
    with ground.untouched():
        assert ground.replay(request, headers={"Authorization": other})[0] in (400, 403)


@pytest.mark.parametrize("algorithm", ["AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-MD5", "AWS3", "Bearer"])
def test_2_another_algorithm_is_refused(ground, algorithm):
    request = ground.signed("PUT", path(ground, "new"), b"x")
    other = request.headers["Authorization"].replace("AWS4-HMAC-SHA256", algorithm)
    presigned = ground.presigned("PUT", path(ground, "new")).replace("AWS4-HMAC-SHA256", algorithm)
    with ground.untouched():
        assert ground.replay(request, headers={"Authorization": other})[0] in (400, 403)
        assert ground.send("PUT", presigned, body=b"x")[0] in (400, 403)


def test_2_a_signature_of_version_2_in_the_header_is_refused(ground):
    request = AWSRequest("PUT", ground.url(path(ground, "new")), data=b"x", headers={})
    request.auth_path = path(ground, "new")
    HmacV1Auth(ground.credentials).add_auth(request)
    with ground.untouched():
        assert ground.replay(request)[0] in (400, 403)


@pytest.mark.parametrize("span", [{"minutes": 16}, {"days": 10}, {"minutes": -16}, {"days": -10}])
def test_3_a_header_that_was_signed_at_another_time_is_refused(ground, span):
    with ground.untouched():
        request = ground.signed("PUT", path(ground, "new"), b"x", at=ago(**span))
        assert ground.replay(request)[0] == 403


@pytest.mark.parametrize("when", [
    {"at": {"seconds": 601}, "expires": 600},
    {"at": {"seconds": 0}, "expires": 604_801},
    {"at": {"minutes": -16}, "expires": 600},
    {"at": {"days": 8}, "expires": 604_800},
    {"at": {"seconds": 0}, "expires": -1}])
def test_3_a_presigned_address_out_of_its_time_is_refused(ground, when):
    for method in ("PUT", "GET"):
        presigned = ground.presigned(
            method, path(ground, "large"), expires=when["expires"], at=ago(**when["at"]))
        with ground.untouched():
            assert ground.send(method, presigned, body=b"x")[0] in (400, 403)


def test_3_a_signature_serves_no_other_method_path_or_query(ground):
    read = ground.signed("GET", path(ground, "large"))
    write = ground.signed("PUT", path(ground, "new"), b"x")
    with ground.untouched():
        for method in ("PUT", "DELETE", "HEAD", "POST"):
            assert ground.replay(read, method=method)[0] == 403
        for other in ("/", path(ground, "secret"), path(ground, "Large"), path(ground, "large") + "/",
                      path(ground, "x/../large"), path(ground, "%6carge") + "%20",
                      path(ground, "large?tagging"), path(ground, "large?versionId=null")):
            assert ground.replay(read, path=other)[0] == 403, other
        upload = f"?partNumber=1&uploadId={ground.upload}"
        assert ground.replay(write, path=path(ground, "parts") + upload)[0] == 403
        presigned = ground.presigned("GET", path(ground, "large"))
        for other in (presigned.replace("large", "secret"), presigned + "&response-content-type=a/b",
                      presigned.replace("X-Amz-Expires=600", "X-Amz-Expires=6000")):
            assert ground.send("GET", other)[0] == 403, other
        assert ground.send("DELETE", presigned)[0] == 403


def test_3_a_signature_of_a_key_that_nobody_has_is_refused(ground):
    for credentials in (Credentials("AKIAIOSFODNN7EXAMPLE", "nobody's"),
                        Credentials(ground.credentials.access_key, "guessed")):
        with ground.untouched():
            request = ground.signed("PUT", path(ground, "new"), b"x", by=credentials)
            assert ground.replay(request)[0] == 403


# Sizes on both sides of what lives in the index and not in a file.
SIZES = [10, 100_000]


@pytest.mark.parametrize("size", SIZES)
def test_4_a_body_that_was_not_signed_is_refused(ground, size):
    request = ground.signed("PUT", path(ground, "new"), b"a" * size)
    with ground.untouched():
        status, text = ground.replay(request, body=b"b" * size)
        assert status == 400, text
    part = f"?partNumber=1&uploadId={ground.upload}"
    request = ground.signed("PUT", path(ground, "parts") + part, b"a" * size)
    with ground.untouched():
        assert ground.replay(request, body=b"b" * size)[0] == 400


class Chunks:
    """A body in signed chunks, as an SDK sends one."""

    def __init__(self, ground, key, pieces, *, decoded=None, payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        total = sum(map(len, pieces)) if decoded is None else decoded
        headers = {"x-amz-content-sha256": payload, "content-encoding": "aws-chunked",
                   "x-amz-decoded-content-length": str(total)}
        self.ground, self.pieces = ground, pieces
        self.request = AWSRequest("PUT", ground.url(path(ground, key)), headers=headers)
        Streaming(ground.credentials, "s3", REGION, payload).add_auth(self.request)
        authorization = self.request.headers["Authorization"]
        self.seed = authorization.rpartition("Signature=")[2]
        self.date = self.request.headers["X-Amz-Date"]

    def _key(self):
        key = f"AWS4{self.ground.credentials.secret_key}".encode()
        for step in (self.date[:8], REGION, "s3", "aws4_request"):
            key = hmac.digest(key, step.encode(), "sha256")
        return key

    def body(self, spoil=lambda number, piece: piece):
        """The chunks; `spoil` changes what is sent after it was signed."""
        previous, body = self.seed, b""
        scope = f"{self.date[:8]}/{REGION}/s3/aws4_request"
        for number, piece in enumerate([*self.pieces, b""]):
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", self.date, scope, previous,
                              hashlib.sha256(b"").hexdigest(), hashlib.sha256(piece).hexdigest()])
            previous = hmac.new(self._key(), text.encode(), hashlib.sha256).hexdigest()
            sent = spoil(number, piece)
            body += f"{len(sent):x};chunk-signature={previous}\r\n".encode() + sent + b"\r\n"
        return body

    def send(self, body):
        return self.ground.send(
            "PUT", self.request.url.removeprefix(self.ground.server.url), self.request.headers, body)


class Streaming(S3SigV4Auth):
    """Signs the word that stands for chunks in place of a hash."""

    def __init__(self, credentials, service, region, word):
        super().__init__(credentials, service, region)
        self.word = word

    def payload(self, request):
        return self.word

    def _modify_request_before_signing(self, request):
        super()._modify_request_before_signing(request)
        request.headers.replace_header("X-Amz-Content-SHA256", self.word)


@pytest.mark.parametrize("size", SIZES)
def test_4_a_chunk_that_was_not_signed_is_refused(ground, size):
    pieces = [b"a" * max(size, 8_192), b"b" * size]
    good = Chunks(ground, "chunked", pieces)
    status, text = good.send(good.body())
    assert status == 200, text
    ground.s3.delete_object(Bucket=ground.bucket, Key="chunked")
    until_swept(ground)
    for spoiled in (0, 1):
        chunks = Chunks(ground, "new", pieces)
        with ground.untouched():
            body = chunks.body(lambda number, piece: b"x" * len(piece) if number == spoiled else piece)
            assert chunks.send(body)[0] in (400, 403)


def until_swept(ground):
    """Waits until the files are those of the objects: `large` alone."""
    deadline = time.monotonic() + 30
    while len(ground.blobs()) != 1:
        assert time.monotonic() < deadline, ground.blobs()
        time.sleep(0.02)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("off", [-1, 1, 1_000_000])
def test_4_a_length_that_is_not_true_is_refused(ground, size, off):
    pieces = [b"a" * max(size, 8_192), b"b" * size]
    chunks = Chunks(ground, "new", pieces, decoded=sum(map(len, pieces)) + off)
    with ground.untouched():
        assert chunks.send(chunks.body())[0] in (400, 403)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("trailer", [
    "x-amz-checksum-crc32:AAAAAA==", "x-amz-checksum-crc32:", "x-amz-checksum-crc32:!!", "x-other:1", None])
def test_4_a_trailer_that_does_not_fit_is_refused(ground, size, trailer):
    word = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    data = b"a" * size
    headers = {"x-amz-content-sha256": word, "content-encoding": "aws-chunked",
               "x-amz-decoded-content-length": str(size), "x-amz-trailer": "x-amz-checksum-crc32"}
    request = AWSRequest("PUT", ground.url(path(ground, "new")), headers=headers)
    Streaming(ground.credentials, "s3", REGION, word).add_auth(request)
    end = f"{trailer}\r\n" if trailer else ""
    body = f"{size:x}\r\n".encode() + data + f"\r\n0\r\n{end}\r\n".encode()
    with ground.untouched():
        status, text = ground.send("PUT", path(ground, "new"), request.headers, body)
        assert status == 400, text


@pytest.mark.parametrize("size", SIZES)
def test_4_a_body_that_breaks_off_is_no_object(ground, size):
    request = ground.signed("PUT", path(ground, "new"), b"a" * size)
    with ground.untouched():
        connection = http.client.HTTPConnection("127.0.0.1", ground.server.port, timeout=30)
        connection.putrequest("PUT", path(ground, "new"))
        for name, value in (dict(request.headers) | {"Content-Length": str(size)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(b"a" * (size - 1))
        connection.close()
        deadline = time.monotonic() + 30
        while len(ground.blobs()) > 1 and time.monotonic() < deadline:
            time.sleep(0.02)


@pytest.mark.parametrize("source", ["{bucket}/secret", "/{bucket}/secret", "{bucket}/secret?versionId=null"])
def test_6_a_copy_of_what_one_may_not_read_is_refused(ground, source):
    theirs = ground.theirs
    own = unique("strangers")
    theirs.create_bucket(Bucket=own)
    source = source.format(bucket=ground.bucket)
    with ground.untouched():
        copy = {"Bucket": own, "Key": "stolen", "CopySource": source}
        assert refusal(theirs.copy_object, **copy)[0] == "AccessDenied"
        upload = theirs.create_multipart_upload(Bucket=own, Key="stolen")["UploadId"]
        part = copy | {"UploadId": upload, "PartNumber": 1}
        assert refusal(theirs.upload_part_copy, **part)[0] == "AccessDenied"
        assert "Contents" not in theirs.list_objects_v2(Bucket=own)
        assert "Parts" not in theirs.list_parts(Bucket=own, Key="stolen", UploadId=upload)
        into = {"Bucket": ground.bucket, "Key": "planted", "CopySource": f"{own}/any"}
        assert refusal(theirs.copy_object, **into)[0] == "AccessDenied"


HOSTILE_KEYS = [
    "..", "../up", "../../../../../../etc/passwd", "a/../../b", "./dot", ".", "/", "//", "/etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fup", "%252e%252e%252f", "..\\..\\windows\\system.ini",
    "C:\\windows\\system.ini", "\\\\host\\share", "a\0b", "\0", "x\ny", "x\r\ny", "\x7f", "\u202egnp.exe",
    "index.db", "../index.db", "staging/x", "blobs/00/x", "d", "d/", "d/x", "k" * 1024,
    "/".join(["k"] * 512), "é" * 512, "~", "$(id)", "`id`", "; rm -rf /", "<script>", "&amp;", "'", '"',
    "con", "aux.txt", "a b+c/ü%20&é.txt"]


def tree(folder):
    """All files beside and in the data folder but blobs, whose names are drawn at random."""
    return {path.relative_to(folder) for path in folder.rglob("*")
            if "blobs" not in path.parts and "staging" not in path.parts}


@pytest.mark.parametrize("size", SIZES)
def test_7_a_key_is_a_name_and_no_path(ground, size):
    bucket = unique("literal")
    ground.s3.create_bucket(Bucket=bucket)
    outside = tree(ground.server.data.parent)
    kept = {}
    for number, key in enumerate(HOSTILE_KEYS):
        body = str(number).encode().ljust(size)
        status, text = put_literally(ground, bucket, key, body)
        assert status in (200, 400), (key, text)
        if status == 200:
            kept[key] = body
    assert set(HOSTILE_KEYS) - set(kept) <= {"a\0b", "\0"}, "only NUL may be refused"
    for key, body in kept.items():
        status, text = read_literally(ground, bucket, key)
        assert (status, text) == (200, body), key
    listed = ground.s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert {item["Key"] for item in listed} == set(kept)
    assert tree(ground.server.data.parent) == outside
    status, text = put_literally(ground, bucket, "k" * 1025, b"x")
    assert (status, b"KeyTooLong" in text) == (400, True)
    for key in kept:
        assert delete_literally(ground, bucket, key)[0] == 204
    ground.s3.delete_bucket(Bucket=bucket)
    until_swept(ground)


def literal(bucket, key):
    """Every byte that could mean something is escaped."""
    return f"/{bucket}/{urllib.parse.quote(key.encode(), safe='')}"


def put_literally(ground, bucket, key, body):
    return ground.replay(ground.signed("PUT", literal(bucket, key), body))


def read_literally(ground, bucket, key):
    return ground.replay(ground.signed("GET", literal(bucket, key)))


def delete_literally(ground, bucket, key):
    return ground.replay(ground.signed("DELETE", literal(bucket, key)))


@pytest.mark.parametrize("raw", [
    "/{bucket}/../secret", "/../{bucket}/secret", "//{bucket}/secret", "/{bucket}//../../etc/passwd",
    "/{bucket}/%00", "/{bucket}/%", "/{bucket}/%zz", "/{bucket}/%c3", "/{bucket}/a%2", "/..", "/%2e%2e/x"])
def test_7_an_odd_path_is_taken_literally_or_refused(ground, raw):
    target = raw.format(bucket=ground.bucket)
    outside = tree(ground.server.data.parent)
    with ground.untouched():
        status, text = ground.replay(ground.signed("GET", target))
        assert 400 <= status < 500, text
        assert SECRET_BODY not in text
        assert ground.send("PUT", target, body=b"x")[0] in (400, 403), "nobody signed it"
    assert tree(ground.server.data.parent) == outside


def test_11_a_bucket_that_an_sdk_will_make_for_another_account_cannot_be_squatted(ground):
    account, theirs = ground.stranger, ground.theirs
    ours = f"sagemaker-{REGION}-123456789012"
    for name in (ours, "sagemaker-eu-west-1-123456789012"):
        with ground.untouched():
            assert refusal(theirs.create_bucket, Bucket=name)[2] in (403, 409), name
    theirs.create_bucket(Bucket=f"sagemaker-{REGION}-{account}")
    ground.s3.create_bucket(Bucket=ours)
    ground.s3.delete_bucket(Bucket=ours)


def test_11_a_bucket_of_another_owner_than_was_expected_is_not_touched(ground):
    account = ground.stranger
    expected = {"Bucket": ground.bucket, "ExpectedBucketOwner": account}
    calls = [
        (ground.s3.put_object, {"Key": "new", "Body": b"x"}),
        (ground.s3.get_object, {"Key": "secret"}),
        (ground.s3.delete_object, {"Key": "secret"}),
        (ground.s3.list_objects_v2, {}),
        (ground.s3.head_bucket, {}),
        (ground.s3.create_multipart_upload, {"Key": "new"}),
        (ground.s3.upload_part, {"Key": "parts", "UploadId": ground.upload, "PartNumber": 1, "Body": b"x"}),
        (ground.s3.delete_bucket, {}),
        (ground.s3.copy_object, {"Key": "new", "CopySource": f"{ground.bucket}/secret"}),
    ]
    for call, arguments in calls:
        with ground.untouched():
            assert refusal(call, **expected, **arguments)[2] == 403, call.__name__
    with ground.untouched():
        source = {"Bucket": ground.bucket, "Key": "new", "CopySource": f"{ground.bucket}/secret"}
        assert refusal(ground.s3.copy_object, ExpectedSourceBucketOwner=account, **source)[2] == 403


# What a request needs besides the bucket, by the names of the members.
ARGUMENTS = {
    "Key": "secret", "Body": b"x", "PartNumber": 1, "VersionId": "null", "Id": "x",
    "Delete": {"Objects": [{"Key": "secret"}]},
    "Tagging": {"TagSet": []},
    "VersioningConfiguration": {"Status": "Enabled"},
    "CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
    "LifecycleConfiguration": {"Rules": [
        {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]},
    "Policy": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}',
    "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"x"'}]},
    "ObjectAttributes": ["ETag"],
    "ServerSideEncryptionConfiguration": {"Rules": []},
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": False},
    "ACL": "public-read-write",
}


def operations_on_buckets():
    model = boto3.client("s3", region_name=REGION, aws_access_key_id="a",
                         aws_secret_access_key="b").meta.service_model
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        # CreateBucket is about a name and not about a bucket.
        if shape and "Bucket" in shape.members and name != "CreateBucket":
            yield name


@pytest.mark.parametrize("operation", list(operations_on_buckets()))
def test_18_no_operation_lets_another_account_or_nobody_in(ground, operation):
    theirs = ground.theirs
    shape = theirs.meta.service_model.operation_model(operation).input_shape
    wanted = {"Bucket", *shape.required_members}
    arguments = {name: ARGUMENTS[name] if name in ARGUMENTS else placeholder(member)
                 for name, member in shape.members.items() if name in wanted}
    arguments |= {"Bucket": ground.bucket}
    if "CopySource" in wanted:
        arguments["CopySource"] = f"{ground.bucket}/secret"
    if "UploadId" in wanted:
        arguments |= {"UploadId": ground.upload, "Key": "parts"}
    with ground.untouched():
        code, status = refusal_of(theirs, operation, arguments)
        assert 400 <= status < 500 or status == 501, code
        served = status != 501 and code not in ("MalformedXML", "MethodNotAllowed", "InvalidRequest")
        assert not served or status == 403, code
    assert ground.s3.get_object(Bucket=ground.bucket, Key="secret")["Body"].read() == SECRET_BODY


def placeholder(shape):
    """The least that a member of this shape may hold."""
    match shape.type_name:
        case "structure":
            return {name: placeholder(shape.members[name]) for name in shape.required_members}
        case "list":
            return [placeholder(shape.member)]
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else "x"
        case "integer" | "long":
            return 1
        case "boolean":
            return True
        case "timestamp":
            return datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
        case "blob":
            return b"x"


def refusal_of(client, operation, arguments):
    try:
        answer = client._make_api_call(operation, arguments)
        if operation == "DeleteObjects":
            # It tells of each key by itself.
            assert "Deleted" not in answer
            return answer["Errors"][0]["Code"], 403
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"{operation} was answered")


@pytest.mark.parametrize("method, query", [
    ("GET", ""), ("HEAD", ""), ("PUT", ""), ("DELETE", ""), ("GET", "?tagging"), ("PUT", "?tagging"),
    ("GET", "?acl"), ("PUT", "?acl"), ("POST", "?uploads"), ("GET", "?attributes")])
def test_18_nobody_may_do_anything(ground, method, query):
    with ground.untouched():
        for target in (path(ground, "secret"), path(ground, "new"), f"/{ground.bucket}"):
            status, text = ground.send(method, target + query, body=b"x" if method == "PUT" else b"")
            assert status in (400, 403, 405, 501), text
            assert SECRET_BODY not in text


BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">""" + b"".join(
    b'<!ENTITY lol%d "%s">' % (n, b"&lol%s;" % (b"" if n == 1 else b"%d" % (n - 1)) * 10)
    for n in range(1, 10)) + b"]><Delete><Object><Key>&lol9;</Key></Object></Delete>"
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Delete><Object><Key>&x;</Key></Object></Delete>"""
ATTRIBUTES = b"<Delete " + b" ".join(b'a%d="1"' % (n % 50_000) for n in range(90_000)) + b"/>"
WELL = b"<Delete><Object><Key>secret</Key></Object></Delete>"
DOCUMENTS = {
    "an entity bomb": BOMB,
    "an entity from outside": OUTSIDE,
    "a depth of 200,000": b"<Delete>" * 100_000 + b"</Delete>" * 100_000,
    "a depth of 100": b"<Delete><Object>" + b"<Key>" * 100 + b"</Key>" * 100 + b"</Object></Delete>",
    "attributes without end": ATTRIBUTES,
    "two documents": WELL + WELL,
    "something behind the end": WELL + b"<x/>",
    "no end": b"<Delete><Object><Key>secret",
    "the wrong end": b"<Delete><Object><Key>secret</Object></Key></Delete>",
    "no XML": b"\xff\xfe\0\0nothing",
    "2 MiB": b"<Delete>" + b" " * (2 << 20) + b"</Delete>",
    "5 MiB": b"<Delete>" + b" " * (5 << 20) + b"</Delete>",
    "nothing": b"",
    "bytes that are no UTF-8": b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
}


@pytest.mark.parametrize("what", DOCUMENTS)
@pytest.mark.parametrize("query", ["?delete", "?tagging", "?versioning", "?cors", "?lifecycle"])
def test_23_a_hostile_document_is_refused_at_once(ground, what, query):
    document = DOCUMENTS[what]
    digest = base64.b64encode(hashlib.md5(document).digest()).decode()
    method = "POST" if query == "?delete" else "PUT"
    request = ground.signed(method, f"/{ground.bucket}{query}", document, {"Content-MD5": digest})
    with ground.untouched():
        begun = time.monotonic()
        status, text = ground.replay(request)
        assert 400 <= status < 500 or status == 501, text
        assert time.monotonic() - begun < SECONDS
        assert b"root:" not in text


@pytest.mark.parametrize("what", DOCUMENTS)
def test_23_a_hostile_list_of_parts_completes_nothing(ground, what):
    document = DOCUMENTS[what].replace(b"Delete", b"CompleteMultipartUpload")
    request = ground.signed("POST", path(ground, "parts") + f"?uploadId={ground.upload}", document)
    with ground.untouched():
        begun = time.monotonic()
        status, text = ground.replay(request)
        assert 400 <= status < 500, text
        assert time.monotonic() - begun < SECONDS


def test_nothing_of_it_panicked(ground):
    assert "panicked" not in ground.server.output()
    metrics = http.client.HTTPConnection("127.0.0.1", ground.server.port)
    metrics.request("GET", "/_/metrics")
    assert b"sagewright_panics_total 0" in metrics.getresponse().read()

"""Encryption asked for is encryption done: SSE-S3, SSE-KMS and SSE-C as boto3 asks for them."""
import base64
import hashlib
import json
import os

import pytest
from harness.api import Api, BUCKET, unique
from harness.data import features, table
from harness.server import Server
from test_identity import refusal
from test_object import MIB

ACCOUNT = "123456789012"
KEYS = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/"
SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))


def customer(secret=SECRET):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": secret}


def of_source(secret=SECRET):
    return {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": secret}


CONTEXT = base64.b64encode(json.dumps({"team": "a"}).encode()).decode()
# By name: what asks for it, what reading it needs, what a copy needs of its source.
WAYS = {
    "plain": ({}, {}, {}),
    "s3": ({"ServerSideEncryption": "AES256"}, {}, {}),
    "kms": ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": CONTEXT}, {}, {}),
    "named": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/team/data"}, {}, {}),
    "customer": (customer(), customer(), of_source()),
}
SEALED = [way for way in WAYS if way != "plain"]


@pytest.fixture(scope="module", params=["plain", "through CONNECT"])
def s3(request, api):
    return api.s3 if request.param == "plain" else api.through_connect("s3")


@pytest.fixture
def bucket(s3):
    name = unique("sealed")
    s3.create_bucket(Bucket=name)
    return name


def check_told(answer, way):
    """An answer tells what was done, and nothing else."""
    told = {"s3": "AES256", "kms": "aws:kms", "named": "aws:kms"}.get(way)
    assert answer.get("ServerSideEncryption") == told
    assert ("SSEKMSKeyId" in answer) == (told == "aws:kms")
    assert answer.get("SSEKMSKeyId", KEYS).startswith(KEYS)
    assert answer.get("SSECustomerAlgorithm") == ("AES256" if way == "customer" else None)
    md5 = base64.b64encode(hashlib.md5(SECRET).digest()).decode()
    assert answer.get("SSECustomerKeyMD5") == (md5 if way == "customer" else None)


def body(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 1000, 200_001])
@pytest.mark.parametrize("way", WAYS)
def test_what_was_encrypted_is_got_whole_and_in_ranges(s3, bucket, way, size):
    asks, reads, _ = WAYS[way]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body(size), **asks)
    check_told(put, way)
    assert put.get("SSEKMSEncryptionContext") == (context() if way == "kms" else None)
    got = s3.get_object(Bucket=bucket, Key="k", **reads)
    assert got["Body"].read() == body(size)
    head = s3.head_object(Bucket=bucket, Key="k", **reads)
    for answer in (got, head):
        check_told(answer, way)
        assert (answer["ContentLength"], answer["ETag"]) == (size, put["ETag"])
        assert "SSEKMSEncryptionContext" not in answer
    is_md5 = put["ETag"].strip('"') == hashlib.md5(body(size)).hexdigest()
    assert is_md5 == (way in ("plain", "s3"))
    for first, last in [(0, 0), (65_535, 65_540), (131_000, 199_999)]:
        if last < size:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}", **reads)
            assert part["Body"].read() == body(size)[first:last + 1]


def context():
    return base64.b64encode(b'{"team":"a"}').decode()


@pytest.mark.parametrize("way", SEALED)
def test_parts_are_encrypted_with_the_key_of_their_upload(s3, bucket, way):
    asks, reads, _ = WAYS[way]
    data = body(5 * MIB + 70_001)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", **asks)
    check_told(upload, way)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    parts = []
    for number, piece in [(1, data[:5 * MIB]), (2, data[5 * MIB:])]:
        part = s3.upload_part(**upload, PartNumber=number, Body=piece, **reads)
        check_told(part, way)
        again = s3.upload_part(**upload, PartNumber=number, Body=piece, **reads)
        assert again["ETag"] == part["ETag"]
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    made = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert made["ETag"].endswith('-2"')
    got = s3.get_object(Bucket=bucket, Key="k", **reads)
    check_told(got, way)
    assert got["Body"].read() == data
    seam = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 2}", **reads)
    assert seam["Body"].read() == data[5 * MIB - 2:5 * MIB + 3]


@pytest.mark.parametrize("target", WAYS)
@pytest.mark.parametrize("source", WAYS)
def test_a_copy_is_encrypted_as_it_asks(s3, bucket, source, target):
    (asks, _, opens), (wants, reads, _) = WAYS[source], WAYS[target]
    s3.put_object(Bucket=bucket, Key="from", Body=body(100_000), Metadata={"a": "b"}, **asks)
    made = s3.copy_object(
        Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"}, **opens, **wants)
    check_told(made, target)
    got = s3.get_object(Bucket=bucket, Key="to", **reads)
    assert (got["Body"].read(), got["Metadata"]) == (body(100_000), {"a": "b"})
    check_told(got, target)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", **wants)
    upload = {"Bucket": bucket, "Key": "parts", "UploadId": upload["UploadId"]}
    part = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "from"},
        CopySourceRange="bytes=10-70009", **opens, **reads)
    check_told(part, target)
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket=bucket, Key="parts", **reads)
    assert got["Body"].read() == body(100_000)[10:70_010]


def test_an_object_is_copied_to_itself_to_be_encrypted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    itself = {"Bucket": bucket, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    assert refusal(s3.copy_object, **itself)[0] == "InvalidRequest"
    check_told(s3.copy_object(**itself, ServerSideEncryption="AES256"), "s3")
    check_told(s3.get_object(Bucket=bucket, Key="k"), "s3")


def test_a_customers_key_must_be_the_right_one(s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**at, Body=b"x", **customer())
    code, message = refusal(s3.get_object, **at)[:2]
    assert code == "InvalidRequest" and "correct parameters must be provided" in message
    code, message = refusal(s3.get_object, **at, **customer(OTHER))[:2]
    assert code == "AccessDenied" and "the correct secret key" in message
    assert refusal(s3.head_object, **at)[0] == "400"
    assert refusal(s3.head_object, **at, **customer(OTHER))[0] == "403"
    copy = {"Bucket": bucket, "Key": "to", "CopySource": at}
    assert refusal(s3.copy_object, **copy)[0] == "InvalidRequest"
    assert refusal(s3.copy_object, **copy, **of_source(OTHER))[0] == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    refused = refusal(s3.get_object, Bucket=bucket, Key="plain", **customer())
    assert "not applicable to this object" in refused[1]
    wrong = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(SECRET).decode(),
             "SSECustomerKeyMD5": base64.b64encode(bytes(16)).decode()}
    assert refusal(s3.put_object, **at, Body=b"x", **wrong)[0] == "InvalidArgument"
    short = refusal(s3.put_object, **at, Body=b"x", **customer(b"short"))
    assert "invalid for the specified algorithm" in short[1]
    upload = s3.create_multipart_upload(**at, **customer())
    part = at | {"UploadId": upload["UploadId"], "PartNumber": 1, "Body": b"x"}
    for wrong in ({}, customer(OTHER)):
        assert refusal(s3.upload_part, **part, **wrong)[0] == "InvalidRequest"
    etag = s3.upload_part(**part, **customer())["ETag"]
    complete = at | {"UploadId": upload["UploadId"],
                     "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    refused = refusal(s3.complete_multipart_upload, **complete, **customer(OTHER))
    assert refused[0] == "InvalidRequest"
    s3.complete_multipart_upload(**complete, **customer())
    s3.delete_object(**at)


@pytest.mark.parametrize("asks,code", [
    ({"ServerSideEncryption": "aes:kms"}, "InvalidArgument"),
    ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
    ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "k"}, "InvalidArgument"),
    ({"SSEKMSKeyId": "k"}, "InvalidArgument"),
    ({"ServerSideEncryption": "AES256"} | customer(), "InvalidArgument"),
    ({"SSECustomerAlgorithm": "AES192", "SSECustomerKey": SECRET}, "InvalidEncryptionAlgorithmError"),
    ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "not/a key"}, "KMS.NotFoundException"),
    ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:999999999999:key/k"},
     "AccessDenied"),
    ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"},
     "KMS.NotFoundException"),
])
def test_what_cannot_be_meant_is_refused_and_stores_nothing(s3, bucket, asks, code):
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **asks)[0] == code
    assert refusal(s3.create_multipart_upload, Bucket=bucket, Key="k", **asks)[0] == code
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_readers_do_not_say_how_it_is_encrypted(api):
    s3 = api.client("s3")
    at = {"Bucket": api.ensure_bucket(), "Key": "k"}
    s3.put_object(**at, Body=b"x", ServerSideEncryption="AES256")
    says = lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "AES256"})
    for operation in ("GetObject", "HeadObject"):
        s3.meta.events.register(f"before-call.s3.{operation}", says)
    assert refusal(s3.get_object, **at)[0] == "InvalidArgument"
    assert refusal(s3.head_object, **at)[2] == 400


def test_only_the_start_of_an_upload_says_how_it_is_encrypted(api):
    s3 = api.client("s3")
    at = {"Bucket": api.ensure_bucket(), "Key": "k"}
    upload = s3.create_multipart_upload(**at, ServerSideEncryption="AES256")["UploadId"]
    etag = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    says = lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "AES256"})
    for operation in ("UploadPart", "CompleteMultipartUpload"):
        s3.meta.events.register(f"before-call.s3.{operation}", says)
    part = refusal(s3.upload_part, **at, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    end = refusal(s3.complete_multipart_upload, **at, UploadId=upload, MultipartUpload=parts)
    for code, message in (part[:2], end[:2]):
        assert code == "InvalidArgument" and "not supported for this operation" in message


def test_a_key_is_one_by_all_its_names(s3, bucket):
    put = lambda key: s3.put_object(
        Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    arn = put("alias/one")["SSEKMSKeyId"]
    assert arn == put(arn)["SSEKMSKeyId"] == put(arn.split("/")[1])["SSEKMSKeyId"]
    assert arn == put(f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/one")["SSEKMSKeyId"]
    assert arn != put("alias/two")["SSEKMSKeyId"]


def test_a_bucket_says_what_happens_where_nothing_is_asked(s3, bucket):
    rule = {"ApplyServerSideEncryptionByDefault":
            {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/team/data"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert default_of(s3, bucket) == rule
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    check_told(put, "named")
    assert put["BucketKeyEnabled"] is True
    check_told(s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256"), "s3")
    s3.delete_bucket_encryption(Bucket=bucket)
    check_told(s3.put_object(Bucket=bucket, Key="k", Body=b"x"), "plain")
    code = refusal(s3.get_bucket_encryption, Bucket=bucket)[0]
    assert code == "ServerSideEncryptionConfigurationNotFoundError"


def default_of(s3, bucket):
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return rule


def found(canary, folder):
    """The files below a folder that hold these bytes."""
    files = [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]
    return [path for path in files if os.path.isfile(path) and canary in open(path, "rb").read()]


@pytest.fixture
def sealed_server(tmp_path, library):
    """A server that encrypts everything."""
    server = Server(tmp_path / "data")
    server.take_library(library)
    (server.data / "sagewright.toml").write_text("encrypt_at_rest = true\n")
    yield server.start()
    server.stop()


def test_with_the_switch_nothing_lies_plain_not_even_for_jobs(sealed_server):
    api = Api(sealed_server)
    canary = table(3000, seed=7)
    row = canary.splitlines()[5].encode()
    head = "".join(canary.splitlines(keepends=True)[:100])
    small, large = api.put("sealed/small/a.csv", head), api.put("sealed/large/a.csv", canary)
    check_told(api.s3.head_object(Bucket=BUCKET, Key="sealed/small/a.csv"), "s3")
    assert default_of(api.s3, BUCKET)["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    api.train("sealed", {"train": large, "validation": small}, {"num_round": 5})
    job = api.finished("sealed")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert found(row, sealed_server.data) == []
    assert found(SECRET, sealed_server.data) == []
    sealed_server.kill()
    assert found(row, sealed_server.data) == []
    sealed_server.start()
    assert Api(sealed_server).read(large).decode() == canary


def test_a_restart_reads_what_was_encrypted_and_another_master_key_does_not_start(own_server, tmp_path):
    api = Api(own_server)
    api.ensure_bucket()
    for way in SEALED:
        api.s3.put_object(Bucket=BUCKET, Key=way, Body=body(100_000), **WAYS[way][0])
    own_server.kill()
    own_server.start()
    for way in SEALED:
        got = api.s3.get_object(Bucket=BUCKET, Key=way, **WAYS[way][1])
        assert got["Body"].read() == body(100_000)
    own_server.stop()
    key = own_server.data / "keys" / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other.key"
    other.write_bytes(OTHER)
    settings = own_server.data / "sagewright.toml"
    settings.write_text(f'master_key_file = "{other}"\n')
    started = own_server.command("up", "--port", str(own_server.port), check=False, timeout=60)
    assert started.returncode != 0 and "made with another one" in started.stderr
    moved = tmp_path / "mine.key"
    key.rename(moved)
    settings.write_text("")
    started = own_server.command("up", "--port", str(own_server.port), check=False, timeout=60)
    assert started.returncode != 0 and "is missing" in started.stderr
    settings.write_text(f'master_key_file = "{moved}"\n')
    own_server.start()
    assert api.s3.get_object(Bucket=BUCKET, Key="s3")["Body"].read() == body(100_000)


def test_jobs_read_and_write_encrypted_objects(api):
    bucket, key = api.ensure_bucket(unique("jobs")), "alias/team/models"
    data = table(500)
    api.s3.put_object(Bucket=bucket, Key="train.csv", Body=data, **WAYS["named"][0])
    output = {"S3OutputPath": f"s3://{bucket}/output", "KmsKeyId": key}
    name = unique("sealed")
    api.train(name, {"train": f"s3://{bucket}/train.csv"}, {"num_round": 5}, OutputDataConfig=output)
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["OutputDataConfig"]["KmsKeyId"] == key
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    path = artifact.removeprefix(f"s3://{bucket}/")
    check_told(api.s3.head_object(Bucket=bucket, Key=path), "named")

    api.model(name, artifact)
    rows = features(data)
    api.s3.put_object(Bucket=bucket, Key="rows.csv", Body=rows, ServerSideEncryption="aws:kms")
    api.sagemaker.create_transform_job(
        TransformJobName=name, ModelName=name,
        TransformInput={"ContentType": "text/csv", "SplitType": "Line", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/rows.csv"}}},
        TransformOutput={"S3OutputPath": f"s3://{bucket}/predictions", "KmsKeyId": key},
        TransformResources={"InstanceType": "ml.m4.xlarge", "InstanceCount": 1})
    assert api.transformed(name)["TransformJobStatus"] == "Completed"
    made = api.s3.get_object(Bucket=bucket, Key="predictions/rows.csv.out")
    check_told(made, "named")
    assert len(made["Body"].read().splitlines()) == 500
    api.config(name, **{name: 1})
    api.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert api.in_service(name)["EndpointStatus"] == "InService"


def test_no_job_reads_what_only_a_customers_key_opens(api):
    api.ensure_bucket()
    api.s3.put_object(Bucket=BUCKET, Key="customer/train.csv", Body=table(10), **customer())
    name = unique("closed")
    api.train(name, {"train": f"s3://{BUCKET}/customer/"}, {"num_round": 1})
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Failed" and "Access Denied" in job["FailureReason"]


def test_a_job_with_a_key_that_it_cannot_use_is_refused_at_once(api):
    uri = api.put("refused/train.csv", table(10))
    others = "arn:aws:kms:us-east-1:999999999999:key/k"
    output = {"S3OutputPath": f"s3://{BUCKET}/output", "KmsKeyId": others}
    code, message = refusal(
        api.train, name=unique("refused"), channels={"train": uri}, hyperparameters={},
        OutputDataConfig=output)[:2]
    assert code == "ValidationException" and others in message

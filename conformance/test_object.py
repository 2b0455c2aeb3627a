"""S3 as boto3 uses it, twice: plain HTTP with signed bodies, and TLS through CONNECT with trailers."""
import base64
import hashlib
import io
import os
import urllib.error
import urllib.request
import zlib

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from harness.api import unique
from test_identity import refusal

MIB = 1 << 20


@pytest.fixture(scope="module", params=["plain", "through CONNECT"])
def s3(request, api):
    return api.s3 if request.param == "plain" else api.through_connect("s3")


@pytest.fixture
def bucket(s3):
    name = unique("objects")
    s3.create_bucket(Bucket=name)
    return name


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_what_was_put_is_got_with_its_metadata(s3, bucket):
    put = s3.put_object(
        Bucket=bucket, Key="a b/ü+%.csv", Body=b"1,2\n", ContentType="text/csv", Metadata={"by": "me"})
    got = s3.get_object(Bucket=bucket, Key="a b/ü+%.csv")
    assert got["Body"].read() == b"1,2\n"
    assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"by": "me"})
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"1,2" + bytes([10])).hexdigest()}"'
    assert "ContentEncoding" not in got


def test_ranges_are_exact_at_their_ends(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    read = lambda spec: s3.get_object(Bucket=bucket, Key="k", Range=spec)
    assert read("bytes=0-0")["Body"].read() == b"0"
    assert read("bytes=-3")["Body"].read() == b"789"
    assert read("bytes=4-")["ContentRange"] == "bytes 4-9/10"
    assert refusal(read, spec="bytes=10-")[0] == "InvalidRange"


def test_a_download_with_if_match_fails_once_the_object_has_changed(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, Range="bytes=1-1")["Body"].read() == b"n"
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch=etag)[0] == "PreconditionFailed"


def test_a_large_file_goes_up_and_down_in_parts(s3, bucket):
    data = os.urandom(21 * MIB + 7)
    s3.upload_fileobj(io.BytesIO(data), bucket, "large")
    head = s3.head_object(Bucket=bucket, Key="large")
    assert head["ContentLength"] == len(data)
    assert head["ETag"].endswith('-3"')
    back = io.BytesIO()
    s3.download_fileobj(bucket, "large", back, Config=TransferConfig(multipart_chunksize=5 * MIB))
    assert back.getvalue() == data


def test_a_copy_in_parts_is_the_whole(s3, bucket):
    data = os.urandom(11 * MIB)
    s3.upload_fileobj(io.BytesIO(data), bucket, "from")
    s3.copy({"Bucket": bucket, "Key": "from"}, bucket, "to",
            Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB))
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == data


def test_an_upload_can_be_listed_and_aborted(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x" * 100)
    parts = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 100)]
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    gone = refusal(s3.list_parts, Bucket=bucket, Key="k", UploadId=upload)
    assert (gone[0], gone[2]) == ("NoSuchUpload", 404)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_lists_are_paged_in_binary_order_with_delimiters(s3, bucket, operation):
    keys = ["a", "b/1", "b/2", "c d/ü", "z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(s3.get_paginator(operation).paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}))
    assert [item["Key"] for page in pages for item in page.get("Contents", [])] == ["a", "z"]
    prefixes = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
    assert prefixes == ["b/", "c d/"]
    assert len(pages) == 2
    under = getattr(s3, operation)(Bucket=bucket, Prefix="c d/")
    assert [item["Key"] for item in under["Contents"]] == ["c d/ü"]


def test_many_are_deleted_at_once_also_what_is_not_there(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    wanted = {"Objects": [{"Key": "a"}, {"Key": "never"}]}
    deleted = s3.delete_objects(Bucket=bucket, Delete=wanted)["Deleted"]
    assert sorted(item["Key"] for item in deleted) == ["a", "never"]
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("algorithm, field", [("CRC32", "ChecksumCRC32"), ("SHA256", "ChecksumSHA256")])
def test_a_checksum_is_checked_kept_and_told(s3, bucket, algorithm, field):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"data", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put[field] == head[field]


def test_a_wrong_checksum_stores_nothing(api, bucket):
    answer = refusal(api.s3.put_object, Bucket=bucket, Key="k", Body=b"data", ChecksumCRC32=crc32(b"other"))
    assert answer[0] == "BadDigest"
    answer = refusal(api.s3.put_object, Bucket=bucket, Key="k", Body=b"data",
                     ContentMD5=base64.b64encode(hashlib.md5(b"other").digest()).decode())
    assert answer[0] == "BadDigest"
    assert refusal(api.s3.head_object, Bucket=bucket, Key="k")[0] == "404"


def test_a_presigned_url_opens_one_object_for_a_while(api, bucket):
    signer = api.client("s3", config=Config(signature_version="s3v4"))
    up = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(up, data=b"by url", method="PUT"))
    down = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    assert urllib.request.urlopen(down).read() == b"by url"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(down.replace(bucket + "/k", bucket + "/other"))
    assert caught.value.code == 403


def test_what_is_not_there_is_told_in_s3s_codes(s3, bucket):
    assert refusal(s3.get_object, Bucket=bucket, Key="k")[0] == "NoSuchKey"
    assert refusal(s3.head_object, Bucket=bucket, Key="k")[0] == "404"
    missing = refusal(s3.list_objects_v2, Bucket="no-such-bucket-here")
    assert (missing[0], missing[2]) == ("NoSuchBucket", 404)
    assert missing[1] == "The specified bucket does not exist"
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refusal(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"


def test_a_bucket_of_another_account_is_not_ours(s3, bucket):
    owner = {"ExpectedBucketOwner": "999999999999"}
    assert refusal(s3.head_bucket, Bucket=bucket, **owner)[2] == 403
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"", **owner)[0] == "AccessDenied"


def test_nothing_is_overwritten_where_nothing_was_expected(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
    again = refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")
    assert (again[0], again[2]) == ("PreconditionFailed", 412)

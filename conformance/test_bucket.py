"""What owners set about their buckets, and whom that lets in: by boto3, by strangers, by browsers."""
import json
import urllib.error
import urllib.request

import pytest
from botocore import UNSIGNED
from harness.accounts import told
from harness.api import Api, unique, until
from harness.server import Server
from test_identity import refusal


@pytest.fixture
def bucket(api):
    name = unique("bucket")
    api.s3.create_bucket(Bucket=name)
    return name


def policy(bucket, *statements):
    whole = {"Effect": "Allow", "Principal": "*", "Resource": [
        f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole | it for it in statements]})


def denied(call, **arguments):
    return refusal(call, **arguments)[2] == 403


NOT_SET = [
    ("get_bucket_tagging", "NoSuchTagSet"),
    ("get_bucket_cors", "NoSuchCORSConfiguration"),
    ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
    ("get_bucket_policy", "NoSuchBucketPolicy"),
    ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
]


@pytest.mark.parametrize("operation, code", NOT_SET)
def test_what_is_not_set_is_refused_by_its_own_name(api, bucket, operation, code):
    assert refusal(getattr(api.s3, operation), Bucket=bucket)[0] == code


def test_what_every_bucket_has_is_told(api, bucket):
    s3 = api.s3
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    [rule] = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
    acl = s3.get_bucket_acl(Bucket=bucket)
    [grant] = acl["Grants"]
    assert (grant["Permission"], grant["Grantee"]["ID"]) == ("FULL_CONTROL", acl["Owner"]["ID"])
    assert grant["Grantee"]["Type"] == "CanonicalUser"
    assert acl["Owner"]["ID"] == s3.list_buckets()["Owner"]["ID"]
    for operation in ["logging", "notification_configuration", "accelerate_configuration"]:
        assert set(getattr(s3, f"get_bucket_{operation}")(Bucket=bucket)) == {"ResponseMetadata"}


RULES = [
    {"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 30}},
    {"ID": "big", "Status": "Disabled", "Expiration": {"Days": 1}, "Filter": {"And": {
        "Prefix": "x", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 5}}},
    {"ID": "kept", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {
        "DaysAfterInitiation": 7}, "Expiration": {"ExpiredObjectDeleteMarker": True},
     "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}},
]
CORS = [{"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET", "PUT"],
         "AllowedHeaders": ["x-amz-*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True,
         "RestrictPublicBuckets": False}
TAGS = [{"Key": "team", "Value": "blue"}, {"Key": "ü", "Value": ""}]

PARTS = {
    "tagging": ("put_bucket_tagging", {"Tagging": {"TagSet": TAGS}},
                "get_bucket_tagging", {"TagSet": TAGS}, "delete_bucket_tagging"),
    "cors": ("put_bucket_cors", {"CORSConfiguration": {"CORSRules": CORS}},
             "get_bucket_cors", {"CORSRules": CORS}, "delete_bucket_cors"),
    "lifecycle": ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": RULES}},
                  "get_bucket_lifecycle_configuration", {"Rules": RULES}, "delete_bucket_lifecycle"),
    "block": ("put_public_access_block", {"PublicAccessBlockConfiguration": BLOCK},
              "get_public_access_block", {"PublicAccessBlockConfiguration": BLOCK},
              "delete_public_access_block"),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_read_back_as_it_was_written_and_gone_when_removed(api, bucket, part):
    put, written, get, read, delete = PARTS[part]
    getattr(api.s3, put)(Bucket=bucket, **written)
    got = getattr(api.s3, get)(Bucket=bucket)
    assert {name: got[name] for name in read} == read
    getattr(api.s3, delete)(Bucket=bucket)
    assert refusal(getattr(api.s3, get), Bucket=bucket)[0].startswith("NoSuch")
    assert api.s3.head_bucket(Bucket=bucket)


def test_settings_survive_a_restart(own_server):
    api = Api(own_server)
    api.s3.create_bucket(Bucket="kept")
    for put, written, *_ in PARTS.values():
        getattr(api.s3, put)(Bucket="kept", **written)
    api.s3.put_object(Bucket="kept", Key="k", Body=b"1", Tagging="a=1")
    own_server.kill()
    own_server.start()
    for _, _, get, read, _ in PARTS.values():
        got = getattr(api.s3, get)(Bucket="kept")
        assert {name: got[name] for name in read} == read
    assert api.s3.get_object_tagging(Bucket="kept", Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]


def test_acls_that_say_what_holds_anyway_are_accepted_and_others_are_not(api, bucket):
    s3 = api.s3
    s3.put_bucket_acl(Bucket=bucket, ACL="bucket-owner-full-control")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="bucket-owner-full-control")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    told = {"Owner": acl["Owner"], "Grants": acl["Grants"]}
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=told)
    wanted = ("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    for acl in ("public-read", "private"):
        assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL=acl) == wanted
    assert refusal(s3.put_object, Bucket=bucket, Key="x", ACL="public-read") == wanted
    assert refusal(s3.put_bucket_acl, Bucket=bucket, GrantRead="id=1") == wanted


@pytest.mark.parametrize("change, words", [
    ({"Resource": "arn:aws:s3:::other/*"}, "Policy has invalid resource"),
    ({"Principal": {"AWS": "me"}}, "Invalid principal in policy"),
    ({"Action": "s3:Fly"}, "Policy has invalid action"),
    ({"Effect": "Perhaps"}, "Invalid effect: Perhaps"),
    ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET"},
     "Action does not apply to any resource(s) in statement"),
    ({"Condition": {"StringSounds": {"s3:prefix": "a"}}}, "Invalid Condition type : StringSounds"),
])
def test_a_policy_that_is_none_is_refused_in_awss_words(api, bucket, change, words):
    wrong = policy(bucket, {"Action": "s3:*"} | change).replace("BUCKET", bucket)
    assert refusal(api.s3.put_bucket_policy, Bucket=bucket, Policy=wrong) == ("MalformedPolicy", words, 400)


def test_a_stranger_is_let_in_by_a_policy_and_by_nothing_else(api, bucket, stranger, nobody):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"open")
    for s3 in [stranger.s3, nobody]:
        assert denied(s3.get_object, Bucket=bucket, Key="k")
        assert denied(s3.list_objects_v2, Bucket=bucket)
        assert denied(s3.put_object, Bucket=bucket, Key="mine", Body=b"")
        assert denied(s3.get_bucket_policy, Bucket=bucket)
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        bucket, {"Action": ["s3:GetObject", "s3:ListBucket"]}))
    assert api.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    for s3 in [stranger.s3, nobody]:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"open"
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
        assert denied(s3.put_object, Bucket=bucket, Key="mine", Body=b"")
        assert denied(s3.delete_object, Bucket=bucket, Key="k")
    api.s3.delete_bucket_policy(Bucket=bucket)
    assert denied(nobody.get_object, Bucket=bucket, Key="k")


@pytest.mark.parametrize("form", ["account", "root", "role", "session", "canonical"])
def test_another_account_is_named_in_every_form(api, server, bucket, stranger, nobody, form):
    canonical = next(it["canonical_id"] for it in told(server, "accounts", "ls")
                     if it["id"] == stranger.account)
    principal = {
        "account": {"AWS": stranger.account},
        "root": {"AWS": f"arn:aws:iam::{stranger.account}:root"},
        "role": {"AWS": [stranger.role]},
        "session": {"AWS": stranger.sts.get_caller_identity()["Arn"]},
        "canonical": {"CanonicalUser": canonical},
    }[form]
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        bucket, {"Action": ["s3:PutObject", "s3:GetObject"], "Principal": principal}))
    assert api.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    stranger.s3.put_object(Bucket=bucket, Key="gift", Body=b"for you")
    assert api.s3.get_object(Bucket=bucket, Key="gift")["Body"].read() == b"for you"
    assert denied(nobody.get_object, Bucket=bucket, Key="gift")
    assert denied(stranger.s3.delete_object, Bucket=bucket, Key="gift")


def test_nobody_may_write_where_a_policy_says_so(api, bucket, nobody):
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"Action": "s3:PutObject"}))
    body = b"in pieces" * 1000
    through_tls = api.through_connect("s3", signature_version=UNSIGNED)
    for key, s3 in {"plain": nobody, "framed": through_tls}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        assert api.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_a_denial_holds_for_the_owner_who_can_still_undo_it(api, bucket):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {
        "Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}))
    assert denied(api.s3.get_object, Bucket=bucket, Key="k")
    assert denied(api.s3.list_objects_v2, Bucket=bucket)
    through_tls = api.through_connect("s3")
    assert through_tls.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    api.s3.delete_bucket_policy(Bucket=bucket)
    assert api.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_what_is_missing_is_told_only_to_who_may_list(api, bucket, nobody):
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"Action": "s3:GetObject"}))
    assert denied(nobody.get_object, Bucket=bucket, Key="none")
    assert denied(nobody.head_object, Bucket=bucket, Key="none")
    assert refusal(api.s3.get_object, Bucket=bucket, Key="none")[0] == "NoSuchKey"
    within = {"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:prefix": "open/*"}}}
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"Action": "s3:GetObject"}, within))
    assert refusal(nobody.get_object, Bucket=bucket, Key="open/none")[0] == "NoSuchKey"
    assert denied(nobody.get_object, Bucket=bucket, Key="none")


def test_a_public_policy_is_blocked_or_cut_where_the_bucket_wants_it(api, bucket, nobody):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    everybody = policy(bucket, {"Action": "s3:GetObject"})
    api.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=BLOCK)
    assert denied(api.s3.put_bucket_policy, Bucket=bucket, Policy=everybody)
    api.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        "RestrictPublicBuckets": True})
    api.s3.put_bucket_policy(Bucket=bucket, Policy=everybody)
    assert denied(nobody.get_object, Bucket=bucket, Key="k")
    api.s3.delete_public_access_block(Bucket=bucket)
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_an_expected_owner_is_the_real_one(api, bucket, stranger):
    s3, me = api.s3, api.sts.get_caller_identity()["Account"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ExpectedBucketOwner=me)
    for call in [s3.head_bucket, s3.list_objects_v2, s3.get_bucket_acl]:
        call(Bucket=bucket, ExpectedBucketOwner=me)
        assert denied(call, Bucket=bucket, ExpectedBucketOwner=stranger.account)


def test_a_copy_out_of_anothers_bucket_needs_its_policy(api, bucket, stranger):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    theirs = stranger.ensure_bucket(stranger.bucket)
    copy = {"Bucket": theirs, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    assert denied(stranger.s3.copy_object, **copy)
    api.s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        bucket, {"Action": "s3:GetObject", "Principal": {"AWS": stranger.account}}))
    stranger.s3.copy_object(**copy)
    assert stranger.s3.get_object(Bucket=theirs, Key="k")["Body"].read() == b"mine"


def test_tags_come_with_an_object_and_are_changed_beside_it(api, bucket):
    s3, name = api.s3, {"Bucket": bucket, "Key": "k"}
    s3.put_object(**name, Body=b"1", Tagging="a=1&b=x%20y")
    assert s3.get_object(**name)["TagCount"] == 2
    tags = lambda: {it["Key"]: it["Value"] for it in s3.get_object_tagging(**name)["TagSet"]}
    assert tags() == {"a": "1", "b": "x y"}
    s3.put_object_tagging(**name, Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert tags() == {"c": "3"}
    s3.copy_object(**name, CopySource=name, TaggingDirective="REPLACE", Tagging="d=4",
                   MetadataDirective="REPLACE")
    assert tags() == {"d": "4"}
    s3.delete_object_tagging(**name)
    assert tags() == {}
    many = [{"Key": str(number), "Value": ""} for number in range(11)]
    assert refusal(s3.put_object_tagging, **name, Tagging={"TagSet": many})[0] == "InvalidTag"
    upload = s3.create_multipart_upload(**name, Tagging="e=5")["UploadId"]
    part = s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part}]})
    assert tags() == {"e": "5"}


def test_each_version_has_its_own_tags(api, bucket):
    s3, name = api.s3, {"Bucket": bucket, "Key": "k"}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(**name, Body=b"1", Tagging="n=1")["VersionId"]
    s3.put_object(**name, Body=b"2", Tagging="n=2")
    s3.put_object_tagging(**name, VersionId=first, Tagging={"TagSet": [{"Key": "o", "Value": "0"}]})
    told = lambda **which: [it["Key"] for it in s3.get_object_tagging(**name, **which)["TagSet"]]
    assert (told(VersionId=first), told()) == (["o"], ["n"])


class Answer:
    """What a browser sees."""

    def __init__(self, status, headers):
        self.status = status
        self.origin = headers.get("Access-Control-Allow-Origin")
        self.methods = headers.get("Access-Control-Allow-Methods")


def call(url, method="GET", **headers):
    request = urllib.request.Request(url, method=method, headers={
        name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers)


def test_a_page_of_a_named_origin_may_use_a_presigned_address(api, bucket):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = api.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    page, ask = "https://a.example", {"Access_Control_Request_Method": "GET"}
    assert call(url, "OPTIONS", Origin=page, **ask).status == 403
    assert call(url, Origin=page).origin is None
    api.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": CORS})
    allowed = call(url, "OPTIONS", Origin=page, **ask)
    assert (allowed.status, allowed.origin, allowed.methods) == (200, page, "GET, PUT")
    assert (call(url, Origin=page).status, call(url, Origin=page).origin) == (200, page)
    assert call(url, "OPTIONS", Origin="https://evil.test", **ask).status == 403
    assert call(url, Origin="https://evil.test").origin is None
    assert call(url, "OPTIONS").status == 400
    unsigned = call(url.split("?")[0], Origin=page)
    assert (unsigned.status, unsigned.origin) == (403, page)


def test_what_is_due_goes_by_itself(tmp_path):
    server = Server(tmp_path / "data")
    server.data.mkdir()
    (server.data / "sagewright.toml").write_text("lifecycle_day = 1\n")
    try:
        s3 = Api(server.start()).s3
        s3.create_bucket(Bucket="brief")
        s3.put_bucket_versioning(Bucket="brief", VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_lifecycle_configuration(Bucket="brief", LifecycleConfiguration={"Rules": [
            {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1},
             "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
             "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]})
        told = s3.put_object(Bucket="brief", Key="tmp/k", Body=b"1")["Expiration"]
        assert told.startswith('expiry-date="') and told.endswith('rule-id="r"')
        assert "Expiration" not in s3.put_object(Bucket="brief", Key="kept", Body=b"1")
        s3.create_multipart_upload(Bucket="brief", Key="tmp/part")

        def gone():
            left = s3.list_object_versions(Bucket="brief", Prefix="tmp/")
            uploads = s3.list_multipart_uploads(Bucket="brief")
            return not ({"Versions", "DeleteMarkers"} & left.keys() or "Uploads" in uploads)

        until(gone, bool)
        assert s3.get_object(Bucket="brief", Key="kept")["Body"].read() == b"1"
    finally:
        server.stop()

"""ACLs: refused by a bucket that has none, which is the default; told and obeyed by one that has them."""
import urllib.request

import pytest
from harness.accounts import Holder, key_of, told
from harness.api import Api, unique
from test_identity import refusal

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture
def bucket(api):
    """A bucket that has ACLs."""
    name = unique("acls")
    api.s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    return name


def denied(call, **arguments):
    return refusal(call, **arguments)[2] == 403


def test_a_bucket_of_which_nothing_is_said_has_no_acls(api):
    name = unique("plain")
    api.s3.create_bucket(Bucket=name)
    wanted = ("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    assert refusal(api.s3.put_object, Bucket=name, Key="k", Body=b"1", ACL="public-read") == wanted
    refused = refusal(api.s3.create_bucket, Bucket=unique("plain"), ACL="public-read")
    assert (refused[0], refused[2]) == ("InvalidBucketAclWithObjectOwnership", 400)


@pytest.mark.parametrize("acl, read_by_stranger, read_by_nobody", [
    ("private", False, False), ("authenticated-read", True, False), ("public-read", True, True)])
def test_an_object_is_read_by_whom_its_acl_names(
        api, bucket, stranger, nobody, acl, read_by_stranger, read_by_nobody):
    api.s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL=acl)
    for s3, reads in [(api.s3, True), (stranger.s3, read_by_stranger), (nobody, read_by_nobody)]:
        if reads:
            assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
        else:
            assert denied(s3.get_object, Bucket=bucket, Key="k")
    assert denied(nobody.list_objects_v2, Bucket=bucket)


def test_what_another_account_writes_is_also_its_own(api, bucket, stranger, nobody):
    assert denied(stranger.s3.put_object, Bucket=bucket, Key="theirs", Body=b"1")
    api.s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    stranger.s3.put_object(Bucket=bucket, Key="theirs", Body=b"1")
    nobody.put_object(Bucket=bucket, Key="nobodys", Body=b"1")
    assert [it["Key"] for it in nobody.list_objects_v2(Bucket=bucket)["Contents"]] == ["nobodys", "theirs"]
    for s3 in [api.s3, stranger.s3]:
        assert s3.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"1"
    assert denied(nobody.get_object, Bucket=bucket, Key="theirs")
    assert denied(stranger.s3.get_object, Bucket=bucket, Key="nobodys")
    theirs = stranger.s3.list_buckets()["Owner"]["ID"]
    assert stranger.s3.get_object_acl(Bucket=bucket, Key="theirs")["Owner"]["ID"] == theirs
    stranger.s3.put_object_acl(Bucket=bucket, Key="theirs", ACL="public-read")
    assert nobody.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"1"


def test_an_upload_tells_who_began_it(api, bucket, stranger):
    api.s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    for s3 in [api.s3, stranger.s3]:
        account = s3.list_buckets()["Owner"]["ID"]
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        [told] = api.s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert (told["Initiator"]["ID"], told["Owner"]["ID"]) == (account, account)
        told = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
        assert (told["Initiator"]["ID"], told["Owner"]["ID"]) == (account, account)
        s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


def test_grants_are_told_as_they_were_written_and_survive_a_restart(own_server):
    s3 = Api(own_server).s3
    account = told(own_server, "accounts", "add", "--name", "Readers")
    reader = Holder(own_server, key_of(own_server, account["id"], "--admin"))
    s3.create_bucket(Bucket="kept", ObjectOwnership="BucketOwnerPreferred", ACL="public-read")
    s3.put_object(Bucket="kept", Key="k", Body=b"1", GrantRead=f'id="{account["canonical_id"]}"')
    own_server.kill()
    own_server.start()
    owner, group = s3.get_bucket_acl(Bucket="kept")["Grants"]
    assert owner["Permission"] == "FULL_CONTROL"
    assert (group["Permission"], group["Grantee"]["URI"]) == ("READ", ALL_USERS)
    acl = s3.get_object_acl(Bucket="kept", Key="k")
    assert [(it["Permission"], it["Grantee"]["ID"]) for it in acl["Grants"]] == [
        ("FULL_CONTROL", acl["Owner"]["ID"]), ("READ", account["canonical_id"])]
    assert reader.s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"1"
    s3.put_object_acl(Bucket="kept", Key="k", AccessControlPolicy={
        "Owner": acl["Owner"], "Grants": acl["Grants"][:1]})
    assert denied(reader.s3.get_object, Bucket="kept", Key="k")


def test_public_acls_are_refused_or_ignored_where_the_bucket_wants_it(api, bucket, nobody):
    s3 = api.s3
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="public-read")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert denied(s3.put_object, Bucket=bucket, Key="x", Body=b"1", ACL="public-read")
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert denied(nobody.get_object, Bucket=bucket, Key="k")


def test_a_form_brings_its_acl(api, bucket, nobody):
    form = api.s3.generate_presigned_post(bucket, "k", {"acl": "public-read"}, [{"acl": "public-read"}])
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in form["fields"].items()]
    parts.append('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n1\r\n--x--\r\n')
    request = urllib.request.Request(
        form["url"], "".join(parts).encode(), {"Content-Type": "multipart/form-data; boundary=x"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 204
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"

"""Accounts and their keys: a second account is as real as the first, and neither sees the other."""
import json
import re

import pytest
from botocore.exceptions import ClientError
from harness.accounts import ROLE, Holder, administrator, key_of, told
from harness.api import XGBOOST, Api, channel, unique
from harness.data import features, table
from test_endpoint import deploy
from test_identity import refusal

@pytest.fixture(scope="module")
def other(server):
    """The administrator of a second account."""
    return administrator(server, "Research")


def job(holder, name, data, output, role):
    """A small training job of the holder's, to its end."""
    holder.sagemaker.create_training_job(
        TrainingJobName=name, RoleArn=role,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        HyperParameters={"num_round": "5"}, InputDataConfig=[channel("train", data)],
        OutputDataConfig={"S3OutputPath": output},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600})
    return holder.finished(name)


def test_an_account_is_listed_with_its_canonical_id_and_without_secrets(server, other):
    accounts = {account["id"]: account for account in told(server, "accounts", "ls")}
    assert accounts[other.account]["name"] == "Research"
    assert all(re.fullmatch("[0-9a-f]{64}", it["canonical_id"]) for it in accounts.values())
    assert len({it["canonical_id"] for it in accounts.values()}) == len(accounts)
    keys = {key["access_key_id"]: key for key in told(server, "keys", "ls")}
    assert keys[other.key["access_key_id"]]["account"] == other.account
    assert not any("secret_access_key" in key for key in keys.values())


def test_a_second_account_trains_deploys_and_predicts_as_its_own_role(other):
    assert other.sts.get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{other.account}:assumed-role/{ROLE}/admin")
    assert other.iam.get_role(RoleName=ROLE)["Role"]["Arn"] == other.role
    data = other.put("train.csv", table(500), other.bucket)
    trained = job(other, unique("theirs"), data, f"s3://{other.bucket}/output", other.role)
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    assert trained["TrainingJobArn"].split(":")[4] == other.account
    model = unique("theirs")
    other.sagemaker.create_model(ModelName=model, ExecutionRoleArn=other.role, PrimaryContainer={
        "Image": XGBOOST, "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"]})
    other.config(model, **{model: 1})
    other.sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=model)
    assert other.in_service(model)["EndpointStatus"] == "InService"
    other.invoke(model, features(table(1)).strip())


def test_sdk_v2_finds_the_role_of_a_second_account(client, other):
    sdk = client("sdk_v2")
    code = ("from sagemaker import Session, get_execution_role\n"
            "print(get_execution_role(), Session().account_id())")
    keys = [f"AWS_ACCESS_KEY_ID={other.key['access_key_id']}",
            f"AWS_SECRET_ACCESS_KEY={other.key['secret_access_key']}"]
    done = sdk.command("env", *keys, sdk.bin / "python", "-c", code)
    # The SDK tells first where its defaults come from.
    assert done.stdout.split()[-2:] == [other.role, other.account], done.stderr


def test_owners_are_shown_by_their_canonical_id_and_name(server, other):
    accounts = {account["id"]: account for account in told(server, "accounts", "ls")}
    other.put("owned", "x", other.bucket)
    upload = other.s3.create_multipart_upload(Bucket=other.bucket, Key="open")["UploadId"]
    owner = {"ID": accounts[other.account]["canonical_id"], "DisplayName": "Research"}
    assert other.s3.list_buckets()["Owner"] == owner
    assert other.s3.list_objects(Bucket=other.bucket)["Contents"][0]["Owner"] == owner
    fetched = other.s3.list_objects_v2(Bucket=other.bucket, FetchOwner=True)["Contents"]
    assert fetched[0]["Owner"] == owner
    assert "Owner" not in other.s3.list_objects_v2(Bucket=other.bucket)["Contents"][0]
    assert other.s3.list_parts(Bucket=other.bucket, Key="open", UploadId=upload)["Owner"] == owner
    assert other.s3.list_multipart_uploads(Bucket=other.bucket)["Uploads"][0]["Owner"] == owner


def test_a_key_that_is_not_an_administrators_is_a_users(server, other):
    ada = Holder(server, key_of(server, other.account, "--name", "ada"))
    identity = ada.sts.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{other.account}:user/ada"
    assert identity["UserId"].startswith("AIDA") and identity["Account"] == other.account
    ada.put("by-ada", "x", other.bucket)


@pytest.fixture(scope="module")
def theirs(api, trained):
    """What the first account has: its bucket and key, a job, a model, an endpoint and its parts."""
    uri = api.put("private", "secret")
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    name = deploy(api, trained["ModelArtifacts"]["S3ModelArtifacts"])
    upload = api.s3.create_multipart_upload(Bucket=bucket, Key="begun")["UploadId"]
    return {"bucket": bucket, "key": key, "upload": upload, "job": trained["TrainingJobName"], "endpoint": name}


S3_CALLS = {
    "head_bucket": lambda s3, it: s3.head_bucket(Bucket=it["bucket"]),
    "get_bucket_location": lambda s3, it: s3.get_bucket_location(Bucket=it["bucket"]),
    "delete_bucket": lambda s3, it: s3.delete_bucket(Bucket=it["bucket"]),
    "list_objects": lambda s3, it: s3.list_objects(Bucket=it["bucket"]),
    "list_objects_v2": lambda s3, it: s3.list_objects_v2(Bucket=it["bucket"]),
    "list_multipart_uploads": lambda s3, it: s3.list_multipart_uploads(Bucket=it["bucket"]),
    "head_object": lambda s3, it: s3.head_object(Bucket=it["bucket"], Key=it["key"]),
    "get_object": lambda s3, it: s3.get_object(Bucket=it["bucket"], Key=it["key"]),
    "get_object, absent": lambda s3, it: s3.get_object(Bucket=it["bucket"], Key="none"),
    "put_object": lambda s3, it: s3.put_object(Bucket=it["bucket"], Key="theirs", Body=b"x"),
    "delete_object": lambda s3, it: s3.delete_object(Bucket=it["bucket"], Key=it["key"]),
    "copy_object": lambda s3, it: s3.copy_object(
        Bucket=it["mine"], Key="stolen", CopySource={"Bucket": it["bucket"], "Key": it["key"]}),
    "create_multipart_upload": lambda s3, it: s3.create_multipart_upload(Bucket=it["bucket"], Key="k"),
    "upload_part": lambda s3, it: s3.upload_part(
        Bucket=it["bucket"], Key="begun", UploadId=it["upload"], PartNumber=1, Body=b"x"),
    "upload_part_copy": lambda s3, it: s3.upload_part_copy(
        Bucket=it["bucket"], Key="begun", UploadId=it["upload"], PartNumber=1,
        CopySource={"Bucket": it["mine"], "Key": "mine"}),
    "list_parts": lambda s3, it: s3.list_parts(Bucket=it["bucket"], Key="begun", UploadId=it["upload"]),
    "abort_multipart_upload": lambda s3, it: s3.abort_multipart_upload(
        Bucket=it["bucket"], Key="begun", UploadId=it["upload"]),
}


@pytest.mark.parametrize("call", S3_CALLS)
def test_another_accounts_bucket_is_forbidden(api, other, theirs, call):
    other.put("mine", "x", other.bucket)
    with pytest.raises(ClientError) as caught:
        S3_CALLS[call](other.s3, theirs | {"mine": other.bucket})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    # A HEAD has no document that could say it.
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "403")
    assert api.s3.get_object(Bucket=theirs["bucket"], Key=theirs["key"])["Body"].read() == b"secret"


def test_a_batch_delete_reports_each_key_of_another_account_or_is_forbidden(api, other, theirs):
    try:
        answer = other.s3.delete_objects(Bucket=theirs["bucket"], Delete={"Objects": [{"Key": theirs["key"]}]})
        assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
    api.s3.head_object(Bucket=theirs["bucket"], Key=theirs["key"])


def test_a_buckets_name_is_taken_for_every_account(other, theirs):
    assert refusal(other.s3.create_bucket, Bucket=theirs["bucket"])[::2] == ("BucketAlreadyExists", 409)
    assert theirs["bucket"] not in [it["Name"] for it in other.s3.list_buckets()["Buckets"]]


SAGEMAKER_CALLS = {
    "DescribeTrainingJob": lambda it: ("describe_training_job", {"TrainingJobName": it["job"]}),
    "StopTrainingJob": lambda it: ("stop_training_job", {"TrainingJobName": it["job"]}),
    "DescribeModel": lambda it: ("describe_model", {"ModelName": it["model"]}),
    "DeleteModel": lambda it: ("delete_model", {"ModelName": it["model"]}),
    "DescribeEndpointConfig": lambda it: ("describe_endpoint_config", {"EndpointConfigName": it["config"]}),
    "DeleteEndpointConfig": lambda it: ("delete_endpoint_config", {"EndpointConfigName": it["config"]}),
    "DescribeEndpoint": lambda it: ("describe_endpoint", {"EndpointName": it["endpoint"]}),
    "DeleteEndpoint": lambda it: ("delete_endpoint", {"EndpointName": it["endpoint"]}),
    "UpdateEndpoint": lambda it: (
        "update_endpoint", {"EndpointName": it["endpoint"], "EndpointConfigName": it["config"]}),
    "CreateEndpointConfig": lambda it: ("create_endpoint_config", {
        "EndpointConfigName": unique("c"), "ProductionVariants": [{
            "VariantName": "v", "ModelName": it["model"], "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large"}]}),
    "CreateEndpoint": lambda it: (
        "create_endpoint", {"EndpointName": unique("e"), "EndpointConfigName": it["config"]}),
}


@pytest.mark.parametrize("call", SAGEMAKER_CALLS)
def test_what_another_account_has_in_sagemaker_is_not_there(api, other, theirs, call):
    endpoint = api.sagemaker.describe_endpoint(EndpointName=theirs["endpoint"])
    config = endpoint["EndpointConfigName"]
    variants = api.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    names = theirs | {"config": config, "model": variants[0]["ModelName"]}
    operation, arguments = SAGEMAKER_CALLS[call](names)
    code, words, status = refusal(getattr(other.sagemaker, operation), **arguments)
    assert (code, status) in (("ValidationException", 400), ("ResourceNotFound", 400)), words
    assert "ould not find" in words or "not found" in words, words
    assert api.sagemaker.describe_endpoint(EndpointName=theirs["endpoint"])["EndpointStatus"] == "InService"


def test_another_accounts_endpoint_cannot_be_invoked(other, theirs):
    code, words, status = refusal(
        other.runtime.invoke_endpoint, EndpointName=theirs["endpoint"], Body="1", ContentType="text/csv")
    assert (code, status) == ("ValidationError", 400)
    assert words == f"Endpoint {theirs['endpoint']} of account {other.account} not found."


def test_lists_logs_tags_and_metrics_show_ones_own_account_only(api, other, theirs):
    mine = {it["TrainingJobName"] for it in other.sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]}
    assert theirs["job"] not in mine
    assert theirs["endpoint"] not in {it["EndpointName"] for it in other.sagemaker.list_endpoints()["Endpoints"]}
    streams = refusal(other.logs.describe_log_streams, logGroupName=f"/aws/sagemaker/Endpoints/{theirs['endpoint']}")
    assert streams[0] == "ResourceNotFoundException"
    arn = api.sagemaker.describe_training_job(TrainingJobName=theirs["job"])["TrainingJobArn"]
    api.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "whose", "Value": "mine"}])
    try:
        assert other.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    dimensions = [{"Name": "EndpointName", "Value": theirs["endpoint"]}]
    assert other.cloudwatch.list_metrics(Dimensions=dimensions)["Metrics"] == []


def test_a_job_cannot_read_or_write_another_accounts_bucket(api, other, theirs):
    mine = other.put("train.csv", table(200), other.bucket)
    private, forbidden = f"s3://{theirs['bucket']}/{theirs['key']}", f"s3://{theirs['bucket']}/stolen"
    for data, output in [(private, f"s3://{other.bucket}/output"), (mine, forbidden)]:
        code, words, _ = refusal(job, other, unique("reaches"), data, output, other.role)
        assert code == "ValidationException" and "Access Denied" in words
    assert "Contents" not in api.s3.list_objects_v2(Bucket=theirs["bucket"], Prefix="stolen")


def test_another_accounts_role_is_refused(other):
    foreign = f"arn:aws:iam::123456789012:role/{ROLE}"
    words = refusal(other.sagemaker.create_model, ModelName=unique("m"), ExecutionRoleArn=foreign,
                    PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": f"s3://{other.bucket}/m.tar.gz"})[1]
    assert "Cross-account pass role is not allowed." in words
    code, _, status = refusal(other.sts.assume_role, RoleArn=foreign, RoleSessionName="theirs")
    assert (code, status) == ("AccessDenied", 403)


def test_a_removed_key_is_refused_at_once(server, other):
    holder = Holder(server, key_of(server, other.account))
    holder.s3.list_buckets()
    server.command("keys", "rm", holder.key["access_key_id"])
    assert refusal(holder.s3.list_buckets)[::2] == ("InvalidAccessKeyId", 403)


def test_the_last_key_of_the_first_account_stays(server, api):
    key = api.settings["AWS_ACCESS_KEY_ID"]
    done = server.command("keys", "rm", key, check=False)
    assert done.returncode == 1 and "last administrator's key" in done.stderr
    api.s3.list_buckets()
    done = server.command("keys", "rm", "AKIANOBODYHASTHISKEY", check=False)
    assert done.returncode == 3 and "no key" in done.stderr


def test_accounts_and_keys_are_made_before_the_first_start_and_survive_a_crash(own_server):
    own_server.kill()
    account = told(own_server, "accounts", "add", "--id", "210987654321")
    assert account["name"] == "210987654321"
    key = key_of(own_server, account["id"], "--admin", "--name", "ada.l")
    own_server.start()
    holder = Holder(own_server, key)
    assert holder.sts.get_caller_identity()["Arn"].endswith(f"{ROLE}/ada.l")
    holder.iam.get_role(RoleName=ROLE)
    own_server.kill()
    own_server.start()
    holder.s3.list_buckets()


def test_a_name_that_aws_would_not_take_is_refused_with_a_reason(server):
    for wrong in (["accounts", "add", "--id", "12"], ["keys", "add", "--account", "123456789012", "--name", "a/b"]):
        done = server.command(*wrong, check=False)
        assert done.returncode == 2 and "invalid value" in done.stderr
    done = server.command("keys", "add", "--account", "999999999999", check=False)
    assert done.returncode == 3 and "no account" in done.stderr
    done = server.command("accounts", "add", "--id", "123456789012", check=False)
    assert done.returncode == 1 and "already" in done.stderr

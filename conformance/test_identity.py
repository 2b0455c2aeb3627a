"""Who calls: a signature is checked everywhere, and tells the account and the role."""
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError


def refusal(call, *positional, **arguments):
    with pytest.raises(ClientError) as caught:
        call(*positional, **arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def stranger(server, service, key="AKIAIOSFODNN7EXAMPLE", secret="wrong"):
    return boto3.client(
        service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=key,
        aws_secret_access_key=secret)


def test_the_first_key_is_an_assumed_role_of_the_account(api):
    identity = api.sts.get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/")


def test_a_key_that_nobody_made_is_refused_in_each_services_own_words(server):
    sagemaker = refusal(stranger(server, "sagemaker").list_training_jobs)
    assert sagemaker == (
        "UnrecognizedClientException", "The security token included in the request is invalid.", 403)
    s3 = refusal(stranger(server, "s3").list_buckets)
    assert s3 == (
        "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    sts = refusal(stranger(server, "sts").get_caller_identity)
    assert sts[0] == "InvalidClientTokenId" and sts[2] == 403


def test_a_wrong_secret_is_told_apart_from_a_wrong_key(server, api):
    key = api.settings["AWS_ACCESS_KEY_ID"]
    assert refusal(stranger(server, "sagemaker", key).list_training_jobs)[0] == "InvalidSignatureException"
    code, _, status = refusal(stranger(server, "s3", key).list_buckets)
    assert (code, status) == ("SignatureDoesNotMatch", 403)


def test_an_unsigned_request_is_refused(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(server.url + "/conformance/key")
    assert caught.value.code == 403


def test_a_role_of_another_account_is_refused(api):
    answer = refusal(
        api.sagemaker.create_model, ModelName="foreign",
        ExecutionRoleArn="arn:aws:iam::999999999999:role/Theirs",
        PrimaryContainer={"Image": "x", "ModelDataUrl": "s3://conformance/none"})
    assert "Cross-account pass role is not allowed." in answer[1]


def test_an_operation_that_is_not_built_is_refused_by_name(api):
    code, words, status = refusal(
        api.sagemaker.describe_labeling_job, LabelingJobName="cats")
    assert (code, status) == ("UnsupportedOperationException", 400)
    assert words == "DescribeLabelingJob is not supported by Sagewright 0.1."

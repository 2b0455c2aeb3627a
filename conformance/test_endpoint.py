"""Models and endpoints: weighted variants, updates under load, and what is no model."""
import collections
import json
import re
import threading

import pytest
from harness.api import BUCKET, ROLE, XGBOOST, unique, until
from harness.data import table
from test_identity import refusal

ROW = "0.1,-0.2,0.3,0.4,-0.5"


def deploy(api, data, name=None):
    """A model, its configuration and its endpoint, all of one name."""
    name = name or unique("endpoint")
    api.model(name, data)
    api.config(name, **{name: 1})
    api.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = api.in_service(name)
    assert endpoint["EndpointStatus"] == "InService", endpoint
    return name


@pytest.fixture(scope="module")
def other_model_data(api):
    """A second model that predicts otherwise."""
    name = unique("other")
    api.train(name, {"train": api.put("other/train.csv", table(500, seed=2))}, {"num_round": 2})
    return api.finished(name)["ModelArtifacts"]["S3ModelArtifacts"]


def test_an_endpoint_answers_as_csv_and_as_json(api, model_data):
    name = deploy(api, model_data)
    value, variant = api.invoke(name, ROW)
    assert variant == f"v-{name}"
    answer = api.runtime.invoke_endpoint(
        EndpointName=name, Body=ROW + "\n" + ROW, ContentType="text/csv", Accept="application/json")
    assert json.loads(answer["Body"].read()) == {"predictions": [{"score": value}, {"score": value}]}


def test_requests_are_shared_out_by_weight(api, model_data, other_model_data):
    heavy, light, name = unique("heavy"), unique("light"), unique("weighted")
    api.model(heavy, model_data)
    api.model(light, other_model_data)
    api.config(name, **{heavy: 3, light: 1})
    api.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    api.in_service(name)
    counts = collections.Counter(api.invoke(name, ROW)[1] for _ in range(400))
    assert 0.6 < counts[f"v-{heavy}"] / 400 < 0.9, counts
    only = api.runtime.invoke_endpoint(
        EndpointName=name, Body=ROW, ContentType="text/csv", TargetVariant=f"v-{light}")
    assert only["InvokedProductionVariant"] == f"v-{light}"
    api.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": f"v-{heavy}", "DesiredWeight": 0}])
    api.in_service(name)
    assert {api.invoke(name, ROW)[1] for _ in range(50)} == {f"v-{light}"}


def test_an_update_under_load_fails_no_request(api, model_data, other_model_data):
    name = deploy(api, model_data)
    second = unique("second")
    api.model(second, other_model_data)
    api.config(second, **{second: 1})
    done, failures, answers = threading.Event(), [], collections.Counter()

    def ask():
        while not done.is_set():
            try:
                answers[api.invoke(name, ROW)[1]] += 1
            except Exception as error:  # whatever it is, a client would have seen it
                failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for configuration in [second, name] * 5:
        api.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=configuration)
        assert api.in_service(name)["EndpointConfigName"] == configuration
    done.set()
    for asker in askers:
        asker.join()
    assert not failures, failures[:3]
    assert len(answers) == 2 and min(answers.values()) > 0, answers


def test_what_is_no_model_fails_the_endpoint_and_says_why(api):
    uri = api.put("not-a-model/model.tar.gz", b"this is no archive")
    name = unique("no-model")
    api.model(name, uri)
    api.config(name, **{name: 1})
    api.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = api.in_service(name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "model" in endpoint["FailureReason"]


def test_an_unknown_endpoint_is_told_as_the_runtime_does(api):
    code, words, status = refusal(
        api.runtime.invoke_endpoint, EndpointName="nobody", Body=ROW, ContentType="text/csv")
    assert (code, status) == ("ValidationError", 400)
    assert "nobody" in words and "not found" in words


def test_a_missing_resource_is_told_with_the_words_that_sdks_look_for(api):
    sagemaker = api.sagemaker
    for call, arguments in [
        (sagemaker.describe_endpoint, {"EndpointName": "nobody"}),
        (sagemaker.describe_endpoint_config, {"EndpointConfigName": "nobody"}),
        (sagemaker.describe_model, {"ModelName": "nobody"}),
    ]:
        code, words, _ = refusal(call, **arguments)
        assert code == "ValidationException" and words.startswith("Could not find "), words


def test_a_model_is_created_once(api, model_data):
    name = unique("once")
    api.model(name, model_data)
    code, words, _ = refusal(
        api.sagemaker.create_model, ModelName=name, ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": model_data})
    assert code == "ValidationException"
    assert words.startswith("Cannot create already existing model ")


def test_a_model_whose_data_is_not_there_is_refused(api):
    code, words, _ = refusal(
        api.sagemaker.create_model, ModelName=unique("dataless"), ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/nothing/model.tar.gz"})
    assert code == "ValidationException"
    assert words.startswith("Could not find model data")


def test_a_row_that_is_no_csv_is_the_models_error(api, model_data):
    name = deploy(api, model_data)
    code, words, status = refusal(
        api.runtime.invoke_endpoint, EndpointName=name, Body="a,b,c,d,e", ContentType="text/csv")
    assert (code, status) == ("ModelError", 424)
    assert "Loading csv data failed" in words
    assert api.invoke(name, ROW)
    # The error says where the log is, and there it stands.
    group = re.search(r"logEventViewer:group=(\S+) in account", words)[1]

    def refused():
        events = api.logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events if "Loading csv data failed" in event["message"]]

    [line] = until(refused, bool)
    assert line.startswith('"POST /invocations HTTP/1.1" 415: '), line


def test_invocations_are_counted_in_cloudwatch(api, model_data):
    import datetime
    import time

    name = deploy(api, model_data)
    for _ in range(3):
        api.invoke(name, ROW)
    now = datetime.datetime.now(datetime.timezone.utc)
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": f"v-{name}"}]
    for _ in range(200):
        points = api.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName="Invocations", Dimensions=dimensions, Period=60,
            StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=5),
            Statistics=["Sum"])["Datapoints"]
        if sum(point["Sum"] for point in points) == 3:
            return
        time.sleep(0.1)
    raise AssertionError(points)

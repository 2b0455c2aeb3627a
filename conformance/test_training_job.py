"""CreateTrainingJob: what it promises, and what it says when it cannot be done."""
import pytest
from harness.api import BUCKET, ROLE, XGBOOST, channel, unique, until
from harness.data import table
from test_identity import refusal

# Seconds in which a job must end that was told to: it has nothing to save, so it uses no grace.
PROMPTLY = 20


@pytest.fixture(scope="module")
def train_uri(api):
    return api.put("training/train.csv", table(500))


def failure(api, name):
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Failed", job
    return job["FailureReason"]


def test_a_completed_job_tells_its_whole_story(api, trained):
    assert [step["Status"] for step in trained["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert trained["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model.tar.gz")
    assert trained["FinalMetricDataList"][0]["MetricName"] == "train:rmse"
    assert trained["OutputDataConfig"]["KmsKeyId"] == ""
    assert trained["EnableNetworkIsolation"] is False


def test_its_log_stands_in_one_stream_with_tabs_as_the_agent_writes_them(api, trained):
    name = trained["TrainingJobName"]
    streams = api.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["logStreams"]
    assert len(streams) == 1
    assert streams[0]["logStreamName"].startswith(f"{name}/algo-1-")
    events = api.logs.get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", startFromHead=True,
        logStreamName=streams[0]["logStreamName"])["events"]
    rounds = [event["message"] for event in events if "train-rmse:" in event["message"]]
    assert len(rounds) == 20
    assert "[0]#011train-rmse:" in rounds[0]


def test_its_metrics_can_be_asked_of_cloudwatch(api, trained):
    points = api.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs", MetricName="train:rmse", Period=60,
        Dimensions=[{"Name": "TrainingJobName", "Value": trained["TrainingJobName"]}],
        StartTime=trained["CreationTime"].timestamp() - 60,
        EndTime=trained["TrainingEndTime"].timestamp() + 120, Statistics=["Average"])["Datapoints"]
    assert points and points[0]["Average"] > 0


def test_a_metric_that_is_no_number_is_left_out_and_the_job_stays_readable(api):
    """Of labels that are 0 XGBoost prints `train-mape:inf`."""
    uri = api.put("training/zeros.csv", "0,1\n1,2\n0,3\n2,4\n")
    api.train(name := unique("inf"), {"train": uri}, {"num_round": 1, "eval_metric": "mape,rmse"})
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == ["train:rmse"]
    listed = api.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in listed] == [name]


def test_a_jobs_environment_says_how_its_numbers_are_read(api):
    uri = api.put("training/words.csv", "1,0.5\n2,female\n3,0.25\n")
    api.train(exact := unique("exact"), {"train": uri}, {"num_round": 1})
    assert "line 2 of file 'words.csv', column 2: the value 'female'" in failure(api, exact)
    api.train(lenient := unique("container"), {"train": uri}, {"num_round": 1},
              Environment={"XGBOOST_NUMBERS": "container"})
    assert api.finished(lenient)["TrainingJobStatus"] == "Completed"


def test_a_job_is_found_by_name_by_list_and_by_search(api, trained):
    name = trained["TrainingJobName"]
    listed = api.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in listed] == [name]
    expression = {"Filters": [{"Name": "TrainingJobName", "Operator": "Equals", "Value": name}]}
    found = api.sagemaker.search(Resource="TrainingJob", SearchExpression=expression)["Results"]
    assert [hit["TrainingJob"]["TrainingJobName"] for hit in found] == [name]


def test_an_unknown_job_is_not_found(api):
    answer = refusal(api.sagemaker.describe_training_job, TrainingJobName="nobody")
    assert answer == ("ValidationException", "Requested resource not found.", 400)


def test_a_name_is_given_once(api, trained, train_uri):
    name = trained["TrainingJobName"]
    code, words, status = refusal(
        api.train, name=name, channels={"train": train_uri}, hyperparameters={"num_round": 1})
    assert (code, status) == ("ResourceInUse", 400)
    assert words == (
        "Training job names must be unique within an AWS account and region, and a training job "
        f"with this name already exists ({trained['TrainingJobArn']})")


def test_a_request_that_the_model_forbids_is_refused_in_awss_sentences(api):
    code, words, _ = refusal(
        api.sagemaker.create_training_job, TrainingJobName="-bad-", RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": XGBOOST, "TrainingInputMode": "Tape"},
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output"},
        ResourceConfig={"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60})
    assert code == "ValidationException"
    assert words.startswith("3 validation errors detected: ")
    assert "Value 'local' at 'resourceConfig.instanceType' failed to satisfy constraint: " in words
    assert "Member must satisfy enum value set: [" in words
    assert "Member must satisfy regular expression pattern: " in words


def test_a_csv_with_a_header_line_fails_and_says_what_to_do(api):
    uri = api.put("training/header.csv", "price,a,b,c,d,e\n" + table(50))
    name = unique("header")
    api.train(name, {"train": uri}, {"num_round": 5})
    reason = failure(api, name)
    assert reason.startswith("ClientError: ")
    assert "please remove the header" in reason


def test_a_missing_channel_is_told(api, train_uri):
    name = unique("channel")
    api.train(name, {"validation": train_uri}, {"num_round": 5})
    assert "Missing required channel: train" in failure(api, name)


def test_a_hyperparameter_out_of_range_is_told_with_its_range(api, train_uri):
    name = unique("range")
    api.train(name, {"train": train_uri}, {"num_round": 5, "eta": 7})
    assert "ClientError: Hyperparameter eta: 7 is not in [0, 1]" in failure(api, name).replace("7.0", "7")


def test_a_missing_hyperparameter_is_told(api, train_uri):
    name = unique("required")
    api.train(name, {"train": train_uri}, {"max_depth": 5})
    assert "Missing required hyperparameter: num_round" in failure(api, name)


def test_a_bucket_that_is_not_there_is_told_before_the_job_begins(api):
    code, words, _ = refusal(
        api.train, name=unique("bucket"), channels={"train": "s3://no-such-bucket-here/train.csv"},
        hyperparameters={"num_round": 1})
    assert code == "ValidationException"
    assert "no-such-bucket-here" in words


def test_script_mode_is_refused_by_name(api, train_uri):
    code, words, _ = refusal(
        api.train, name=unique("script"), channels={"train": train_uri},
        hyperparameters={"num_round": 1, "sagemaker_program": "train.py"})
    assert code == "UnsupportedOperationException"
    assert "not supported by Sagewright 0.1" in words


def test_a_job_that_is_told_to_stop_stops_at_once_and_is_told_once(api):
    api.put("training/large.csv", table(20_000, columns=20))
    name = unique("stopped")
    api.train(name, {"train": f"s3://{BUCKET}/training/large.csv"},
              {"num_round": 100_000, "max_depth": 8})
    until(lambda: running(api, name), bool)
    api.sagemaker.stop_training_job(TrainingJobName=name)
    assert api.finished(name, PROMPTLY)["TrainingJobStatus"] == "Stopped"
    assert refusal(api.sagemaker.stop_training_job, TrainingJobName=name)[0] == "ValidationException"


def running(api, name):
    """Whether the job has begun to train: its log has a round."""
    try:
        events = api.logs.filter_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["events"]
    except api.logs.exceptions.ResourceNotFoundException:  # no job of this server has logged yet
        return False
    return any("train-rmse:" in event["message"] for event in events)


def test_a_job_past_its_time_limit_is_stopped(api):
    api.put("training/large.csv", table(20_000, columns=20))
    name = unique("overtime")
    api.train(name, {"train": f"s3://{BUCKET}/training/large.csv"},
              {"num_round": 100_000, "max_depth": 8}, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = api.finished(name, PROMPTLY)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_channel_is_a_prefix_and_every_object_under_it_is_read(api):
    whole = table(400)
    lines = whole.splitlines(keepends=True)
    api.put("parts/a.csv", "".join(lines[:200]))
    api.put("parts/b.csv", "".join(lines[200:]))
    name = unique("prefix")
    api.train(name, {"train": f"s3://{BUCKET}/parts/"}, {"num_round": 3},
              InputDataConfig=[channel("train", f"s3://{BUCKET}/parts/")])
    split = api.finished(name)
    other = unique("whole")
    api.train(other, {"train": api.put("parts-whole.csv", whole)}, {"num_round": 3})
    joined = api.finished(other)
    assert split["FinalMetricDataList"][0]["Value"] == joined["FinalMetricDataList"][0]["Value"]


def test_the_same_rows_train_the_same_in_every_format_that_the_sdk_writes(client, tmp_path):
    errors = client("sdk_v2").run("sdk_v2_formats.py", tmp_path)
    assert list(errors) == ["csv", "libsvm", "dense", "sparse"]
    assert 0 < errors["csv"]["validation:rmse"] < 1
    assert all(error == errors["csv"] for error in errors.values()), errors

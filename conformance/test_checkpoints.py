"""Checkpoints in S3, and managed spot training: what was trained is not trained twice."""
import os
import pathlib
import signal

from harness.api import BUCKET, Api, unique, until
from harness.data import table
from test_crash import log
from test_identity import refusal
from test_outputs import output_of

# Several looks at the checkpoints long (one every 3 s), short enough to wait for.
ROWS, ROUNDS, DEPTH = 60_000, 400, 4
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
}


def config(prefix):
    return {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{prefix}"}}


def checkpoints(api, prefix):
    """The last rounds of the checkpoints in S3."""
    listed = api.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix + "/").get("Contents", [])
    return sorted(int(item["Key"].rsplit(".", 1)[1]) for item in listed)


def rounds(api, name):
    """The numbers of the rounds that each run of a job has logged."""
    streams = api.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["logStreams"]
    return [[int(line[1:line.index("]")]) for line in log(api, stream["logStreamName"])
             if "#011train-rmse:" in line] for stream in streams]


def shims(server):
    """The processes that watch over the programs of a server's jobs, and then the programs. Those of no
    other server, of whose tests others may run meanwhile."""
    found, jobs = [], f"{server.data}/jobs/"
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == server.process.pid:
            continue
        try:
            environ, folder = (entry / "environ").read_bytes(), os.readlink(entry / "cwd")
        except OSError:
            continue  # it ended meanwhile, or is not ours to look at
        if jobs.encode() in environ or folder.startswith(jobs):
            found.append(int(entry.name))
    return sorted(found)


def kept(server):
    """The checkpoints that lie in jobs' folders, in S3 or not yet."""
    return list(server.data.glob("jobs/*/*/ml/checkpoints/xgboost-checkpoint.[0-9]*"))


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it went with the one before


def test_a_second_job_goes_on_where_the_first_one_ended(api):
    uri, prefix = api.put("checkpoints/small.csv", table(500)), unique("two-jobs")
    first, second = unique("first"), unique("second")
    api.train(first, {"train": uri}, {"num_round": 10}, **config(prefix))
    assert api.finished(first)["TrainingJobStatus"] == "Completed"
    assert checkpoints(api, prefix) == [5, 6, 7, 8, 9]
    api.train(second, {"train": uri}, {"num_round": 20}, **config(prefix))
    job = api.finished(second)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["CheckpointConfig"] == config(prefix)["CheckpointConfig"]
    assert rounds(api, second) == [list(range(10, 20))]
    assert any("Resuming from iteration 10" in line for line in log(api, second))
    assert checkpoints(api, prefix) == [*range(5, 10), *range(15, 20)]
    whole = unique("whole")
    api.train(whole, {"train": uri}, {"num_round": 20})
    assert api.finished(whole)["TrainingJobStatus"] == "Completed"
    assert output_of(api, second, "model.tar.gz") == output_of(api, whole, "model.tar.gz")


def test_a_checkpoint_that_is_torn_is_passed_over(api):
    uri, prefix = api.put("checkpoints/small.csv", table(500)), unique("torn")
    name = unique("over-torn")
    api.put(f"{prefix}/xgboost-checkpoint.7", "{L")
    api.train(name, {"train": uri}, {"num_round": 10}, **config(prefix))
    assert api.finished(name)["TrainingJobStatus"] == "Completed"
    assert rounds(api, name) == [list(range(10))]
    assert any("xgboost-checkpoint.7 is passed over" in line for line in log(api, name))


def test_a_job_on_spot_is_completed_though_its_machine_is_taken_away(own_server):
    api = Api(own_server)
    uri, prefix = api.put("train.csv", table(ROWS, columns=20)), "taken"
    name = unique("spot")
    api.train(name, {"train": uri}, {"num_round": ROUNDS, "max_depth": DEPTH}, **config(prefix), **SPOT)
    until(lambda: kept(own_server), bool)
    kill(shims(own_server))
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Interrupted", "Starting",
                        "Downloading", "Training", "Uploading", "Completed"]
    assert job["TrainingTimeInSeconds"] >= job["BillableTimeInSeconds"] > 0
    first, second = rounds(api, name)
    assert first == list(range(len(first)))
    # What the killed processes had not logged yet may be lost, but no round is.
    assert second == list(range(second[0], ROUNDS)) and second[0] > 0, "it began from nothing"
    assert checkpoints(api, prefix)[-1] == ROUNDS - 1
    assert list(output_of(api, name, "model.tar.gz")) == ["xgboost-model"]


def test_a_job_that_is_not_on_spot_fails_by_our_fault_when_its_machine_is_taken_away(own_server):
    api = Api(own_server)
    uri, prefix, name = api.put("train.csv", table(ROWS, columns=20)), "killed", unique("killed")
    api.train(name, {"train": uri}, {"num_round": 10 * ROUNDS, "max_depth": DEPTH}, **config(prefix))
    until(lambda: checkpoints(api, prefix), bool)
    kill(shims(own_server))
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Failed"
    # Nobody was left to see it: the shim was killed first.
    assert job["FailureReason"] == (
        "InternalServerError: We encountered an internal error. Please try again.")
    assert checkpoints(api, prefix), "what was written is kept"


def test_checkpoints_are_carried_on_after_the_server_was_killed(own_server):
    api = Api(own_server)
    uri, prefix, name = api.put("train.csv", table(ROWS, columns=20)), "outlive", unique("outlived")
    api.train(name, {"train": uri}, {"num_round": ROUNDS, "max_depth": DEPTH}, **config(prefix))
    until(lambda: checkpoints(api, prefix), bool)
    own_server.kill()
    own_server.start()
    assert checkpoints(api, prefix), "what was carried is lost"
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert checkpoints(api, prefix) == list(range(ROUNDS - 5, ROUNDS))


def test_what_spot_training_needs_is_told_in_awss_words(api):
    uri = api.put("checkpoints/small.csv", table(500))
    wait = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}

    def told(**changes):
        return refusal(api.train, name=unique("refused"), channels={"train": uri},
                       hyperparameters={"num_round": 1}, **changes)

    code, words, _ = told(EnableManagedSpotTraining=True, StoppingCondition=wait)
    assert code == "ValidationException"
    assert words.startswith("Invalid MaxWaitTimeInSeconds. ")
    code, words, _ = told(StoppingCondition=wait)
    assert (code, words) == (
        "ValidationException", "Invalid MaxWaitTimeInSeconds. It is only supported when "
        "EnableManagedSpotTraining is set to true")

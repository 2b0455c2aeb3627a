"""A training job that reads 273 MB, from a plain store and from an encrypted one."""
import statistics
import time

import stores
from harness.api import Api
from harness.data import table
from harness.server import Server
from measure import cpu_with_children

# Rows of 28 features and a label: 5.4 MB, which is repeated.
ROWS, FEATURES, TIMES = 20_000, 28, 50
# Few rounds: what is compared is how the channel comes, not how the library boosts.
PARAMETERS = {"objective": "reg:squarederror", "max_depth": 3, "eta": 0.2, "num_round": 2}
JOBS = 3
# A job is seen as completed before its processes are collected.
COLLECTED = 0.2


def compare(folder):
    library = Server(folder / "library")
    library.data.mkdir()
    library.command("runtimes", "prefetch", "xgboost")
    try:
        plain, encrypted = (trained(folder / f"training-{kind}", kind, library) for kind in (False, True))
    except stores.NotKnown as setting:
        print(f"\n  no encrypted training: this server has no setting {setting}")
        return {}
    return {"training_s": encrypted[0] / plain[0], "training_cpu": encrypted[1] / plain[1]}


def trained(folder, encrypted, library):
    """Seconds from CreateTrainingJob to Completed, and seconds of CPU: medians."""
    with stores.sagewright(folder, encrypted) as store:
        store.server.take_library(library.data)
        api = Api(store.server)
        uri = api.put("channel/train.csv", table(ROWS, FEATURES) * TIMES)
        runs = [job(api, uri, number) for number in range(JOBS)]
    return [statistics.median(column) for column in zip(*runs)]


def job(api, uri, number):
    pid = api.server.process.pid
    start, before = time.perf_counter(), cpu_with_children(pid)
    api.train(f"channel-{number}", {"train": uri}, PARAMETERS)
    done = api.finished(f"channel-{number}")
    took = time.perf_counter() - start
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    time.sleep(COLLECTED)
    return took, cpu_with_children(pid) - before

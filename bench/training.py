"""A training job through the API beside a Python process that does the same to the same files.

Both read CSV, train with one set of parameters, evaluate the same channels in every round and save
the model. The job does more: it is acknowledged durably, fetches its channels from S3, streams its log,
packs the model and stores it. Python does more, too: it imports pandas and XGBoost.
"""
import dataclasses
import json
import os
import resource
import subprocess
import time
from pathlib import Path

from harness.api import Api
from harness.client import environment
from harness.data import table
from harness.server import Server
from measure import NINE, cpu_with_children, heading, medians, show

RIVAL = Path(__file__).with_name("rival.py")


@dataclasses.dataclass
class Case:
    rows: int
    features: int
    parameters: dict
    channels: tuple
    times: int
    aim: str
    # To Python without its start and imports.
    bar: str = ""

    @property
    def name(self):
        return f"rows-{self.rows}"


BOTH = ("train", "validation")
# No sampling: it draws other rows in other versions, and time is compared here.
QUICK = {"objective": "reg:squarederror", "max_depth": 5, "eta": 0.2, "num_round": 50}
LONG = {"objective": "reg:squarederror", "max_depth": 6, "eta": 0.1, "num_round": 100}
CASES = [
    Case(500, 13, QUICK, BOTH, NINE, "aim 0.5"),
    Case(2_000, 28, QUICK, BOTH, NINE, "bar 0.4"),
    Case(200_000, 28, QUICK, BOTH, NINE, ""),
    Case(1_000_000, 28, LONG, BOTH[:1], 3, "", bar="bar 1/0.9, aim 1/0.8"),
]
# The rival at its best. OpenMP's threads otherwise spin while they wait for each other, which on a
# busy machine makes `xgboost.train` up to fifty times slower: nothing of ours to be proud of.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
# Both print 5 places; more than a unit of the last one is other work.
SAME = 1.5e-5
# A job is seen as completed before its processes are collected.
COLLECTED = 0.2


def compare(folder, library):
    server = Server(folder / "training")
    server.take_library(library)
    server.start()
    try:
        for case in CASES:
            heading(f"training, {case.rows} rows of {case.features} features, "
                    f"{case.parameters['num_round']} rounds")
            files = folder / case.name
            make(files, case)
            job, job_error = ours(Api(server), files, case)
            process, process_error = theirs(files, case)
            assert abs(job_error - process_error) < SAME, (job_error, process_error)
            report(job, process, case)
    finally:
        server.stop()


def make(files, case):
    files.mkdir()
    for seed, (channel, share) in enumerate(zip(case.channels, (1, 4)), 1):
        (files / f"{channel}.csv").write_text(table(case.rows // share, case.features, seed=seed))


def ours(api, files, case):
    """Median wall and mean CPU seconds of a job, and its last error on the last channel."""
    uris = {channel: api.put(f"{case.name}/{channel}.csv", (files / f"{channel}.csv").read_text())
            for channel in case.channels}
    jobs = []

    def act(number):
        name = f"{case.name}-{number}"
        start = time.perf_counter()
        api.train(name, uris, case.parameters)
        jobs.append(api.finished(name))
        return [time.perf_counter() - start]

    before = cpu_with_children(api.server.process.pid)
    [wall] = medians(act, case.times)
    time.sleep(COLLECTED)
    cpu = (cpu_with_children(api.server.process.pid) - before) / case.times
    assert all(job["TrainingJobStatus"] == "Completed" for job in jobs), jobs
    metrics = {metric["MetricName"]: metric["Value"] for metric in jobs[-1]["FinalMetricDataList"]}
    return {"wall": wall, "cpu": cpu}, metrics[f"{case.channels[-1]}:rmse"]


def theirs(files, case):
    """The same of a Python process; `work` without its start and imports, `train` the library's."""
    command = [environment("xgboost") / "bin/python", RIVAL, files, json.dumps(case.parameters), *case.channels]
    said = []

    def act(_):
        start = time.perf_counter()
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | PASSIVE)
        wall = time.perf_counter() - start
        said.append(json.loads(done.stdout))
        return wall, said[-1]["work"], said[-1]["train"]

    act(0)  # its imports are read from disk once
    before = cpu_of_children()
    wall, work, train = medians(act, case.times)
    cpu = (cpu_of_children() - before) / case.times
    return {"wall": wall, "cpu": cpu, "work": work, "train": train}, said[-1]["error"]


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(job, process, case):
    def against(what, number, ours="wall", bar=""):
        value = process[number]
        show(what, value, "s", f"{value / job[ours]:.2f} x ours {bar}".rstrip())

    show("CreateTrainingJob to Completed", job["wall"], "s", case.aim)
    against("Python: pandas.read_csv + xgboost.train", "wall")
    against("  without its start and imports", "work", bar=case.bar)
    against("limit: xgboost.train alone, data in memory", "train")
    show("CPU of a job, server included", job["cpu"], "s")
    against("CPU of the Python process", "cpu", ours="cpu")

"""A training job through the API beside a Python process that does the same to the same files.

Both read CSV, train with one set of parameters, evaluate both channels in every round and save the
model. The job does more: it is acknowledged durably, fetches its channels from S3, streams its log,
packs the model and stores it. Python does more, too: it imports pandas and XGBoost.
"""
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
# No sampling: it draws other rows in other versions, and time is compared here.
PARAMETERS = {"objective": "reg:squarederror", "max_depth": 5, "eta": 0.2, "num_round": 50}
# Rows, features, and what the issue asks for.
SIZES = [(500, 13, "aim 0.5"), (200_000, 28, "")]
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
        for rows, features, aim in SIZES:
            heading(f"training, {rows} rows of {features} features, {PARAMETERS['num_round']} rounds")
            files = folder / f"rows-{rows}"
            make(files, rows, features)
            job, job_error = ours(Api(server), files)
            process, process_error = theirs(files)
            assert abs(job_error - process_error) < SAME, (job_error, process_error)
            report(job, process, aim)
    finally:
        server.stop()


def make(files, rows, features):
    files.mkdir()
    (files / "train.csv").write_text(table(rows, features))
    (files / "validation.csv").write_text(table(rows // 4, features, seed=2))


def ours(api, files):
    """Median wall and mean CPU seconds of a job, and its last error on `validation`."""
    uris = {part: api.put(f"{files.name}/{part}.csv", (files / f"{part}.csv").read_text())
            for part in ("train", "validation")}
    jobs = []

    def act(number):
        name = f"{files.name}-{number}"
        start = time.perf_counter()
        api.train(name, uris, PARAMETERS)
        jobs.append(api.finished(name))
        return [time.perf_counter() - start]

    before = cpu_with_children(api.server.process.pid)
    [wall] = medians(act)
    time.sleep(COLLECTED)
    cpu = (cpu_with_children(api.server.process.pid) - before) / NINE
    assert all(job["TrainingJobStatus"] == "Completed" for job in jobs), jobs
    metrics = {metric["MetricName"]: metric["Value"] for metric in jobs[-1]["FinalMetricDataList"]}
    return {"wall": wall, "cpu": cpu}, metrics["validation:rmse"]


def theirs(files):
    """The same of a Python process; `work` without its start and imports, `train` the library's."""
    command = [environment("xgboost") / "bin/python", RIVAL, files, json.dumps(PARAMETERS)]
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
    wall, work, train = medians(act)
    cpu = (cpu_of_children() - before) / NINE
    return {"wall": wall, "cpu": cpu, "work": work, "train": train}, said[-1]["error"]


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(job, process, aim):
    def against(what, number, ours="wall"):
        value = process[number]
        show(what, value, "s", f"{value / job[ours]:.2f} x ours")

    show("CreateTrainingJob to Completed", job["wall"], "s", aim)
    against("Python: pandas.read_csv + xgboost.train", "wall")
    against("  without its start and imports", "work")
    against("limit: xgboost.train alone, data in memory", "train")
    show("CPU of a job, server included", job["cpu"], "s")
    against("CPU of the Python process", "cpu", ours="cpu")

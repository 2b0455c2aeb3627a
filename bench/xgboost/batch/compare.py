"""A transform of two instances beside a Python process: `bench/xgboost/transform [MEGABYTES]`.

Both read the same CSV (1,000 MB by default, in four objects), predict with model A (100 trees of
depth 6, 28 columns) and write a line for each row. The job reads from S3 and stores what it made
there; Python reads and writes files. Every prediction is compared.
"""
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent.parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "conformance")]

import numpy
from harness.api import BUCKET, Api
from harness.client import environment
from harness.data import table
from harness.server import Server
from measure import heading, medians, show, timed

COLUMNS = 28
OBJECTS = 4
INSTANCES = 2
TIMES = 3
# Different rows that a file repeats: more than a core's caches hold.
DIFFERENT = 40_000
MODEL_A = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "num_round": 100}
TRAINED_ON = 20_000
MB = 1_000_000
# Of the rival: without it, OpenMP's threads spin while they wait on a busy machine.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
LOOK = 0.02


def main(megabytes=1000):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(folder / "server")
        server.data.mkdir()
        server.command("runtimes", "prefetch", "xgboost")
        api = Api(server.start())
        try:
            compare(api, folder, int(megabytes))
        finally:
            server.stop()


def compare(api, folder, megabytes):
    files = make(folder, megabytes * MB)
    size = sum(file.stat().st_size for file in files)
    model = train(api, folder)
    for file in files:
        api.s3.upload_file(str(file), BUCKET, f"in/{file.name}")
    heading(f"transform of {size / MB:.0f} MB of CSV, {COLUMNS} columns, {INSTANCES} instances")
    peaks = []
    [wall] = medians(lambda number: [ours(api, folder, number, peaks)], TIMES)
    process, work = medians(lambda _: theirs(folder, model, files), TIMES)
    [read] = medians(lambda _: [timed(lambda: count(files))], TIMES)
    same(api, files)
    show("CreateTransformJob to Completed", wall, "s", f"{size / MB / wall:.0f} MB/s")
    show("memory of its programs, at most", max(peaks) / MB, "MB", "bar 300")
    show("Python: read_csv, inplace_predict, write", process, "s", f"{process / wall:.2f} x ours bar 4")
    show("  without its start and imports", work, "s", f"{work / wall:.2f} x ours")
    show("limit: read the bytes, count the lines", read, "s", f"{read / wall:.2f} x ours, one core")


def make(folder, size):
    """Files of together this size; their rows are one seeded block, repeated."""
    dice = numpy.random.default_rng(7)
    rows = dice.uniform(-1, 1, (DIFFERENT, COLUMNS))
    text = io.StringIO()
    numpy.savetxt(text, rows, delimiter=",", fmt="%.6f")
    block = text.getvalue().encode()
    files = [folder / f"part-{number}.csv" for number in range(OBJECTS)]
    for file in files:
        with open(file, "wb") as out:
            for _ in range(max(1, round(size / OBJECTS / len(block)))):
                out.write(block)
    return files


def train(api, folder):
    """Model A, by a training job; its file for the rival."""
    lines = table(TRAINED_ON, COLUMNS).splitlines()
    labelled = ("1" + line[line.index(","):] if float(line.split(",", 1)[0]) > 0
                else "0" + line[line.index(","):] for line in lines)
    api.train("model-a", {"train": api.put("train/train.csv", "\n".join(labelled))}, MODEL_A)
    job = api.finished("model-a", within=600)
    assert job["TrainingJobStatus"] == "Completed", job
    data = job["ModelArtifacts"]["S3ModelArtifacts"]
    api.model("model-a", data)
    with tarfile.open(fileobj=io.BytesIO(api.read(data))) as archive:
        archive.extract("xgboost-model", folder, filter="data")
    return (folder / "xgboost-model").rename(folder / "model.ubj")


def ours(api, folder, number, peaks):
    name = f"transform-{number}"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    request = {
        "TransformJobName": name,
        "ModelName": "model-a",
        "TransformInput": {
            "DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": INSTANCES},
    }
    with Watch(folder) as watch:
        start = time.perf_counter()
        api.sagemaker.create_transform_job(**request)
        job = api.transformed(name)
        wall = time.perf_counter() - start
    assert job["TransformJobStatus"] == "Completed", job
    peaks.append(watch.most)
    return wall


class Watch:
    """The most memory that the programs of a job held, each at its own worst, in bytes."""

    def __init__(self, folder):
        self.mark = f"SAGEWRIGHT_OPT_ML={folder}".encode()
        self.peaks = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    @property
    def most(self):
        assert self.peaks, "no process of the job was seen"
        return sum(self.peaks.values())

    def look(self):
        while not self.done.wait(LOOK):
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if self.mark in (process / "environ").read_bytes():
                        self.peaks[process.name] = high_water(process)
                except (OSError, ValueError):
                    continue


def high_water(process):
    lines = (process / "status").read_text().splitlines()
    [held] = [line for line in lines if line.startswith("VmHWM:")]
    return int(held.split()[1]) * 1024


def theirs(folder, model, files):
    python = environment("xgboost") / "bin/python"
    command = [python, HERE / "rival.py", model, folder, *(file.name for file in files)]
    start = time.perf_counter()
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | PASSIVE)
    return time.perf_counter() - start, json.loads(done.stdout)["work"]


def count(files):
    """The least work on the data: it is read, and its lines are found."""
    for file in files:
        with open(file, "rb") as source:
            while block := source.read(1 << 20):
                block.count(b"\n")


def same(api, files):
    for file in files:
        mine = api.read(f"s3://{BUCKET}/out/{file.name}.out").split()
        other = file.with_name(file.name + ".out").read_text().split()
        assert numpy.array_equal(numpy.array(mine, "f4"), numpy.array(other, "f4")), file


if __name__ == "__main__":
    main(*sys.argv[1:])

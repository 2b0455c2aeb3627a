"""The comparisons, all in one run: `cargo xtask bench`.

Each number is the median of NINE. Beside a number of ours stands what nothing on this machine can
be faster than: `xgboost.train` itself, and an echo server on the same HTTP stack.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from harness.api import BUCKET, Api
from harness.client import environment
from harness.data import boston
from harness.server import Server

NINE = 9
# The course's, but for `subsample`: sampling differs between versions, and time is compared here.
PARAMETERS = {
    "max_depth": 5, "eta": 0.2, "gamma": 4, "min_child_weight": 6, "objective": "reg:squarederror",
    "early_stopping_rounds": 10, "num_round": 200}
REQUESTS = 5_000


def median(measure, times=NINE):
    return statistics.median(measure(number) for number in range(times))


def timed(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def show(what, ours, unit, beside=""):
    print(f"{what:<46}{ours:>10.3f} {unit:<4}{beside}")


def starts(folder):
    def first(number):
        server = Server(folder / f"first-{number}")
        took = timed(server.start)
        server.stop()
        return took

    again = Server(folder / "again")
    again.start().stop()

    def later(_):
        took = timed(again.start)
        again.stop()
        return took

    show("first start to first answer", median(first), "s", "   aim 0.3")
    show("start to first answer", median(later), "s", "   aim 0.15")


def idle_memory(server):
    time.sleep(2)  # what starting needed is given back by then
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    kib = int(status.split("VmRSS:")[1].split()[0])
    show("idle memory", kib / 1024, "MiB", "   aim 40")


def training(api, folder):
    boston(folder)
    for name in ("train", "validation"):
        api.put(f"bench/{name}.csv", (folder / f"{name}.csv").read_text())

    def ours(number):
        def act():
            name = f"bench-{number}"
            uris = {part: f"s3://{BUCKET}/bench/{part}.csv" for part in ("train", "validation")}
            api.train(name, uris, PARAMETERS)
            job = api.finished(name)
            assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]

        return timed(act)

    python = environment("xgboost") / "bin/python"
    rival = [python, ROOT / "bench/rival.py", folder, json.dumps(PARAMETERS)]
    inside = []

    def theirs(_):
        start = time.perf_counter()
        done = subprocess.run(rival, check=True, capture_output=True, text=True)
        took = time.perf_counter() - start
        inside.append([float(word) for word in done.stdout.split()])
        return took

    job, process = median(ours), median(theirs)
    work, train = (statistics.median(column) for column in zip(*inside))
    show("CreateTrainingJob to Completed", job, "s", "   aim 0.5")
    show("Python process: read_csv + xgboost.train", process, "s", f"   {process / job:.2f} x ours")
    show("  without its start and imports", work, "s", f"   {work / job:.2f} x ours")
    show("  xgboost.train alone: the limit", train, "s", f"   {train / job:.2f} x ours")


def in_service(api, data):
    api.model("bench", data)
    api.config("bench", bench=1)

    def create(number):
        def act():
            api.sagemaker.create_endpoint(EndpointName=f"bench-{number}", EndpointConfigName="bench")
            assert api.in_service(f"bench-{number}")["EndpointStatus"] == "InService"

        return timed(act)

    show("CreateEndpoint to InService", median(create), "s", "   aim 0.1")


def raw(request):
    """A request's bytes, as they go over the wire."""
    path = urllib.parse.urlsplit(request.url).path
    lines = [f"{request.method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + request.body


def signed(api, endpoint, row):
    host = f"127.0.0.1:{api.server.port}"
    request = AWSRequest(
        "POST", f"http://{host}/endpoints/{endpoint}/invocations", data=row,
        headers={"Host": host, "Content-Type": "text/csv", "Content-Length": str(len(row))})
    settings = api.settings
    key = Credentials(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "sagemaker", settings["AWS_REGION"]).add_auth(request)
    return raw(request.prepare())


def load(port, connections, request):
    program = pathlib.Path(os.environ["ECHO_BIN"]).with_name("load")
    command = [program, str(port), str(connections), str(REQUESTS), str(request)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in out.split()]


def invocations(api, folder):
    row = (folder / "test.csv").read_bytes().splitlines()[0]
    request = folder / "request"
    request.write_bytes(signed(api, "bench-0", row))
    echo = subprocess.Popen([os.environ["ECHO_BIN"]], stdout=subprocess.PIPE, text=True)
    port = int(echo.stdout.readline())
    try:
        for connections in (1, 4):
            pairs = [(load(api.server.port, connections, request), load(port, connections, request))
                     for _ in range(NINE)]
            ours, theirs = zip(*pairs)
            latency, rate = (statistics.median(column) for column in zip(*ours))
            limit, top = (statistics.median(column) for column in zip(*theirs))
            where = f"{connections} connection{'s' if connections > 1 else ''}"
            show(f"InvokeEndpoint, signed, {where}", latency, "µs",
                 f"   echo {limit:.0f} µs: {latency / limit:.2f} x")
            show("  requests a second", rate, "", f"   echo {top:.0f}: {rate / top:.2f} x")
    finally:
        echo.kill()


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = Server(folder / "data", "--hold", "on")
        server.data.mkdir()
        server.command("runtimes", "prefetch", "xgboost")
        starts(folder)
        server.start()
        try:
            idle_memory(server)
            api = Api(server)
            training(api, folder)
            in_service(api, f"s3://{BUCKET}/output/bench-0/output/model.tar.gz")
            invocations(api, folder)
        finally:
            server.stop()


if __name__ == "__main__":
    main()

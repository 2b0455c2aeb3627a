"""An endpoint: how soon it is in service, and its invocations beside an echo server's answers.

One load generator sends the same bytes to both: an `InvokeEndpoint` with one CSV row, signed once.
The server verifies the signature, finds the route, parses, scores and counts; the echo server, on
the same HTTP stack with the same settings and threads, sends the body back.
"""
import json
import os
import subprocess
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from harness.api import BUCKET, Api
from harness.data import features, table
from harness.server import Server
from measure import durable_write, heading, median, medians, show, timed

ECHO = Path(os.environ["ECHO_BIN"])
LOAD = ECHO.with_name("load")
CONNECTIONS = (1, 16)
# Of one measurement: /proc tells CPU in steps of 10 ms, half a microsecond of each request.
REQUESTS = 20_000
ROWS, COLUMNS = 500, 13
PARAMETERS = {"objective": "reg:squarederror", "max_depth": 5, "eta": 0.2, "num_round": 50}
NUMBERS = ("requests_per_second", "p50_us", "p99_us", "cpu_us")


def compare(folder, library):
    server = Server(folder / "invoke")
    server.take_library(library)
    server.start()
    try:
        api = Api(server)
        train(api)
        in_service(api, folder)
        invocations(api, folder)
    finally:
        server.stop()


def train(api):
    api.train("bench", {"train": api.put("bench/train.csv", table(ROWS, COLUMNS))}, PARAMETERS)
    job = api.finished("bench")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    api.model("bench", f"s3://{BUCKET}/output/bench/output/model.tar.gz")
    api.config("bench", bench=1)


def in_service(api, folder):
    def create(number):
        def act():
            api.sagemaker.create_endpoint(EndpointName=f"bench-{number}", EndpointConfigName="bench")
            assert api.in_service(f"bench-{number}")["EndpointStatus"] == "InService"

        return timed(act)

    heading("endpoint")
    show("CreateEndpoint to InService", 1000 * median(create), "ms", "aim 100")
    show("limit: one synced write of 4 KiB", 1000 * durable_write(folder), "ms")


def invocations(api, folder):
    request = folder / "request"
    request.write_bytes(signed(api, "bench-0", features(table(1, COLUMNS)).strip().encode()))
    with echo() as (echo_port, echo_pid):
        for connections in CONNECTIONS:
            heading(f"InvokeEndpoint, signed, one row of {COLUMNS}, {connections} kept alive")

            def both(_):
                return (*load(api.server.port, api.server.process.pid, connections, request),
                        *load(echo_port, echo_pid, connections, request))

            numbers = medians(both)
            report(numbers[:len(NUMBERS)], numbers[len(NUMBERS):])


@contextmanager
def echo():
    server = subprocess.Popen([ECHO], stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline()), server.pid
    finally:
        server.kill()
        server.wait()


def load(port, pid, connections, request):
    command = [LOAD, str(port), str(pid), str(connections), str(REQUESTS // connections), request]
    said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return [said[name] for name in NUMBERS]


def report(ours, limits):
    names = ("requests a second", "median latency", "99th percentile", "CPU of the server, a request")
    units = ("/s", "µs", "µs", "µs")
    for name, unit, value, limit in zip(names, units, ours, limits):
        show(name, value, unit, f"echo {limit:.1f}: ours is {value / limit:.2f} x")


def signed(api, endpoint, row):
    """The request's bytes as they go over the wire; its signature is good for 15 minutes."""
    host = f"127.0.0.1:{api.server.port}"
    request = AWSRequest(
        "POST", f"http://{host}/endpoints/{endpoint}/invocations", data=row,
        headers={"Host": host, "Content-Type": "text/csv", "Content-Length": str(len(row))})
    settings = api.settings
    key = Credentials(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "sagemaker", settings["AWS_REGION"]).add_auth(request)
    return raw(request.prepare())


def raw(request):
    path = urllib.parse.urlsplit(request.url).path
    lines = [f"{request.method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + request.body

"""An endpoint: how soon it is in service, what it takes, and its invocations beside an echo's answers.

One load generator sends the same bytes to both: an `InvokeEndpoint` with one CSV row, signed once.
The server verifies the signature of each, finds the route, parses, scores and counts; the echo
server, on the same HTTP stack with the same settings and threads, sends the body back.
"""
import json
import os
import subprocess
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from harness.api import BUCKET, Api
from harness.data import features, table
from harness.server import Server
from measure import durable_write, heading, median, medians, memory, show, timed

ECHO = Path(os.environ["ECHO_BIN"])
LOAD = ECHO.with_name("load")
# Of one measurement: /proc tells CPU in steps of 10 ms, a quarter of a microsecond of each request.
REQUESTS = 40_000
# Of one at a single connection, which takes longer.
ALONE = 10_000
CROWD = 32
# Offered a second at one connection: rates at which a pause of the machine, of which virtual ones
# have many, delays the requests that fall into it and few behind them. Nearer to what a connection
# can carry, either would tell how long the queue behind one pause was.
OFFERED = (2_000, 4_000)
# The contract's model A, on as many rows as fill its trees.
ROWS, COLUMNS = 20_000, 28
PARAMETERS = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "num_round": 100}
ENDPOINT = "bench-0"
NUMBERS = ("requests_per_second", "p50_us", "p99_us", "cpu_us")
MIB = 1 << 20
# What starting and loading needed is given back by then, seconds.
SETTLED = 2.0


def compare(folder, library):
    server = Server(folder / "invoke")
    server.take_library(library)
    try:
        server.start()
        train(Api(server))
        server.stop()
        server.start()
        idle = settled(server)
        in_service(Api(server), folder)
        created = settled(server)
        request = folder / "request"
        request.write_bytes(signed(Api(server), features(table(1, COLUMNS)).strip().encode()))
        invocations(server, request)
        used = settled(server)
        server.stop()
        server.start()
        took = {"created": created, "after the load": used, "restarted": settled(server)}
        told(idle, took)
    finally:
        server.stop()


def train(api):
    api.train("bench", {"train": api.put("bench/train.csv", classes(table(ROWS, COLUMNS)))}, PARAMETERS)
    job = api.finished("bench")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    api.model("bench", f"s3://{BUCKET}/output/bench/output/model.tar.gz")
    api.config("bench", bench=1)


def classes(text):
    """The same rows, labelled by the sign of their label."""
    rows = (line.split(",", 1) for line in text.splitlines())
    return "".join(f"{int(float(label) > 0)},{row}\n" for label, row in rows)


def in_service(api, folder):
    def create(number):
        def act():
            api.sagemaker.create_endpoint(EndpointName=f"bench-{number}", EndpointConfigName="bench")
            assert api.in_service(f"bench-{number}")["EndpointStatus"] == "InService"

        took = timed(act)
        if number:
            api.sagemaker.delete_endpoint(EndpointName=f"bench-{number}")
        return took

    heading("endpoint")
    show("CreateEndpoint to InService", 1000 * median(create), "ms", "aim 100")
    show("limit: one synced write of 4 KiB", 1000 * durable_write(folder), "ms")


def invocations(server, request):
    with echo() as peer:
        def both(connections, requests, *rate):
            ours = (server.port, server.process.pid)
            return lambda _: [number for target in (ours, peer)
                              for number in load(*target, connections, requests, request, *rate)]

        what = f"InvokeEndpoint, signed, one row of {COLUMNS}, {PARAMETERS['num_round']} trees"
        heading(f"{what}, {CROWD} connections")
        report(medians(both(CROWD, REQUESTS)), "bar: half as many requests a second")
        heading(f"{what}, one connection")
        report(medians(both(1, ALONE)), "bar: median within 60 µs")
        for rate in OFFERED:
            heading(f"{what}, one connection, {rate} a second offered")
            report(medians(both(1, ALONE, rate)), "bar: 99th percentile at most 3 x")


@contextmanager
def echo():
    server = subprocess.Popen([ECHO], stdout=subprocess.PIPE, text=True)
    try:
        yield int(server.stdout.readline()), server.pid
    finally:
        server.kill()
        server.wait()


def load(port, pid, connections, requests, request, *rate):
    command = [LOAD, *map(str, (port, pid, connections, requests)), request, *map(str, rate)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, preexec_fn=give_way)
    said = json.loads(run.stdout)
    return [said[name] for name in NUMBERS]


def give_way():
    """An answer wakes the load generator, and no server is interrupted for it: it shares the cores with
    the measured one only because there is no second machine."""
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def report(numbers, bar):
    names = ("requests a second", "median latency", "99th percentile", "CPU of the server, a request")
    units = ("/s", "µs", "µs", "µs")
    ours, limits = numbers[:len(NUMBERS)], numbers[len(NUMBERS):]
    for name, unit, value, limit in zip(names, units, ours, limits):
        show(name, value, unit, f"echo {limit:.1f}: ours is {value / limit:.2f} x")
    print(f"  {bar}", flush=True)


def settled(server):
    time.sleep(SETTLED)
    return memory(server.process.pid)


def told(idle, took):
    heading("memory of the server")
    show("idle: resident", idle["Rss"] / MIB, "MiB", f"proportional {idle['Pss'] / MIB:.1f}")
    for when, held in took.items():
        more = {name: (held[name] - idle[name]) / MIB for name in held}
        show(f"more with the endpoint, {when}", more["Rss"], "MiB", f"proportional {more['Pss']:.1f}; bar 20")


def signed(api, row):
    """The request's bytes as they go over the wire; its signature is good for 15 minutes."""
    host = f"127.0.0.1:{api.server.port}"
    request = AWSRequest(
        "POST", f"http://{host}/endpoints/{ENDPOINT}/invocations", data=row,
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

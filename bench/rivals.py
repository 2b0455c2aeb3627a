"""The servers that XGBoost's users have beside our endpoint: one row of model A, asked over and over.

MLServer, BentoML and MLflow come from the registry, each with a lock of its own and on the version of
the library that ours is, with a worker for each core and its own form of the same row. The
container's own code is no package: it is asked too where `SAGEWRIGHT_XGBOOST_CONTAINER` names a
checkout of it, on the Python that `SAGEWRIGHT_XGBOOST_PYTHON` names (its images have 3.10) or else on
this one. Every one must predict what ours predicts.
"""
import contextlib
import dataclasses
import http.client
import io
import json
import operator
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time

import invoke
import locked
from harness.api import BUCKET, Api
from harness.data import features, table
from harness.server import Server, free_port
from measure import heading, medians, show

HERE = pathlib.Path(__file__).resolve().parent / "xgboost"
LOCKS = HERE / "rivals"
CHECKOUT = os.environ.get("SAGEWRIGHT_XGBOOST_CONTAINER")
ITS_PYTHON = os.environ.get("SAGEWRIGHT_XGBOOST_PYTHON", sys.executable)
WORKERS = str(os.cpu_count())
CONNECTIONS = 32
# Of one measurement: they answer some hundreds a second.
REQUESTS = 2_000
OUR_REQUESTS = 100_000
TIMES = 3
STARTING_SECONDS = 120
LOOK = 0.2
# Predictions are 32 bits, and written with 7 digits at least.
SAME = 1e-6
# A name of Python 3.9 and before that sagemaker-containers still uses.
GUNICORN = """
import collections, collections.abc
collections.Mapping = collections.abc.Mapping
from gunicorn.app.wsgiapp import run
run()
"""


@dataclasses.dataclass
class Rival:
    name: str
    lock: pathlib.Path
    # Makes its folder, in which there is `model.ubj`, and answers its command.
    ready: object
    path: str
    body: object
    # The prediction in an answer.
    prediction: object
    content_type: str = "application/json"
    environment: dict = dataclasses.field(default_factory=dict)
    python: str = sys.executable

    def ready_python(self):
        return locked.environment(self.lock, self.python)


def mlserver(python, folder, port):
    model = {"name": "a", "implementation": "mlserver_xgboost.XGBoostModel",
             "parameters": {"uri": "./model.ubj"}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "debug": False,
                "metrics_port": free_port(), "parallel_workers": int(WORKERS)}
    (folder / "settings.json").write_text(json.dumps(settings))
    return [python.with_name("mlserver"), "start", "."]


def bentoml(python, folder, port):
    shutil.copy(LOCKS / "bentoml_service.py", folder / "service.py")
    return [python.with_name("bentoml"), "serve", "service:Booster", "--host", "127.0.0.1",
            "--port", str(port)]


def mlflow(python, folder, port):
    subprocess.run([python, LOCKS / "mlflow_model.py"], cwd=folder, check=True)
    return [python.with_name("mlflow"), "models", "serve", "-m", "model", "--env-manager", "local",
            "-h", "127.0.0.1", "-p", str(port), "-w", WORKERS]


def container(python, folder, port):
    (folder / "sm").mkdir()
    shutil.move(folder / "model.ubj", folder / "sm/xgboost-model")
    return [python, "-c", GUNICORN, "-k", "gevent", "-w", WORKERS, "-b", f"127.0.0.1:{port}",
            "sagemaker_xgboost_container.serving:main"]


def tensor(row):
    return {"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP32", "data": row}]}


RIVALS = [
    Rival("MLServer", LOCKS / "mlserver.lock", mlserver, "/v2/models/a/infer", tensor,
          lambda answer: answer["outputs"][0]["data"][0]),
    Rival("BentoML", LOCKS / "bentoml.lock", bentoml, "/predict", lambda row: {"rows": [row]},
          operator.itemgetter(0), environment={"BENTOML_DO_NOT_TRACK": "1"}),
    Rival("MLflow", LOCKS / "mlflow.lock", mlflow, "/invocations", lambda row: {"inputs": [row]},
          lambda answer: answer["predictions"][0]),
]
CONTAINER = Rival(
    "the container's own code", HERE / "container.lock", container, "/invocations",
    lambda row: ",".join(map(str, row)), float, "text/csv", python=ITS_PYTHON)


def compare(folder, library):
    folder = folder / "rivals"
    folder.mkdir()
    row = [float(cell) for cell in features(table(1, invoke.COLUMNS)).split(",")]
    heading(f"one row of {invoke.COLUMNS}, {invoke.PARAMETERS['num_round']} trees, {CONNECTIONS} connections")
    ours, expected, model = measured_here(folder, library, row)
    show("Sagewright: requests a second", ours["rate"], "/s")
    show("  CPU of a request", ours["cpu"], "µs")
    for rival in [*RIVALS, *([CONTAINER] if CHECKOUT else [])]:
        theirs = measured(rival, folder / rival.name.split()[-1], model, row, expected)
        bar = ", bar 40" if rival is CONTAINER else ""
        show(f"{rival.name}: requests a second", theirs["rate"], "/s",
             f"ours are {ours['rate'] / theirs['rate']:.0f} x as many{bar}")
        show("  CPU of a request", theirs["cpu"], "µs",
             f"{theirs['cpu'] / ours['cpu']:.0f} x ours, on {rival.ready_python().resolve().name}")


def measured_here(folder, library, row):
    """What an endpoint of ours does, what it predicts, and the model's file."""
    server = Server(folder / "ours")
    server.take_library(library)
    server.start()
    try:
        api = Api(server)
        invoke.train(api)
        api.sagemaker.create_endpoint(EndpointName=invoke.ENDPOINT, EndpointConfigName="bench")
        assert api.in_service(invoke.ENDPOINT)["EndpointStatus"] == "InService"
        text = ",".join(map(str, row))
        request = folder / "request"
        request.write_bytes(invoke.signed(api, text.encode()))
        numbers = loaded(server.port, server.process.pid, OUR_REQUESTS, request)
        archive = api.read(f"s3://{BUCKET}/output/bench/output/model.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(archive)) as archive:
            model = archive.extractfile("xgboost-model").read()
        return numbers, api.invoke(invoke.ENDPOINT, text)[0], model
    finally:
        server.stop()


def measured(rival, folder, model, row, expected):
    folder.mkdir()
    (folder / "model.ubj").write_bytes(model)
    body = rival.body(row)
    body = (body if isinstance(body, str) else json.dumps(body)).encode()
    with serving(rival, folder) as (port, pid):
        answer = until_answered(port, rival, body)
        predicted = rival.prediction(json.loads(answer))
        assert abs(predicted - expected) < SAME, (rival.name, predicted, expected)
        request = folder / "request"
        request.write_bytes(
            f"POST {rival.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {rival.content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return loaded(port, pid, REQUESTS, request)


@contextlib.contextmanager
def serving(rival, folder):
    port, python = free_port(), rival.ready_python()
    # They find their own programs by PATH; one thread for a row, as the container has it.
    environment = {**os.environ, **rival.environment, "PATH": f"{python.parent}:{os.environ['PATH']}",
                   "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    if rival is CONTAINER:
        environment |= {"PYTHONPATH": f"{CHECKOUT}/src", "SM_MODEL_DIR": str(folder / "sm")}
    command = rival.ready(python, folder, port)
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def until_answered(port, rival, body):
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTING_SECONDS)
            connection.request("POST", rival.path, body, {"Content-Type": rival.content_type})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == http.client.OK:
                return text
        assert time.monotonic() < deadline, f"{rival.name} does not answer"
        time.sleep(LOOK)


def loaded(port, pid, requests, request):
    """Requests a second, and the microseconds of CPU of the server and its workers for each."""
    rate, _, _, cpu = medians(
        lambda _: invoke.load(port, pid, CONNECTIONS, requests, request), TIMES)
    return {"rate": rate, "cpu": cpu}

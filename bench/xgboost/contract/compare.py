"""Asks the container's code and ours the same, and prints where they differ.

Each scene is a server of its own on loopback: model files and environment are read at its start.
"""
import concurrent.futures
import contextlib
import http.client
import io
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

from sagemaker_containers.record_pb2 import Record

import models
import scenes

# How many servers run at once; each takes seconds of a core to import what it needs.
SERVERS = 2
STARTING_SECONDS = 120
# A name of Python 3.9 and before that sagemaker-containers still uses.
SERVE = """
import collections, collections.abc
collections.Mapping = collections.abc.Mapping
from gunicorn.app.wsgiapp import run
run()
"""
# XGBoost says when and where in its source a check failed, and what had called it.
WHEN_AND_WHERE = re.compile(rb"\[\d\d:\d\d:\d\d\] \S+:\d+: |\s*Stack trace:.*", re.DOTALL)
DIED = "the container's worker died of it"
RECORDS = "application/x-recordio-protobuf"


def main():
    source, answer = sys.argv[1:]
    tally = {"equal": 0, "better": {}, "different": 0}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        models.write(folder)
        both = lambda scene: (scene, ours(answer, folder, scene), theirs(source, folder, scene))
        with concurrent.futures.ThreadPoolExecutor(SERVERS) as pool:
            for scene, *answers in pool.map(both, scenes.SCENES):
                compare(scene, *answers, tally)
    for reason, count in tally["better"].items():
        print(f"meant: {reason} ({count})")
    print(f"{tally['equal']} answers are equal, {sum(tally['better'].values())} differ as meant, "
          f"{tally['different']} differ")
    sys.exit(1 if tally["different"] else 0)


def compare(scene, ours, theirs, tally):
    for case, left, right in zip(scene.cases, ours, theirs, strict=True):
        if right == DIED:
            print(f"{scene.name}, {case.name}: {DIED}")
        if left == right:
            tally["equal"] += 1
            if case.better:
                print(f"{scene.name}, {case.name}: equal now, though `{case.better}` is meant")
        elif case.better:
            tally["better"][case.better] = tally["better"].get(case.better, 0) + 1
        else:
            tally["different"] += 1
            print(f"{scene.name}, {case.name}\n  ours   {left}\n  theirs {right}")


def ours(answer, folder, scene):
    archive = folder / f"{scene.name}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted((folder / scene.model).iterdir()):
            packed.add(path, path.name)
    environment = [f"{name}={value}" for name, value in scene.environment.items()]
    requests = "".join(json.dumps({
        "content_type": case.content_type, "accept": case.accept, "body": case.body.hex()}) + "\n"
        for case in scene.cases)
    done = subprocess.run([answer, archive, *environment], input=requests, text=True, check=True,
                          stdout=subprocess.PIPE)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [told(a["status"], a["content_type"], bytes.fromhex(a["body"])) for a in answers]


def theirs(source, folder, scene):
    with server(source, folder, scene) as port:
        return [answered(port, case) for case in scene.cases]


def answered(port, case):
    """An answer, or that the worker died of the question; another one takes its place."""
    try:
        return asked(port, case)
    except http.client.RemoteDisconnected:
        wait(port)
        return DIED


@contextlib.contextmanager
def server(source, folder, scene):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = ["-k", "gevent", "-w", "1", "-b", f"127.0.0.1:{port}",
             "sagemaker_xgboost_container.serving:main"]
    environment = {**os.environ, **scene.environment, "SM_MODEL_DIR": str(folder / scene.model),
                   "PYTHONPATH": source, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    log = folder / f"{scene.name}.log"
    with open(log, "w") as file:
        process = subprocess.Popen([sys.executable, "-c", SERVE, *serve], cwd=folder,
                                   env=environment, stdout=file, stderr=file)
    try:
        if not wait(port):
            raise RuntimeError(f"the container's code does not serve:\n{log.read_text()}")
        yield port
    finally:
        process.terminate()
        process.wait()


def wait(port):
    """Whether it serves before too long."""
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/ping")
            if connection.getresponse().status == http.client.OK:
                return True
        time.sleep(0.1)
    return False


def asked(port, case):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": case.content_type, "Accept": case.accept}
    sent = {name: value for name, value in headers.items() if value is not None}
    connection.request("POST", "/invocations", body=case.body, headers=sent)
    response = connection.getresponse()
    return told(response.status, response.getheader("Content-Type"), response.read())


def told(status, content_type, body):
    """An answer without what must differ from one to the next."""
    if status == http.client.OK and content_type == RECORDS:
        return status, content_type, records(body)
    return status, content_type, WHEN_AND_WHERE.sub(b"", body)


def records(body):
    """The labels of each record, or the bytes where there are none."""
    found, stream = [], io.BytesIO(body)
    while head := stream.read(8):
        if len(head) < 8 or head[:4] != scenes.MAGIC:
            return body
        length = struct.unpack("<I", head[4:])[0]
        record = Record()
        record.ParseFromString(stream.read(length))
        stream.read(-length % 4)
        found.append({name: repr(list(value.float32_tensor.values))
                      for name, value in sorted(record.label.items())})
    return found


if __name__ == "__main__":
    main()

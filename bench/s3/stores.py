"""The servers that are compared: ours, SeaweedFS and moto, each with a data folder of its own."""
import contextlib
import dataclasses
import json
import os
import subprocess
import time
from pathlib import Path

import locked
from harness.server import READY_WITHIN, Server, free_port

LOAD = Path(os.environ["ECHO_BIN"]).with_name("s3load")
RIVALS = Path(__file__).with_name("rivals.lock")
# For the rivals; ours has made its own.
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
LOOK = 0.1


class NotKnown(Exception):
    """A setting that this build of ours does not have."""


@dataclasses.dataclass
class Store:
    """A running server."""
    name: str
    port: int
    pid: int
    key: str = KEY
    secret: str = SECRET
    # Requests of a measurement, its repetitions, and the keys that are listed: moto takes minutes.
    small: int = 4_000
    repeats: int = 5
    listed: int = 100_000
    server: Server | None = None

    def load(self, *arguments):
        """What one run of the load generator measured."""
        environ = os.environ | {
            "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": "us-east-1"}
        command = [LOAD, "--port", str(self.port), "--pid", str(self.pid), *map(str, arguments)]
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def memory(self):
        """MB that are resident now, and at most."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return [int(status.split(f"{field}:")[1].split()[0]) * 1024 / 1e6 for field in ("VmRSS", "VmHWM")]

    def ready(self):
        """Makes the bucket, as soon as the server can."""
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                self.load("make")
                return self
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(LOOK)


@contextlib.contextmanager
def sagewright(folder, encrypted=False):
    server = Server(folder)
    folder.mkdir()
    if encrypted:
        (folder / "sagewright.toml").write_text("encrypt_at_rest = true\n")
    try:
        server.start()
    except AssertionError as error:
        if encrypted and "unknown field" in str(error):
            raise NotKnown("encrypt_at_rest") from None
        raise
    try:
        settings = server.settings()
        yield Store("Sagewright", server.port, server.process.pid, settings["AWS_ACCESS_KEY_ID"],
                    settings["AWS_SECRET_ACCESS_KEY"], server=server).ready()
    finally:
        server.stop()


@contextlib.contextmanager
def seaweed(folder):
    """All of its parts in one process, as its documentation starts it for one machine."""
    (folder / "data").mkdir(parents=True)
    user = {"name": "bench", "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [user]}))
    parts = ("master", "volume", "filer", "s3")
    ports = {part: free_ports() for part in parts}
    options = [f"-{part}.{name}={port}" for part in parts for name, port in zip(("port", "port.grpc"), ports[part])]
    command = [locked.environment(RIVALS).with_name("weed"), "server", "-s3", "-ip=127.0.0.1",
               f"-dir={folder / 'data'}", f"-s3.config={folder / 's3.json'}", *options]
    with rival(command, folder) as process:
        yield Store("SeaweedFS", ports["s3"][0], process.pid).ready()


@contextlib.contextmanager
def moto(folder):
    folder.mkdir()
    port = free_port()
    python = locked.environment(RIVALS)
    with rival([python, python.with_name("moto_server"), "-p", str(port)], folder) as process:
        yield Store("moto", port, process.pid, small=500, repeats=1, listed=2_000).ready()


def free_ports():
    return free_port(), free_port()


@contextlib.contextmanager
def rival(command, folder):
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()

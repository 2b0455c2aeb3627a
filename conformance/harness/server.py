"""A server of our own: the tested binary on a free port, with a data folder nobody else uses."""
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

BINARY = os.environ.get("SAGEWRIGHT_BIN", "sagewright")
# From the start of the process; a debug build on a loaded machine included.
READY_WITHIN = 60.0
LOOK = 0.005


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def link(one, other):
    """The same file under another name; a copy on another file system."""
    try:
        os.link(one, other)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(one, other)


class Server:
    """Started in the foreground, so that a test can kill it; its port survives its restarts."""

    def __init__(self, data, *options):
        self.data = data
        self.options = options
        self.environ = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        """Starts it and waits until it says that it is ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        with open(self.data.with_suffix(".out"), "ab") as out:
            self.process = subprocess.Popen(
                [BINARY, "up", "--port", str(self.port), *self.options],
                env=self._environ(), stdout=out, stderr=out)
        deadline = time.monotonic() + READY_WITHIN
        while not self.is_ready():
            assert self.process.poll() is None, f"the server ended:\n{self.output()}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.output()}"
            time.sleep(LOOK)
        return self

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/_/health/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self):
        """As a power cut does it: no signal handler runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.command("down", "--stop-jobs")
            self.process.wait(timeout=30)

    def command(self, *arguments, **options):
        """Runs `sagewright …` on this server's data folder."""
        options = {"check": True, "capture_output": True, "text": True, "env": self._environ()} | options
        return subprocess.run([BINARY, *arguments], **options)

    def settings(self):
        """What `sagewright env` tells clients."""
        return json.loads(self.command("env", "--format", "json").stdout)

    def output(self):
        return self.data.with_suffix(".out").read_text(errors="replace")[-4000:]

    def take_library(self, other):
        """Links to what another data folder has fetched, so that it is fetched and stored once.

        Nothing writes to a file of it: a library is unpacked beside its place and renamed.
        """
        shutil.copytree(other / "lib", self.data / "lib", copy_function=link, dirs_exist_ok=True)

    def keep_blobs_at(self, place):
        """Before the first start: its blobs lie in an outside store (`harness.outside.Place`)."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "sagewright.toml").write_text(f'blobs = "{place.line}"\n')
        self.environ = place.environ()

    def _environ(self):
        # The pip that fetches XGBoost is this environment's: the machine may have none.
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        ours = {"SAGEWRIGHT_DATA": str(self.data), "NO_COLOR": "1", "PATH": path}
        return os.environ | ours | self.environ

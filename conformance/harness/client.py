"""A real client: a script run by `sagewright run` with the Python of the client's environment."""
import functools
import json
import os
import pathlib
import subprocess

CLIENTS = pathlib.Path(__file__).parent.parent / "clients"
ROOT = pathlib.Path(__file__).parent.parent.parent

# How a client is led to the server. `run` sets both ways; the others take one of them away.
ROUTES = {
    "both": [],
    "endpoint": ["-u", "HTTPS_PROXY", "-u", "https_proxy"],
    "proxy": ["-u", "AWS_ENDPOINT_URL"],
}


@functools.cache
def environment(name):
    """The folder of an environment, made at its first use."""
    xtask = os.environ.get("XTASK")
    assert xtask, "start these tests with `cargo xtask conformance`"
    made = subprocess.run([xtask, "env", name], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return pathlib.Path(made.stdout.strip().splitlines()[-1])


class Client:
    """`run(script, …)` runs clients/<script> and returns the JSON object of its last line."""

    def __init__(self, server, name, folder, route="both"):
        self.server = server
        self.bin = environment(name) / "bin"
        self.folder = folder
        self.route = route

    def run(self, script, *arguments):
        done = self.command(self.bin / "python", CLIENTS / script, *arguments)
        assert done.returncode == 0, f"{script} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        last = done.stdout.strip().splitlines()[-1]
        # SDK v1 ends its progress bars without ending the line.
        return json.loads(last[last.index("{"):])

    def command(self, *command):
        """Any command, with the environment's programs first on the PATH."""
        environ = os.environ | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder),
        }
        # What leads to a server of the developer's own must not lead this client there.
        for name in [name for name in environ if name.startswith("AWS_")]:
            del environ[name]
        return self.server.command(
            "run", "--", "env", *ROUTES[self.route], *map(str, command),
            check=False, cwd=self.folder, env=environ | {"SAGEWRIGHT_DATA": str(self.server.data)})

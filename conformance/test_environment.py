"""What `sagewright run` and `env` do to a shell, and what they leave alone."""
import os
import subprocess
import sys
import zipfile

import pytest
from harness.client import ROOT
from harness.server import BINARY


def test_pip_still_works_inside_run(client, tmp_path):
    boto3 = client("boto3_current")
    done = boto3.command(boto3.bin / "pip", "download", "--no-deps", "--no-cache-dir", "six")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("six-*.whl"))


def test_run_tells_the_exit_code_of_the_command(server):
    assert server.command("run", "--", "sh", "-c", "exit 7", check=False).returncode == 7


def test_the_exported_environment_points_a_shell_here(server, client):
    boto3 = client("boto3_current")
    line = f'eval "$({BINARY} env)" && aws sts get-caller-identity --query Account --output text'
    environ = os.environ | {"SAGEWRIGHT_DATA": str(server.data), "PATH": f"{boto3.bin}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], env=environ, capture_output=True, text=True)
    assert done.stdout.strip() == "123456789012", done.stderr


def test_the_key_is_kept_from_other_users_of_the_machine(server):
    keys = [path for path in (server.data / "keys").rglob("*") if path.is_file()]
    assert keys and all(path.stat().st_mode & 0o077 == 0 for path in keys)


def test_a_second_up_says_that_one_is_running(server):
    done = server.command("up", "--port", str(server.port), check=False)
    assert done.returncode == 0
    assert "already running" in done.stdout + done.stderr


def test_a_host_that_is_not_amazons_needs_the_token_of_env(api):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=10)
    connection.set_tunnel("example.com", 443)
    with pytest.raises(OSError, match="Tunnel connection failed: 407"):
        connection.connect()


def test_the_wheel_installs_a_program_that_runs(tmp_path):
    build = [sys.executable, ROOT / "packaging/wheel.py", BINARY, tmp_path]
    wheel = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    assert zipfile.ZipFile(wheel).testzip() is None
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "empty"], check=True)
    install = [tmp_path / "empty/bin/pip", "install", "--no-index", "--quiet", wheel]
    subprocess.run(install, check=True)
    told = subprocess.run(
        [tmp_path / "empty/bin/sagewright", "version"], check=True, capture_output=True, text=True)
    assert told.stdout.startswith("sagewright 0.1.0")


def test_a_machine_is_taken_off_the_network_by_its_environment(tmp_path):
    environ = os.environ | {"SAGEWRIGHT_OFFLINE": "1", "SAGEWRIGHT_DATA": str(tmp_path)}

    def command(*arguments):
        return subprocess.run([BINARY, *arguments], env=environ, capture_output=True, text=True)

    fetched = command("runtimes", "prefetch", "xgboost")
    assert fetched.returncode == 1 and "offline" in fetched.stderr, fetched.stderr
    started = command("up", "--detach", "--port", "0")
    assert started.returncode == 0, started.stderr
    assert command("down").returncode == 0

"""The wheel: built, installed into an empty environment, and run from there."""
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from elf import Elf

BINARY = os.environ.get("SAGEWRIGHT_BIN", "sagewright")
ASK = """\
import os, urllib.request
with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_/health/ready") as answer:
    print(answer.status)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(BINARY, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The program in an environment that holds nothing else, not even pip."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    run(sys.executable, "-m", "pip", "--python", folder, "install", "--no-index", "--no-deps", wheel)
    return folder / "bin/sagewright"


def build(program, folder):
    script = Path(__file__).with_name("wheel.py")
    return Path(run(sys.executable, script, program, folder).strip())


def run(*command, **options):
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_installed_program_is_the_one_that_was_packed(installed):
    assert run(installed, "version") == run(BINARY, "version")


def test_a_command_runs_against_a_server_of_the_installed_program(installed, tmp_path):
    environ = os.environ | {"SAGEWRIGHT_DATA": str(tmp_path / "data"), "SAGEWRIGHT_OFFLINE": "true"}
    python = installed.with_name("python")
    assert run(installed, "run", "--", python, "-c", ASK, env=environ).strip() == "200"


def test_the_same_program_gives_the_same_bytes(wheel, tmp_path):
    assert build(BINARY, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_wheel_asks_for_no_newer_glibc_than_the_program_does(wheel):
    def minor(symbols):
        return tuple(map(int, symbols.removeprefix("GLIBC_").split(".")))

    asked = Elf(Path(BINARY).read_bytes()).symbol_versions()
    newest = max(minor(symbols) for symbols in asked if symbols.startswith("GLIBC_"))
    assert f"-manylinux_{newest[0]}_{newest[1]}_" in wheel.name


def test_the_licences_of_what_is_linked_in_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        legal = {name.rsplit("/")[-1]: archive.read(name).decode()
                 for name in archive.namelist() if "/licenses/" in name}
    assert set(legal) == {"LICENSE", "NOTICE", "THIRD-PARTY"}
    assert "Apache License" in legal["LICENSE"]
    assert "\nhyper 1." in legal["THIRD-PARTY"] and "\ns3s 0." in legal["THIRD-PARTY"]
    assert "\nproptest " not in legal["THIRD-PARTY"], "what only tests use is not shipped"


def test_what_is_no_program_for_linux_is_refused(tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n")
    script = Path(__file__).with_name("wheel.py")
    refused = subprocess.run(
        [sys.executable, script, tmp_path / "script", tmp_path], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "cannot be packed: not a 64-bit little-endian ELF file" in refused.stderr
    assert not list(tmp_path.glob("*.whl"))

#!/usr/bin/env python3
"""Puts the program into a wheel: `packaging/wheel.py PROGRAM FOLDER` prints the wheel's path.

A platform wheel may carry any file as a script: `pip install` puts it on the PATH as it is, and
no Python code is in it. The same input gives the same bytes: times are fixed, and so is the order.
"""
import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

from elf import Elf
from third_party import licences

ROOT = Path(__file__).resolve().parent.parent
# The first moment that a zip archive can tell.
EPOCH = (1980, 1, 1, 0, 0, 0)
# Regular files, in the half of the attributes that Unix uses.
EXECUTABLE, PLAIN = 0o100755 << 16, 0o100644 << 16
# What every system with glibc has (PEP 600); any other library would have to be in the wheel.
EVERYWHERE = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2",
              "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
METADATA = """\
Metadata-Version: 2.4
Name: sagewright
Version: {version}
Summary: Self-hosted SageMaker: unmodified SageMaker code runs against it
License-Expression: Apache-2.0
{license_files}
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{readme}"""
WHEEL = """\
Wheel-Version: 1.0
Generator: sagewright
Root-Is-Purelib: false
Tag: {tag}
"""


def main(program, folder):
    content = Path(program).read_bytes()
    elf = Elf(content)
    name = f"sagewright-{version()}"
    tag = f"py3-none-{platform_tag(elf)}"
    files = entries(name, content, tag, elf.machine)
    wheel = Path(folder) / f"{name}-{tag}.whl"
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (content, mode) in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = mode
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    print(wheel)


def version():
    manifest = (ROOT / "Cargo.toml").read_text()
    return re.search(r'\[workspace\.package\]\s+version = "([^"]+)"', manifest).group(1)


def platform_tag(elf):
    """The oldest glibc that has every symbol the program asks for, as manylinux tags say it."""
    beyond = set(elf.libraries()) - EVERYWHERE
    if beyond:
        raise ValueError(f"the program needs {', '.join(sorted(beyond))}, which not every system has")
    asked = (re.match(r"GLIBC_2\.(\d+)", symbols) for symbols in elf.symbol_versions())
    return f"manylinux_2_{max(int(minor[1]) for minor in asked if minor)}_{elf.machine}"


def entries(name, program, tag, machine):
    """Path in the archive -> (content, mode). The record of all the others comes last."""
    about = f"{name}.dist-info"
    legal = {
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "NOTICE": (ROOT / "NOTICE").read_bytes(),
        "THIRD-PARTY": licences(machine).encode(),
    }
    metadata = METADATA.format(
        version=version(), readme=(ROOT / "README.md").read_text(),
        license_files="\n".join(f"License-File: {file}" for file in legal))
    files = {f"{name}.data/scripts/sagewright": (program, EXECUTABLE)}
    files |= {f"{about}/licenses/{file}": (text, PLAIN) for file, text in legal.items()}
    files[f"{about}/METADATA"] = (metadata.encode(), PLAIN)
    files[f"{about}/WHEEL"] = (WHEEL.format(tag=tag).encode(), PLAIN)
    files[f"{about}/RECORD"] = (record(files, f"{about}/RECORD").encode(), PLAIN)
    return files


def record(files, own):
    """Every file with its hash and size, but for the record's own."""
    def line(path, content):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(content)}\n"

    return "".join(line(path, content) for path, (content, _) in files.items()) + f"{own},,\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PROGRAM FOLDER")
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.exit(f"{sys.argv[1]} cannot be packed: {error}")

#!/usr/bin/env python3
"""Puts the program into a wheel: `packaging/wheel.py PROGRAM FOLDER` prints the wheel's path.

A platform wheel may carry any file as a script: `pip install` puts it on the PATH as it is, and
no Python code is in it. The same input gives the same bytes: times are fixed, entries are sorted.
"""
import base64
import hashlib
import pathlib
import platform
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The first moment that a zip archive can tell.
EPOCH = (1980, 1, 1, 0, 0, 0)
EXECUTABLE = 0o100755 << 16
PLAIN = 0o100644 << 16


def version():
    manifest = (ROOT / "Cargo.toml").read_text()
    return re.search(r'\[workspace\.package\]\s+version = "([^"]+)"', manifest).group(1)


def platform_tag(program):
    """The glibc that the program asks for, as manylinux tags say it."""
    needed = re.findall(rb"GLIBC_2\.(\d+)\b", program)
    if not needed:
        sys.exit("the program names no version of glibc: only Linux with glibc can be packed")
    return f"manylinux_2_{max(map(int, needed))}_{platform.machine()}"


def entries(program, tag):
    """Path in the archive -> (content, mode), in the order that installers like."""
    name = f"sagewright-{version()}"
    metadata = "\n".join([
        "Metadata-Version: 2.1", "Name: sagewright", f"Version: {version()}",
        "Summary: Self-hosted SageMaker: unmodified SageMaker code runs against it",
        "License: Apache-2.0", "Requires-Python: >=3.8",
        "Description-Content-Type: text/markdown", "", (ROOT / "README.md").read_text()])
    about = f"Wheel-Version: 1.0\nGenerator: sagewright\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n"
    return {
        f"{name}.data/scripts/sagewright": (program, EXECUTABLE),
        f"{name}.dist-info/LICENSE": ((ROOT / "LICENSE").read_bytes(), PLAIN),
        f"{name}.dist-info/NOTICE": ((ROOT / "NOTICE").read_bytes(), PLAIN),
        f"{name}.dist-info/METADATA": (metadata.encode(), PLAIN),
        f"{name}.dist-info/WHEEL": (about.encode(), PLAIN),
    }


def record(files, place):
    def line(path, content):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(content)}\n"

    lines = [line(path, content) for path, (content, _) in files.items()]
    return "".join(lines) + f"{place},,\n"


def main(program, folder):
    content = pathlib.Path(program).read_bytes()
    tag = platform_tag(content)
    files = entries(content, tag)
    place = f"sagewright-{version()}.dist-info/RECORD"
    files[place] = (record(files, place).encode(), PLAIN)
    wheel = pathlib.Path(folder) / f"sagewright-{version()}-py3-none-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (content, mode) in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = mode
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    print(wheel)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Python environments of what stands beside ours here: one for each lock file and Python, made once."""
import hashlib
import pathlib
import subprocess
import sys

ENVIRONMENTS = pathlib.Path(__file__).resolve().parent.parent / ".cache/venv"
# Hexadecimal digits of the lock's hash that name the folder, so that a changed lock makes a new one.
DIGITS = 16


def environment(lock, maker=sys.executable):
    """The Python that has what a lock names, made by another one. One without its mark was interrupted.

    Locks are whole, and what some packages ask for contradicts others (sagemaker-containers wants the
    Flask of 2019, its container brings a later one), so pip is not to look for what they depend on.
    """
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:DIGITS]
    folder = ENVIRONMENTS / f"{lock.stem}-{pathlib.Path(maker).resolve().name}-{digest}"
    python, mark = folder / "bin/python", folder / "complete"
    if not mark.exists():
        subprocess.run([maker, "-m", "venv", "--clear", folder], check=True)
        install = ["install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([python, "-m", "pip", *install, "--require-hashes", "-r", lock], check=True)
        mark.touch()
    return python

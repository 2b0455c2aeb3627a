"""Python environments of what stands beside ours here: one for each lock file, made once."""
import hashlib
import pathlib
import subprocess
import venv

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent.parent / ".cache/venv"
# Hexadecimal digits of the lock's hash that name the folder, so that a changed lock makes a new one.
DIGITS = 16


def environment(name):
    """The Python that has what `name`.lock names. One without its mark was interrupted."""
    lock = HERE / f"{name}.lock"
    folder = ENVIRONMENTS / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:DIGITS]}"
    python, mark = folder / "bin/python", folder / "complete"
    if not mark.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-input",
                        "--disable-pip-version-check", "--require-hashes", "-r", lock], check=True)
        mark.touch()
    return python

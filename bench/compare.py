"""The comparisons: `cargo xtask bench [start] [training] [invoke]`, all of them by default.

Each number is the median of nine. Beside a number of ours stands what it is compared with, or what
nothing on this machine can be faster than; all of them were measured in this one run.
"""
import pathlib
import platform
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

import invoke
import start
import training
from harness.server import Server

PARTS = {"start": start, "training": training, "invoke": invoke}


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no comparison is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    print(f"{platform.machine()}, Linux {platform.release()}, medians of nine")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        library = Server(folder / "library")
        library.data.mkdir()
        library.command("runtimes", "prefetch", "xgboost")
        for part in names or PARTS:
            PARTS[part].compare(folder, library.data)


if __name__ == "__main__":
    main(sys.argv[1:])

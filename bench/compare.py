"""The comparisons: `cargo xtask bench [PART…]`, where `xgboost` stands for all that is about it.

Each number is the median of nine where nothing else is said. Beside a number of ours stands what it
is compared with, or what nothing on this machine can be faster than, measured in the same run.
"""
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

import invoke
import rivals
import start
import training
from harness.server import Server


def program(name):
    """A comparison that is a program of its own."""
    def compare(_, library):
        environment = os.environ | {"SAGEWRIGHT_LIB": str(library / "lib")}
        subprocess.run([ROOT / "bench/xgboost" / name], check=True, env=environment)

    return types.SimpleNamespace(compare=compare)


PARTS = {"start": start, "training": training, "invoke": invoke, "forest": program("forest"),
         "transform": program("transform"), "rivals": rivals}
DEFAULT = ["start", "training", "invoke"]
XGBOOST = ["forest", "training", "invoke", "transform", "rivals"]


def main(names):
    names = [part for name in names or DEFAULT for part in (XGBOOST if name == "xgboost" else [name])]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no comparison is called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    print(f"{platform.machine()}, Linux {platform.release()}, medians of nine")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        library = Server(folder / "library")
        library.data.mkdir()
        library.command("runtimes", "prefetch", "xgboost")
        for part in names:
            PARTS[part].compare(folder, library.data)


if __name__ == "__main__":
    main(sys.argv[1:])

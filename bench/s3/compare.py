"""S3, beside what people run today: `cargo xtask bench s3 [--million] [--training] [--without NAME]`.

One server runs at a time, and every one gets the same requests from the same load generator. CPU is
the server's own, from `/proc`. The numbers also go to `target/s3.json`.
"""
import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "conformance")]

import channel
import stores
from limits import GIB, limits, raw
from measure import heading

CONNECTIONS = 16
LISTED = 100_000
LARGE_REPEATS = 3
# Keys that one run of the load generator signs and puts.
FILL = 50_000
MILLION = 1_000_000
STORES = {"sagewright": stores.sagewright, "seaweed": stores.seaweed, "moto": stores.moto}


@dataclasses.dataclass
class Row:
    what: str
    unit: str
    bar: float | None = None
    most: bool = True

    def verdict(self, value):
        if self.bar is None:
            return ""
        met = value <= self.bar if self.most else value >= self.bar
        return "met" if met else "MISSED"


ROWS = {
    "put_1": Row("PUT of 4 KiB, 1 connection", "/s"),
    "put": Row(f"PUT of 4 KiB, {CONNECTIONS} connections", "/s"),
    "put_to_raw": Row("  to the rate of raw", "x", 0.25, most=False),
    "put_cpu": Row("  server CPU, a request", "ms", 0.4),
    "get_1": Row("GET of 4 KiB, 1 connection", "/s"),
    "get": Row(f"GET of 4 KiB, {CONNECTIONS} connections", "/s"),
    "get_cpu": Row("  server CPU, a request", "ms", 0.15),
    "unsigned_s": Row("PUT of 1 GiB, unsigned payload", "s"),
    "unsigned_cpu": Row("  server CPU", "s", 3.5),
    "signed_s": Row("PUT of 1 GiB, signed payload", "s"),
    "signed_cpu": Row("  server CPU", "s", 4.5),
    "download_s": Row("GET of 1 GiB", "s"),
    "download_cpu": Row("  server CPU", "s", 1.2),
    "list_page_cpu": Row("list a page of 1,000 keys, server CPU", "ms"),
    "list_cpu": Row("  100,000 keys, page by page", "s", 1.0),
    "million_page_cpu": Row("  a page of 1,000,000 keys", "ms"),
    "million_to_page": Row("  to a page of 100,000 keys", "x", 1.1),
    "memory": Row("resident memory after all of it", "MB", 100),
    "memory_most": Row("  at its most", "MB"),
    "encrypted_put": Row("encrypted PUT of 1 GiB, CPU to plain", "x", 1.3),
    "encrypted_get": Row("encrypted GET of 1 GiB, CPU to plain", "x", 1.3),
    "training_s": Row("training on 273 MB, encrypted to plain", "x", 1.3),
    "training_cpu": Row("  CPU", "x", 1.3),
}


def main():
    arguments = parse()
    (ROOT / "target").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "target", prefix="s3-") as name:
        folder = pathlib.Path(name)
        heading("S3: limits of this machine")
        bounds = limits(folder)
        for what, value in bounds.items():
            print(f"  {what:<46}{value:>9.3f}", flush=True)
        found = {name: measured(name, folder, arguments) for name in STORES if name not in arguments.without}
        if "sagewright" in found:
            found["sagewright"] |= encrypted(found["sagewright"], folder)
            if arguments.training:
                found["sagewright"] |= channel.compare(folder)
    table(found)
    (ROOT / "target/s3.json").write_text(json.dumps({"limits": bounds, "stores": found}, indent=1))


def parse():
    parser = argparse.ArgumentParser(prog="cargo xtask bench s3", description=__doc__.splitlines()[0])
    parser.add_argument("--million", action="store_true", help="list 1,000,000 keys too: two minutes to load")
    parser.add_argument("--training", action="store_true", help="train on an encrypted channel too")
    parser.add_argument("--without", action="append", default=[], choices=STORES, help="leave one out")
    return parser.parse_args()


def measured(name, folder, arguments):
    heading(f"S3: {name}")
    with STORES[name](folder / name) as store:
        numbers = small(store, folder) | large(store) | listing(store)
        if arguments.million and name == "sagewright":
            numbers |= million(store, numbers)
        numbers["memory"], numbers["memory_most"] = store.memory()
    for key, value in numbers.items():
        print(f"  {ROWS[key].what:<46}{value:>9.3f} {ROWS[key].unit}", flush=True)
    return numbers


def small(store, folder):
    """Rates and CPU: medians of runs, each with keys of its own, read in the order of writing."""
    def run(action, connections):
        runs = [store.load(action, f"{connections}-{repeat}-", 0, store.small, "--connections", connections)
                for repeat in range(store.repeats)]
        return [statistics.median(run[number] for run in runs) for number in ("requests_per_second", "cpu_us")]

    numbers = {}
    for action in ("put", "get"):
        numbers[f"{action}_1"], _ = run(action, 1)
        numbers[action], cpu = run(action, CONNECTIONS)
        numbers[f"{action}_cpu"] = cpu / 1000
        if action == "put" and store.server:
            numbers["put_to_raw"] = numbers["put"] / raw(folder)[0]
    return numbers


def large(store, repeats=LARGE_REPEATS):
    """Seconds of time and of the server's CPU."""
    numbers = {}
    for name, call in {"unsigned": ["upload", GIB], "signed": ["upload", GIB, "--signed"],
                       "download": ["download", GIB]}.items():
        runs = [store.load(*call) for _ in range(min(repeats, store.repeats))]
        numbers[f"{name}_s"] = statistics.median(run["seconds"] for run in runs)
        numbers[f"{name}_cpu"] = statistics.median(run["cpu_seconds"] for run in runs)
    return numbers


def listing(store):
    """A pass is a few of the clock's ticks long, so that one alone tells little."""
    fill(store, 0, store.listed)
    passes = [store.load("list", "list-", store.listed)["cpu_seconds"] for _ in range(store.repeats)]
    listed = statistics.median(passes)
    return {"list_page_cpu": 1000 * listed / (store.listed / 1000)} | ({"list_cpu": listed} if store.listed == LISTED else {})


def million(store, numbers):
    fill(store, store.listed, MILLION)
    page = 1000 * store.load("list", "list-", MILLION)["cpu_seconds"] / (MILLION / 1000)
    return {"million_page_cpu": page, "million_to_page": page / numbers["list_page_cpu"]}


def fill(store, first, end):
    for start in range(first, end, FILL):
        store.load("put", "list-", start, min(FILL, end - start), "--connections", CONNECTIONS, "--size", 16)


def encrypted(plain, folder):
    try:
        with stores.sagewright(folder / "encrypted", encrypted=True) as store:
            numbers = large(store)
    except stores.NotKnown as setting:
        print(f"\n  no encrypted rows: this server has no setting {setting}")
        return {}
    return {"encrypted_put": numbers["unsigned_cpu"] / plain["unsigned_cpu"],
            "encrypted_get": numbers["download_cpu"] / plain["download_cpu"]}


def table(found):
    """Ours, its bar, and each rival with how many times ours its number is."""
    heading("S3: the same, beside each other")
    print(f"  {'':<42}{'bar':>8}{'':>8}" + "".join(f"{name:>13}{'':>8}" for name in found))
    ours = found.get("sagewright", {})
    for key, row in ROWS.items():
        values = {name: numbers.get(key) for name, numbers in found.items()}
        if all(value is None for value in values.values()):
            continue
        verdict = row.verdict(ours[key]) if key in ours else ""
        bar = "" if row.bar is None else f"{row.bar:g}"
        cells = "".join(cell(values[name], ours.get(key), row.unit, name) for name in found)
        print(f"  {row.what:<42}{bar:>8}{verdict:>8}{cells}".rstrip())


def cell(value, ours, unit, name):
    if value is None:
        return f"{'-':>13}{'':>8}"
    ratio = f" {value / ours:.2f}x" if ours and name != "sagewright" else ""
    places = 3 if value < 10 else 1 if value < 1000 else 0
    return f"{value:>{12 - len(unit)}.{places}f} {unit}{ratio:<8}"


if __name__ == "__main__":
    main()

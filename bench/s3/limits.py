"""What no store on this machine can beat: each is the least of work that a request cannot do without."""
import hashlib
import json
import mmap
import os
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from measure import durable_write

GIB = 1 << 30
BLOCK = 1 << 20
RAW = Path(os.environ["ECHO_BIN"]).with_name("raw")
RAW_ROWS = 8_000
RAW_RUNS = 5


def limits(folder):
    """Seconds of CPU for 1 GiB, except where the name says something else."""
    block = os.urandom(BLOCK)
    received, sent = loopback(block)
    return {
        "MD5 of 1 GiB": cpu(lambda: hashed("md5", block)),
        "SHA-256 of 1 GiB": cpu(lambda: hashed("sha256", block)),
        "copy 1 GiB in memory": cpu(lambda: copied(block)),
        "receive 1 GiB over loopback": received,
        "send 1 GiB over loopback": sent,
        "write 1 GiB to a file, and sync it": cpu(lambda: written(folder, block)),
        "one synced write of 4 KiB, ms of time": 1000 * durable_write(folder),
    }


def raw(folder):
    """Rows a second and CPU of one, µs: the medians of five runs, each with a file of its own."""
    def run(number):
        place = folder / f"raw-{number}"
        place.mkdir()
        done = subprocess.run([RAW, place, str(RAW_ROWS)], check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    runs = [run(number) for number in range(RAW_RUNS)]
    return [statistics.median(run[number] for run in runs) for number in ("requests_per_second", "cpu_us")]


def cpu(act):
    """Of this thread only."""
    start = time.thread_time()
    act()
    return time.thread_time() - start


def hashed(algorithm, block):
    digest = hashlib.new(algorithm)
    for _ in range(GIB // BLOCK):
        digest.update(block)
    return digest.digest()


def copied(block):
    # Over a place larger than the caches, as bodies are.
    place = mmap.mmap(-1, 64 * BLOCK)
    for number in range(GIB // BLOCK):
        start = number % 64 * BLOCK
        place[start:start + BLOCK] = block


def written(folder, block):
    with open(folder / "written", "wb", buffering=0) as file:
        for _ in range(GIB // BLOCK):
            file.write(block)
        os.fdatasync(file.fileno())
    (folder / "written").unlink()


def loopback(block):
    """What each side of a connection spends."""
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    receiver, _ = listener.accept()
    spent = {}
    thread = threading.Thread(target=lambda: spent.update(sent=cpu(lambda: send(sender, block))))
    thread.start()
    received = cpu(lambda: receive(receiver))
    thread.join()
    return received, spent["sent"]


def send(sender, block):
    for _ in range(GIB // BLOCK):
        sender.sendall(block)
    sender.close()


def receive(receiver):
    place = bytearray(BLOCK)
    while receiver.recv_into(place):
        pass

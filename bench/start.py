"""From `sagewright up` to the first answered request, and what an idle server holds in memory."""
import pathlib
import time

from harness import server as harness
from harness.server import BINARY, Server
from measure import durable_write, heading, median, program_start, show, timed

# Between two looks whether it answers: small beside what is measured.
LOOK = 0.001
# What starting needed is given back by then.
SETTLED = 2.0


def compare(folder, _library):
    harness.LOOK = LOOK
    heading("start")
    show("first start to first answer", 1000 * median(first_start(folder)), "ms", "aim 300")
    again = Server(folder / "again")
    again.start().stop()
    show("start to first answer", 1000 * median(later_start(again)), "ms", "aim 150")
    show("limit: the program mapped, run and ended", 1000 * program_start(BINARY), "ms")
    show("limit of the first: one synced write of 4 KiB", 1000 * durable_write(folder), "ms")
    show("idle memory", median(idle_memory(again)), "MiB", "aim 40")


def first_start(folder):
    """Keys, the certificate authority and the databases are made."""
    def act(number):
        server = Server(folder / f"first-{number}")
        took = timed(server.start)
        server.stop()
        return took

    return act


def later_start(server):
    def act(_):
        took = timed(server.start)
        server.stop()
        return took

    return act


def idle_memory(server):
    def act(_):
        server.start()
        time.sleep(SETTLED)
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        server.stop()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    return act

"""How the comparisons measure, and what they print. No number is asserted anywhere."""
import os
import pathlib
import statistics
import subprocess
import time

NINE = 9
# Of `/proc/PID/stat`, in seconds.
TICK = 1 / os.sysconf("SC_CLK_TCK")
# Fields 14 to 17 of `/proc/PID/stat`, counted from the one after the command's name.
UTIME, STIME, CUTIME, CSTIME = range(11, 15)


def medians(act, times=NINE):
    """The median of each number that `act(number)` returns."""
    columns = zip(*(act(number) for number in range(times)))
    return [statistics.median(column) for column in columns]


def median(act, times=NINE):
    return medians(lambda number: [act(number)], times)[0]


def timed(act):
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def cpu_with_children(pid):
    """Seconds of CPU of a process and of all its descendants that have ended."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rsplit(") ", 1)[1].split()
    return TICK * sum(int(fields[place]) for place in (UTIME, STIME, CUTIME, CSTIME))


def memory(pid):
    """Bytes resident, and those of them in proportion to how many processes share them."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {name[:-1]: 1024 * int(size) for name, size, *_ in fields if name in ("Rss:", "Pss:")}


def durable_write(folder):
    """The least that something acknowledged costs: 4 KiB, appended and synced."""
    page = bytes(4096)
    descriptor = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(_):
        return timed(lambda: (os.write(descriptor, page), os.fsync(descriptor)))

    try:
        return median(write)
    finally:
        os.close(descriptor)


def program_start(program):
    """The least that a start costs: the same program, mapped and run to its first line."""
    return median(lambda _: timed(lambda: subprocess.run(
        [program, "version"], check=True, stdout=subprocess.DEVNULL)))


def heading(what):
    one, five, _ = os.getloadavg()
    print(f"\n{what}    (load average {one:.1f}, {five:.1f} on {os.cpu_count()} cores)", flush=True)


def show(what, value, unit, beside=""):
    places = 3 if value < 10 else 1 if value < 1000 else 0
    print(f"  {what:<46}{value:>9.{places}f} {unit:<5}{beside}".rstrip(), flush=True)

"""CPU time and memory of processes and their children (Linux)."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, also of children that ended."""
    return _over_family(pid, _own_cpu_seconds)


def memory(pid: int) -> float:
    """Return the resident memory in MB."""
    return _over_family(pid, lambda each: _status(each, "VmRSS"))


def own_memory(pid: int) -> float:
    """Return the proportional memory (PSS) in MB, which can be added up."""
    return _over_family(pid, lambda each: _in_file(f"/proc/{each}/smaps_rollup", "Pss"))


def peak_memory(pid: int) -> float:
    """Return the peak memory in MB since `forget_peak`."""
    return _over_family(pid, lambda each: _status(each, "VmHWM"))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _over_family(pid: int, figure: Callable[[int], float]) -> float:
    total = figure(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):  # the process may have ended
            total += _over_family(int(child), figure)
    return total


def _own_cpu_seconds(pid: int) -> float:
    # proc_pid_stat(5): utime, stime, cutime, cstime; the name before them may contain anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def _status(pid: int, name: str) -> float:
    return _in_file(f"/proc/{pid}/status", name)


def _in_file(path: str, name: str) -> float:
    for line in Path(path).read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)

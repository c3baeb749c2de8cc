"""Processes that outlived their supervisor: every process leaves its pid, so the next start can end those still there.

On Linux they end with their supervisor by themselves; this is for elsewhere, and for the moment in which they do.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from jalon.errors import StartFailed


def record_process(run: Path, name: str) -> None:
    """Write down that this very process is `name` of the instance whose run folder this is."""
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = psutil.Process()
    (run / f"{name}.pid").write_text(f"{process.pid} {process.create_time()}\n", encoding="ascii")


def read_recorded(run: Path, name: str) -> int:
    """Return the pid that the process `name` left. Raises OSError or ValueError when it left none."""
    return int((run / f"{name}.pid").read_text(encoding="ascii").partition(" ")[0])


def find_leftovers(run: Path) -> dict[str, psutil.Process]:
    """Return the recorded processes that still live, by name. A pid taken over by another program does not count."""
    found = {}
    for path in sorted(run.glob("*.pid")):
        try:
            pid, _, created = path.read_text(encoding="ascii").strip().partition(" ")
            process = psutil.Process(int(pid))
            # Times of the same process, read twice, differ by rounding at most.
            if created and abs(process.create_time() - float(created)) < 1:
                found[path.stem] = process
        except (psutil.Error, ValueError, OSError):
            continue
    return found


def stop_leftovers(run: Path, *, seconds: float = 30) -> list[str]:
    """End the recorded processes that still live and return their names; raises StartFailed when one will not end."""
    leftovers = find_leftovers(run)
    for process in leftovers.values():
        _signal(process, "terminate")
    _, alive = psutil.wait_procs(list(leftovers.values()), timeout=seconds)
    for process in alive:
        _signal(process, "kill")
    _, alive = psutil.wait_procs(alive, timeout=5)
    if alive:
        raise StartFailed(f"Process {alive[0].pid} of an earlier run does not end: end it, then start again.")
    for path in run.glob("*.pid"):
        path.unlink(missing_ok=True)
    return list(leftovers)


def _signal(process: psutil.Process, how: str) -> None:
    try:
        getattr(process, how)()
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise StartFailed(f"Process {process.pid} of an earlier run is another user's: end it as that user.") from None

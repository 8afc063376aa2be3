"""Dashboard, alerts and guide name exactly the metrics that exist."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from prometheus_client import REGISTRY, Metric
from prometheus_client.metrics import MetricWrapperBase
from ruamel.yaml import YAML
from sqlalchemy import text

import workers.main  # noqa: F401 - the figures of the worker
from app import cli
from app.core.db.database import Database
from app.core.job_runs import JobRun
from app.core.observability.metrics import PROBLEMS
from app.health.figures import Figures, LookedUp
from app.health.repository import OPEN, Due, OutboxState
from app.settings import Settings
from tests.health.figures import figures
from tools.write_permissions import documented_app
from workers.settings import calendar

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "observability"
GUIDE = ROOT / "docs" / "operations.md"
NOW = datetime(2026, 11, 23, tzinfo=UTC)

SERIES = re.compile(r"\bvms_[a-z_]+(?:\{[^}]*\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
SUFFIXES = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_count", "_sum"],
    "summary": ["_count", "_sum"],
}
SQL = re.compile(r"```sql\n(.*?)```", re.DOTALL)
GROUPED = re.compile(r"by \(([^)]*)\)")
# What Prometheus adds to each series.
TARGET = {"job", "instance", "le"}


def series() -> dict[str, set[str]]:
    """Return every series of the service with its labels, as Prometheus reads it."""
    told: dict[str, set[str]] = {}
    for metric, labels in (*_counted(), *_looked_up()):
        for suffix in SUFFIXES[metric.type]:
            told[metric.name + suffix] = labels
    return {name: labels for name, labels in told.items() if name.startswith("vms_")}


def _counted() -> Iterator[tuple[Metric, set[str]]]:
    for collector in set(REGISTRY._names_to_collectors.values()):
        if isinstance(collector, MetricWrapperBase):
            [metric] = collector.describe()
            yield metric, set(collector._labelnames)


def _looked_up() -> Iterator[tuple[Metric, set[str]]]:
    outbox = [OutboxState(status, 1, NOW) for status in OPEN]
    jobs = [JobRun(job="close_visits", ended_at=NOW, succeeded_at=NOW)]
    for metric in Figures(
        LookedUp(NOW, Due(NOW, NOW), outbox, jobs, 0, {"working": 1}), redis_up=True
    ).asked():
        yield metric, set(metric.samples[0].labels)


def panels() -> list[dict[str, Any]]:
    board = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(FOLDER / "prometheus-rules.yml")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_asks_for_what_there_is(expression: str):
    known = series()
    used: set[str] = set()
    for selector in SERIES.findall(expression):
        name, _, matchers = selector.partition("{")
        assert name in known
        used |= known[name]
        assert {label for label, _ in MATCHER.findall(matchers)} <= known[name] | TARGET
    grouped = {label for labels in GROUPED.findall(expression) for label in labels.split(", ")}
    assert not used or grouped <= used | TARGET


async def test_what_prometheus_reads_has_every_name(http: httpx.AsyncClient, database: Database):
    told = (await figures(http)).text
    families = re.findall(r"^# TYPE (vms_\w+) (\w+)$", told, re.MULTILINE)
    names = {
        f"{name.removesuffix(suffix)}{suffix}"
        for name, kind in families
        for suffix in SUFFIXES[kind]
    }
    asked = {
        selector.partition("{")[0] for each in expressions() for selector in SERIES.findall(each)
    }
    assert asked <= names


def test_routes_codes_and_jobs_have_those_names():
    routes = {route.path or "" for route in iter_route_contexts(documented_app().routes)}
    codes = {sample.labels["code"] for metric in PROBLEMS.collect() for sample in metric.samples}
    there = {"route": routes, "code": codes, "job_name": jobs()}
    for label, values in matched():
        assert set(values.split("|")) <= there.get(label, set(values.split("|")))


def test_no_job_can_stop_unnoticed():
    [late] = [rule["expr"] for rule in rules() if rule["alert"] == "VmsJobLate"]
    watched = {name for _, values in MATCHER.findall(late) for name in values.split("|")}
    assert watched == jobs()


def jobs() -> set[str]:
    return {job.name.removeprefix("cron:") for job in calendar()}


def matched() -> Iterator[tuple[str, str]]:
    """Yield every label with the values that an expression matches."""
    for expression in expressions():
        yield from MATCHER.findall(expression)


def test_the_guide_names_every_metric():
    guide = GUIDE.read_text(encoding="utf-8")
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for name in series()}
    assert {name for name in names if f"`{name}`" not in guide} == set()
    assert {name for name in re.findall(r"`(vms_\w+)`", guide) if name not in names} == set()


def test_the_guide_says_what_to_do_about_every_alert():
    headings = re.findall(r"^#### (Vms\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_panel_has_a_title_of_its_own():
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("statement", sorted(SQL.findall(GUIDE.read_text(encoding="utf-8"))))
async def test_the_guides_sql_can_be_run(database: Database, statement: str):
    async with database.engine.connect() as connection:
        await connection.execute(text(statement))
        await connection.rollback()


def test_the_guide_names_settings_and_commands_that_there_are():
    guide = GUIDE.read_text(encoding="utf-8")
    settings = {name.upper() for name in Settings.model_fields} | {"DATABASE_URL_FILE"}
    named = {name for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)[`=]", guide) if "OTEL" not in name}
    assert named <= settings
    commands = {
        command.name or (command.callback.__name__.replace("_", "-") if command.callback else "")
        for command in cli.app.registered_commands
    } | {str(group.name) for group in cli.app.registered_groups}
    assert set(re.findall(r"`vms ([a-z][a-z-]*)", guide)) <= commands

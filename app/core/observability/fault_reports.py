"""Report unexpected errors to Sentry (the extra `vms[sentry]` and SENTRY_DSN).

Only type, place and request id are sent, since texts, values and bodies may be personal.
"""

from typing import TYPE_CHECKING

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration

from app import __version__
from app.core.observability.logging import add_fault_listener
from app.core.request_context import current_request_id

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint

# An allow list, in case the library adds fields.
REPORTED = (
    "contexts",
    "environment",
    "event_id",
    "exception",
    "level",
    "platform",
    "release",
    "sdk",
    "server_name",
    "tags",
    "timestamp",
)


def report_faults(dsn: str) -> None:
    """Report errors logged with a traceback and those that end the process."""
    sentry_sdk.init(
        dsn,
        release=f"vms@{__version__}",
        data_collection={"user_info": False, "http_bodies": [], "stack_frame_variables": False},
        max_breadcrumbs=0,
        before_send=_without_people,
        # The defaults record requests, statements and log lines.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda *_: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
        ],
    )
    add_fault_listener(_report)


def _report(error: BaseException) -> None:
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("request_id", current_request_id())
        scope.capture_exception(error)


def _without_people(event: "Event", _: "Hint") -> "Event":
    kept: Event = {name: event[name] for name in REPORTED if name in event}  # type: ignore[assignment,literal-required]
    for error in kept.get("exception", {}).get("values", []):
        error["value"] = ""
    return kept

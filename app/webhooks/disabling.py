"""What is written down when a webhook is disabled."""

from datetime import datetime

from app.audit.models import AuditAction
from app.audit.repository import WORKER, record
from app.core.db.database import WriteSession
from app.webhooks.metrics import count_disabled
from app.webhooks.models import Webhook


def record_disabled(unit: WriteSession, webhook: Webhook, now: datetime) -> None:
    """Record in the audit log and the metrics that the worker has disabled a webhook."""
    reason = str(webhook.disabled_reason)
    action, site = AuditAction.WEBHOOK_DISABLED, webhook.site_id
    record(unit, action, webhook.id, WORKER, now, site=site, reason=reason)
    count_disabled(reason)

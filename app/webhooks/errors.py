"""Errors of webhooks."""

from app.core.errors import FieldProblem, Problem


class UrlNotAllowed(FieldProblem):
    code, faulty = "url_not_allowed", "url"
    title = "Messages are only sent by https, without credentials, to addresses outside"


class WebhookDisabled(Problem):
    status, code, title = 409, "webhook_disabled", "The webhook is disabled: activate it first"

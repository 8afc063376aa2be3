"""Errors of passes, shown as HTML pages."""

from app.core.errors import Problem


class UnknownPass(Problem):
    status, code, title = 404, "unknown_pass", "Pass not found"


class ReplacedPass(Problem):
    status, code, title = (
        410,
        "replaced_pass",
        "This pass was replaced: use the one in the newest mail",
    )

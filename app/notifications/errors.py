"""What can go wrong when a mail is to be sent again."""

from app.core.errors import Problem


class NotFailed(Problem):
    """Carries `current_status`."""

    status, code, title = 409, "not_failed", "Only a mail that has failed can be sent again"

from pydantic import BaseModel

from app.core.errors import Problem
from app.notifications.models import NotificationStatus


class NotFailed(Problem):
    status, code, title = 409, "not_failed", "Only failed mails can be sent again"

    class Members(BaseModel):
        current_status: NotificationStatus


class Pointless(Problem):
    status, code, title = 409, "pointless", "The mail is outdated"

    def __init__(self) -> None:
        super().__init__(
            "The visit has changed since then or is over; a newer mail has the current facts"
        )

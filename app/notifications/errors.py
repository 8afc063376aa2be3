"""What can go wrong when a mail is to be sent again."""

from pydantic import BaseModel

from app.core.errors import Problem
from app.notifications.models import NotificationStatus


class NotFailed(Problem):
    status, code, title = 409, "not_failed", "Only a mail that has failed can be sent again"

    class Members(BaseModel):
        current_status: NotificationStatus

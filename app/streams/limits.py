"""Limits of the stream."""

from app.core.http.limits import Rule

# A page that loses its connection asks again, with growing pauses.
TICKETS = Rule("stream tickets", "60/minute")

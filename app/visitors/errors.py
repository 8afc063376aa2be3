"""Errors of bookings, other than those of slots."""

from app.core.errors import Problem


class AlreadyRegistered(Problem):
    status, code = 409, "already_registered"
    title = "This address is already registered for that hour"


# Decided by the database, since two requests may be concurrent.
ONE_FOR_AN_ADDRESS: dict[str, type[Problem]] = {"uq_visitors_self_registration": AlreadyRegistered}

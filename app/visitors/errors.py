"""Why a visit was not booked, beside what its slot says."""

from app.core.errors import Problem


class AlreadyRegistered(Problem):
    status, code, title = 409, "already_registered", "This address is registered for that hour"


# Decided by the database: two may ask at the same time.
ONE_FOR_AN_ADDRESS: dict[str, type[Problem]] = {"uq_visitors_self_registration": AlreadyRegistered}

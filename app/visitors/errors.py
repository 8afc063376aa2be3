from app.core.errors import Problem


class AlreadyRegistered(Problem):
    status, code = 409, "already_registered"
    title = "This address is already registered for that hour"


# The database decides, since two requests may be concurrent.
ONE_FOR_AN_ADDRESS: dict[str, type[Problem]] = {"uq_visitors_self_registration": AlreadyRegistered}

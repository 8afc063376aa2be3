"""Errors of sites and closures."""

from app.core.errors import Problem, UnknownReference


class ClosureExists(Problem):
    status, code, title = 409, "closure_exists", "The site is already closed on that day"


class UnknownSite(UnknownReference):
    """The site of a visit or slot does not exist."""

    refers_in, message = "site", "There is no such site"

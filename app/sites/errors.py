"""Errors of sites and closures."""

from app.core.errors import Problem


class ClosureExists(Problem):
    status, code, title = 409, "closure_exists", "The site is already closed on that day"

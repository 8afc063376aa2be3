"""Why a site or a closure was not changed."""

from app.core.errors import Problem


class ClosureExists(Problem):
    status, code, title = 409, "closure_exists", "The site is closed on that day already"

"""Why there is no pass to be seen. Visitors get them as pages (`problem_pages.py`)."""

from app.core.errors import Problem


class UnknownPass(Problem):
    status, code, title = 404, "unknown_pass", "There is no pass here"


class ReplacedPass(Problem):
    status, code, title = (
        410,
        "replaced_pass",
        "This pass was replaced: the newest mail has the one that counts",
    )

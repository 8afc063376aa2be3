"""Errors of accounts."""

from app.core.errors import Problem


class EmailTaken(Problem):
    status, code, title = 409, "email_taken", "An account with this e-mail address already exists"


class NameLooksTaken(Problem):
    status, code = 409, "name_looks_taken"
    title = "Another account has a name that looks the same"


class LastSuperadmin(Problem):
    status, code, title = 409, "last_superadmin", "The last superadmin cannot be removed"

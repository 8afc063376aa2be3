"""What an account can't be made or changed into."""

from app.core.errors import Problem


class EmailTaken(Problem):
    status, code, title = 409, "email_taken", "There is an account with that e-mail address"


class NameLooksTaken(Problem):
    status, code = 409, "name_looks_taken"
    title = "Another account has a name that looks the same and is written otherwise"


class LastSuperadmin(Problem):
    status, code, title = 409, "last_superadmin", "Nobody would be left to run the installation"

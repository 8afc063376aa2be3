"""Errors of accounts."""

from app.core.errors import FieldProblem, Problem, UnknownReference


class EmailTaken(Problem):
    status, code, title = 409, "email_taken", "An account with this e-mail address already exists"


class NameLooksTaken(Problem):
    status, code = 409, "name_looks_taken"
    title = "Another account has a name that looks the same"


class LastSuperadmin(Problem):
    status, code, title = 409, "last_superadmin", "The last superadmin cannot be removed"


class SitesRequired(FieldProblem):
    code, title, faulty = "sites_required", "Name the sites, or null for all of them", "sites"


class SitesNotForRole(FieldProblem):
    code, title, faulty = "sites_not_for_role", "This role belongs to no site", "sites"


class UnknownSites(UnknownReference):
    """A site of an account does not exist."""

    refers_in, message = "sites", "This site does not exist"

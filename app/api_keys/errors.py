"""Errors of API keys."""

from app.core.errors import FieldProblem, Problem


class ScopeNotForKeys(FieldProblem):
    code, title, faulty = "scope_not_for_keys", "A key cannot have one of these scopes", "scopes"


class NetworkNotAllowed(Problem):
    status, code = 403, "network_not_allowed"
    title = "The key is not allowed from this network"

"""What of the rows a caller reaches, as a value and as SQL."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, Uuid, any_, bindparam, or_
from sqlalchemy.dialects.postgresql import ARRAY

PARAMETERS = ("scope_site", "scope_sites", "scope_host", "scope_hosts")


@dataclass(frozen=True, slots=True)
class Scope:
    """The sites whose rows a caller reaches, and the hosts whose visits; None is no limit.

    With a limit of sites, visits of the hosts `besides` are reached at every site.
    """

    sites: frozenset[UUID] | None = None
    hosts: frozenset[UUID] | None = None
    besides: frozenset[UUID] = frozenset()

    @property
    def only_site(self) -> UUID | None:
        """Return the site, if there is exactly one."""
        return next(iter(self.sites)) if self.sites and len(self.sites) == 1 else None

    @property
    def of_own_sites(self) -> "Scope":
        """Return the scope of figures, which are counted by site: without the hosts `besides`."""
        return replace(self, besides=frozenset())

    def has_site(self, site_id: UUID | None) -> bool:
        """Return whether a site is in scope; a row of no site is only without a limit."""
        return self.sites is None or site_id in self.sites

    def has_sites(self, site_ids: Iterable[UUID] | None) -> bool:
        """Return whether all of some sites are in scope; None stands for every site."""
        return self.sites is None or (site_ids is not None and self.sites.issuperset(site_ids))

    def meets(self, site_ids: Iterable[UUID] | None) -> bool:
        """Return whether one of some sites is in scope; None stands for every site."""
        return self.sites is None or site_ids is None or not self.sites.isdisjoint(site_ids)

    def has_visit(self, site_id: UUID | None, host_id: UUID | None) -> bool:
        """Return whether rows of a site and a host are in scope, as `of_visits` selects them."""
        if self.besides and self.sites is not None:
            return site_id in self.sites or host_id in self.besides
        return self.has_site(site_id) and (self.hosts is None or host_id in self.hosts)

    def parameters(self, *, at: UUID | None = None) -> dict[str, Any]:
        """Return the parameters of `limits` that apply, by name.

        Their names are the shape of a statement. `at` is a site that it is limited to anyway.
        """
        is_there = at is not None and self.has_site(at)
        if self.besides and self.sites is not None and not is_there:
            return {"scope_reach": sorted(self.sites | self.besides)}
        sites = {} if is_there else _named("scope_site", self.sites)
        return sites | _named("scope_host", self.hosts)

    def of_sites(self, site: SQLColumnExpression[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions of rows that belong to a site."""
        return [_limit(name, site, ids) for name, ids in _named("scope_site", self.sites).items()]

    def of_visits(
        self, site: SQLColumnExpression[Any], host: SQLColumnExpression[Any]
    ) -> list[ColumnElement[bool]]:
        """Return the conditions of rows that belong to a site and a host."""
        if self.besides and self.sites is not None:
            return [_reach(site, host, self.parameters()["scope_reach"])]
        at_hosts = _named("scope_host", self.hosts).items()
        return [*self.of_sites(site), *(_limit(name, host, ids) for name, ids in at_hosts)]


def limits(
    site: SQLColumnExpression[Any], host: SQLColumnExpression[Any]
) -> dict[str, ColumnElement[bool]]:
    """Return each condition of a scope by the name of its parameter."""
    columns = {"scope_site": site, "scope_host": host}
    one = {name: _limit(name, columns[name.rstrip("s")]) for name in PARAMETERS}
    return {**one, "scope_reach": _reach(site, host)}


def _reach(
    site: SQLColumnExpression[Any], host: SQLColumnExpression[Any], value: Any = None
) -> ColumnElement[bool]:
    """Match rows of a site or of a host; no site has the id of a host."""
    ids = bindparam("scope_reach", value, type_=ARRAY(Uuid()))
    return or_(site == any_(ids), host == any_(ids))


def _limit(name: str, column: SQLColumnExpression[Any], value: Any = None) -> ColumnElement[bool]:
    """Return one condition; one id is compared, since only then an index has the rows in order."""
    if name.endswith("s"):
        return column == any_(bindparam(name, value, type_=ARRAY(Uuid())))
    return column == bindparam(name, value, type_=Uuid())


def _named(name: str, ids: frozenset[UUID] | None) -> dict[str, Any]:
    if ids is None:
        return {}
    return {name: next(iter(ids))} if len(ids) == 1 else {f"{name}s": sorted(ids)}


EVERYTHING = Scope()
"""The scope of the worker and of callers without a limit."""

"""Roles and sites by the groups of the directory (`OIDC_ROLE_MAP`)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.directory_settings import ALL_SITES, SITE_ROLES, Grant
from app.users.models import Role, User

SiteNames = Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Rights:
    """A role and its sites; null means all, or that the role has none."""

    role: Role
    sites: tuple[UUID, ...] | None = None

    def are_of(self, user: User) -> bool:
        """Return whether an account has these rights."""
        sites = None if user.sites is None else frozenset(user.sites)
        mine = None if self.sites is None else frozenset(self.sites)
        return (user.role, sites) == (self.role, mine)

    def give(self, user: User) -> None:
        """Give an account these rights."""
        user.role = self.role
        user.sites = None if self.sites is None else list(self.sites)


HOST = Rights(Role.HOST)


def rights_of(groups: Collection[str], grants: Mapping[str, Grant], sites: SiteNames) -> Rights:
    """Return the highest role that the groups give, with all its sites.

    A group of which no site is left makes a host.
    """
    by_role: dict[Role, list[Rights]] = {}
    for group in groups:
        if group in grants and (found := _rights(grants[group], sites)) is not None:
            by_role.setdefault(found.role, []).append(found)
    highest = next((by_role[role] for role in Role if role in by_role), [HOST])
    return _together(highest)


def _rights(grant: Grant, sites: SiteNames) -> Rights | None:
    role = Role(grant.role)
    if grant.role not in SITE_ROLES or grant.sites == ALL_SITES:
        return Rights(role)
    found = _known_sites(grant.sites or (), sites)
    return Rights(role, found) if found else None


def _together(rights: Sequence[Rights]) -> Rights:
    """Return one role with the sites of all; one without a limit has none."""
    if any(each.sites is None for each in rights):
        return Rights(rights[0].role)
    found = {site for each in rights for site in each.sites or ()}
    return Rights(rights[0].role, tuple(sorted(found)))


def _known_sites(named: Sequence[str], sites: SiteNames) -> tuple[UUID, ...]:
    return tuple(id_ for id_, name in sites.items() if not {name, str(id_)}.isdisjoint(named))


def unknown_sites(grants: Mapping[str, Grant], sites: SiteNames) -> list[str]:
    """Return the sites that the map names and that do not exist."""
    known = {*sites.values(), *map(str, sites)}
    return sorted({name for name in _named(grants) if name not in known})


def warnings_of_rename(grants: Mapping[str, Grant], former: str, name: str) -> list[str]:
    """Return a sentence for each group that loses a site when it gets another name."""
    if former == name:
        return []
    return [
        f"OIDC_ROLE_MAP names the site {former} for the group {group}: write {name} there, or its"
        " id, or the group no longer gives this site"
        for group, grant in grants.items()
        if grant.sites != ALL_SITES and former in (grant.sites or ())
    ]


def _named(grants: Mapping[str, Grant]) -> Iterator[str]:
    for grant in grants.values():
        if grant.sites != ALL_SITES:
            yield from grant.sites or ()

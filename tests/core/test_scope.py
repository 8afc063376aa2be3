"""What a caller reaches, as a value."""

from uuid import UUID

from app.auth.caller import ANONYMOUS, Caller, CallerRole
from app.core.db.scope import EVERYTHING, PARAMETERS, Scope, limits
from app.visitors.models import Visitor

A, B, C = (UUID(int=number) for number in (1, 2, 3))
ONE, TWO = Scope(frozenset({A})), Scope(frozenset({A, B}))


def test_without_a_limit_everything_is_in_scope():
    assert EVERYTHING.has_site(A)
    assert EVERYTHING.has_site(None)
    assert EVERYTHING.has_sites(None)
    assert EVERYTHING.parameters() == {}
    assert EVERYTHING.of_visits(Visitor.site_id, Visitor.host_id) == []


def test_a_limit_has_its_sites_alone():
    assert [TWO.has_site(site) for site in (A, B, C, None)] == [True, True, False, False]
    assert [TWO.has_sites(sites) for sites in ([A], [A, B], [A, C], None)] == [
        True,
        True,
        False,
        False,
    ]
    assert [ONE.meets(sites) for sites in ([A, B], [B], None)] == [True, False, True]
    assert (ONE.only_site, TWO.only_site, EVERYTHING.only_site) == (A, None, None)


def test_no_site_is_less_than_every_site():
    nothing = Scope(frozenset())
    assert not nothing.has_site(A)
    assert nothing.parameters() == {"scope_sites": []}


def test_one_id_is_compared_and_several_are_listed():
    assert ONE.parameters() == {"scope_site": A}
    assert TWO.parameters() == {"scope_sites": [A, B]}
    assert Scope(hosts=frozenset({C})).parameters() == {"scope_host": C}
    assert Scope(frozenset({A}), besides=frozenset({C})).parameters() == {"scope_reach": [A, C]}
    found = limits(Visitor.site_id, Visitor.host_id)
    assert found.keys() == {*PARAMETERS, "scope_reach"}


def test_an_asked_site_replaces_the_limit_only_within_it():
    assert TWO.parameters(at=A) == {}
    assert TWO.parameters(at=C) == TWO.parameters()


def test_a_host_reaches_own_and_represented_visits():
    host = Caller(CallerRole.HOST, A, "Ada", acts_for=frozenset({B}))
    assert host.scope == Scope(hosts=frozenset({A, B}))
    assert host.scope.has_site(C)


def test_sites_limit_only_roles_that_have_them():
    sites = frozenset({A})
    limited = {role for role in CallerRole if Caller(role, B, "", sites=sites).scope.sites}
    staff = {CallerRole.ADMIN, CallerRole.RECEPTIONIST, CallerRole.GUARD}
    assert limited == {*staff, CallerRole.KEY}
    assert ANONYMOUS.scope == EVERYTHING

"""Whose address a request comes from."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.client_address import ProxyTrust

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
forwarded_for = ProxyTrust(TRUSTED)
forwarded = ProxyTrust(TRUSTED, "forwarded")


def test_without_trusted_proxies_the_header_is_not_read():
    assert ProxyTrust().client_address("192.0.2.1", ["203.0.113.9"]) == "192.0.2.1"


def test_a_stranger_is_not_believed():
    assert forwarded_for.client_address("192.0.2.1", ["203.0.113.9"]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        (["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["203.0.113.9:4711"], "203.0.113.9"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["::ffff:203.0.113.9"], "203.0.113.9"),
        (["203.0.113.9, unknown"], "10.0.0.1"),
        (["203.0.113.9, "], "10.0.0.1"),
        (["x" * 5000], "10.0.0.1"),
    ],
)
def test_the_right_most_stranger_is_the_client(lines: list[str], client: str):
    assert forwarded_for.client_address("10.0.0.1", lines) == client


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["for=203.0.113.9"], "203.0.113.9"),
        (["For=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
        (['for=1.1.1.1, for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (["for=203.0.113.9, for=_hidden"], "10.0.0.1"),
        (["proto=https"], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_where_it_is_the_header(lines: list[str], client: str):
    assert forwarded.client_address("10.0.0.1", lines) == client


def test_an_ipv4_proxy_on_an_ipv6_socket_is_known():
    assert forwarded_for.client_address("::ffff:10.0.0.1", ["203.0.113.9"]) == "203.0.113.9"


@pytest.mark.parametrize("peer", [None, "", "testclient"])
def test_a_peer_without_an_address_is_left_as_it_is(peer: str | None):
    assert forwarded_for.client_address(peer, ["203.0.113.9"]) == peer


@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_header_breaks_it(lines: list[str]):
    for trust in (forwarded_for, forwarded):
        assert trust.client_address("10.0.0.1", lines)

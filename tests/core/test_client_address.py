"""The address of the client."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.core.http.client_address import ProxyTrust

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
forwarded_for = ProxyTrust(TRUSTED)
forwarded = ProxyTrust(TRUSTED, "forwarded")
PROXY = "10.0.0.1"


def headers(*given: tuple[str, list[str]]) -> Headers:
    raw = [(name.encode(), line.encode()) for name, lines in given for line in lines]
    return Headers(raw=raw)


def client(trust: ProxyTrust, peer: str | None, lines: list[str]) -> str | None:
    return trust.origin(peer, headers((trust.header, lines))).address


def test_without_trusted_proxies_the_header_is_not_read():
    assert client(ProxyTrust(), "192.0.2.1", ["203.0.113.9"]) == "192.0.2.1"


def test_a_stranger_is_not_believed():
    assert client(forwarded_for, "192.0.2.1", ["203.0.113.9"]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("lines", "expected"),
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
        (["fe80::1%eth0"], "10.0.0.1"),
        (["[fe80::1%" + "x" * 500 + "]:4711"], "10.0.0.1"),
        (["2001:db8::1%1, 10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_right_most_stranger_is_the_client(lines: list[str], expected: str):
    assert client(forwarded_for, PROXY, lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["for=203.0.113.9"], "203.0.113.9"),
        (["For=203.0.113.9;proto=https;by=10.0.0.1"], "203.0.113.9"),
        (['for=1.1.1.1, for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (["for=203.0.113.9, for=_hidden"], "10.0.0.1"),
        (["proto=https"], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_where_it_is_the_header(lines: list[str], expected: str):
    assert client(forwarded, PROXY, lines) == expected


def test_an_ipv4_proxy_on_an_ipv6_socket_is_known():
    assert client(forwarded_for, "::ffff:10.0.0.1", ["203.0.113.9"]) == "203.0.113.9"


def test_a_link_local_peer_loses_the_name_of_our_interface():
    assert client(ProxyTrust(), "fe80::1%eth0", []) == "fe80::1"


@pytest.mark.parametrize("peer", [None, "", "testclient"])
def test_a_peer_without_an_address_is_left_as_it_is(peer: str | None):
    assert client(forwarded_for, peer, ["203.0.113.9"]) == peer


@pytest.mark.parametrize(
    ("addresses", "schemes", "scheme"),
    [
        (["203.0.113.9"], ["https"], "https"),
        (["203.0.113.9"], ["HTTP"], "http"),
        (["203.0.113.9"], [], None),
        ([], ["https"], "https"),
        # two proxies: the outer one ended TLS
        (["203.0.113.9, 10.0.0.2"], ["https, http"], "https"),
        (["203.0.113.9, 10.0.0.2"], ["https", "http"], "https"),
        (["203.0.113.9, 10.0.0.2"], ["https"], "https"),
        # everything to the left of the client's hop was sent by the client
        (["1.1.1.1, 203.0.113.9"], ["https, http"], "http"),
        (["203.0.113.9"], ["https, http"], "http"),
        (["203.0.113.9"], ["javascript"], None),
    ],
)
def test_the_scheme_is_the_one_that_the_client_used(
    addresses: list[str], schemes: list[str], scheme: str | None
):
    given = headers(("x-forwarded-for", addresses), ("x-forwarded-proto", schemes))
    assert forwarded_for.origin(PROXY, given).scheme == scheme
    assert forwarded_for.origin("192.0.2.1", given).scheme is None
    assert forwarded.origin(PROXY, given).scheme is None


@pytest.mark.parametrize(
    ("lines", "scheme"),
    [
        (["for=203.0.113.9;proto=https"], "https"),
        (["for=203.0.113.9;proto=https, for=10.0.0.2;proto=http"], "https"),
        (["for=1.1.1.1;proto=https, for=203.0.113.9;proto=http"], "http"),
        (["proto=https"], "https"),
        (["for=203.0.113.9"], None),
    ],
)
def test_forwarded_names_the_scheme_beside_the_address(lines: list[str], scheme: str | None):
    assert forwarded.origin(PROXY, headers(("forwarded", lines))).scheme == scheme
    assert forwarded_for.origin(PROXY, headers(("forwarded", lines))).scheme is None


@given(*[st.lists(st.text(st.characters(max_codepoint=255), max_size=60), max_size=5)] * 3)
def test_no_header_breaks_it(addresses: list[str], schemes: list[str], elements: list[str]):
    given = [("x-forwarded-for", addresses), ("x-forwarded-proto", schemes)]
    raw = [
        (name.encode(), line.encode("latin-1"))
        for name, lines in [*given, ("forwarded", elements)]
        for line in lines
    ]
    for trust in (forwarded_for, forwarded):
        assert trust.origin(PROXY, Headers(raw=raw)).address

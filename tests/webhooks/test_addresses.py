"""Which addresses messages may be sent to."""

from ipaddress import ip_network

import pytest
from pydantic import HttpUrl, TypeAdapter

from app.webhooks.addresses import is_allowed
from app.webhooks.errors import UrlNotAllowed
from app.webhooks.urls import require_allowed

URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)
INSIDE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - not bound to
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
    "2001::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fec0::1",
    "3fff::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address):
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["9.9.9.9", "2606:4700::1111", "::ffff:9.9.9.9"])
def test_an_address_outside_is_allowed(address):
    assert is_allowed(address)


def test_a_network_can_be_opened():
    opened = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")]
    assert [is_allowed(each, opened) for each in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::2")] == [
        True
    ] * 3
    assert not is_allowed("10.2.0.1", opened)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::1]:8443/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com:0/",
    ],
)
def test_a_url_that_names_one_is_refused(url):
    with pytest.raises(UrlNotAllowed):
        require_allowed(str(URL.validate_python(url)), [])


def test_a_name_is_looked_up_only_later():
    require_allowed("https://localhost/", [])
    require_allowed("https://10.1.2.3/", [ip_network("10.0.0.0/8")])
    require_allowed("http://127.0.0.1:8400/", None)

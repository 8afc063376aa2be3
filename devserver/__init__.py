"""The servers and demo data of `vms dev` and the tests."""

import app  # noqa: F401 - pins the time zone database, for processes that start here too

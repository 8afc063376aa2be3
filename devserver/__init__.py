"""What `vms dev` and the tests start: PostgreSQL, Redis, a mail catcher, demo data."""

import app  # noqa: F401 - pins the time zone database, for processes that start here too

"""The world of the model test."""

import logging
from collections.abc import Iterator

import pytest

from app.settings import Settings
from devserver.mail import MailCatcher
from tests.conftest import MONDAY, TEMPLATE, recreate_database
from tests.model.world import World, running


@pytest.fixture
def world(worker_id: str, redis_url: str, catcher: MailCatcher) -> Iterator[World]:
    """Yield the application with a database of its own, since its event loop is its own."""
    settings = Settings(
        _env_file=None,
        debug=True,
        secret_key="a secret of the model test, long enough to be one",
        database_url=recreate_database(f"vms_model_{worker_id}", TEMPLATE),
        redis_url=redis_url,
        email_host=catcher.host,
        email_port=catcher.port,
        email_use_tls=False,
        bcrypt_rounds=4,
        self_registration_limit_per_address="999999/second",
        upload_limit_per_account="999999/second",
    )
    logging.disable(logging.INFO)  # of thousands of requests
    try:
        with running(settings, MONDAY) as started:
            yield started
    finally:
        logging.disable(logging.NOTSET)

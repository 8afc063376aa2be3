"""Secrets that are read again, across a change of the installation's secret."""

import pytest

from app.core.keys import KeyRing
from app.core.security.encryption import Encryption, UnreadableSecret

OLD = Encryption(KeyRing(["the former secret"]), "totp")
NEW = Encryption(KeyRing(["the present secret", "the former secret"]), "totp")


def test_a_secret_is_read_again():
    assert NEW.decrypt(NEW.encrypt("JBSWY3DP")) == "JBSWY3DP"


def test_a_former_key_still_reads():
    assert NEW.decrypt(OLD.encrypt("JBSWY3DP")) == "JBSWY3DP"


def test_a_secret_is_renewed_only_if_a_former_key_encrypted_it():
    renewed = NEW.renewed(OLD.encrypt("JBSWY3DP"))

    assert renewed is not None
    assert NEW.renewed(renewed) is None
    with pytest.raises(UnreadableSecret):
        OLD.decrypt(renewed)


def test_another_purpose_reads_nothing():
    with pytest.raises(UnreadableSecret):
        Encryption(KeyRing(["the former secret"]), "oidc").decrypt(OLD.encrypt("JBSWY3DP"))

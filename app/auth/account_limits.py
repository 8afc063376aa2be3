"""Limit attempts on an account, per network and in total."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.http.limits import Limit, Rule
from app.core.request_context import client_network
from app.core.text import account_key

# The total limit of an account, as a multiple of the limit per network.
WIDER = 10


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits per network, and per account (existing or not) and network.

    An account also has a total limit, except where it is known, so that its owner can still sign
    in.
    """

    name: str
    per_account: str
    per_address: str

    def of(self, email: str, *, known: bool) -> list[Limit]:
        here = self.here(email)
        return [here] if known else [self.of_network(), here, self._of_account(email)]

    def of_network(self) -> Limit:
        """Return the network's limit over all accounts."""
        return Rule(f"{self.name}, address", self.per_address).of(client_network())

    def here(self, email: str) -> Limit:
        """Return the limit of the account from this network."""
        return self._of_account_from(client_network(), email)

    def of_account(self, email: str, networks: Collection[str]) -> list[Limit]:
        """Return the limits of the account, in total and from these networks."""
        from_there = [self._of_account_from(network, email) for network in networks]
        return [self._of_account(email), *from_there]

    def _of_account_from(self, network: str, email: str) -> Limit:
        rule = Rule(f"{self.name}, account from there", self.per_account, shown=False)
        return rule.of(account_key(email), network)

    def _of_account(self, email: str) -> Limit:
        rule = Rule(f"{self.name}, account", self.per_account, WIDER, shown=False)
        return rule.of(account_key(email))

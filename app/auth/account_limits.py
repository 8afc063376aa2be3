"""How often an account may be asked about: by one network, and by all of them together."""

from collections.abc import Collection
from dataclasses import dataclass

from app.core.http.limits import Limit, Rule
from app.core.request_context import client_network
from app.core.text import account_key

# The limit of an account alone is so many times that from one network.
WIDER = 10


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits per network, and per account (whether it exists or not) from that network.

    A stranger so shuts an account for their own network alone. Many of them, each in another
    network, meet the wider limit of the account. Where the account is known neither that holds nor
    the limit of the network: its owner gets in, whatever comes from elsewhere, or from others here.
    """

    name: str
    per_account: str
    per_address: str

    def of(self, email: str, *, known: bool) -> list[Limit]:
        """Those that hold for the request in hand."""
        here = self.here(email)
        return [here] if known else [self.of_network(), here, self._of_account(email)]

    def of_network(self) -> Limit:
        """That of the network of the request in hand, over all accounts."""
        return Rule(f"{self.name}, address", self.per_address).of(client_network())

    def here(self, email: str) -> Limit:
        """That of the account from the network of the request in hand."""
        return self._of_account_from(client_network(), email)

    def of_account(self, email: str, networks: Collection[str]) -> list[Limit]:
        """Those of the account alone, and from these networks."""
        from_there = [self._of_account_from(network, email) for network in networks]
        return [self._of_account(email), *from_there]

    def _of_account_from(self, network: str, email: str) -> Limit:
        return Rule(f"{self.name}, account from there", self.per_account).of(
            account_key(email), network
        )

    def _of_account(self, email: str) -> Limit:
        return Rule(f"{self.name}, account", self.per_account, WIDER).of(account_key(email))

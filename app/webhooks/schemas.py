"""Request and response bodies of webhooks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, UrlConstraints

from app.core.http.etags import Tagged
from app.core.text import LEFT_OUT
from app.events.kinds import EventType
from app.events.schemas import EXTENSIBLE, LARGEST, Event
from app.webhooks import models
from app.webhooks.models import DeliveryStatus, DisabledReason, PayloadKind, WebhookStatus

EXAMPLE_URL = "https://hooks.example.com/visits"


def _each_once(types: Iterable[EventType]) -> list[EventType]:
    return list(dict.fromkeys(types))


Url = Annotated[HttpUrl, UrlConstraints(max_length=2000)]
Types = Annotated[list[EventType], Field(min_length=1, max_length=100), AfterValidator(_each_once)]


class WebhookCreate(BaseModel):
    """A receiver of events."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"url": EXAMPLE_URL, "types": ["visit.checked_in", "visit.checked_out"]}
        },
    )

    url: Url = Field(
        description="Where messages are posted: https in production, and no address inside"
    )
    types: Types
    site: UUID | None = Field(
        None, description="Default: the caller's only site, else all sites in scope"
    )
    payload: PayloadKind = Field(
        PayloadKind.THIN, description="`full` adds the record that an event is about"
    )


class WebhookUpdate(BaseModel):
    """The fields to change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"status": "active"}})

    url: Url = LEFT_OUT
    types: Types = LEFT_OUT
    site: UUID | None = LEFT_OUT
    payload: PayloadKind = LEFT_OUT
    status: WebhookStatus = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Replay(BaseModel):
    """Where a replay begins."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"after": 0}})

    after: int = Field(
        ge=0,
        le=LARGEST,
        strict=True,
        description="The `seq` of the last event that was received; 0 for the oldest kept",
    )


class Webhook(Tagged, BaseModel):
    """A webhook, without its secret."""

    outside_tag: ClassVar[frozenset[str]] = frozenset({"secret"})

    id: UUID
    url: str = Field(examples=[EXAMPLE_URL])
    types: list[Annotated[str, Field(json_schema_extra={EXTENSIBLE: [*map(str, EventType)]})]] = (
        Field(description="More may come", examples=[["visit.checked_in"]])
    )
    site: UUID | None = Field(description="Null for all sites that the maker sees")
    payload: PayloadKind
    status: WebhookStatus
    disabled_reason: DisabledReason | None
    maker: UUID | None = Field(description="The account with whose rights it reads")
    failing_since: datetime | None = Field(
        description="The first failure since the last success; after 3 days it is disabled"
    )
    secret_rotated_until: datetime | None = Field(
        description="Until when messages are signed with the previous secret, too"
    )
    created_at: datetime

    @classmethod
    def facts(cls, webhook: models.Webhook) -> dict[str, Any]:
        return {
            "id": webhook.id,
            "url": webhook.url,
            "types": webhook.types,
            "site": webhook.site_id,
            "payload": webhook.payload,
            "status": webhook.status,
            "disabled_reason": webhook.disabled_reason,
            "maker": webhook.maker_id,
            "failing_since": webhook.failing_since,
            "secret_rotated_until": webhook.previous_secret_until,
            "created_at": webhook.created_at,
        }

    @classmethod
    def of(cls, webhook: models.Webhook) -> Self:
        return cls(**cls.facts(webhook))


class WebhookWithSecret(Webhook):
    """A webhook with its new secret, shown only once."""

    secret: str = Field(
        description="Verifies signatures (Standard Webhooks)",
        examples=["whsec_" + "A" * 43 + "="],
    )


class Delivery(BaseModel):
    """One event for one webhook; the body is not stored."""

    id: UUID
    event_id: UUID = Field(description="The `webhook-id` of the message")
    seq: int | None = Field(description="The number of the event; null for a test")
    type: str = Field(examples=["visit.checked_in"])
    status: DeliveryStatus
    attempts: int
    last_attempt_at: datetime | None
    last_status: int | None = Field(description="The status code of the last answer")
    last_error: str | None
    next_attempt_at: datetime | None = Field(
        description="Null unless pending; not before a `Retry-After` of the receiver has passed"
    )
    delivered_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, delivery: models.WebhookDelivery, held_until: datetime | None) -> Self:
        """Return a delivery of a webhook that gets none before `held_until`."""
        due = None
        if delivery.status is DeliveryStatus.PENDING:
            due = max(delivery.next_attempt_at, held_until or delivery.next_attempt_at)
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            seq=delivery.event_seq,
            type=delivery.type,
            status=delivery.status,
            attempts=delivery.attempts,
            last_attempt_at=delivery.last_attempt_at,
            last_status=delivery.last_status,
            last_error=delivery.last_error,
            next_attempt_at=due,
            delivered_at=delivery.delivered_at,
            created_at=delivery.created_at,
        )


class EventObject(Event):
    """An event as a webhook tells it."""

    seq: int | None = Field(  # type: ignore[assignment] # a test has none
        description="Ascending, with gaps: messages may come in another order. Null for a test",
        examples=[4711],
    )
    object: dict[str, Any] | None = Field(
        None,
        description="Only with the payload `full`: the visitor (without `qr_code`), device or "
        "muster as its maker may read it when the message leaves; null if erased or out of sight",
    )


class EventMessage(BaseModel):
    """The body of a message, in the form of Standard Webhooks 1.0."""

    type: str = Field(
        description="That of the event; more may come",
        json_schema_extra={EXTENSIBLE: [*map(str, EventType), models.TEST_TYPE]},
        examples=["visit.checked_in"],
    )
    timestamp: datetime = Field(description="When it happened")
    data: EventObject


class ReplayStarted(BaseModel):
    """The events that will be delivered again: those after `after` up to `until`."""

    after: int
    until: int

"""How detections reach people."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api.base import Duration, Matching, Model, SecretReference, TopicName, written
from logpipeline.api.cel import CelRule
from logpipeline.api.condition import FieldName
from logpipeline.api.pods import Workload

_ADDRESS = r"^https?://[^\s,@]+"
_NOT_HERE = "credentials stand in the Secret that secretRef names, never here"


class Alertmanager(Model):
    """The Alertmanagers to tell: every one of them, none behind a load balancer."""

    url: Annotated[
        str,
        Field(max_length=2000),
        Matching(
            "alertmanager-url",
            rf"{_ADDRESS}(,https?://[^\s,@]+)*$",
            f"is not an address; write http(s)://host:port, several with commas between; {_NOT_HERE}",
        ),
    ] = Field(
        description="http(s)://host:port, several with commas between. Each address behind an http name is told: the "
        "name of a headless Service stands for all its peers."
    )
    secret_ref: SecretReference | None = Field(
        None, description="Secret with token, or username and password; ca.crt when its certificate is private."
    )


class Webhook(Model):
    """A receiver of JSON, told once when an episode begins and once when it ends."""

    url: Annotated[
        str,
        Field(max_length=2000),
        Matching("webhook-url", rf"{_ADDRESS}$", f"is not an address; write http(s)://host/path; {_NOT_HERE}"),
    ] = Field(description="http(s)://host/path; gets a POST.")
    secret_ref: SecretReference | None = Field(
        None, description="Secret with token, or username and password; ca.crt when its certificate is private."
    )


_Shown = (
    Annotated[
        str,
        Field(max_length=2000),
        Matching("shown-url", rf"{_ADDRESS}$", f"is not an address; write http(s)://host; {_NOT_HERE}"),
    ]
    | None
)
_RECEIVERS = "give alertmanager, webhook or both: with neither nobody would be told"


class Alerting(Workload):
    """The bridge from the goals that have `having` to Alertmanager and a webhook."""

    alertmanager: Alertmanager | None = Field(None, description="Gets the alerts through its API v2.")
    webhook: Webhook | None = Field(None, description="Gets the alerts as JSON.")
    max_age: Duration = Field(
        written("15m"),
        description="A detection whose window ended longer ago alerts nobody, so that history can be counted again.",
    )
    kibana_url: _Shown = Field(
        None, description="Kibana as people reach it; set: each alert links to its raw records there."
    )
    console_url: _Shown = Field(
        None, description="The pipeline's console as people reach it; set: each alert links to its episode there."
    )
    topic: TopicName | None = Field(
        None, description="Compacted topic in which open alerts outlive a restart; <pipeline>.alerts."
    )

    cel: ClassVar = (CelRule("receiver", "has(self.alertmanager) || has(self.webhook)", _RECEIVERS),)

    @model_validator(mode="after")
    def _somebody_is_told(self) -> Alerting:
        if self.alertmanager is None and self.webhook is None:
            raise ValueError(_RECEIVERS)
        return self

    def secrets(self) -> dict[str, str]:
        """Return the names of the Secrets of those who are told, by their field here."""
        receivers = {"alertmanager": self.alertmanager, "webhook": self.webhook}
        return {
            field: receiver.secret_ref.name
            for field, receiver in receivers.items()
            if receiver is not None and receiver.secret_ref is not None
        }


class Alert(Model):
    """How one goal alerts. Windows of a key that follow each other closely are one alert."""

    severity: Literal["critical", "warning", "info"] = Field("warning", description="Label of the goal's alerts.")
    quiet_period: Duration = Field(
        written("10s"), description="An alert goes on while the next window begins at most slide and this later."
    )
    group_by: list[FieldName] | None = Field(
        None,
        min_length=1,
        max_length=8,
        description="Fields of groupBy that tell alerts apart; absent: all.",
    )
    max_open: Annotated[int, Field(ge=1, le=1000)] = Field(
        50,
        description="Most alerts open at a time, those with the greatest values; one more alert says how many keys are "
        "held back.",
    )

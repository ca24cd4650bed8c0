"""What the doctor reports: steps, what was found at each, and what stopped it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Literal

from dispatch.remedies import field_of

Outcome = Literal["ok", "failed", "skipped", "warning"]
ORDER = ("name", "connect", "tls", "greeting", "authentication", "sender", "recipient", "letter")
"""The steps over SMTP. With OAuth2, `token` comes before `authentication`."""
WEB_ORDER = ("name", "connect", "tls", "endpoint", "token", "authentication", "sender", "letter")
"""The steps over EWS and Graph."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be done about, now (a fault) or in time (a warning).

    Attributes:
        remedy: A key of `dispatch.remedies`.
        field: The setting it is about.
        params: What the remedy's text speaks of, by name.
    """

    remedy: str
    field: str
    detail: str = ""
    params: Mapping[str, str] = attribute(default_factory=dict[str, str])


def finding(remedy: str, detail: str = "", *, field: str = "", **params: str) -> Finding:
    """A finding; without `field` it is about the setting that the remedy usually is about."""
    return Finding(remedy, field or field_of(remedy), detail, params)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: One of `ORDER` or `WEB_ORDER`.
        field: The setting at fault, empty when all is well.
        remedy: A key of `dispatch.remedies`, empty when all is well.
        params: What the remedy's text speaks of, by name.
        findings: Everything found, the first of which is told by `field` and `remedy`.
        transcript: What went over the wire, a line each, beginning with `C:` or `S:`; credentials are masked.
    """

    name: str
    outcome: Outcome
    detail: str = ""
    field: str = ""
    remedy: str = ""
    elapsed_ms: float = 0.0
    params: Mapping[str, str] = attribute(default_factory=dict[str, str])
    findings: tuple[Finding, ...] = ()
    transcript: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a step that did not fail has to say."""

    detail: str = ""
    findings: tuple[Finding, ...] = ()
    skipped: bool = False


class FaultError(Exception):
    """A step failed, and the check ends.

    Args:
        remedy: A key of `dispatch.remedies`.
        detail: The server's answer, or what was seen.
        field: The setting at fault, where it is not the usual one.
        step: The step at fault, where it is not the one that was being done.
        params: What the remedy's text speaks of.
    """

    def __init__(self, remedy: str, detail: str = "", *, field: str = "", step: str = "", **params: str) -> None:
        super().__init__(remedy)
        self.finding = finding(remedy, detail, field=field, **params)
        self.step = step

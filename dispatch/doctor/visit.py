"""One run of the doctor: its time, its transcript, and the making of its steps."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dispatch.doctor.steps import FaultError, Finding, Found, Step
from dispatch.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the doctor waits, in seconds.

    Attributes:
        answer_s: For each answer of the server, and for each of its addresses.
        silence_s: After so long without a greeting we look whether the port expects something else.
        total_s: For the whole check.
    """

    answer_s: float = 10.0
    silence_s: float = 3.0
    total_s: float = 60.0


class Visit:
    """Runs steps and times each by itself."""

    def __init__(self, limits: Limits, *secrets: str) -> None:
        self.limits = limits
        self.transcript = Transcript(*secrets)
        self._ends = time.monotonic() + limits.total_s

    async def step(self, name: str, work: Callable[[], Awaitable[Found]]) -> Step:
        """Do a step; whatever goes wrong is in it, masked."""
        begun = time.perf_counter()
        found = Found()
        fault: FaultError | None = None
        try:
            async with asyncio.timeout(self._ends - time.monotonic()):
                found = await work()
        except FaultError as error:
            fault = error
        except TimeoutError:
            fault = FaultError("too_long", f"{self.limits.total_s:g} s")
        elapsed_ms = (time.perf_counter() - begun) * 1000
        transcript = self.transcript.take()
        if fault is not None:
            failing = self._masked(fault.finding)
            return Step(
                fault.step or name, "failed", failing.detail, failing.field, failing.remedy, elapsed_ms,
                failing.params, (failing,), transcript,
            )  # fmt: skip
        findings = tuple(map(self._masked, found.findings))
        first = findings[0] if findings else Finding("", "")
        outcome = "warning" if findings else "skipped" if found.skipped else "ok"
        detail = self.transcript.mask(found.detail or first.detail)
        return Step(name, outcome, detail, first.field, first.remedy, elapsed_ms, first.params, findings, transcript)

    def _masked(self, finding: Finding) -> Finding:
        mask = self.transcript.mask
        params = {name: mask(value) for name, value in finding.params.items()}
        return Finding(finding.remedy, finding.field, mask(finding.detail), params)

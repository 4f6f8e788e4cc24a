"""The keys under `companions`: services that must still do their work beside the model."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hilrig.config.keys import Keys, Name, Percentage, Positive
from hilrig.config.limit_model import HeldLimit, Holds, held_by
from hilrig.core.companion import CompanionSpec, ProbeSpec

COMPANIONS_MAX: Final = 16
ARGUMENTS_MAX: Final = 64
TIMEOUT_MS_MAX: Final = 10_000
"""The end of a run waits for the probes that are under way."""

PERIOD_MS_MIN: Final = 20
"""Fifty probes a second: more of them would be a load of their own."""


def check_url(value: str) -> str:
    """Return the address of a health check.

    Raises:
        PydanticCustomError: it is not `http://host[:port][/path]`, or holds a password.
    """
    host = value.removeprefix("http://").partition("/")[0]
    is_plain = value.isascii() and value.isprintable() and " " not in value and "@" not in host
    if not value.startswith("http://") or not host.partition(":")[0] or not is_plain:
        message = "expected http://host:port/path without a password, found {found}"
        raise PydanticCustomError("wrong_value", message, {"found": value[:60]})
    return value


Argument = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Command = Annotated[tuple[Argument, ...], Field(min_length=1, max_length=ARGUMENTS_MAX)]
ProbeUrl = Annotated[str, Field(max_length=1000), AfterValidator(check_url)]


class ProbeKeys(Keys):
    """How a companion is asked whether it is well: `url` or `command`."""

    url: ProbeUrl | None = Field(
        default=None, description="Well when it answers 2xx in time. Every probe opens a connection of its own."
    )
    command: Command | None = Field(
        default=None,
        description="Well when it exits 0 in time: a list, the program and its arguments. Never given to a shell.",
    )
    period_ms: Annotated[int, Field(ge=PERIOD_MS_MIN, le=60_000)] = Field(
        default=200, description="From one probe to the next, on a fixed grid."
    )
    timeout_ms: Annotated[int, Field(ge=1, le=TIMEOUT_MS_MAX)] = Field(
        default=1000, description="From the moment a probe was due. Without an answer by then it has failed."
    )

    def spec(self) -> ProbeSpec:
        """Return the probe."""
        return ProbeSpec(
            url=self.url, argv=self.command or (), period_ms=self.period_ms, timeout_ms=self.timeout_ms
        )


class CompanionKeys(Keys):
    """One service beside the model, or a load that nobody asks."""

    name: Name = Field(description="Its name in checks, events and the report.")
    command: Command | None = Field(
        default=None,
        description="What is started for the run and ended with it: a list, the program and its arguments, never "
        "a shell. Looked for in the profile's folder when it has a `/`, else on PATH; it runs in that folder. "
        "Left out: a service that runs already.",
    )
    probe: ProbeKeys | None = Field(default=None, description="Left out: mere load.")
    alone_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=10, description="How long all companions are measured together without the model, before the run."
    )
    p99_max_ms: Annotated[Positive | None, Holds(metric="companion_p99_ms")] = Field(
        default=None, description="99 % of its probes must be answered within this time while the model runs."
    )
    failed_max_pct: Annotated[Percentage | None, Holds(metric="companion_failed_pct")] = Field(
        default=None, description="Share of its probes that may fail while the model runs."
    )
    slowdown_max: Annotated[Annotated[float, Field(ge=1)] | None, Holds(metric="companion_slowdown")] = Field(
        default=None,
        description="How many times longer its median answer may take beside the model than without it.",
    )
    restarts_max: Annotated[Annotated[int, Field(ge=0)] | None, Holds(metric="companion_exits")] = Field(
        default=None, description="How often its process may end by itself. hilrig does not start it again."
    )

    def spec(self) -> CompanionSpec:
        """Return the companion."""
        return CompanionSpec(
            name=self.name,
            argv=self.command or (),
            probe=self.probe.spec() if self.probe else None,
            alone_s=self.alone_s,
        )

    def limits(self) -> Iterator[tuple[str, HeldLimit]]:
        """Yield its limits in the order of the keys, each with its key; `path` is that of its check."""
        for key, field in type(self).model_fields.items():
            holds, value = held_by(field), getattr(self, key)
            if holds and value is not None:
                path = ("companions", f"{self.name}.{key}")
                yield key, HeldLimit(path=path, holds=holds, limit=float(value), stated=True)

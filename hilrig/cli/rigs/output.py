"""What is known of rigs as a person reads it, or as JSON."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hilrig.cli.output import say, word
from hilrig.core.rig import RigSpec

if TYPE_CHECKING:
    from hilrig.app.rigs.examination import RigExamination
    from hilrig.app.rigs.held import Held
    from hilrig.app.rigs.overview import RigRow

_HEAD: Final = ("rig", "class", "transport", "labels", "state")
_TIME_CHARACTERS: Final = len("2026-11-21T11:20")


def show_table(rows: "tuple[RigRow, ...]") -> None:
    """Print a line for each rig: what it is, how it stands with it, the next step where it cannot be had."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD) - 1)]
    for line in cells:
        fixed = "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=False))
        say(f"{fixed}  {line[-1]}")
    for row in rows:
        if row.hint:
            say(f"next for {row.name}: {row.hint}")


def _cells(row: "RigRow") -> tuple[str, ...]:
    rig = row.rig
    if rig is None:
        return (row.name, "-", "-", "-", standing(row))
    labels = ", ".join(f"{key}={value}" for key, value in rig.labels.items())
    return (row.name, rig.device_class, rig.transport, labels or "-", standing(row))


def standing(row: "RigRow") -> str:
    """Return how it stands with a rig, in words."""
    if row.held is not None:
        return held_words(row.held)
    return row.state.value + (f": {row.detail}" if row.detail else "")


def held_words(held: "Held") -> str:
    """Return who holds a rig, since when, until when, for what."""
    words = f"held by {held.holder or 'somebody'}"
    if held.since_utc:
        words += f" since {_minute(held.since_utc)}"
    if held.until_utc is not None:
        words += f" until {_minute(held.until_utc)}" + (" (a run, which renews it)" if held.run_id else "")
    if held.run_id:
        words += f", run {held.run_id}"
    return words + (f": {held.note}" if held.note else "")


def _minute(iso_utc: str) -> str:
    return iso_utc[:_TIME_CHARACTERS].replace("T", " ") + " UTC"


def row_json(row: "RigRow") -> dict[str, Any]:
    """Return a rig and how it stands with it."""
    described = {"name": row.name, "file": str(row.path), "state": row.state.value, "detail": row.detail}
    rig = None if row.rig is None else rig_json(row.rig)
    return {**described, "hint": row.hint, "held": held_json(row.held), "rig": rig}


def rig_json(rig: RigSpec) -> dict[str, Any]:
    """Return what a rig file states."""
    from dataclasses import asdict

    return asdict(rig)


def held_json(held: "Held | None") -> dict[str, Any] | None:
    """Return who holds a rig."""
    from dataclasses import asdict

    return None if held is None else asdict(held)


def show_rig(rig: RigSpec) -> None:
    """Print what a rig file states, a line for each key that says something."""
    say(f"rig           {rig.name}")
    say(f"class         {rig.device_class}")
    for title, block in (
        ("labels", rig.labels),
        ("transport", rig.transport_options),
        ("power", rig.power_options),
    ):
        chosen = {"transport": rig.transport, "power": rig.power}.get(title, "")
        say(f"{title:<13} " + "  ".join([*filter(None, [chosen]), _pairs(block)]).rstrip())
    if rig.work_folder is None:
        say("work folder   none: runs are done in place, on this machine")
        return
    say(f"work folder   {rig.work_folder}")
    say(f"python        {rig.python}")
    say(f"lease         {rig.lease.ttl_s:g} s")
    say(f"asks for      {_conditions(rig)}")


def _conditions(rig: RigSpec) -> str:
    asked = rig.conditions
    words = [f"{asked.min_free_mib:g} MiB free"]
    if asked.max_temperature_c is not None:
        words.append(f"at most {asked.max_temperature_c:g} C")
    if asked.max_clock_offset_s is not None:
        words.append(f"clock within {asked.max_clock_offset_s:g} s")
    if asked.power_mode is not None:
        words.append(f"power mode {asked.power_mode}")
    if asked.no_foreign_gpu_processes:
        words.append("nobody else on the GPU")
    return ", ".join(words)


def _pairs(block: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in block.items())


def show_examination(rig: RigSpec, found: "RigExamination") -> None:
    """Print what was found on a rig, every problem with its remedy."""
    say(f"{rig.name}: reached at {found.address or 'its address'}, Python {found.python}, boot {found.boot_id}")
    for problem in found.problems:
        say(f"{word('broken', width=9)}{problem.condition}: {problem.cause}")
        say(f"{'':9}next: {problem.remedy}")
    for doubt in found.doubts:
        say(f"{word('limited', width=9)}{doubt}")
    say(f"{word('ok', width=9)}{'free' if found.held is None else held_words(found.held)}")
    if not found.problems:
        say(f"{word('ok', width=9)}{_conditions(rig)}, and hilrig's packages are there")


def examination_json(rig: RigSpec, found: "RigExamination") -> dict[str, Any]:
    """Return what was found on a rig."""
    from dataclasses import asdict

    return {"name": rig.name, "fit": not found.problems, **asdict(found)}

"""Scenario `profile`: profiles that cannot be meant. Each is refused, at its line, none is read in another way."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.live import STATION, write_small
from chaos.round import Round, Scenario
from hilrig.core.exits import ExitCode

N_LIES: Final = 12
NUMBERS: Final = (
    "duration_minutes", "frame_rate_fps", "p95_max_ms", "decision_gap_max_ms", "depth", "warmup_s", "width_px",
    "telemetry_period_ms", "pool_frames", "self_test_s", "seed",
)  # fmt: skip
NO_NUMBERS: Final = (
    ".nan", ".inf", "-.inf", "1e400", "-1e309", "NaN", "'30'", "[30]", "{a: 1}", "true", "no", "1:30", "0x1F",
    "1_000", "null", "~", "''", "-5", "30 fps", "1" + "0" * 400, "!!python/object:os.system 1", "!!int '7x'",
    "*nowhere", "&a",
)  # fmt: skip
LAUGHS: Final = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))

Lie = Callable[[str, Random], bytes]


def no_number(text: str, rng: Random) -> bytes:
    """Put something in the place of a number that is none."""
    return _swapped(text, rng.choice(NUMBERS), rng.choice(NO_NUMBERS)).encode()


def twice(text: str, rng: Random) -> bytes:
    """Say a key of the top level twice."""
    line = rng.choice([one for one in text.splitlines() if re.match(r"[a-z_]+: \S", one)])
    return f"{text}\n{line}\n".encode()


def unknown(text: str, rng: Random) -> bytes:
    """Add a key that does not exist, at the top or inside."""
    key = rng.choice(("latencyy", "p99_max", "__proto__", "on_missing", "ﬀeed", "x" * 5000, "a\u202eb"))
    return (
        (text + f"{key}: pass\n").encode()
        if rng.random() < 0.5
        else text.replace("latency: {", f"latency: {{{key}: 1, ").encode()
    )


def dropped(text: str, rng: Random) -> bytes:
    """Leave a key out that has to be there."""
    key = rng.choice(("format", "name", "model", "pipeline", "feed", "hil_validation"))
    return re.sub(rf"(?m)^{key}:.*\n(?:[ -].*\n)*", "", text).encode()


def tabs(text: str, rng: Random) -> bytes:
    """Indent with tabs."""
    lines = text.splitlines()
    index = rng.choice([number for number, line in enumerate(lines) if line.startswith("  ")])
    lines[index] = "\t" + lines[index].lstrip()
    return "\n".join(lines).encode()


def other_encoding(text: str, rng: Random) -> bytes:
    """Write it in an encoding that is not UTF-8, or that is not the one that its first bytes say."""
    name = rng.choice(("utf-16-be", "utf-32-le", "cp037", "utf-7+"))
    return b"+/v8-" + text.encode() + b"\xff\xfe" if name == "utf-7+" else text.encode(name)


def odd_bytes(text: str, rng: Random) -> bytes:
    """Put bytes between that no text has."""
    data = text.encode()
    at = rng.randrange(len(data))
    return data[:at] + rng.choice((b"\0", b"\xff", b"\x1b[2J", b"\xed\xa0\x80", b"\x07")) + data[at:]


def bomb(text: str, rng: Random) -> bytes:
    """Add aliases that grow without end, a document of a depth without end, or one of a size without end."""
    kind = rng.randrange(4)
    if kind == 0:
        return (text + LAUGHS).encode()
    if kind == 1:
        return text.encode() + b"x: " + b"[" * 50_000
    if kind == 2:
        return text.encode() + b"# " + b"x" * (64 << 20)
    return text.encode() + b"x: &x {y: *x}\n"


def halved(text: str, rng: Random) -> bytes:
    """End it in the middle of a bracket."""
    at = rng.choice([match.start() for match in re.finditer(r"[{\[]", text)])
    return text[: at + 1].encode()


def other_thing(text: str, rng: Random) -> bytes:
    """Put something else in its place altogether."""
    return rng.choice(
        (b"", b"\n", b"[]", b"7", b"--- a\n--- b\n", b"{}", b"PK\x03\x04", b"#!/bin/sh\n", b"%YAML 9.9\n---\n")
    )


def wrong_word(text: str, rng: Random) -> bytes:
    """Put a word in the place of another of the same kind."""
    old, new = rng.choice((
        ("drop_oldest", "drop_none"), ("synthetic", "syntetic"), ('"null"', "nul"), ("rgb", "RGB"),
        ("nchw", "chwn"), ("float32", "float128"), ("x86-cpu", "../../etc/passwd"), ("format: 1", "format: 99"),
        ("porosity: 0.5", "porosity: 1.5e9"), ("[1, 3, ", "[1, 0, "),
        ("files: []", "files: [../../../etc/passwd]"),
        ("name: bench-station", "name: ../../escape"), ("name: bench-station", "name: 'a\\nb'"),
        ("p95_max_ms: 5000", "p95_max_s: 5"), ("frame_rate_fps: 100", "frame_rate_hz: 100"),
    ))  # fmt: skip
    assert old in text, old
    return text.replace(old, new, 1).encode()


LIES: Final[Mapping[str, Lie]] = {
    one.__name__: one
    for one in (
        no_number,
        twice,
        unknown,
        dropped,
        tabs,
        other_encoding,
        odd_bytes,
        bomb,
        halved,
        other_thing,
        wrong_word,
    )
}


def draw(rng: Random) -> dict[str, Any]:
    """Choose the lies, each with a seed of its own."""
    names = list(LIES)
    return {"lies": [(rng.choice(names), rng.randrange(1 << 30), rng.random() < 0.2) for _ in range(N_LIES)]}


def act(round_: Round) -> None:
    """Write one lying profile after the other; check each, run each."""
    folder = round_.place.folder / STATION
    write_small(folder)
    profile = folder / "profile.yaml"
    truth = profile.read_text()
    for name, seed, is_run in round_.drawn["lies"]:
        data = LIES[name](truth, Random(seed))
        profile.write_bytes(data)
        round_.tell(f"{name} {seed}")
        if _refused(round_, folder, is_lie=data != truth.encode(), name=name) and is_run:
            ran = round_.look("run", str(folder))
            round_.require(ran.code == ExitCode.USAGE, f"{name}: check refused it, run gave {ran.code}")


def _refused(round_: Round, folder: Path, *, is_lie: bool, name: str) -> bool:
    """Check a profile; return whether it was refused as a text."""
    called = round_.look("check", str(folder))
    expected = {ExitCode.USAGE, ExitCode.PRECONDITION} if is_lie else {ExitCode.OK}
    if name in {"odd_bytes", "no_number"}:
        expected = {*expected, ExitCode.OK}  # within a comment or a name a byte may be legal, and -5 is a seed
    round_.require(called.code in expected, f"{name}: check gave {called.code}")
    if called.code == ExitCode.USAGE:
        round_.require(bool(re.search(r"profile\.yaml(:\d+:\d+)?: ", called.err)), f"{name}: no place is named")
    return called.code == ExitCode.USAGE


def _swapped(text: str, key: str, value: str) -> str:
    changed = re.sub(rf"\b{key}: [^,}}\n]+", lambda _: f"{key}: {value}", text, count=1)
    assert changed != text, key
    return changed


PROFILE = Scenario(name="profile", draw=draw, act=act, weight=2)

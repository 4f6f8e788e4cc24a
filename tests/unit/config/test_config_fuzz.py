import json
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hilrig.config.profile import parse_profile
from hilrig.core.errors import ConfigError

GOOD = b"""\
format: 1
name: a
device_class: x
model: {files: [m], input: {name: i, shape: [1, 3, 8, 8]}, output: {name: o}, labels: [p, q]}
pipeline:
  preprocess: {width_px: 8, height_px: 8, color_order: bgr, scale: 1, mean: [0, 0, 0], std: [1, 1, 1],
    layout: nchw, dtype: uint8}
  backend: {name: onnx}
  decide: {thresholds: {p: 0.5}}
feed: {source: synthetic, pool_frames: 1}
queue: {depth: 1, on_full: block}
hil_validation:
  latency: {p99_max_ms: 1, duration_minutes: 1, frame_rate_fps: 30000/1001}
"""
TOKENS = [
    b": ",
    b"\n",
    b"  ",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"'",
    b'"',
    b"&a ",
    b"*a",
    b"!!int ",
    b"#",
    b"|",
    b"\t",
    b"0",
    b"-1",
    b"1e9",
    b".inf",
    b"~",
    b"no",
    b"true",
    b"p99_max_ms",
    b"labels",
    b"model",
    b"\\ud800",
    b"\xff",
    b"---\n",
    b"<<",
    b"?",
    b"%",
    b"@",
    b"30/0",
    b"a" * 90,
]


def refuses_or_reads(data: bytes) -> None:
    try:
        profile = parse_profile(data, file="profile.yaml", folder="here")
    except ConfigError as error:
        found = error.problems
    else:
        assert profile.limits
        return
    n_lines = sum(map(data.count, (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80"))) + 1
    assert found
    assert all(0 <= problem.line <= n_lines and problem.message for problem in found)
    assert not any("Input should" in problem.message for problem in found)
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


@example(b"? ? ?")
@example(b"a: 0x")
@example(b'hil_validation: {latency: {frame_rate_fps: "0/0"}}')
@example(
    b"device_class: 5\nmodel: {labels: 7, files: aa, input: {shape: x}}\npipeline: {decide: {thresholds: [1]}}"
)
@example(b"pipeline: {preprocess: {layout: [], width_px: 1, height_px: true}}\nmodel: {input: {shape: []}}")
@given(st.binary(max_size=200))
def test_any_bytes_are_a_profile_or_located_problems(data: bytes):
    """Whatever the bytes, the outcome is a profile or a ConfigError with places, in the order of the file."""
    refuses_or_reads(data)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
def test_any_yaml_like_bytes_are_a_profile_or_located_problems(data: bytes):
    """The same for bytes made of YAML's own pieces, which get deeper into the reader."""
    refuses_or_reads(data)


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_profile_is_a_profile_or_located_problems(data: st.DataObject):
    """The same for a good profile with a piece of it replaced, which gets deeper into the rules."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(start + 30, len(GOOD))))
    refuses_or_reads(GOOD[:start] + data.draw(st.sampled_from([b"", *TOKENS])) + GOOD[end:])


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**19) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WHERE = ["device_class", "model", "pipeline", "feed", "queue", "golden", "run", "hil_validation", "name", "format"]


@settings(max_examples=150)
@given(st.sampled_from(WHERE), json_like)
def test_any_value_under_any_key_is_judged(key: str, value: object):
    """A value of any shape under a known key is accepted or refused, never a crash in a rule."""
    lines = [line for line in GOOD.decode().splitlines() if line[0] != " "]
    kept = "\n".join(line for line in lines if not line.startswith(key) and not line.endswith(":"))
    with suppress(UnicodeEncodeError):
        refuses_or_reads(f"{kept}\n{key}: {json.dumps(value)}\n".encode())


def test_the_seed_of_the_damage_is_good():
    """The profile that the damage starts from is accepted, so that the damage is what is tested."""
    assert parse_profile(GOOD, file="profile.yaml", folder="here").name == "a"

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hilrig.config.noun_json import from_json, to_json
from hilrig.config.plan_file import dump_plan, load_plan
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.core.frame import Defect, Truth
from hilrig.core.profile import (
    BackendSpec,
    ColorOrder,
    Comparator,
    DecideSpec,
    FeedSpec,
    Layout,
    Limit,
    ModelSpec,
    OnFull,
    PipelineSpec,
    PreprocessSpec,
    QueueSpec,
)
from hilrig.core.rig import RigInfo
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.telemetry import Capability, Channel, ChannelKind, Reason, Tier

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
number = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(0, 2**62)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
mappings = st.dictionaries(text, json_values, max_size=3)
texts = st.lists(text, max_size=3).map(tuple)
triples = st.tuples(number, number, number)
models = st.builds(
    ModelSpec,
    files=texts,
    bundle_sha256=st.none() | text,
    input_name=text,
    input_shape=st.lists(whole, max_size=4).map(tuple),
    output_name=text,
    labels=texts,
)
preprocessing = st.builds(
    PreprocessSpec,
    width_px=whole,
    height_px=whole,
    color_order=st.sampled_from(ColorOrder),
    scale=number,
    mean=triples,
    std=triples,
    layout=st.sampled_from(Layout),
    dtype=text,
)
pipelines = st.builds(
    PipelineSpec,
    target=text,
    preprocess=preprocessing,
    backend=st.builds(BackendSpec, name=text, options=mappings),
    decide=st.builds(DecideSpec, thresholds=st.dictionaries(text, number, max_size=3)),
)
limits = st.builds(
    Limit, check_id=text, metric=text, comparator=st.sampled_from(Comparator), limit=number, unit=text, source=text
)
plans = st.builds(
    RunPlan,
    format_version=st.just(1),
    run_id=text,
    hilrig_version=text,
    created_at_utc=text,
    rig=text,
    device_class=text,
    profile_name=text,
    profile_sha256=text,
    model=models,
    model_files_sha256=st.dictionaries(text, text, max_size=3),
    model_bundle_sha256=text,
    pipeline=pipelines,
    pipeline_sha256=text,
    feed=st.builds(FeedSpec, source=text, pool_frames=whole, options=mappings),
    queue=st.builds(QueueSpec, depth=whole, on_full=st.sampled_from(OnFull)),
    pacing=st.sampled_from(Pacing),
    period_numerator_ns=whole,
    period_denominator=whole,
    n_warmup_frames=whole,
    n_measured_frames=whole,
    profile_duration_s=number,
    telemetry_period_ms=whole,
    limits=st.lists(limits, max_size=3).map(tuple),
)
RIG = RigInfo(
    name="r", device_classes=("a", "b"), boot_id="x", serial_sha256=None, facts={"k": [1, None]}, stack_sha256="s"
)


@given(plans)
def test_a_plan_survives_its_file(plan: RunPlan):
    """What is written is what is read, in types and values, and equal plans give equal bytes."""
    data = dump_plan(plan)
    assert load_plan(data) == plan
    assert dump_plan(load_plan(data)) == data


def test_lists_of_nouns_survive_too():
    """Truths and capabilities are stored as lists; enums, None and nested tuples come back as themselves."""
    defect = Defect(label="crack", x0_px=1, y0_px=2, x1_px=3, y1_px=4)
    truths = (Truth(labels=("crack",), defects=(defect,)), Truth(labels=()), Truth(labels=None))
    assert from_json(tuple[Truth, ...], to_json(truths), what="truths.json") == truths
    channel = Channel(
        name="t", unit="Cel", kind=ChannelKind.GAUGE, tier=Tier.SLOW, source="s", attributes=(("hw.id", "0"),)
    )
    probed = (Capability(channel=channel, reason=Reason.ABSENT), Capability(channel=channel, reason=None))
    assert from_json(tuple[Capability, ...], to_json(list(probed)), what="channels.json") == probed
    assert from_json(RigInfo, to_json(RIG), what="rig.json") == RIG


def rig_with(**changes: object) -> bytes:
    return canonical_json({**json.loads(to_json(RIG)), **changes})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not strict JSON"),
        (b"{", "not strict JSON"),
        (b"\xff", "not strict JSON"),
        (b"\xef\xbb\xbf{}", "not strict JSON"),
        ('{"name": "r"}'.encode("utf-16"), "not strict JSON"),
        (b"[]", "'the whole'"),
        (to_json(RIG)[:-1] + b',"name":"other"}', "'name' is given twice"),
        (to_json(RIG).replace(b'"k":[1,null]', b'"k":1,"k":2'), "'k' is given twice"),
        (to_json(RIG).replace(b"[1,null]", b"NaN"), "NaN"),
        (to_json(RIG).replace(b"[1,null]", b"-Infinity"), "-Infinity"),
        (to_json(RIG).replace(b"[1,null]", b"1e999"), "too large"),
        (to_json(RIG).replace(b"[1,null]", b"9" * 5000), "not strict JSON"),
        (to_json(RIG).replace(b"[1,null]", b'"\\ud800"'), "'the whole'"),
        (to_json(RIG).replace(b"[1,null]", b"[" * 100_000 + b"]" * 100_000), "deep"),
        (rig_with(extra=1), "unknown key 'extra'"),
        (rig_with(**{"": 1}), "unknown key ''"),
        (rig_with(name=3), "'name'"),
        (rig_with(device_classes="ab"), "'device_classes'"),
        (rig_with(device_classes=["a", 1]), "'device_classes.1'"),
        (canonical_json({"name": "r"}), "'device_classes'"),
    ],
)
def test_what_to_json_never_wrote_is_refused(data: bytes, words: str):
    """Cut, edited or hostile bytes end in one error that names the file and the place."""
    with pytest.raises(RecordError, match=r"^rig\.json: ") as caught:
        from_json(RigInfo, data, what="rig.json")
    assert words in caught.value.message
    assert caught.value.hint


def test_an_unknown_key_deep_inside_is_found():
    """A key that no noun has is refused wherever it hides, and facts, which are free, may hold any."""
    data = to_json((Truth(labels=("a",), defects=(Defect(label="a", x0_px=1, y0_px=1, x1_px=2, y1_px=2),)),))
    with pytest.raises(RecordError, match=r"unknown key '\[0\]\.defects\[0\]\.hidden'"):
        from_json(tuple[Truth, ...], data.replace(b'"label":', b'"hidden":0,"label":'), what="truths.json")
    assert from_json(RigInfo, rig_with(facts={"any": {"thing": 1}}), what="rig.json").facts == {
        "any": {"thing": 1}
    }


def test_not_a_number_is_never_written():
    """A NaN in a noun is a fault of the caller and stops before it reaches a file."""
    with pytest.raises(ValueError, match="JSON"):
        to_json({"x": float("nan")})


@pytest.mark.parametrize("version", [0, 3, "1", True, None])
def test_a_plan_of_another_format_is_refused_by_that_name(version: object):
    """A plan of a later hilrig is refused for its version, not for a key that this one does not know."""
    data = canonical_json({"format_version": version, "brand_new_key": 1})
    with pytest.raises(RecordError, match=r"plan\.json: format_version .*reads 1") as caught:
        load_plan(data)
    assert "version of hilrig" in caught.value.hint


@example(b"[]")
@example(b"1")
@example(b'{"format_version": 1}')
@given(st.binary(max_size=60))
def test_any_bytes_are_a_plan_or_a_record_error(data: bytes):
    """No bytes whatever end in another exception."""
    with pytest.raises(RecordError):
        load_plan(data)

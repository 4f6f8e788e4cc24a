"""A pipeline that cheats: answers kept from last time, answers that are fast and wrong."""

import json

import pytest

pytestmark = pytest.mark.long  # short: test_verdict_caching

PIPELINE = '''
import hashlib
import time


class Honest:
    """Takes 4 ms for every frame and finds nothing."""

    def prepare(self, context):
        self.labels = context.labels

    def process(self, frame):
        time.sleep(0.004)
        return [0.0] * len(self.labels)

    def close(self):
        pass


class Cheat(Honest):
    """Keeps its answers: a frame that it has seen is answered at once."""

    def prepare(self, context):
        super().prepare(context)
        self.kept = {}

    def process(self, frame):
        key = hashlib.blake2b(frame.tobytes()).digest()
        if key not in self.kept:
            self.kept[key] = super().process(frame)
        return self.kept[key]
'''


def judged(bench, name, *, more=""):
    """Run two seconds at 100 fps with a fifth of the frames fresh; return the result."""
    station = bench.station(more=more)
    path = bench.folder / station / "profile.yaml"
    text = path.read_text()
    begin, end = text.index("  preprocess:"), text.index("  decide:")
    text = text[:begin] + f'  target: python\n  target_options: {{callable: "cheat:{name}"}}\n' + text[end:]
    path.write_text(text.replace("pool_frames: 4", "pool_frames: 4, fresh_every: 5"))
    (path.parent / "cheat.py").write_text(PIPELINE)
    called = bench.run(station)
    assert bench.run_dirs(), called
    return json.loads((bench.run_dirs()[-1] / "result.json").read_bytes())["judgement"]


def check_of(judgement, check_id):
    return next(one for one in judgement["self_checks"] if one["check_id"] == check_id)


def test_a_pipeline_that_keeps_its_answers_does_not_pass(bench):
    """Repeated frames at once, fresh ones in 4 ms: the run is INCONCLUSIVE and says why."""
    judgement = judged(bench, "Cheat")
    found = check_of(judgement, "target.caching")
    assert not found["ok"], found
    assert "keep its answers" in found["sentence"]
    assert judgement["status"] != "PASS"


@pytest.fixture(scope="module")
def honest(benches):
    """Return the judgement of the honest pipeline, of which some recall is asked."""
    return judged(benches.new("honest"), "Honest", more="  detection: {min_recall: 0.9}")


def test_an_honest_pipeline_is_not_accused(honest):
    """The same pipeline without its memory takes as long for every frame."""
    found = check_of(honest, "target.caching")
    assert found["ok"], found
    assert "too few" not in found["observed_text"], found


def test_fast_and_wrong_fails(honest):
    """A pipeline that finds nothing in frames with defects misses its recall during the run."""
    check = next(one for one in honest["checks"] if one["check_id"] == "detection.min_recall")
    assert check["status"] == "FAIL", check
    assert honest["status"] == "FAIL"

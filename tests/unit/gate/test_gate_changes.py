"""What asks for less than the last release did, is told in words; what asks for as much or more is not."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate_flips import FACTS
from hilrig.core.gate import ApprovalRule, Policy, Requirement, Trigger
from hilrig.gate.changes import policy_loosened, signing_changed
from hilrig.gate.policies import find_policy, parse, policy_bytes

DEFAULT: Final = find_policy("default")
TEXT: Final = policy_bytes("default").decode()


def edited(old: str, new: str) -> Policy:
    """Return the default policy with a change of its text, as a person makes it."""
    assert old in TEXT
    return parse(TEXT.replace(old, new).encode(), file="p.yaml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("valid_days: 90", "valid_days: 91", "a decision holds for 91 days instead of 90"),
        ("max_age_days: 90", "max_age_days: 120", "max_age_days was raised from 90 to 120"),
        (", max_age_days: 90", "", "max_age_days was 90.0 and is left out"),
        ("{check: soak, hours_min: 2}", "{check: soak, hours_min: 1}", "hours_min was lowered from 2 to 1"),
        ("max_mib: 2048", "max_mib: 4096", "max_mib was raised from 2048 to 4096"),
        ("mib_per_hour_max: 64", "mib_per_hour_max: 65", "mib_per_hour_max was raised from 64 to 65"),
        ("window_min_s: 60", "window_min_s: 1", "window_min_s was lowered from 60 to 1"),
        ("canary_nodes_min: 1, guardrails_min: 1, ", "", ""),  # the defaults are the same
        ("inputs_min: 4", "inputs_min: 1", "inputs_min was lowered from 4 to 1"),
        (", disk_full]", "]", "kinds lost disk_full"),
        ("depths: [file_calls, kill]", "depths: [kill]", "depths lost file_calls"),
        (", drop_pct]", "]", "metrics lost drop_pct"),
        ("      - {check: log-keys}\n", "      - {check: log-keys, keys: [error_code]}\n", "keys lost model_hash"),
        ("      - {check: golden-passed}\n", "", "the check 'golden-passed' was removed from 'hil-validation'"),
        ("topic: symptom-guide", "topic: recipes", "the check 'document' (topic: symptom-guide) was removed"),
        ("  - id: logging", "  - id: diaries", "the item 'logging' was removed"),
        ("support-readiness]", "support-readiness, logging]", "the item 'logging' may be waived now"),
        ("role: security, n: 1", "role: security, n: 0", "0 instead of 1 approvals by 'security'"),
        ("role: security, n: 1", "role: intern, n: 1", "0 instead of 1 approvals by 'security'"),
        (
            "  - {when: waiver_used, role: quality, n: 1}\n",
            "  - {when: waiver_used, role: quality, n: 1}\n  - {when: waiver_used, role: intern, n: 1}\n",
            "the role 'intern' may waive now",
        ),
    ],
)
def test_what_was_loosened_is_told_in_words(old: str, new: str, words: str):
    """A limit moved, a requirement or a person less: whoever approves reads what they approve."""
    found = policy_loosened(DEFAULT, edited(old, new))
    assert [line for line in found if words in line] == list(found)
    assert bool(found) is bool(words)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("valid_days: 90", "valid_days: 89"),
        ("max_age_days: 90", "max_age_days: 30"),
        ("hours_min: 2", "hours_min: 8"),
        ("max_mib: 2048", "max_mib: 512"),
        (", disk_full]", ", disk_full, model_hangs]"),
        ("      - {check: no-secrets}\n", "      - {check: no-secrets}\n      - {check: log-keys}\n"),
        ("rollout-plan, support-readiness]", "rollout-plan]"),
        ("role: security, n: 1", "role: security, n: 2"),
        ("topic: symptom-guide}", "topic: symptom-guide, max_age_days: 365}"),
        ("# how long a decision holds", "# for so long"),
        ("owner: QA", "owner: quality"),
    ],
)
def test_what_was_tightened_or_only_worded_is_no_loosening(old: str, new: str):
    """Nobody has to approve a stricter limit, another comment or another owner."""
    assert policy_loosened(DEFAULT, edited(old, new)) == ()


def test_the_smaller_policy_is_a_loosening_of_the_larger():
    """A release that suddenly comes with the rehearsal's policy is not let through in silence."""
    rehearsal = find_policy("rehearsal")
    assert len([line for line in policy_loosened(DEFAULT, rehearsal) if "was removed" in line]) == 11
    assert policy_loosened(DEFAULT, DEFAULT) == ()


@given(st.sampled_from(DEFAULT.items), st.integers(0, 3))
def test_taking_any_requirement_away_is_seen(item: Any, place: int):
    """Whichever requirement goes, of whichever item."""
    index = DEFAULT.items.index(item)
    gone = item.needs[place % len(item.needs)]
    kept = tuple(need for need in item.needs if need is not gone)
    items = (*DEFAULT.items[:index], replace(item, needs=kept), *DEFAULT.items[index + 1 :])
    assert policy_loosened(DEFAULT, replace(DEFAULT, items=items))


def test_one_requirement_does_not_stand_for_another_of_its_kind():
    """Of two documents one is gone: that the other is still asked for does not hide it."""
    needs = (
        Requirement(check="document", parameters={"topic": "on-call", "max_age_days": 90.0}),
        Requirement(check="document", parameters={"topic": "on-call", "max_age_days": 30.0}),
    )
    item = replace(DEFAULT.items[-1], needs=needs)
    both, loose = replace(DEFAULT, items=(item,)), replace(DEFAULT, items=(replace(item, needs=needs[:1]),))
    assert policy_loosened(both, loose) == (
        "'document' of 'support-readiness': max_age_days was raised from 30 to 90",
    )


def test_a_way_to_waive_where_nothing_was_waivable_comes_with_its_item():
    """A first rule for waivers lets nothing through that the list of waivable items does not."""
    strict = replace(DEFAULT, waivable=frozenset(), approvals=())
    rule = ApprovalRule(when=Trigger.WAIVER_USED, role="quality", n=1)
    assert policy_loosened(strict, replace(strict, approvals=(rule,))) == ()
    assert policy_loosened(strict, DEFAULT)


def test_a_manifest_that_is_no_longer_verified_is_a_change_of_signing():
    """`verified` true before, false or gone now."""
    manifest = FACTS.manifest
    assert signing_changed(manifest, replace(manifest, signing={"verified": False}))
    assert signing_changed(manifest, replace(manifest, signing={}))
    assert signing_changed(manifest, manifest) == ()

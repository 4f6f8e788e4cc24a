import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import HilrigError, RigBusyError, RigLostError, TrustError
from hilrig.rig.agent_call import AgentCall, LinkBrokenError, error_of, last_answer

pytestmark = pytest.mark.waiting


def called(script: str, *, silence_s: float = 20, **options) -> AgentCall:
    """Return a call of an agent that is this script; `read()` and `say()` are there."""
    begin = """
import json, sys, time
def read(): return json.loads(sys.stdin.buffer.readline())
def say(**answer): print(json.dumps(answer), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", begin + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    arguments = options.pop("arguments", {})
    return AgentCall(process, what="rig bench: verb", arguments=arguments, silence_s=silence_s, **options)


def test_the_arguments_arrive_and_the_last_answer_ends_the_call():
    """One line in, the answers out as one object."""
    assert last_answer(called("say(a=read()['n']); say(ok=True, b=2)", arguments={"n": 1})) == {
        "a": 1,
        "ok": True,
        "b": 2,
    }


def test_what_the_rig_refuses_is_the_same_error_here():
    """An error by its type, with its words and its next step."""
    with pytest.raises(RigBusyError, match="held by ada") as caught:
        last_answer(called("say(error={'type': 'RigBusyError', 'message': 'held by ada', 'hint': 'wait'})"))
    assert caught.value.hint == "wait"


def test_an_answer_that_breaks_off_is_a_broken_link_with_the_last_words():
    """No last line is never a good end, whatever the exit status was."""
    with pytest.raises(LinkBrokenError, match="status 0.*no such file"):
        last_answer(called("say(a=1); sys.stderr.write('cannot: no such file\\n')"))


def test_a_silent_rig_is_given_up_after_the_silence():
    """A line that is open and says nothing ends the call in time."""
    with pytest.raises(LinkBrokenError, match="nothing was heard for 0 s"):
        last_answer(called("time.sleep(60)", silence_s=0.3))


def test_bytes_go_both_ways_at_once_without_blocking():
    """8 MiB in while 8 MiB come out: neither end waits for the other's pipe for ever."""
    script = """
read()
say(n=8 << 20)
out = sys.stdout.buffer
while piece := sys.stdin.buffer.read(1 << 16):
    out.write(piece)
out.flush(); say(ok=True)
"""
    data = [bytes([number]) * (1 << 20) for number in range(8)]
    call = called(script, feed=data, n_raw=lambda answer: answer.get("n", 0))
    assert b"".join(piece for piece in call if isinstance(piece, bytes)) == b"".join(data)


def test_a_rig_that_reads_no_more_still_says_why():
    """The upload is refused in its middle: the refusal arrives, not a broken pipe."""
    script = (
        "read(); say(error={'type': 'PreconditionError', 'message': 'no room', 'hint': ''}); sys.stdin.close()"
    )
    with pytest.raises(HilrigError, match="no room"):
        last_answer(called(script, feed=(bytes(1 << 20) for _ in range(64))))


@pytest.mark.parametrize("said", ["print('hello')", "print([1])", "print('x' * (5 << 20))"])
def test_what_is_no_answer_is_a_broken_link(said):
    """A shell's greeting, a list, a line without end: none of them is taken for an answer."""
    with pytest.raises(LinkBrokenError):
        last_answer(called(said + "; sys.stdout.flush(); time.sleep(1)"))


def test_what_the_waiting_raises_ends_the_call():
    """Ctrl-C while a rig is slow: the local end of the line goes at once."""

    def stop():
        raise TrustError("enough")

    call = called("time.sleep(60)", on_wait=stop)
    with pytest.raises(TrustError):
        last_answer(call)
    assert call._process.poll() is not None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_a_rig_calls_an_error_is_one_of_ours(described):
    """A rig cannot have another class made here, nor send escape sequences to a terminal."""
    error = error_of(described)
    assert isinstance(error, HilrigError)
    assert all(c.isprintable() or c == "\n" for c in error.message + error.hint)


def test_only_errors_of_hilrig_can_be_named():
    """`Problem`, `ClassVar` and what else the module holds are not errors."""
    for name in ("Problem", "ClassVar", "ConfigError", "__builtins__", "Exception"):
        assert type(error_of({"type": name, "message": "x", "hint": ""})) is RigLostError

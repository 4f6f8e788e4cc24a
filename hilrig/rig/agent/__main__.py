"""The agent on a rig: `python3 -m hilrig.rig.agent VERB` takes a line of JSON on stdin, answers in lines of JSON.

A verb is a function `(arguments, stream) -> Iterator[object or bytes]`; only its own call imports its module.
`stream` is stdin behind the line of arguments. Bytes are written as they are, at once. An object becomes a line;
the last one becomes the last line of the answer, with `"ok": true`: so each object waits until the next one, or
the end, shows which it is. What must be seen at once is yielded as `hilrig.rig.agent.answers.line(...)`.
"""

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import Any, BinaryIO, Final, TypeAlias

from hilrig.core.errors import UsageError
from hilrig.rig.agent.answers import described, line
from hilrig.rig.agent.disk import JSON_MAX_BYTES, json_object

VERBS: Final = {
    "facts": "hilrig.rig.agent.facts:facts",
    "lease": "hilrig.rig.agent.lease_verbs:lease",
    "release": "hilrig.rig.agent.lease_verbs:release",
    "have": "hilrig.rig.agent.blobs:have",
    "receive": "hilrig.rig.agent.blobs:receive",
    "place": "hilrig.rig.agent.place:place",
    "follow": "hilrig.rig.agent.follow:follow",
    "stop": "hilrig.rig.agent.requests:stop",
    "cancel": "hilrig.rig.agent.cancel:cancel",
    "revoke": "hilrig.rig.agent.requests:revoke",
    "manifest": "hilrig.rig.agent.manifest:manifest",
    "send": "hilrig.rig.agent.manifest:send",
    "fetched": "hilrig.rig.agent.tidy:fetched",
    "tidy": "hilrig.rig.agent.tidy:tidy",
}

Answer: TypeAlias = "Mapping[str, Any] | bytes"
Verb: TypeAlias = Callable[[Mapping[str, Any], BinaryIO], Generator[Answer, None, None]]


def main() -> None:
    """Do the verb in this process's arguments; exit with 0 when the last line is ok, else with 1."""
    try:
        is_ok = serve(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # nobody listens any more
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else the interpreter tries again at its end
        is_ok = False
    sys.exit(0 if is_ok else 1)


def serve(argv: Sequence[str], stream: BinaryIO, out: BinaryIO) -> bool:
    """Answer one call; return whether it came to a good end.

    Raises:
        BrokenPipeError: nobody reads the answer.
    """
    try:
        _answer(_verb(argv), stream, out)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - without a last line it would look like a broken link, and be repeated
        _write(out, line({"error": described(error)}))
        return False
    return True


def _answer(verb: Verb, stream: BinaryIO, out: BinaryIO) -> None:
    held: Mapping[str, Any] | None = None
    with closing(verb(_arguments(stream), stream)) as answers:
        for answer in answers:
            if held is not None:
                _write(out, line(held))
            held = None if isinstance(answer, bytes) else answer
            if isinstance(answer, bytes):
                _write(out, answer)
    _write(out, line({"ok": True, **(held or {})}))


def _verb(argv: Sequence[str]) -> Verb:
    if len(argv) != 1 or argv[0] not in VERBS:
        raise UsageError(f"expected one verb of {', '.join(VERBS)}, found {' '.join(argv)[:100]!r}")
    module, _, function = VERBS[argv[0]].partition(":")
    verb: Verb = getattr(import_module(module), function)
    return verb


def _arguments(stream: BinaryIO) -> dict[str, Any]:
    data = stream.readline(JSON_MAX_BYTES + 1)
    if not data.endswith(b"\n") and len(data) <= JSON_MAX_BYTES:
        raise UsageError("the line of arguments broke off")
    return json_object(data, what="the line of arguments")


def _write(out: BinaryIO, data: bytes) -> None:
    out.write(data)
    out.flush()


if __name__ == "__main__":
    main()

"""One request for a decision, from its first byte to its answer; the same way for every form that it may have."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic_ns
from typing import Any, Final, Protocol

import msgspec

from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.node.service.body import ClientGoneError, Receive, Scope, Send
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.deadline import Deadline, DeadlinePassedError
from hilrig.node.service.engine import Engine, EngineLostError, QueueFullError, Timed
from hilrig.node.service.json_request import CORRELATION_ID_MAX
from hilrig.node.service.messages import Kind, Status
from hilrig.node.service.refusal import Refusal, bad_request
from hilrig.node.service.serving import Serving
from hilrig.node.service.source import Release
from hilrig.node.service.window import Failure, Window

FIRST_BYTE: Final = "hilrig.first_byte_ns"
"""Key of the ASGI state under which the connection leaves when the request began."""
ANSWERED_AT: Final = 0.95
"""Part of the ceiling at which the 503 goes out: it is to be with the client at the ceiling, not on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request and what it meets.

    Args:
        headers: names in lower case.
        path: names in the path, such as the model's.
        release: what serves.
        first_byte_ns: when its first byte came. CLOCK_MONOTONIC.
    """

    headers: dict[bytes, bytes]
    path: dict[str, str]
    receive: Receive
    release: Release
    engine: Engine
    first_byte_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What lies in the slot after the body was read, and what the answer needs of the request."""

    kind: Kind
    correlation_id: str | None = None
    threshold: float | None = None
    wants_binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision on its way to the client.

    Args:
        parse_ms: from the first byte until the input was complete and checked for its form.
        queue_ms: until the model took it.
        infer_ms: in the model.
        total_ms: from the first byte until now.
    """

    release: Release
    filled: Filled
    labels: tuple[str, ...]
    score: float
    scores: Any
    is_defective: bool
    parse_ms: float
    queue_ms: float
    infer_ms: float
    total_ms: float


class Form(Protocol):
    """A form of request."""

    async def read(self, asked: Asked, slot: memoryview) -> Filled:
        """Read the body, write the input to `slot`.

        Raises:
            Refusal: it is not of this form.
        """

    def answer(self, decided: Decided) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return the answer's body and headers."""


class DecisionListener(Protocol):
    """Who hears of every decision at once, such as metrics and the PLC adapter. It never waits."""

    def decided(self, decided: Decided) -> None:
        """A request was decided in time."""

    def failed(self, *, error_code: str, correlation_id: str | None) -> None:
        """A request got no decision. HR-204 is an input that was no good; empty: the request's form was."""


class TensorRequests:
    """The ASGI application for requests of one form."""

    def __init__(
        self,
        serving: Serving,
        config: ServiceConfig,
        *,
        form: Form,
        listeners: tuple[DecisionListener, ...],
    ) -> None:
        self._serving, self._config, self._form, self._listeners = serving, config, form, listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        first_byte_ns = scope.get("state", {}).get(FIRST_BYTE) or monotonic_ns()
        window = self._serving.window
        seen = _Seen(correlation_id=_stated_id(scope))
        try:
            decided = await self._in_time(scope, receive, first_byte_ns, window, seen)
        except ClientGoneError:
            return
        except Refusal as refusal:
            for listener in self._listeners:
                listener.failed(error_code=refusal.error_code, correlation_id=seen.correlation_id)
            await send_refusal(send, refusal)
            return
        window.decided(decided.total_ms)
        for listener in self._listeners:
            listener.decided(decided)
        body, headers = self._form.answer(decided)
        await send_body(send, HTTPStatus.OK, body, headers)

    async def _in_time(
        self, scope: Scope, receive: Receive, first_byte_ns: int, window: Window, seen: "_Seen"
    ) -> Decided:
        late_s = self._config.ceiling_ms * ANSWERED_AT / 1000
        at_s = asyncio.get_running_loop().time() + late_s - (monotonic_ns() - first_byte_ns) / 1e9
        try:
            with Deadline(at_s) as deadline:
                return await self._decided(scope, receive, first_byte_ns, seen, deadline)
        except DeadlinePassedError:
            if not seen.is_complete:  # the client's or the network's doing: not counted against the model
                raise Refusal(
                    HTTPStatus.SERVICE_UNAVAILABLE, "the body did not come within the ceiling", closes=True
                ) from None
            window.failed(Failure.TIMEOUT)
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no decision within {self._config.ceiling_ms:g} ms; apply the fail-safe",
                error_code="HR-203",
            ) from None
        except QueueFullError:
            window.failed(Failure.QUEUE_FULL)
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the queue is full", error_code="HR-206") from None
        except EngineLostError:
            window.failed(Failure.LOST)
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "the inference process was lost", error_code="HR-207"
            ) from None
        except Refusal as refusal:
            if refusal.error_code in _FAILURES:
                window.failed(_FAILURES[refusal.error_code])
            raise

    async def _decided(
        self, scope: Scope, receive: Receive, first_byte_ns: int, seen: "_Seen", deadline: Deadline
    ) -> Decided:
        engine, release = self._serving.admit(), self._serving.release
        if release is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "no model is loaded", error_code="HR-201")
        asked = Asked(
            headers=dict(scope["headers"]),
            path=scope.get("path_params", {}),
            receive=seen.watching(receive),
            release=release,
            engine=engine,
            first_byte_ns=first_byte_ns,
        )
        slot = engine.take_slot()
        try:
            filled = await self._form.read(asked, engine.slot(slot))
            seen.correlation_id = filled.correlation_id
            deadline.require_time_left()  # JSON may have taken all of it: then the model is not bothered
        except BaseException:
            engine.give_back(slot)
            raise
        complete_ns = monotonic_ns()
        timed = await engine.infer(slot, filled.kind)
        return self._judged(asked, filled, timed, complete_ns)

    def _judged(self, asked: Asked, filled: Filled, timed: Timed, complete_ns: int) -> Decided:
        answer, manifest = timed.answer, asked.release.manifest
        if answer.status is not Status.DECIDED:
            raise _not_decided(answer.status, asked)
        bits = labels_of_bits(manifest.model.labels, manifest.pipeline.decide.thresholds)
        labels = found_labels(answer.defects, bits)
        is_defective = bool(labels) if filled.threshold is None else answer.score >= filled.threshold
        return Decided(
            release=asked.release,
            filled=filled,
            labels=labels,
            score=answer.score,
            scores=answer.scores,
            is_defective=is_defective,
            parse_ms=(complete_ns - asked.first_byte_ns) / 1e6,
            queue_ms=(timed.t_sent_ns - complete_ns) / 1e6,
            infer_ms=(timed.t_done_ns - timed.t_sent_ns) / 1e6,
            total_ms=(monotonic_ns() - asked.first_byte_ns) / 1e6,
        )


@dataclass(slots=True)
class _Seen:
    """How far a request came before it failed: whether all of its body did, and the id that it gave."""

    is_complete: bool = False
    correlation_id: str | None = None

    def watching(self, receive: Receive) -> Receive:
        """Return `receive` that notes the end of the body: what takes long after it is ours."""

        async def noting() -> MutableMapping[str, Any]:
            message = await receive()
            self.is_complete = not message.get("more_body", message["type"] != "http.request")
            return message

        return noting


def _stated_id(scope: Scope) -> str | None:
    """Return the id in the headers: known before the body, so that a refusal can name it to the PLC."""
    stated = next((value for name, value in scope["headers"] if name == b"x-correlation-id"), None)
    return None if stated is None else stated[:CORRELATION_ID_MAX].decode("latin-1")


_FAILURES: Final = {"HR-203": Failure.TIMEOUT, "HR-205": Failure.NON_FINITE, "HR-202": Failure.ERROR}


def _not_decided(status: Status, asked: Asked) -> Refusal:
    if status is Status.BAD_INPUT:
        spec = asked.engine.spec
        bounds = "" if spec.low is None else f" from {spec.low:g} to {spec.high:g}"
        return bad_request(f"every element must be a finite number{bounds}")
    if status is Status.NON_FINITE:
        words, code = "the model gave a score that is not finite; apply the fail-safe", "HR-205"
    else:
        words, code = "the runtime failed on this input; apply the fail-safe", "HR-202"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, words, error_code=code)


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """Send the refusal as JSON."""
    headers = [(b"content-type", b"application/json")]
    if refusal.closes:
        headers.append((b"connection", b"close"))
    await send_body(send, refusal.status, msgspec.json.encode(refusal.as_json()), headers)


async def send_body(send: Send, status: HTTPStatus, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})

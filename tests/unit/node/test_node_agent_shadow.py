"""A release in the shadow of a real service under traffic: it serves only when it decides as the one before."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gated_releases import GUARDRAIL, ROLLOUT, Publisher
from hilrig.attest.desired_state import GuardrailMetric, RolloutMode
from hilrig.core.profile import DecideSpec
from hilrig.node.agent.errors import RolledBackError
from hilrig.node.agent.opening import AgentSettings, opened_agent
from hilrig.node.agent.service_client import ServiceClient
from hilrig.node.trust import gate_accept
from node_services import NodeService, serving_node
from small_models import SHAPE

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_node_agent

DISAGREEMENT = replace(GUARDRAIL, metric=GuardrailMetric.DISAGREEMENT_PCT, max_missing=20, consecutive_errors=20)
SHADOW = replace(ROLLOUT, mode=RolloutMode.SHADOW, window_s=2.0, guardrails=(DISAGREEMENT,))
PICTURE = np.full(SHAPE, 0.4, np.float32)  # scores 0.4 and 0.8: label b over its threshold of 0.5


@contextmanager
def traffic(service: NodeService) -> Iterator[None]:
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.005):
            service.infer(PICTURE)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def followed(store: Path, desired: Path, service: NodeService) -> str:
    settings = AgentSettings(store=store, desired=str(desired), service=service.url, period_s=1)
    with opened_agent(settings, threading.Event()) as agent:
        return agent.once()


def test_a_shadow_is_served_when_it_agrees_and_dropped_when_not(tmp_path):
    """One with another threshold decides otherwise: it never serves. One that agrees takes over."""
    publisher = Publisher(tmp_path)
    store = publisher.store()
    first, accept = publisher.release(1), gate_accept(store.folder)
    store.stage(publisher.out / "releases" / first, accept=accept)
    store.activate(first, accept=accept)
    store.confirm(first)
    pipeline = publisher.manifest(first).pipeline
    strict = replace(pipeline, decide=DecideSpec(thresholds={"a": 0.5, "b": 0.9}))
    with serving_node(store.folder, "--shadow-every", "1") as service, traffic(service):
        other = publisher.desire(publisher.release(2, pipeline=strict), 2, rollout=SHADOW)
        with pytest.raises(RolledBackError, match="disagreement_pct 100"):
            followed(store.folder, other, service)
        assert (store.state().current, store.state().candidate) == (first, None)
        client = ServiceClient(service.url)  # the traffic has the kept connection
        found = client.window()
        assert (found.release_sha256, found.shadow) == (first, None)
        same = publisher.release(3)
        assert "confirmed" in followed(store.folder, publisher.desire(same, 3, rollout=SHADOW), service)
        assert client.window().release_sha256 == same
        assert store.state().previous == first

"""A release that the store went back from, seen by the service that still has it in memory."""

import pytest

from node_services import install, make_store, serving_node, tiny_store, write_tiny_release

pytestmark = pytest.mark.waiting


def test_a_release_that_was_taken_back_is_served_no_more(tmp_path):
    """Also where it was the first one: then nothing serves, and the node says why, unasked."""
    store = make_store(tmp_path / "store")
    write_tiny_release(tmp_path / "release")
    sha256 = install(store, tmp_path / "release", confirm=False)
    with serving_node(store.folder) as service:
        store.rollback("seen to be wrong", sha256=sha256)
        service.until(lambda: service.ask("GET", "/readyz").status == 503)
        assert service.get("/node/status")["active"] is None
        assert "service.withdrawn" in {event["event"] for event in service.events()}


def test_the_release_before_takes_its_place(tmp_path):
    """Loaded from the store, verified anew."""
    store = tiny_store(tmp_path)
    before = store.state().current
    write_tiny_release(tmp_path / "newer", sequence=2)
    newer = install(store, tmp_path / "newer", confirm=False)
    with serving_node(store.folder) as service:
        assert service.get("/node/status")["active"]["release_sha256"] == newer
        store.rollback("seen to be wrong", sha256=newer)
        service.until(lambda: (service.get("/node/status")["active"] or {}).get("release_sha256") == before)

import pytest

from hilrig.node.agent.errors import ServiceError
from hilrig.node.agent.reporting import send_to
from hilrig.node.agent.service_client import ServiceClient
from scripted_services import scripted_service

SHA = "a" * 64


def test_a_window_is_read_and_a_reload_is_asked_for():
    """The client speaks what docs/node.md lays down, with the token where there is one."""
    with scripted_service() as service:
        client = ServiceClient(service.url, token="secret")
        client.require_alive()
        client.serve(SHA)
        assert client.window().release_sha256 == SHA
        client.shadow("b" * 64)
        assert client.window().shadow.release_sha256 == "b" * 64
        path, asked, headers = service.asked[0]
        assert (path, asked) == ("/reload-model", {"release_sha256": SHA, "mode": "serve"})
        assert headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b"not json", b'{"n": NaN}', b"x" * (2 << 20)])
def test_an_answer_that_is_no_window_is_an_error(answer):
    """Whatever else comes in place of a window: the reading is missing, never a number."""
    with scripted_service() as service:
        service.answer = answer or b" "
        with pytest.raises(ServiceError):
            ServiceClient(service.url).window()


def test_a_refused_reload_says_what_the_service_said():
    """The status is in the message: it becomes the reason of the rollback."""
    with scripted_service() as service:
        service.refuses = 422
        with pytest.raises(ServiceError, match="status 422"):
            ServiceClient(service.url).serve(SHA)


def test_nobody_there_is_an_error():
    """A service that is down is said to be down."""
    with scripted_service() as service:
        url = service.url
    with pytest.raises(ServiceError):
        ServiceClient(url).require_alive()


def test_a_report_is_taken_by_a_200_only():
    """Any other answer, or none, leaves it in the queue."""
    with scripted_service() as service:
        send = send_to(f"{service.url}/reports")
        service.refuses = 500
        assert not send({"event": "x"})
        service.refuses = 0
        service.reload = lambda asked: None
        assert send({"event": "x"})
    assert not send({"event": "x"})

"""What an inference service is told when it starts."""

from dataclasses import dataclass

from hilrig.core.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Limits of the service; everything about the model comes from its signed release.

    Args:
        node: the node's id, for log lines.
        ceiling_ms: from the first byte of a request to its answer; later is a 503.
        queue_depth: requests that may wait while one is in the model.
        stuck_ms: a model that has not answered for so long is killed and loaded again.
        load_timeout_s: a model that is not ready by then did not load; TensorRT may build an engine first.
        shadow_every: every n-th input is shown to a model in shadow mode.
        allows_client_threshold: whether a request may bring its own threshold; an audit hole, so off by default.
        token: what whoever reloads a model has to show; empty: no token, only for a service on loopback.
    """

    node: str = ""
    ceiling_ms: float = 40.0
    queue_depth: int = 2
    stuck_ms: float = 1000.0
    load_timeout_s: float = 110.0
    shadow_every: int = 10
    allows_client_threshold: bool = False
    token: str = ""

    def __post_init__(self) -> None:
        for name in ("ceiling_ms", "queue_depth", "stuck_ms", "load_timeout_s", "shadow_every"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, found {getattr(self, name)}")
        if self.stuck_ms < self.ceiling_ms:
            raise UsageError(
                f"stuck_ms ({self.stuck_ms:g}) must be at least ceiling_ms ({self.ceiling_ms:g}): "
                "a model is not stuck before its first request is late"
            )

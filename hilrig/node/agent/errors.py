"""What can end an update besides a refusal by trust or store."""

from hilrig.core.errors import PreconditionError, StoreError


class DownloadError(PreconditionError):
    """A release or a desired state could not be fetched; the next look tries again."""


class ServiceError(PreconditionError):
    """The inference service does not answer, or refuses what it is asked for."""


class SmokeTestError(StoreError):
    """A release does not load, does not run as declared, or does not give the scores that it must give."""


class RolledBackError(StoreError):
    """A release was tried and taken back: a guardrail was broken, or nothing proved it kept."""

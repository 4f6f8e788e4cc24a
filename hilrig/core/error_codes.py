"""The error codes of the node, each with its owner and what it means."""

from typing import Final, NamedTuple


class ErrorCode(NamedTuple):
    """One code: which group acts on it, what happened in words."""

    owner: str
    meaning: str


ERROR_CODES: Final[dict[str, ErrorCode]] = {
    "HR-101": ErrorCode("firmware", "a file of the store does not have its digest"),
    "HR-102": ErrorCode("firmware", "the state and its backup are both unreadable"),
    "HR-103": ErrorCode("firmware", "the store's disk is full or refuses to write"),
    "HR-104": ErrorCode("firmware", "a candidate used up its tries without being confirmed"),
    "HR-105": ErrorCode("ML", "a release is below the minimum sequence, or barred after a rollback"),
    "HR-201": ErrorCode("ML", "no model is loaded"),
    "HR-202": ErrorCode("ML", "the model or its runtime refused to load"),
    "HR-203": ErrorCode("ML", "there was no decision within the ceiling"),
    "HR-204": ErrorCode("ML", "the input is not a finite tensor of the model's shape and range"),
    "HR-205": ErrorCode("ML", "the model gave a score that is not finite"),
    "HR-206": ErrorCode("firmware", "the queue is full"),
    "HR-207": ErrorCode("firmware", "the inference process was lost"),
    "HR-301": ErrorCode("security", "a signature or digest of a desired state or release does not hold"),
    "HR-302": ErrorCode("security", "a desired state is old, expired, or for another node or class"),
    "HR-303": ErrorCode("ML", "the gate has not passed this release for this class and stack"),
    "HR-304": ErrorCode("backend", "a download failed"),
    "HR-305": ErrorCode("ML", "the smoke test of a release failed"),
    "HR-306": ErrorCode("ML", "a guardrail was broken, or nothing proved it kept"),
    "HR-401": ErrorCode("firmware", "the PLC does not answer"),
    "HR-402": ErrorCode("firmware", "decisions were late or absent: the fail-safe output was written"),
}
"""Every code that a node may report."""

"""Where the evidence of a second judgement comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFrom:
    """The run whose evidence is judged again, against the limits of another profile."""

    run_id: str
    profile_sha256: str
    result_sha256: str

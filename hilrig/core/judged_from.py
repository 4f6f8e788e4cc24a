"""Where the evidence of a second judgement comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFrom:
    """The run whose evidence is judged again, against the limits of another profile.

    Args:
        run_id: of that run.
        profile_sha256: of the profile that it was measured by.
        result_sha256: of its result.json.
    """

    run_id: str
    profile_sha256: str
    result_sha256: str

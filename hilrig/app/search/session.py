"""Many runs, one after another, in the folder of one search, with one signature over what they show together."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.folders import make_reports_folder
from hilrig.app.run.request import RunRequest, new_run_id
from hilrig.app.run.run import Finished, Status, run
from hilrig.app.run.search_stop import StopWatch
from hilrig.app.soak.preflight import load_rig_in_place
from hilrig.attest.envelope import sign
from hilrig.attest.keys import load_signer, read_passphrase
from hilrig.attest.result_statement import build_views_statement
from hilrig.config.noun_json import from_json
from hilrig.config.plan_file import load_plan
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import PreconditionError, RecordError, RunAbortedError
from hilrig.core.exits import ExitCode
from hilrig.core.result import Result
from hilrig.core.run import RunPlan
from hilrig.core.search import RUNS
from hilrig.core.units import NS_PER_S
from hilrig.record.run_directory import create, release_reserve, write_atomic
from hilrig.record.utc import utc_text

SELF_TEST_S: Final = 1.0
"""Before each of many short runs on one rig: the ten seconds of a single run would double their time."""

OVERHEAD_S: Final = 8.0
"""Loading, draining, judging, rendering around a run, until one has shown what it is here."""

SIGNED_OF_A_RUN: Final = (files.RESULT, files.VIEWS)
"""The evidence hangs on the first, signatures and views on the second; cosign reads at most 1,024 files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A finished run of a search: what was asked, what came of it, where it lies below the search's folder."""

    plan: RunPlan
    result: Result
    run_dir: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What signs: the passphrase is kept, because every run reads it anew and a descriptor gives it once."""

    signer: Signer
    passphrase: bytes | None


def read_credentials(request: RunRequest) -> Credentials:
    """Return the signer that a request names.

    Raises:
        TrustError: the key cannot be used.
        UsageError: the passphrase cannot be read.
    """
    passphrase = read_passphrase(request.passphrase_file, request.passphrase_fd)
    return Credentials(signer=load_signer(request.key, passphrase=passphrase), passphrase=passphrase)


class SearchSession:
    """The folder of a search and the runs in it.

    Args:
        request: reports folder, rig and key of every run.
        name: goes into the folder's name, after the time.
        watch: whether the operator asked for the end.
        clock: of the time in the folder's name and in the documents.
        on_status: called about twice a second with the live state of the run that goes on.

    Attributes:
        overhead_s: what the last run took besides offering its frames; a guess before the first.

    Raises:
        HilrigError: the key cannot be used, or the folder cannot be made.
    """

    def __init__(
        self,
        request: RunRequest,
        *,
        name: str,
        watch: StopWatch,
        clock: Clock,
        on_status: Callable[[Status], None],
    ) -> None:
        self._request = request
        self._watch = watch
        self._clock = clock
        self._on_status = on_status
        self.overhead_s = OVERHEAD_S
        load_rig_in_place(request.rig_file)
        self._credentials = read_credentials(request)
        self.search_id = new_run_id()
        self.started_at_utc = self.now_utc()
        make_reports_folder(request.reports)
        self.folder = create(
            request.reports, profile_name=name, run_id=self.search_id, started_at_utc=self.started_at_utc
        )

    def now_utc(self) -> str:
        """Return the time of day, for people."""
        return utc_text(self._clock.triple().realtime_ns)

    def run(self, change: Callable[[RunRequest], RunRequest], *, profile_sha256: str) -> Done:
        """Do one run: the session's request with a change.

        Raises:
            RunAbortedError: the operator ended it; what it recorded stays in its directory.
            PreconditionError: the profile is no longer the one that the search began with.
            HilrigError: whatever kept the run from starting or from being judged.
        """
        self.refuse_when_stopped()
        began_ns = self._clock.monotonic_ns()
        with self._passphrase_again() as fd:
            asked = replace(
                change(self._request),
                reports=self.folder / RUNS,
                self_test_s=SELF_TEST_S,
                measured_part_only=True,
                passphrase_fd=fd,
            )
            finished = run(asked, on_status=self._on_status)
        if finished.exit_code == ExitCode.ABORTED:
            raise RunAbortedError(f"the operator ended the run {finished.run_dir.name}")
        done = self._read(finished, asked)
        if done.plan.profile_sha256 != profile_sha256:
            raise PreconditionError(f"{asked.profile} changed during the search", hint="start the search again")
        spent_ns = self._clock.monotonic_ns() - began_ns
        self.overhead_s = max(0.0, spent_ns - done.plan.n_frames * done.plan.period_ns) / NS_PER_S
        return done

    def refuse_when_stopped(self) -> None:
        """Raise RunAbortedError when the operator asked for the end."""
        if self._watch.requested:
            raise RunAbortedError("the operator ended the search")

    def sign_and_keep(self, *, document_name: str, document: bytes, page_name: str, page: bytes) -> None:
        """Write a search's document and page with a signature over both and over the results of its runs.

        The document comes last: a folder without it is unfinished.

        Raises:
            RecordError: the disk is full, or the folder is gone.
        """
        made = {page_name: page, document_name: document}
        release_reserve(self.folder)
        try:
            digests = {**{name: sha256_hex(data) for name, data in made.items()}, **self._run_digests()}
            envelope = sign(build_views_statement(digests, self.search_id), self._credentials.signer)
            for name, data in {page_name: page, files.VIEWS: envelope, document_name: document}.items():
                write_atomic(self.folder / name, data)
        except OSError as error:
            raise RecordError(
                f"{self.folder} cannot be written: {error.strerror}",
                hint=f"its runs are whole: hilrig list --reports {self.folder / RUNS}",
            ) from error

    def discard(self) -> None:
        """Remove the folder of a search in which no run was done."""
        if not any((self.folder / RUNS).glob("*")):
            shutil.rmtree(self.folder)

    def _read(self, finished: Finished, asked: RunRequest) -> Done:
        plan = load_plan((finished.run_dir / files.PLAN).read_bytes())
        path = finished.run_dir / files.RESULT
        offered_fps = Fraction(NS_PER_S * plan.period_denominator, plan.period_numerator_ns)
        if asked.frame_rate_fps not in {None, offered_fps}:
            raise RecordError(
                f"{finished.run_dir} was offered {offered_fps} fps, {asked.frame_rate_fps} were asked"
            )
        return Done(
            plan=plan,
            result=from_json(Result, path.read_bytes(), what=str(path)),
            run_dir=str(finished.run_dir.relative_to(self.folder)),
        )

    def _run_digests(self) -> Mapping[str, str]:
        found = (path for name in SIGNED_OF_A_RUN for path in sorted((self.folder / RUNS).glob(f"*/{name}")))
        return {str(path.relative_to(self.folder)): sha256_hex(path.read_bytes()) for path in found}

    @contextmanager
    def _passphrase_again(self) -> Iterator[int | None]:
        """Give a descriptor with the passphrase when it came by descriptor; that one is read to its end."""
        if self._request.passphrase_fd is None or self._credentials.passphrase is None:
            yield None
            return
        fd = os.memfd_create("passphrase", os.MFD_CLOEXEC)
        try:
            os.write(fd, self._credentials.passphrase + b"\n")
            os.lseek(fd, 0, os.SEEK_SET)
            yield fd
        finally:
            os.close(fd)

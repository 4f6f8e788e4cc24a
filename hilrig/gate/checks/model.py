"""What is released: these files, this runtime, this pipeline, built from this commit."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from hilrig.config.keys import Keys, Positive
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, RunFacts
from hilrig.core.units import BYTES_PER_MIB
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless
from hilrig.gate.checks.runs_here import Runs, contents, over_runs
from hilrig.target.model_files import bundle_sha256

RUNTIME: Final = re.compile(r"(?:onnxruntime|ort-nightly)[a-z-]*-\d+(?:\.\d+)+\S*")
RUNTIME_PACKAGE: Final = re.compile(r"onnxruntime(?!-(extensions|genai|tools|easy))(-.*)?|ort-nightly(-.*)?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Storage(Keys):
    """Room that a release may take on a node."""

    max_mib: Positive = Field(description="Model and golden input together, in MiB (2^20 bytes).")


def model_files_match(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether the files that were hashed now are those of manifest and release, all of them."""
    if not facts.model_files_sha256:
        return missing("the model's files were not there to hash")
    n_files = len(facts.model_files_sha256)
    words = (
        f"{n_files} model files have the digests of the manifest" if n_files > 1 else "the model has its digest"
    )
    return unless(_other_files(facts), passed(words))


def release_matches(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether release.json and the manifest speak of one release, which may run on this class."""
    manifest, release = facts.manifest, facts.release
    words = {
        "name": (manifest.name, release.name),
        "version": (manifest.version, release.version),
        "sequence": (manifest.sequence, release.sequence),
        "config version": (manifest.config_version, release.config_version),
    }
    objections = [
        failed(f"the {what} is {stated!a} in the manifest, {released!a} in release.json")
        for what, (stated, released) in words.items()
        if stated != released
    ]
    if release.sequence < 1:
        objections.append(failed(f"the sequence {release.sequence} cannot be: the first is 1"))
    if facts.device_class not in release.device_classes:
        objections.append(failed(f"release.json does not name {facts.device_class} among its device classes"))
    return unless(objections, passed(f"{release.name} {release.version}, sequence {release.sequence}"))


@over_runs
def runtime_pinned(facts: Facts, params: NoParameters, runs: Runs) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether all runs on this class were made with one runtime of one version that the manifest names."""
    pinned = facts.manifest.runtime.split(", ")
    loose = [name for name in pinned if not RUNTIME.fullmatch(name)]
    if loose:
        return failed(f"'{loose[0][:60]}' is no runtime with its version: onnxruntime-1.17.3")
    found = {run.path: _runtimes(run) for run in runs}
    objections = [
        missing(f"{path} does not tell the version of its runtime", path)
        for path, names in found.items()
        if not names
    ]
    used = sorted({name for names in found.values() for name in names})
    if len(used) > 1:
        objections.append(
            failed(f"the runs on {facts.device_class} used {listed(used)}: one runtime, one version")
        )
    elif used and used[0] not in pinned:
        objections.append(failed(f"the runs used {used[0]}, the manifest pins {facts.manifest.runtime}"))
    return unless(objections, passed(f"every run was made with {listed(used)}", *found))


def built_from_tag(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether git says now what the manifest says: a tagged commit, a lock file."""
    found = facts.source
    if found is None:
        return missing("nobody could ask git what the release was built from")
    if found != facts.manifest.source:
        return failed("the manifest names another commit, tag or lock file than git does now")
    if not _COMMIT.fullmatch(found.commit) or not _SHA256.fullmatch(found.lock_sha256):
        return failed("commit and lock file are not both named by their digests")
    if not found.tag:
        return failed(f"commit {found.commit[:12]} has no tag")
    return passed(f"built from {found.tag}, commit {found.commit[:12]}")


def one_pipeline(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether release, manifest, runs and golden report were made with one pipeline."""
    if facts.pipeline_sha256 is None:
        return missing("the pipeline of release.json could not be hashed")
    if not facts.runs or facts.golden is None:
        return missing("there is no run or no golden report to hold the pipeline against")
    pipelines = {"the manifest": facts.manifest.pipeline_sha256, "the golden report": facts.golden.pipeline_sha256}
    pipelines |= {run.path: run.result.pipeline_sha256 for run in facts.runs}
    others = [name for name, sha256 in pipelines.items() if sha256 != facts.pipeline_sha256]
    if others:
        return failed(f"{listed(others)} has another pipeline than release.json")
    return passed(f"one pipeline {facts.pipeline_sha256[:12]} in release, manifest, runs and golden report")


def storage(facts: Facts, params: Storage) -> Answer:
    """Answer whether the release's files fit."""
    sizes = [file.size_bytes for file in facts.release.files]
    if not sizes:
        return missing("release.json names no file")
    if min(sizes) < 1:
        return failed("release.json names a file of no bytes, which cannot be")
    mib = sum(sizes) / BYTES_PER_MIB
    words = f"the release takes {mib:.4g} MiB of {params.max_mib:g} MiB"
    return passed(words) if mib <= params.max_mib else failed(words)


def _runtimes(run: RunFacts) -> set[str]:
    facts = run.result.rig_info.get("facts")
    packages = facts.get("packages") if isinstance(facts, Mapping) else None
    found = packages.items() if isinstance(packages, Mapping) else ()
    return {f"{name}-{version}" for name, version in found if RUNTIME_PACKAGE.fullmatch(str(name))}


def _other_files(facts: Facts) -> Iterator[Answer]:
    found, manifest, release = facts.model_files_sha256 or {}, facts.manifest, facts.release
    stated = dict(manifest.model_files_sha256)
    if dict(found) != stated:
        others = sorted(path for path in {*found, *stated} if found.get(path) != stated.get(path))
        yield failed(f"{listed(others)} does not have the digest of the manifest")
    released = {file.path: file.sha256 for file in release.files if file.path in release.model.files}
    if contents(released) != contents(found) or len(released) != len(release.model.files):
        yield failed("the model's files in release.json are not those of the manifest")
    if not bundle_sha256(stated) == manifest.bundle_sha256 == release.bundle_sha256:
        yield failed("the digest over all model files is not that of manifest and release.json")
    if manifest.model_sha256 != (found.get(release.model.files[0]) if release.model.files else None):
        yield failed("model_sha256 is not the digest of the model's first file")

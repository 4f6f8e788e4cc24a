"""Reports of real results, signed with real keys, and what a browser says of them."""

import base64
import json
import re
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer

from browsers import Browser
from builders import P99, make_frames, make_limit, make_plan, make_record
from hilrig.app.finished.conclude import build_result
from hilrig.attest.envelope import sign
from hilrig.attest.public_key import accept_public_key, public_key_der
from hilrig.attest.result_statement import build_result_statement
from hilrig.config.noun_json import to_json
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.document import Document, SignatureInfo
from hilrig.core.profile import Limit
from hilrig.core.result import Result
from hilrig.report.html import render_report
from hilrig.report.signed_blocks import SIGNED_RESULT_ID, signed_block
from hilrig.verdict.judge import judge

LIMITS = (P99, make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%"))
EVIDENCE = {name: sha256_hex(name.encode()) for name in (*files.CONFIGURATION_FILES, files.FRAMES)}


def make_signer(*, ed25519: bool = False) -> Signer:
    """Return the signer of a new key."""
    private = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(SECP256R1())
    return CryptoSigner(private, accept_public_key(private.public_key(), name="test key").sslib)


@cache
def make_result(*, latency_ms: float = 10.0, limits: tuple[Limit, ...] = LIMITS) -> Result:
    """Return a result as the real verdict gives it: one minute at 30 fps, PASS below 45 ms and FAIL above."""
    plan = make_plan(limits=limits)
    record = make_record(plan, frames=make_frames(plan, latency_ms=latency_ms))
    return build_result(record, judge(record), digests=EVIDENCE)


def make_document(result: Result, signer: Signer) -> Document:
    """Return what a page of `result` is rendered from, its signature included."""
    signed_result = to_json(result)
    envelope = sign(build_result_statement(result, result_sha256=sha256_hex(signed_result)), signer)
    signature = SignatureInfo(
        key_fingerprint=signer.public_key.keyid,
        envelope_file=files.ATTESTATION,
        envelope_sha256=sha256_hex(envelope),
        public_key_der=public_key_der(signer.public_key),
        envelope=envelope,
        signed_result=signed_result,
    )
    return Document(result=result, signature=signature)


def with_judgement(result: Result, **changes: object) -> Result:
    """Return the result with another judgement."""
    return replace(result, judgement=replace(result.judgement, **changes))


SETTLED = 'html:is([data-signature="holds"], [data-signature="invalid"], [data-signature="unable"])'
"""Matches when the badge has settled. Waiting for an expression would need eval, which the page forbids."""

BLOCK = re.compile(rf'(<script type="application/json" id="{SIGNED_RESULT_ID}">)(.*?)(</script>)', re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """What a person and the console saw of a page whose badge has settled.

    Args:
        state: the badge's: holds, invalid, unable.
        top: its words at the top of the page.
        section: its words where the signature is explained.
        complaints: what stands on the console.
        requests: what the page asked for, answered or not.
        was_run: whether injected code ran (`window.pwned = 1`).
    """

    state: str
    top: str
    section: str
    complaints: list[str]
    requests: list[str]
    was_run: bool


def look_at(browser: Browser, page: str, folder: Path, **options) -> Seen:
    """Open a page from disk with the network off and wait until its badge has settled."""
    path = folder / files.REPORT_HTML
    path.write_text(page, encoding="utf-8")
    with browser.open(path, **options) as opened:
        opened.page.wait_for_selector(SETTLED, timeout=15_000)
        return Seen(
            state=opened.page.evaluate("document.documentElement.dataset.signature"),
            top=opened.page.locator("p.seal").inner_text(),
            section=opened.page.locator("#signature .seal").inner_text(),
            complaints=opened.complaints,
            requests=opened.requests,
            was_run=opened.page.evaluate("'pwned' in window"),
        )


def rendered(document: Document) -> str:
    """Return the report of a document, without the picture that it has for paper."""
    return render_report(document, png=b"").decode()


def carried(document: Document) -> dict[str, str]:
    """Return the fields of the page's data block."""
    return json.loads(BLOCK.search(signed_block(document.signature))[2])


def with_block(page: str, block: object) -> str:
    """Return the page with another data block; a string is taken as it is."""
    text = block if isinstance(block, str) else json.dumps(block)
    return BLOCK.sub(lambda found: found[1] + text.replace("<", "\\u003c") + found[3], page)


def b64(data: bytes) -> str:
    """Return bytes as the fields of the block hold them."""
    return base64.b64encode(data).decode()


def packed(data: bytes) -> str:
    """Return a result as the block holds it."""
    return b64(zlib.compress(data, 9))

"""What a page carries for its own check of the signature."""

import base64
import json
import re
import zlib
from dataclasses import replace

import pytest

from hilrig.report.signed_blocks import SIGNED_RESULT_ID, signed_block
from signed_pages import make_document, make_result, make_signer


@pytest.fixture(scope="module")
def signature():
    return make_document(make_result(), make_signer()).signature


def test_the_bytes_that_were_signed_are_in_the_page(signature) -> None:
    """Envelope, key and result.json come back byte for byte: one changed byte would break the signature."""
    found = re.fullmatch(
        rf'<script type="application/json" id="{SIGNED_RESULT_ID}">(.*)</script>', signed_block(signature)
    )
    fields = {name: base64.b64decode(text) for name, text in json.loads(found[1]).items()}
    assert fields["envelope"] == signature.envelope
    assert fields["public_key"] == signature.public_key_der
    assert zlib.decompress(fields["result"]) == signature.signed_result


def test_a_result_is_packed(signature) -> None:
    """A result of numbers takes less than half of its size, so that the page stays small."""
    assert len(signed_block(signature)) < len(signature.envelope) * 2 + len(signature.signed_result) / 2


@pytest.mark.parametrize("name", ["envelope", "public_key_der", "signed_result"])
def test_a_part_is_no_signature(signature, name: str) -> None:
    """Where one of the three is not known there is no block at all: the page then says that it carries none."""
    assert signed_block(replace(signature, **{name: b""})) == ""

"""What a page carries so that it can check the signature over its result by itself."""

import base64
import zlib
from typing import Final

from markupsafe import Markup

from hilrig.core.document import SignatureInfo
from hilrig.report.blocks import block

SIGNED_RESULT_ID: Final = "signed-result"
"""Id of the data block; `scripts/signature.js` looks for it."""


def signed_block(signature: SignatureInfo) -> Markup:
    """Return envelope, key and result.json, byte for byte, as a data block; empty where they are not known.

    All three are base64, as JSON has no bytes; the result is deflated before (RFC 1950, which browsers unpack).
    """
    if not carries_signature(signature):
        return Markup()
    carried = {
        "envelope": signature.envelope,
        "public_key": signature.public_key_der,
        "result": zlib.compress(signature.signed_result, 9),
    }
    return block(SIGNED_RESULT_ID, {name: base64.b64encode(data).decode() for name, data in carried.items()})


def carries_signature(signature: SignatureInfo) -> bool:
    """Return whether a page can carry all that it takes to check the signature."""
    return bool(signature.envelope and signature.public_key_der and signature.signed_result)

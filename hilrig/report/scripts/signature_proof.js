// From the bytes that the page carries to "the result in this page is the one that this key signed".

/** What does not hold: the message says what, for a person. */
class Broken extends Error {}

/** Why this browser cannot tell. */
class Unable extends Error {}

const signatureProof = (() => {
  const PAYLOAD_TYPE = "application/vnd.in-toto+json";
  const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
  const TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1";
  const MAX_RESULT_BYTES = 16 * 2 ** 20; // what `hilrig verify` reads at most: small data can unpack to much
  const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n; // SEC 2, 2.4.2

  // Each kind of key has one spelling in DER (RFC 5480 2, RFC 8410 4): this head, then the key.
  const KINDS = [
    {
      name: "ECDSA P-256",
      head: "3059301306072a8648ce3d020106082a8648ce3d030107034200",
      keyBytes: 65,
      sshFields: ["ecdsa-sha2-nistp256", "nistp256"], // RFC 5656 3.1
      importAs: { name: "ECDSA", namedCurve: "P-256" },
      verifyAs: { name: "ECDSA", hash: "SHA-256" },
      signature: p256Signature,
    },
    {
      name: "Ed25519",
      head: "302a300506032b6570032100",
      keyBytes: 32,
      sshFields: ["ssh-ed25519"], // RFC 8709 4
      importAs: { name: "Ed25519" },
      verifyAs: { name: "Ed25519" },
      signature: (bytes) => bytes,
    },
  ];

  /**
   * Return the result that was signed and the fingerprint of the key that signed it.
   * `block` holds envelope, public_key (DER) and result (deflated), each as base64.
   */
  async function prove(block) {
    requireBrowser();
    const key = readKey(fromBase64(block.public_key, "the public key"));
    const fingerprint = await fingerprintOf(key);
    const envelope = openEnvelope(text(fromBase64(block.envelope, "the envelope"), "the envelope"));
    if (envelope.keyId !== fingerprint) {
      throw new Broken(`The envelope names the key ${envelope.keyId}, the page carries the key ${fingerprint}.`);
    }
    if (!(await holds(key, envelope))) {
      throw new Broken("The signature does not hold: what was signed was changed, or another key signed it.");
    }
    const statement = json(text(envelope.payload, "the statement"), "the statement");
    const data = await inflate(fromBase64(block.result, "the result"));
    await requireSubject(statement, data);
    const result = json(text(data, "the result"), "the result");
    requireSameClaims(statement.predicate, result);
    return { fingerprint, result };
  }

  function requireBrowser() {
    if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) {
      throw new Unable("it offers no cryptography to pages opened in this way");
    }
    if (typeof DecompressionStream === "undefined") {
      throw new Unable("it is too old to unpack the result");
    }
  }

  function readKey(der) {
    const spelled = hex(der);
    const kind = KINDS.find(
      ({ head, keyBytes }) => spelled.startsWith(head) && der.length === head.length / 2 + keyBytes,
    );
    if (!kind) {
      throw new Broken("The public key in this page is of no kind that hilrig signs with.");
    }
    return { kind, der, raw: der.subarray(kind.head.length / 2) };
  }

  /** What `ssh-keygen -l` prints (RFC 4253 6.6): sha256 over the fields, each with its length in front. */
  async function fingerprintOf({ kind, raw }) {
    const fields = [...kind.sshFields.map((field) => new TextEncoder().encode(field)), raw];
    const blob = joined(fields.flatMap((field) => [lengthOf(field), field]));
    return `SHA256:${toBase64(await sha256(blob)).replace(/=+$/, "")}`;
  }

  /** One signature, and one spelling: a field, a space, another order are all refused. */
  function openEnvelope(written) {
    const { payload, payloadType, signatures } = json(written, "the envelope");
    const [{ keyid, sig }] = signatures;
    if (JSON.stringify({ payload, payloadType, signatures: [{ keyid, sig }] }) !== written) {
      throw new Broken("The envelope is not in the form in which hilrig writes it.");
    }
    if (payloadType !== PAYLOAD_TYPE) {
      throw new Broken("The envelope holds something else than a statement.");
    }
    return {
      keyId: keyid,
      payload: fromBase64(payload, "the payload"),
      signature: fromBase64(sig, "the signature"),
    };
  }

  async function holds({ kind, der }, { payload, signature }) {
    const message = preAuthEncoding(payload);
    const spelled = kind.signature(signature);
    const key = await imported(kind, der);
    try {
      return await crypto.subtle.verify(kind.verifyAs, key, spelled, message);
    } catch {
      throw new Unable(`it could not check a signature of the kind ${kind.name}`);
    }
  }

  async function imported(kind, der) {
    try {
      return await crypto.subtle.importKey("spki", der, kind.importAs, false, ["verify"]);
    } catch (error) {
      if (error?.name === "DataError") {
        throw new Broken("The public key in this page is damaged.");
      }
      throw new Unable(`it does not know keys of the kind ${kind.name}`);
    }
  }

  /** DSSE 1.0, "PAE": type and body, each with its length in front. */
  function preAuthEncoding(payload) {
    const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
    return joined([new TextEncoder().encode(head), payload]);
  }

  /**
   * Return r and s, 32 bytes each, of an ECDSA-Sig-Value in DER (RFC 3279 2.2.3). Only the twin with the smaller s
   * counts, as in `hilrig verify`: (r, s) and (r, n - s) both satisfy the mathematics.
   */
  function p256Signature(der) {
    const [r, afterR] = derInteger(der, 2);
    const [s, end] = derInteger(der, afterR);
    if (der[0] !== 0x30 || der[1] !== der.length - 2 || end !== der.length || s > P256_ORDER / 2n) {
      throw new Broken("The signature is not in the form in which hilrig writes it.");
    }
    return joined([r, s].map(bytes32));
  }

  function derInteger(der, at) {
    const end = at + 2 + der[at + 1];
    const bytes = der.subarray(at + 2, end);
    const isShortest = bytes[0] > 0 || bytes[1] >= 0x80;
    if (der[at] !== 2 || !(end <= der.length) || !(bytes[0] < 0x80) || !isShortest || bytes.length > 33) {
      throw new Broken("The signature is not in the form in which hilrig writes it.");
    }
    return [BigInt(`0x${hex(bytes)}`), end];
  }

  async function requireSubject(statement, data) {
    if (statement._type !== STATEMENT_TYPE || statement.predicateType !== TEST_RESULT) {
      throw new Broken("What was signed is not a test result.");
    }
    const subjects = statement.subject.filter(({ name }) => name === "result.json");
    if (subjects.length !== 1 || subjects[0].digest.sha256 !== hex(await sha256(data))) {
      throw new Broken("The result in this page is not the one that was signed: its sha256 differs.");
    }
  }

  function requireSameClaims(predicate, { run_id, exit_code, judgement }) {
    const { status: verdict, sentence } = judgement;
    const claimed = predicate.hilrig;
    const pairs = Object.entries({ run_id, exit_code, verdict, sentence });
    const isSame = pairs.every(([name, value]) => claimed[name] === value);
    if (!isSame || predicate.result !== (verdict === "PASS" ? "PASSED" : "FAILED")) {
      throw new Broken("The statement that was signed says something else than the result that it covers.");
    }
  }

  async function inflate(packed) {
    const parts = [];
    let size = 0;
    try {
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
      const reader = stream.getReader();
      for (let step = await reader.read(); !step.done; step = await reader.read()) {
        size += step.value.length;
        if (size > MAX_RESULT_BYTES) {
          reader.cancel();
          throw new Broken("The result in this page is longer than any that hilrig writes.");
        }
        parts.push(step.value);
      }
    } catch (error) {
      throw error instanceof Broken ? error : new Broken("The result in this page is damaged: it does not unpack.");
    }
    return joined(parts);
  }

  function fromBase64(written, what) {
    let binary = null;
    try {
      binary = atob(written);
    } catch {
      // said below: it has no bytes
    }
    if (binary === null || btoa(binary) !== written) {
      throw new Broken(`In this page, ${what} is not standard base64.`);
    }
    return Uint8Array.from(binary, (sign) => sign.charCodeAt(0));
  }

  function toBase64(bytes) {
    return btoa(String.fromCharCode(...bytes)); // of digests only: 32 bytes
  }

  function text(bytes, what) {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Broken(`In this page, ${what} is not UTF-8.`);
    }
  }

  function json(written, what) {
    try {
      return JSON.parse(written);
    } catch {
      throw new Broken(`In this page, ${what} is not JSON.`);
    }
  }

  async function sha256(bytes) {
    try {
      return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    } catch {
      throw new Unable("it could not compute a sha256");
    }
  }

  function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function bytes32(value) {
    const digits = value.toString(16).padStart(64, "0");
    return Uint8Array.from({ length: 32 }, (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16));
  }

  function lengthOf(bytes) {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, bytes.length);
    return new Uint8Array(view.buffer);
  }

  function joined(parts) {
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  return { prove, json };
})();

// What the sigstore project's own JavaScript says of bundles: `node verify.mjs KEY.pub BUNDLE...`, a line of JSON for each.
// No log, no timestamp, no certificate: the public key alone, as `cosign verify-blob-attestation --key` does offline.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";

import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const [keyFile, ...bundleFiles] = process.argv.slice(2);
const publicKey = createPublicKey(readFileSync(keyFile));
const nobodyElse = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trusted = toTrustMaterial(nobodyElse, () => ({ publicKey, validFor: () => true }));
const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });

for (const file of bundleFiles) {
  let said = { ok: true, error: "" };
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(file, "utf8")))));
  } catch (error) {
    said = { ok: false, error: `${error.code ?? error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(said));
}

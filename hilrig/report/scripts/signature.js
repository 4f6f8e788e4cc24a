// The badge: whether the signature over the result in this page holds, in words and a shape, never a bare tick.
(() => {
  const DATA_ID = "signed-result";
  const PATIENCE_MS = 20_000; // a slow tablet needs one second
  const DIFFERENCES_MAX = 8;
  const COMMAND_LINE = "To know, run the command below.";

  const STATES = {
    checking: { shape: "open", tone: "open", word: "Signature: being checked" },
    holds: { shape: "key", tone: "neutral", word: "Signature holds; this page cannot vouch for the key" },
    invalid: { shape: "fail", tone: "fail", word: "INVALID: this page is not what was signed" },
    unable: { shape: "open", tone: "open", word: "Signature not checked: this browser cannot do it" },
  };

  async function check() {
    const data = document.getElementById(DATA_ID);
    if (!document.querySelector("[data-seal-carried]") && !data) {
      return; // the page says in its own words that it carries no signature
    }
    show("checking", "");
    try {
      await Promise.race([checkAll(data), afterPatience()]);
    } catch (error) {
      showError(error);
    }
  }

  async function checkAll(data) {
    if (!data) {
      throw new Broken("The signature was taken out of this page.");
    }
    const { fingerprint, result } = await signatureProof.prove(signatureProof.json(data.textContent, "the signature"));
    const differences = signatureShown.differences(result, fingerprint);
    if (differences.length) {
      show("invalid", `What this page shows is not what ${fingerprint} signed.`, differences);
      return;
    }
    const limits = `${result.judgement.checks.length} limits`;
    show(
      "holds",
      `The signature over this result holds: verdict, sentence, exit code and ${limits} are shown as they were signed. ` +
        `Signed by ${fingerprint}: a key that this page cannot vouch for. ` +
        "Compare it with the rig's fingerprint, or run the command below.",
    );
  }

  function showError(error) {
    if (error instanceof Unable) {
      show("unable", `This browser cannot check the signature: ${error.message}. ${COMMAND_LINE}`);
    } else if (error instanceof Broken) {
      show("invalid", error.message);
    } else {
      show("invalid", "The signature in this page cannot be read: it is not in the form in which hilrig writes it.");
    }
  }

  function afterPatience() {
    const late = new Unable("it did not finish in 20 s");
    return new Promise((_, reject) => setTimeout(() => reject(late), PATIENCE_MS));
  }

  function show(state, sentence, differences = []) {
    const { shape, tone, word } = STATES[state];
    document.documentElement.dataset.signature = state;
    for (const seal of document.querySelectorAll("[data-seal]")) {
      seal.className = `seal ${tone}`;
      seal.querySelector("use")?.setAttribute("href", `#shape-${shape}`);
    }
    fill("[data-seal-word]", (element) => (element.textContent = word));
    fill("[data-seal-sentence]", (element) => (element.textContent = sentence));
    fill("[data-seal-differences]", (element) => list(element, differences));
  }

  function list(element, differences) {
    const more = differences.length - DIFFERENCES_MAX;
    const shown = differences.slice(0, DIFFERENCES_MAX).concat(more > 0 ? [`And ${more} more.`] : []);
    element.replaceChildren(...shown.map(item));
    element.hidden = !differences.length;
  }

  function item(sentence) {
    const line = document.createElement("li");
    line.textContent = sentence;
    return line;
  }

  function fill(selector, change) {
    document.querySelectorAll(selector).forEach(change);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", check, { once: true });
  } else {
    check();
  }
})();

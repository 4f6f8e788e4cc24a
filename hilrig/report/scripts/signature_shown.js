// Whether what a person reads on the page is what was signed.
//
// `data-signed="PATH"`: the element's text is the value at that path of result.json (`judgement.status`).
// `data-signed-check="CHECK_ID:FIELD"`: the same for one limit; FIELD is status, observed or limit, as the wording
// writes them. `data-signed-key`: the fingerprint of the key. The element after the verdict says what it means. A
// verdict inside an element of the class pass, fail or open must have the one that is its own. An element is taken as
// a person sees it (`innerText`).
const signatureShown = (() => {
  const REQUIRED = ["judgement.status", "judgement.sentence", "exit_code"];
  const MEANINGS = {
    PASS: "may go to the line",
    FAIL: "do not release",
    INCONCLUSIVE: "not enough evidence",
  };
  const LEVELS = { PASS: "pass", FAIL: "fail" }; // all others are open
  const CHECK_FIELDS = { status: isStatus, observed: isObserved, limit: isLimit };
  const SIGNS = { "<=": "≤", ">=": "≥" };
  const UNIT_WORDS = {
    us: "µs",
    Cel: "°C",
    1: "",
    bool: "",
    "{event}": "events",
    "{error}": "errors",
    "{fault}": "faults",
    "{switch}": "switches",
    "{cpu}": "CPUs",
  };

  // What no view prints: control characters, non-characters, marks that reverse the reading direction.
  const UNPRINTABLE =
    /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

  /** Return a sentence for everything on the page that is not what was signed; none when all is. */
  function differences(result, fingerprint) {
    return [
      ...missing(result),
      ...otherValues(result),
      ...otherChecks(result),
      ...otherColors(result),
      ...otherNames(result, fingerprint),
    ];
  }

  function* missing({ judgement }) {
    for (const path of REQUIRED) {
      if (!all("data-signed").some((element) => element.dataset.signed === path && isVisible(element))) {
        yield `The page does not show ${path}.`;
      }
    }
    const shown = new Set(all("data-signed-check").filter(isVisible).map((one) => clean(one.dataset.signedCheck)));
    for (const id of judgement.checks.map(({ check_id }) => clean(check_id))) {
      if (!Object.keys(CHECK_FIELDS).every((field) => shown.has(`${id}:${field}`))) {
        yield `The page does not show the limit ${id}.`;
      }
    }
  }

  function* otherValues(result) {
    for (const element of all("data-signed")) {
      const path = element.dataset.signed;
      const value = valueAt(result, path);
      if (!isValue(textOf(element), value)) {
        yield `The page shows “${cut(textOf(element))}” as ${cut(path)}; signed was “${cut(clean(String(value)))}”.`;
      }
    }
  }

  function* otherChecks({ judgement }) {
    const checks = new Map(judgement.checks.map((check) => [clean(check.check_id), check]));
    for (const element of all("data-signed-check")) {
      const [, id, field] = clean(element.dataset.signedCheck).match(/^(.*):(.*)$/) ?? [];
      const isSigned = Object.hasOwn(CHECK_FIELDS, field ?? "") ? CHECK_FIELDS[field] : () => false;
      if (!checks.has(id) || !isSigned(textOf(element), checks.get(id), judgement)) {
        yield `The page shows “${cut(textOf(element))}” for ${cut(element.dataset.signedCheck)}; that was not signed.`;
      }
    }
  }

  function* otherColors({ judgement }) {
    for (const element of all("data-signed").filter((one) => one.dataset.signed === "judgement.status")) {
      const meaning = element.nextElementSibling;
      const words = meaning && isVisible(meaning) ? textOf(meaning) : "";
      if (words !== MEANINGS[judgement.status] || !hasColor(element, judgement.status)) {
        yield `The page explains the verdict as “${cut(words)}”, or in a colour, that is not of ${judgement.status}.`;
      }
    }
    for (const { check_id, status } of judgement.checks) {
      const cells = all("data-signed-check").filter((one) => one.dataset.signedCheck === `${check_id}:status`);
      if (!cells.every((element) => hasColor(element, status))) {
        yield `The page shows the limit ${clean(check_id)} in the colour of another verdict.`;
      }
    }
  }

  function hasColor(element, status) {
    const box = element.closest(".pass, .fail, .open");
    return box === null || box.classList.contains(LEVELS[status] ?? "open");
  }

  function* otherNames({ judgement, profile_name, rig }, fingerprint) {
    const title = clean(`${judgement.status} ${profile_name} on ${rig}`);
    if (!clean(document.title).startsWith(title)) {
      yield `The page is called “${cut(document.title)}”; signed was “${cut(title)}”.`;
    }
    for (const element of all("data-signed-key")) {
      if (textOf(element) !== fingerprint) {
        yield `The page names the key ${cut(textOf(element))}; the signature is by ${fingerprint}.`;
      }
    }
  }

  function isStatus(shown, { status }) {
    return shown === status.replaceAll("_", " ");
  }

  function isObserved(shown, { status, metric, observed_text }, { measurements }) {
    if (status !== "NOT_MEASURED") {
      return shown === (clean(observed_text) || unmeasured(""));
    }
    const named = measurements.filter((measurement) => measurement.metric === metric);
    return shown === unmeasured(named.length ? named[named.length - 1].reason : "");
  }

  function unmeasured(reason) {
    const words = clean(reason);
    return words.startsWith("infinite") ? words : `not measured: ${words || "no reason was recorded"}`;
  }

  function isLimit(shown, { comparator, limit, unit }) {
    if (unit === "bool") {
      return shown === (limit ? "must be yes" : "must be no");
    }
    const [, sign, number, word] = shown.match(/^(\S+) ([\d.,e+-]+)(?: (.*))?$/) ?? [];
    const isSameNumber = number !== undefined && asNumber(number) === Number(limit.toPrecision(10));
    const isSameUnit = (word ?? "") === clean(Object.hasOwn(UNIT_WORDS, unit) ? UNIT_WORDS[unit] : unit);
    return isSameNumber && isSameUnit && sign === (SIGNS[comparator] ?? comparator);
  }

  function isValue(shown, value) {
    if (typeof value === "number") {
      return shown !== "" && asNumber(shown) === value;
    }
    return typeof value === "string" && shown === clean(value);
  }

  function valueAt(result, path) {
    const step = (value, name) => (value !== null && Object.hasOwn(Object(value), name) ? value[name] : undefined);
    return path.split(".").reduce(step, result);
  }

  function all(attribute) {
    return [...document.querySelectorAll(`[${attribute}]`)];
  }

  function isVisible(element) {
    return element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
  }

  /** As it is seen: without what is hidden. Nothing is stripped: a mark that turns the text round stays a difference. */
  function textOf(element) {
    return oneLine(element.innerText);
  }

  function clean(written) {
    return oneLine(written.replace(UNPRINTABLE, ""));
  }

  function oneLine(written) {
    return written.split(/\s+/).join(" ").trim();
  }

  function asNumber(written) {
    return Number(written.replaceAll(",", ""));
  }

  function cut(written) {
    const line = clean(written);
    return line.length > 120 ? `${line.slice(0, 119)}…` : line;
  }

  return { differences };
})();

// Signing in: by password and second factor, by passkey, or by the company's directory.

import { Away, Problem, hasDirectory, passkeyAnswer, signIn } from "./api.js";
import { submitted } from "./dialog.js";
import { focused, html } from "./html.js";
import { goToDirectory } from "./session.js";
import { useEffect, useState } from "./vendor/preact/hooks.js";
import { complaint, texts } from "./words.js";

/** @typedef {{ticket: string, methods: string[]}} Factor */

/**
 * @param {unknown} error
 * @returns {string}
 */
function said(error) {
  const t = texts();
  if (!(error instanceof Problem)) {
    return error instanceof Away ? t.unreachable : complaint(error);
  }
  if (error.code === "invalid_credentials") {
    return error.body.directory_required ? t.onlyDirectory : t.wrongPassword;
  }
  /** @type {Record<string, string>} */
  const known = { invalid_code: t.wrongCode, invalid_ticket: t.tooOld, second_factor_missing: t.secondFactorMissing };
  return error.status === 429 ? t.tooMany : known[error.code] ?? complaint(error);
}

/** @param {{arrival: ReturnType<typeof import("./session.js").backFromDirectory>, onSignedIn: () => void}} props */
export function SignIn({ arrival, onSignedIn }) {
  const t = texts();
  const [fault, setFault] = useState("");
  const [factor, setFactor] = useState(/** @type {Factor | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const [withDirectory, setDirectory] = useState(false);

  /**
   * @param {Parameters<typeof signIn>[0]} path
   * @param {() => Promise<unknown> | unknown} body
   */
  async function by(path, body) {
    setBusy(true);
    setFault("");
    try {
      await signIn(path, await body());
      onSignedIn();
    } catch (error) {
      refused(error);
    } finally {
      setBusy(false);
    }
  }

  /** @param {unknown} error */
  function refused(error) {
    if (error instanceof Problem && error.code === "second_factor_required") {
      setFactor(/** @type {Factor} */ (error.body));
      return;
    }
    if (error instanceof Problem && error.code === "invalid_ticket") {
      setFactor(null);
    }
    if (!(error instanceof DOMException)) { // the user has closed the browser's question
      setFault(said(error));
    }
  }

  useEffect(() => {
    hasDirectory().then(setDirectory);
    if (arrival !== null && "code" in arrival) {
      by("auth/oidc/token/", () => arrival);
    } else if (arrival !== null) {
      const errors = /** @type {Record<string, string>} */ (t.directoryErrors);
      setFault(errors[arrival.error] ?? t.failed);
    }
  }, []);

  return html`<main class="sign-in">
    <h1>${t.reception}</h1>
    <p class="fault" role="alert" hidden=${fault === ""}>${fault}</p>
    ${factor === null
      ? html`<${Password} isBusy=${isBusy} by=${by} withDirectory=${withDirectory} />`
      : html`<${SecondFactor} factor=${factor} isBusy=${isBusy} by=${by} onBack=${() => setFactor(null)} />`}
  </main>`;
}

/**
 * @typedef {(path: Parameters<typeof signIn>[0], body: () => unknown) => Promise<void>} By
 * @param {{isBusy: boolean, by: By, withDirectory: boolean}} props
 */
function Password({ isBusy, by, withDirectory }) {
  const t = texts();
  const send = submitted((form) => by("auth/login/", () => Object.fromEntries(new FormData(form))));
  const passkey = () => by("auth/passkeys/sign-in/", async () => ({ credential: await passkeyAnswer() }));
  return html`<form onSubmit=${send}>
      <label>${t.email} <input name="email" type="email" autocomplete="username" required ref=${focused} /></label>
      <label>${t.password} <input name="password" type="password" autocomplete="current-password" required /></label>
      <button class="main" disabled=${isBusy}>${t.signIn}</button>
    </form>
    <p class="buttons">
      ${withDirectory && html`<button type="button" onClick=${goToDirectory}>${t.directory}</button>`}
      ${"PublicKeyCredential" in window && html`<button type="button" disabled=${isBusy} onClick=${passkey}>${t.passkey}</button>`}
    </p>`;
}

/** @param {{factor: Factor, isBusy: boolean, by: By, onBack: () => void}} props */
function SecondFactor({ factor, isBusy, by, onBack }) {
  const t = texts();
  const { ticket, methods } = factor;
  const path = "auth/login/second-factor/";
  const send = submitted((form) => by(path, () => ({ ticket, code: String(new FormData(form).get("code")).trim() })));
  const passkey = () => by(path, async () => ({ ticket, credential: await passkeyAnswer() }));
  return html`<form onSubmit=${send}>
      <label>${t.code} <input name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck=${false} required ref=${focused} /></label>
      <button class="main" disabled=${isBusy}>${t.goOn}</button>
    </form>
    <p class="buttons">
      ${methods.includes("passkey") && html`<button type="button" disabled=${isBusy} onClick=${passkey}>${t.passkey}</button>`}
      <button type="button" onClick=${onBack}>${t.startOver}</button>
    </p>`;
}

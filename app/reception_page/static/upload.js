// A list of visitors: checked first, and registered as a whole or not at all.

import { Problem, ask, fileName, save } from "./api.js";
import { submitted } from "./dialog.js";
import { html } from "./html.js";
import { useRef, useState } from "./vendor/preact/hooks.js";
import { complaint, faultText, label, texts } from "./words.js";

const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ALLOWABLE = /** @type {const} */ ({ hidden_rows: "include_hidden", unknown_column: "ignore_columns" });

/**
 * @typedef {import("visitor-management-client").BulkUploadResult} Result
 * @typedef {import("./words.js").Fault} Fault
 * @typedef {{kind: "fine", result: Result} | {kind: "faulty", why: string, faults: Fault[], allow: "include_hidden" | "ignore_columns" | null}
 *   | {kind: "registered", count: number} | null} State
 */

/** @param {{place: import("./desk.js").Place}} props */
export function View({ place }) {
  const t = texts();
  const { site, seen, say, complain } = place;
  const [state, setState] = useState(/** @type {State} */ (null));
  const [isBusy, setBusy] = useState(false);
  const intent = useRef("");
  const allowed = useRef(/** @type {Record<string, boolean>} */ ({}));
  const panel = useRef(/** @type {HTMLFormElement | null} */ (null));

  /**
   * @param {boolean} isDry
   * @param {Record<string, string>} [headers]
   */
  function send(isDry, headers = {}) {
    const body = new FormData(panel.current ?? undefined);
    body.append("site", site.id);
    return ask("POST", "visitors/bulk-upload/", { body, headers, query: { dry_run: isDry, ...allowed.current } });
  }

  /** @param {() => Promise<void>} work */
  async function busy(work) {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      refused(error);
    } finally {
      setBusy(false);
    }
  }

  /** @param {unknown} error */
  function refused(error) {
    if (!(error instanceof Problem) || ![409, 422].includes(error.status)) {
      complain(complaint(error));
      return;
    }
    const allow = ALLOWABLE[/** @type {keyof typeof ALLOWABLE} */ (error.code)] ?? null;
    setState({ kind: "faulty", why: complaint(error, false), faults: error.body.errors ?? [], allow });
  }

  const check = () => busy(async () => {
    setState(null);
    const result = await (await send(true)).json();
    intent.current = crypto.randomUUID();
    setState({ kind: "fine", result });
  });

  const register = () => busy(async () => {
    /** @type {Result} */
    const result = await (await send(false, { "Idempotency-Key": intent.current })).json();
    setState({ kind: "registered", count: result.created.length });
    say(t.registered(result.created.length));
    await seen.reload();
  });

  // A dry run that asks for a workbook is answered with the list itself, if it has faults.
  const marked = () => busy(async () => {
    try {
      await send(true, { Accept: XLSX });
    } catch (error) {
      if (!(error instanceof Problem && error.answer.headers.get("Content-Type") === XLSX)) {
        throw error;
      }
      save(await error.answer.blob(), fileName(error.answer));
    }
  });

  const template = () => busy(async () => {
    const answer = await ask("GET", "visitors/download-template/");
    save(await answer.blob(), fileName(answer));
  });

  /** @param {"include_hidden" | "ignore_columns"} what */
  function allow(what) {
    allowed.current = { ...allowed.current, [what]: true };
    check();
  }

  return html`<section aria-labelledby="upload"><h2 id="upload">${t.uploadTitle}</h2>
    <form class="panel" ref=${panel} onSubmit=${submitted(check)}>
      <label>${t.file} <input type="file" name="file" required accept=${`.xlsx,${XLSX}`} onChange=${() => {
        allowed.current = {};
        setState(null);
      }} /></label>
      <fieldset class="fields" onChange=${() => setState(null)}><legend>${t.forAll}</legend>
        <label>${t.day} <input type="date" name="visit_date" /></label>
        <label>${t.time} <input type="time" name="visit_time" /></label>
        <label>${t.hostEmail} <input type="email" name="host_email" autocomplete="off" /></label>
        <label>${t.groupName} <input name="group_name" maxlength="200" autocomplete="off" /></label></fieldset>
      <p class="buttons"><button class="main" disabled=${isBusy || seen.isAway}>${t.check}</button>
        <button type="button" disabled=${isBusy || seen.isAway} onClick=${template}>${t.template}</button></p>
    </form>
    <div role="status">
      ${state?.kind === "fine" && html`<p class="note">${t.fine(state.result.total)}</p>`}
      ${state?.kind === "faulty" && html`<p class="fault">${t.faults} ${state.why}</p>`}
    </div>
    ${state?.kind === "fine" && html`<p class="buttons"><button type="button" class="main" disabled=${isBusy} onClick=${register}>${t.register(state.result.total)}</button></p>
      <${Ignored} ignored=${state.result.ignored} />`}
    ${state?.kind === "faulty" && html`<p class="buttons">
        ${state.allow === null
          ? html`<button type="button" class="main" disabled=${isBusy} onClick=${marked}>${t.marked}</button>`
          : html`<button type="button" onClick=${() => state.allow && allow(state.allow)}>${t.allow[state.allow]}</button>`}</p>
      ${state.faults.length > 0 && html`<div class="scroll"><table><thead><tr><th scope="col">${t.row}</th><th scope="col">${t.column}</th><th scope="col">${t.fault}</th></tr></thead>
        <tbody>${state.faults.map((fault, index) => html`<tr key=${index}><td>${fault.row}</td><td>${fault.column ?? fault.field}</td><td>${faultText(fault)}</td></tr>`)}</tbody></table></div>`}`}
  </section>`;
}

/** @param {{ignored: Result["ignored"]}} props */
function Ignored({ ignored }) {
  if (ignored.length === 0) {
    return null;
  }
  const t = texts();
  const name = (/** @type {any} */ one) => one.sheet ?? one.column ?? `${t.row} ${one.row}`;
  return html`<details><summary>${t.ignored}: ${ignored.length}</summary>
    <ul>${ignored.map((one) => html`<li key=${name(one)}>${name(one)}: ${label("leftover", one.reason)}</li>`)}</ul></details>`;
}

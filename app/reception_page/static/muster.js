// The muster: who is on site, and who is accounted for.

import { Problem, ask, fileName, get, post, save } from "./api.js";
import { Ask, submitted } from "./dialog.js";
import { html } from "./html.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { clock, complaint, language, texts } from "./words.js";

const STATES = /** @type {const} */ (["safe", "needs_help", "missing", "left_earlier", "unknown"]);

/**
 * @typedef {import("visitor-management-client").Muster} Muster
 * @typedef {import("visitor-management-client").MusterEntry} Entry
 * @typedef {{kind: "drill" | "real"} | {kind: "end", unaccounted: number} | null} Question
 */

/** @param {{place: import("./desk.js").Place}} props */
export function View({ place }) {
  const t = texts();
  const { site, seen, can, complain } = place;
  const [muster, setMuster] = useState(/** @type {Muster | null} */ (null));
  const [question, setQuestion] = useState(/** @type {Question} */ (null));
  const started = useRef("");
  const id = seen.desk?.open_muster?.id;
  const mayWrite = can("musters:write") && !seen.isAway;
  const load = async () => setMuster(id === undefined ? null : await get(`musters/${id}/`));
  useEffect(() => void load().catch((error) => complain(complaint(error))), [id, seen.happenings]);

  /** @param {() => Promise<unknown>} work */
  async function doing(work) {
    setQuestion(null);
    try {
      await work();
      await Promise.all([load(), seen.reload()]);
    } catch (error) {
      if (error instanceof Problem && error.code === "count_changed") {
        setQuestion({ kind: "end", unaccounted: error.body.count });
      } else {
        complain(complaint(error));
      }
    }
  }

  /** @param {"drill" | "real"} kind */
  const start = (kind) => doing(() => post(`sites/${site.id}/musters/`, { kind }, (started.current ||= crypto.randomUUID())));

  const asking = question !== null && (question.kind === "end"
    ? html`<${Ask} title=${t.endMuster} text=${t.endAsk(question.unaccounted)} button=${t.endMuster} onClose=${() => setQuestion(null)}
        onYes=${() => doing(() => post(`musters/${id}/end/`, { unaccounted: question.unaccounted }))} />`
    : html`<${Ask} title=${t.musterTitle[question.kind]} text=${t.startAsk[question.kind]} button=${question.kind === "real" ? t.startReal : t.startDrill}
        isDanger=${question.kind === "real"} onClose=${() => setQuestion(null)} onYes=${() => start(question.kind)} />`);

  if (id === undefined) {
    return html`<section aria-labelledby="muster"><h2 id="muster">${t.views.muster}</h2><p class="empty">${t.noMuster}</p>
      <p class="buttons"><button type="button" disabled=${!mayWrite} onClick=${() => { started.current = ""; setQuestion({ kind: "drill" }); }}>${t.startDrill}</button>
        <button type="button" class="danger" disabled=${!mayWrite} onClick=${() => { started.current = ""; setQuestion({ kind: "real" }); }}>${t.startReal}</button></p>
      ${asking}</section>`;
  }
  if (muster === null) {
    return html`<p class="empty">${t.loading}</p>`;
  }

  /**
   * @param {Entry} entry
   * @param {typeof STATES[number]} state
   */
  function mark(entry, state) {
    const body = { mark_id: crypto.randomUUID(), entry: entry.id, state, marked_at: new Date().toISOString(), seen: entry.alarms };
    doing(() => post(`musters/${id}/marks/`, [body]));
  }

  const report = () => doing(async () => {
    const answer = await ask("GET", `musters/${id}/report.pdf`);
    save(await answer.blob(), fileName(answer));
  });
  const add = submitted((form) => {
    const name = String(new FormData(form).get("name")).trim();
    form.reset();
    doing(() => post(`musters/${id}/people/`, { person_id: crypto.randomUUID(), name }));
  });
  const people = [...muster.entries].sort((one, other) => one.name.localeCompare(other.name, language()));
  return html`<section aria-labelledby="muster"><h2 id="muster">${t.musterTitle[muster.kind]} · ${clock(muster.started_at, site.timezone)}</h2>
    <p role="status"><strong>${t.counts(muster.counts)}</strong></p>
    <p class="buttons">
      <button type="button" disabled=${!mayWrite} onClick=${() => setQuestion({ kind: "end", unaccounted: muster.counts.unaccounted })}>${t.endMuster}</button>
      <button type="button" disabled=${seen.isAway} onClick=${report}>${t.report}</button>
      <button type="button" onClick=${() => print()}>${t.print}</button></p>
    <ul class="rows">${people.map((entry) => html`<${Person} key=${entry.id} entry=${entry} zone=${site.timezone} mayWrite=${mayWrite} mark=${mark} />`)}</ul>
    <form class="panel" onSubmit=${add}><label>${t.addPerson}: ${t.name} <input name="name" required maxlength="200" autocomplete="off" /></label>
      <p class="buttons"><button disabled=${!mayWrite}>${t.add}</button></p></form>
    <${WardenLink} id=${muster.id} mayWrite=${mayWrite} complain=${complain} />
    ${asking}</section>`;
}

/**
 * @param {{entry: Entry, zone: string, mayWrite: boolean, mark: (entry: Entry, state: typeof STATES[number]) => void}} props
 */
function Person({ entry, zone, mayWrite, mark }) {
  const t = texts();
  const host = [entry.host_name, entry.host_phone].filter(Boolean).join(", ");
  const facts = [entry.company, host && t.host(host), entry.in_at && t.since(clock(entry.in_at, zone)), entry.gate, t.confidence[entry.confidence], entry.marked_by];
  return html`<li class="row muster" data-state=${entry.state}>
    <span class="time">${entry.in_at && clock(entry.in_at, zone)}</span>
    <div class="who"><strong dir="auto">${entry.name}</strong> <span class="chip">${t.states[entry.state]}</span>
      <small dir="auto">${facts.filter(Boolean).join(" · ")}</small></div>
    <div class="states">${STATES.map((state) => html`<button key=${state} type="button" disabled=${!mayWrite} aria-pressed=${String(state === entry.state)}
      aria-label=${`${t.states[state]}: ${entry.name}`} onClick=${() => mark(entry, state)}>${t.states[state]}</button>`)}</div>
  </li>`;
}

/** @param {{id: string, mayWrite: boolean, complain: (text: string) => void}} props */
function WardenLink({ id, mayWrite, complain }) {
  const t = texts();
  const [url, setUrl] = useState("");
  const make = submitted(async (form) => {
    try {
      setUrl((await post(`musters/${id}/links/`, { name: String(new FormData(form).get("warden")).trim() })).url);
    } catch (error) {
      complain(complaint(error));
    }
  });
  return html`<form class="panel" onSubmit=${make}><label>${t.link}: ${t.warden} <input name="warden" required maxlength="200" autocomplete="off" /></label>
    <p class="buttons"><button disabled=${!mayWrite}>${t.link}</button></p>
    ${url !== "" && html`<p role="status">${t.linkIs} <a href=${url}>${url}</a></p>`}</form>`;
}

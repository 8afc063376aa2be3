// Somebody who comes unannounced: a name and a host are enough.

import { Problem, get, post } from "./api.js";
import { reasonsOf, refusalsOf } from "./acts.js";
import { Dialog, submitted } from "./dialog.js";
import { focused, html } from "./html.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { complaint, label, language, texts, valuesOf } from "./words.js";

const PAUSE_MS = 150;
const MOST_HOSTS = 20;

/**
 * @typedef {import("visitor-management-client").Host} Host
 * @typedef {import("visitor-management-client").Suggestion} Suggestion
 * @typedef {import("visitor-management-client").Department} Department
 * @typedef {import("visitor-management-client").Visitor} Visitor
 */

/**
 * What is offered for a text, once nobody has typed for a moment.
 * @template T
 * @param {string} text
 * @param {(text: string) => Promise<T[]>} load
 * @returns {T[]}
 */
function useOffers(text, load) {
  const [offers, setOffers] = useState(/** @type {T[]} */ ([]));
  useEffect(() => {
    if (text.trim().length < 2) {
      return;
    }
    let isStopped = false;
    const timer = setTimeout(() => {
      load(text.trim()).then((found) => isStopped || setOffers(found), () => {});
    }, PAUSE_MS);
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }, [text]);
  return offers;
}

/** @param {Host} host */
const hostName = (host) => (host.email === null ? host.name : `${host.name} (${host.email})`);

/**
 * The fields that name a host, or null if the text names none.
 * @param {string} text
 * @param {Host[]} hosts
 */
export function hostIn(text, hosts) {
  const wanted = text.trim().toLowerCase();
  const whole = hosts.find((host) => hostName(host).toLowerCase() === wanted);
  const named = hosts.filter((host) => host.name.toLowerCase() === wanted);
  const chosen = whole ?? (named.length === 1 ? named[0] : undefined);
  if (chosen !== undefined) {
    return { host_id: chosen.id };
  }
  return /^\S+@\S+$/.test(wanted) ? { host_email: wanted } : null;
}

/**
 * @param {{site: string, mayOverride: boolean, onDone: (visitor: Visitor, wantsBadge: boolean) => void, onClose: () => void}} props
 */
export function WalkIn({ site, mayOverride, onDone, onClose }) {
  const t = texts();
  const intent = useRef(crypto.randomUUID());
  const known = useRef(/** @type {Host[]} */ ([]));
  const [visitor, setVisitor] = useState({ name: "", company: "", email: "", host: "" });
  const [departments, setDepartments] = useState(/** @type {Department[]} */ ([]));
  const [refused, setRefused] = useState(/** @type {string[]} */ ([]));
  const [fault, setFault] = useState("");
  const [isBusy, setBusy] = useState(false);
  /** @type {Suggestion[]} */
  const people = useOffers(visitor.name, async (q) => (await get("visitors/suggest/", { q })).items);
  /** @type {Host[]} */
  const hosts = useOffers(visitor.host, (q) => get("visitors/hosts/", { q, limit: MOST_HOSTS }));
  known.current = [...hosts, ...known.current.filter((one) => !hosts.some((host) => host.id === one.id))];

  useEffect(() => {
    get("departments/", { limit: 200 }).then((page) => setDepartments(page.items), () => {});
  }, []);

  /** @param {InputEvent & {currentTarget: HTMLInputElement}} event */
  function typed({ currentTarget: { name, value } }) {
    const past = name === "name" && people.find((person) => personName(person) === value);
    setVisitor(past ? remembered(past) : { ...visitor, [name]: value });
  }

  /** @param {Suggestion} past */
  function remembered(past) {
    const host = past.host_name ?? past.host_email ?? "";
    if (past.host_id !== null && past.host_name !== null) {
      known.current.push({ id: past.host_id, name: past.host_name, email: null, phone: null });
    }
    return { name: past.name, company: past.company ?? "", email: past.email ?? "", host: visitor.host || host };
  }

  /** @param {HTMLFormElement} form */
  async function send(form) {
    const { reason, badge, department, purpose } = Object.fromEntries(new FormData(form));
    const host = hostIn(visitor.host, known.current) ?? (await foundHost(visitor.host, known.current));
    if (host === null && department === "") {
      setFault(t.needsHost);
      return;
    }
    setBusy(true);
    setFault("");
    const override = refused.length > 0 ? { codes: refused, reason: String(reason).trim() } : undefined;
    const body = {
      name: visitor.name.trim(),
      company: visitor.company.trim() || null,
      email: visitor.email.trim() || null,
      ...host,
      department: department || null,
      purpose: purpose || undefined,
      site,
      override,
    };
    try {
      onDone(await post("visitors/walk-in/", body, intent.current), badge === "on");
    } catch (error) {
      answered(error);
    } finally {
      setBusy(false);
    }
  }

  /** @param {unknown} error */
  function answered(error) {
    try {
      const codes = refusalsOf(error);
      setRefused(mayOverride ? codes : []);
      setFault(mayOverride ? "" : complaint(error));
    } catch {
      const isGone = error instanceof Problem && error.code === "override_mismatch";
      setRefused([]);
      setFault(isGone ? "" : complaint(error));
    }
  }

  return html`<${Dialog} title=${t.walkIn} onClose=${onClose}>
    <form onSubmit=${submitted(send)}>
      <p class="fault" role="alert" hidden=${fault === ""}>${fault}</p>
      <label>${t.name} <input name="name" data-first required maxlength="200" autocomplete="off" list="people" value=${visitor.name} onInput=${typed} /></label>
      <datalist id="people">${people.map((person) => html`<option key=${personName(person)} value=${personName(person)}></option>`)}</datalist>
      <label>${t.hostName} <input name="host" maxlength="254" autocomplete="off" list="hosts" aria-describedby="host-hint" value=${visitor.host} onInput=${typed} />
        <small id="host-hint">${t.hostHint}</small></label>
      <datalist id="hosts">${hosts.map((host) => html`<option key=${host.id} value=${hostName(host)}></option>`)}</datalist>
      <label>${t.department} <select name="department"><option value="">${t.chooseDepartment}</option>
        ${departments.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}</select></label>
      <label>${t.company} <input name="company" maxlength="200" autocomplete="off" value=${visitor.company} onInput=${typed} /></label>
      <label>${t.emailOptional} <input name="email" type="email" autocomplete="off" value=${visitor.email} onInput=${typed} /></label>
      <label>${t.purpose} <select name="purpose" lang=${language()}>
        ${valuesOf("purpose").map((value) => html`<option key=${value} value=${value}>${label("purpose", value)}</option>`)}</select></label>
      <label class="tick"><input type="checkbox" name="badge" /> ${t.printBadge}</label>
      ${refused.length > 0 && html`<fieldset class="refusal"><legend>${t.override}</legend>
        <p role="alert">${t.overrideWhy}</p><ul class="reasons">${reasonsOf(refused).map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>
        <label>${t.reason} <input name="reason" required minlength="3" maxlength="200" autocomplete="off" ref=${focused} /></label></fieldset>`}
      <p class="buttons"><button class="main" disabled=${isBusy}>${refused.length > 0 ? t.overrideDo : t.checkIn}</button>
        <button type="button" onClick=${onClose}>${t.cancel}</button></p>
    </form>
  <//>`;
}

/** @param {Suggestion} person */
const personName = (person) => [person.name, person.company, person.host_name].filter(Boolean).join(" · ");

/**
 * A name typed faster than the list has come.
 * @param {string} text
 * @param {Host[]} known
 */
async function foundHost(text, known) {
  if (text.trim() === "") {
    return null;
  }
  const found = await get("visitors/hosts/", { q: text.trim(), limit: MOST_HOSTS }).catch(() => []);
  return hostIn(text, [...known, ...found.filter((/** @type {Host} */ host) => !known.some((one) => one.id === host.id))])
    ?? (found.length === 1 ? { host_id: found[0].id } : null);
}

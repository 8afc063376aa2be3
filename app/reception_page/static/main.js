// The page: who is signed in, at which site, and what is shown.

import { Away, get, onEnd, signOut } from "./api.js";
import { DeskView } from "./desk.js";
import { Help } from "./dialog.js";
import { html } from "./html.js";
import { bindKeys } from "./keys.js";
import { chosenLanguage, chosenSite, lastAccount, wipe, wipePast } from "./kept.js";
import { backFromDirectory, onOtherTabs, tokens } from "./session.js";
import { SignIn } from "./sign_in.js";
import { useDesk } from "./use_desk.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { render } from "./vendor/preact/preact.js";
import { LANGUAGES, clock, complaint, language, loadWords, texts } from "./words.js";

const SHOWN_FOR_MS = 8_000;
const TICK_MS = 15_000;
const MOST_KNOWN = 200;
/** Loaded once they are opened: at the desk the first view counts. */
const VIEWS = /** @type {const} */ ({
  today: { permission: "visitors:read", load: () => import("./today.js") },
  groups: { permission: "groups:write", load: () => import("./groups.js") },
  upload: { permission: "uploads:write", load: () => import("./upload.js") },
  figures: { permission: "dashboard:read", load: () => import("./figures.js") },
  muster: { permission: "musters:read", load: () => import("./muster.js") },
});

/**
 * @typedef {import("visitor-management-client").OwnAccount} Account
 * @typedef {import("visitor-management-client").Site} Site
 * @typedef {{account: Account, sites: Site[]}} Here
 * @typedef {"desk" | keyof typeof VIEWS} View
 * @typedef {{text: string, isFault: boolean, number: number}} Note
 */

/** @returns {Promise<Here | null>} Null if nobody is signed in. */
async function whoIsHere() {
  if ((await tokens()) === undefined) {
    return null;
  }
  try {
    const [account] = await Promise.all([get("auth/me/"), loadWords()]);
    lastAccount.set({ account, sites: await sitesOf(account) });
  } catch (error) {
    if (!(error instanceof Away)) {
      throw error;
    }
  }
  return lastAccount.get();
}

/**
 * The sites of an account; guards may not list them, and work at the one that the desk is of.
 * @param {Account} account
 * @returns {Promise<Site[]>}
 */
async function sitesOf(account) {
  if (account.permissions.includes("sites:read")) {
    const { items } = await get("sites/", { limit: 200 });
    return items.filter((/** @type {Site} */ site) => account.sites === null || account.sites.includes(site.id));
  }
  if (!account.permissions.includes("desk:read")) {
    return [];
  }
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ids = account.sites ?? [(await get("desk/")).site];
  return ids.map((id, place) => /** @type {any} */ ({ id, timezone, name: ids.length > 1 ? `${texts().site} ${place + 1}` : "", is_default: place === 0 }));
}

function App() {
  const [here, setHere] = useState(/** @type {Here | null} */ (null));
  const [isOpening, setOpening] = useState(true);
  const [fault, setFault] = useState("");
  const [spoken, speak] = useState(language());
  const arrival = useRef(backFromDirectory());

  async function open() {
    try {
      setHere(await whoIsHere());
      setFault("");
    } catch (error) {
      setFault(complaint(error));
      setHere(null);
    } finally {
      setOpening(false);
    }
  }

  function leave() {
    wipe();
    setHere(null);
  }

  useEffect(() => {
    document.documentElement.lang = spoken;
    document.title = texts().reception;
  }, [spoken]);
  useEffect(() => {
    onEnd(leave);
    onOtherTabs((what) => (what === "out" ? leave() : open()));
    open();
  }, []);

  /** @param {import("./words.js").Language} chosen */
  function choose(chosen) {
    chosenLanguage.set(chosen);
    speak(chosen);
  }

  if (isOpening) {
    return html`<main><p class="empty">${texts().loading}</p></main>`;
  }
  const switcher = html`<${LanguageSwitch} spoken=${spoken} choose=${choose} />`;
  if (here === null) {
    return html`<header class="corner">${switcher}</header><p class="fault" role="alert" hidden=${fault === ""}>${fault}</p>
      <${SignIn} key=${spoken} arrival=${arrival.current} onSignedIn=${() => { arrival.current = null; open(); }} />`;
  }
  return html`<${Reception} key=${here.account.id} here=${here} switcher=${switcher} onLeave=${async () => { leave(); await signOut(); }} />`;
}

/** @param {{spoken: string, choose: (language: import("./words.js").Language) => void}} props */
function LanguageSwitch({ spoken, choose }) {
  return html`<select aria-label=${texts().language} value=${spoken} onChange=${(/** @type {any} */ event) => choose(event.currentTarget.value)}>
    ${Object.entries(LANGUAGES).map(([value, name]) => html`<option key=${value} value=${value} lang=${value}>${name}</option>`)}</select>`;
}

/** @param {{here: Here, switcher: unknown, onLeave: () => void}} props */
function Reception({ here, switcher, onLeave }) {
  const t = texts();
  const { account, sites } = here;
  const [siteId, setSite] = useState(() => firstSite(sites));
  const site = sites.find((one) => one.id === siteId);
  const can = (/** @type {string} */ permission) => account.permissions.some((one) => one === permission);
  if (site === undefined || !can("desk:read")) {
    return html`<main class="sign-in"><h1>${t.reception}</h1><p>${t.noDesk}</p>
      <button type="button" class="main" onClick=${onLeave}>${t.signOut}</button></main>`;
  }
  const choose = (/** @type {string} */ id) => {
    chosenSite.set(id);
    setSite(id);
  };
  return html`<${AtSite} key=${site.id} site=${site} sites=${sites} can=${can} choose=${choose} switcher=${switcher} onLeave=${onLeave} />`;
}

/** @param {Site[]} sites */
function firstSite(sites) {
  const last = sites.find((site) => site.id === chosenSite.get());
  return (last ?? sites.find((site) => site.is_default) ?? sites[0])?.id;
}

/**
 * @param {{site: Site, sites: Site[], can: (permission: string) => boolean, choose: (id: string) => void,
 *   switcher: unknown, onLeave: () => void}} props
 */
function AtSite({ site, sites, can, choose, switcher, onLeave }) {
  const t = texts();
  const [view, setView] = useState(/** @type {View} */ ("desk"));
  const [query, setQuery] = useState("");
  const [note, setNote] = useState(/** @type {Note | null} */ (null));
  const [isHelp, setHelp] = useState(false);
  const number = useRef(0);
  const own = useRef(/** @type {string[]} */ ([])); // whom this desk has let in itself
  const tell = (/** @type {string} */ text, /** @type {boolean} */ isFault) => setNote({ text, isFault, number: ++number.current });
  const say = (/** @type {string} */ text) => tell(text, false);
  const letIn = (/** @type {string[]} */ ids) => (own.current = [...own.current, ...ids].slice(-MOST_KNOWN));
  const complain = (/** @type {string} */ text) => tell(text, true);
  const seen = useDesk(site.id, (before, now) => {
    const known = new Set(before.inside.map((card) => card.id));
    const news = now.inside.filter((card) => !known.has(card.id) && !own.current.includes(card.id));
    if (news.length > 0) {
      say(t.arrived(news.map((card) => card.name)));
    }
  }, (error) => complain(complaint(error)));

  useEffect(() => {
    const timer = setTimeout(() => setNote((shown) => (shown?.isFault ? shown : null)), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [note]);

  const keys = useRef({});
  keys.current = {
    "?": () => setHelp(true),
    m: () => can(VIEWS.muster.permission) && setView("muster"),
    ...(view === "desk" ? {} : { "/": () => setView("desk"), Escape: () => setView("desk") }),
  };
  useEffect(() => bindKeys(() => keys.current), []);

  /** @type {import("./desk.js").Place} */
  const place = { site, seen, can, say, complain, letIn };
  const views = /** @type {View[]} */ (["desk", ...Object.entries(VIEWS).filter(([, one]) => can(one.permission)).map(([name]) => name)]);
  return html`
    <header class="top">
      <h1>${site.brand_name ?? t.reception}</h1>
      ${sites.length > 1
        ? html`<select aria-label=${t.site} value=${site.id} onChange=${(/** @type {any} */ event) => choose(event.currentTarget.value)}>
            ${sites.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}</select>`
        : html`<span class="site">${site.name}</span>`}
      <${Age} seen=${seen} zone=${site.timezone} />
      <span class="tools">${switcher}
        <button type="button" class="plain" onClick=${() => setHelp(true)}>${t.help} <kbd>?</kbd></button>
        <button type="button" class="plain" onClick=${onLeave}>${t.signOut}</button></span>
    </header>
    <nav aria-label=${t.navigation}>${views.map((name) => html`<button key=${name} type="button"
      aria-current=${name === view ? "page" : undefined} onClick=${() => setView(name)}>${t.views[name]}</button>`)}</nav>
    ${seen.desk?.open_muster && html`<p class="muster-open" role="status"><strong>${t.musterOpen}: ${t.musterTitle[seen.desk.open_muster.kind]}</strong>
      <button type="button" onClick=${() => setView("muster")}>${t.views.muster} <kbd>m</kbd></button></p>`}
    <p class="fault" role="status" hidden=${!seen.isAway}>${t.away}</p>
    <div class="notes">
      <p role="status" class="note" hidden=${note === null || note.isFault}>${note?.isFault ? "" : note?.text}</p>
      <p role="alert" class="fault" hidden=${!note?.isFault}>${note?.isFault && html`${note.text} <button type="button" class="plain" aria-label=${t.close} onClick=${() => setNote(null)}>✕</button>`}</p>
    </div>
    <main>${view === "desk"
      ? html`<${DeskView} place=${place} query=${query} setQuery=${setQuery} />`
      : html`<${Later} key=${view} view=${view} place=${place} toDesk=${(/** @type {string} */ text) => { setQuery(text); setView("desk"); }} />`}</main>
    ${isHelp && html`<${Help} onClose=${() => setHelp(false)} />`}`;
}

/** @param {{seen: import("./use_desk.js").Seen, zone: string}} props */
function Age({ seen, zone }) {
  const t = texts();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((number) => number + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (seen.at === 0) {
    return html`<span class="age"></span>`;
  }
  const minutes = Math.floor((Date.now() - seen.at) / 60_000);
  return html`<span class=${seen.isAway ? "age stale" : "age"}>
    ${seen.isLive && !seen.isAway ? `● ${t.live}` : `${t.asOf(clock(seen.at, zone))} (${t.minutesAgo(minutes)})`}</span>`;
}

/** @param {{view: keyof typeof VIEWS, place: import("./desk.js").Place, toDesk: (text: string) => void}} props */
function Later({ view, place, toDesk }) {
  const [shown, setShown] = useState(/** @type {{View: import("preact").ComponentType<any>} | null} */ (null));
  useEffect(() => {
    VIEWS[view].load().then((module) => setShown({ View: module.View }), (error) => place.complain(complaint(error)));
  }, []);
  return shown === null ? html`<p class="empty">${texts().loading}</p>` : html`<${shown.View} place=${place} toDesk=${toDesk} />`;
}

wipePast();
navigator.serviceWorker?.register("worker.js");
render(isSecureContext ? html`<${App} />` : html`<main><p class="fault">${texts().needsHttps}</p></main>`, /** @type {HTMLElement} */ (document.getElementById("page")));

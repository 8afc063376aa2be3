// The desk: one field for search and scan, who is expected, and who is inside.

import { Problem, get } from "./api.js";
import * as acts from "./acts.js";
import { Cards, nextStep } from "./card.js";
import { Ask } from "./dialog.js";
import { html } from "./html.js";
import { bindKeys, focusRow, rowAt } from "./keys.js";
import { useEffect, useRef, useState } from "./vendor/preact/hooks.js";
import { WalkIn } from "./walk_in.js";
import { complaint, label, texts } from "./words.js";

const PAUSE_MS = 150;
const COUNTERS = /** @type {const} */ (["expected", "inside", "away", "overdue", "left", "no_show"]);

/**
 * @typedef {import("visitor-management-client").DeskCard} DeskCard
 * @typedef {import("visitor-management-client").Site} Site
 * @typedef {import("./card.js").Action} Action
 * @typedef {import("./acts.js").Somebody} Somebody
 * @typedef {object} Place Where the desk is, and what its user may do.
 * @property {Site} site
 * @property {ReturnType<typeof import("./use_desk.js").useDesk>} seen
 * @property {(permission: string) => boolean} can
 * @property {(text: string) => void} say
 * @property {(text: string) => void} complain
 * @property {(ids: string[]) => void} letIn Before the list says that they have arrived.
 * @typedef {{kind: "override", visitor: Somebody, codes: string[]} | {kind: "undo", visitor: Somebody}
 *   | {kind: "walk-in"} | {kind: "close", count: number} | null} Question
 */

/** @param {{place: Place, query: string, setQuery: (query: string) => void}} props */
export function DeskView({ place, query, setQuery }) {
  const t = texts();
  const { site, seen, can, say, complain, letIn } = place;
  const [found, setFound] = useState(/** @type {DeskCard[] | null} */ (null));
  const [question, setQuestion] = useState(/** @type {Question} */ (null));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const latest = useRef(/** @type {Somebody | null} */ (null)); // whom `u` is about, if nobody is chosen
  const asked = useRef("");

  /** @param {string} text */
  async function look(text) {
    asked.current = text;
    const { items } = await get("desk/search/", { q: text, site: site.id });
    if (asked.current === text) {
      setFound(items);
    }
    return /** @type {DeskCard[]} */ (items);
  }

  // What was found follows what happens, as the lists do.
  useEffect(() => {
    const text = query.trim();
    asked.current = text;
    if (text.length < 2 || acts.tokenIn(text) !== null || seen.isAway) {
      setFound(null);
      return;
    }
    const timer = setTimeout(() => look(text).catch(() => {}), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [query, seen.desk, seen.isAway]);

  /**
   * Do something, then show what has become of it.
   * @param {Somebody} visitor
   * @param {() => Promise<acts.Outcome>} work
   */
  async function done(visitor, work) {
    try {
      const outcome = await work();
      if ("refused" in outcome) {
        setQuestion({ kind: "override", visitor, codes: outcome.refused });
        return;
      }
      latest.current = visitor;
      letIn([visitor.id]);
      say(outcome.done);
      setQuestion(null);
      setQuery("");
      await seen.reload();
    } catch (error) {
      setQuestion(null);
      complain(complaint(error));
      seen.reload();
    }
  }

  /**
   * @param {DeskCard | Somebody} card
   * @param {Action} action
   */
  function act(card, action) {
    const row = document.activeElement?.closest("li.row");
    const place = row ? rowAt(row) : null;
    const work = { check_in: acts.checkIn, check_out: acts.checkOut, complete: acts.complete };
    if (action === "undo") {
      setQuestion({ kind: "undo", visitor: card });
    } else if (action === "badge") {
      acts.printBadge(card).catch((error) => complain(complaint(error)));
    } else {
      done(card, () => work[action](card)).then(() => setTimeout(() => keepPlace(place)));
    }
  }

  /**
   * Stay where somebody worked by keyboard, once the row has moved to another list.
   * @param {number | null} place
   */
  function keepPlace(place) {
    if (place !== null && document.activeElement === document.body) {
      focusRow(place, field.current);
    }
  }

  /** @param {Somebody} visitor */
  async function takeBack(visitor) {
    await done(visitor, async () => ({ done: await acts.undo(visitor, crypto.randomUUID()) }));
    latest.current = null;
  }

  /**
   * @param {number} count
   * @param {string} reason
   */
  async function closed(count, reason) {
    try {
      say(await acts.checkOutAll(site.id, count, reason));
      setQuestion(null);
    } catch (error) {
      // Somebody came or went meanwhile: ask again, with the number that is true now.
      const isOther = error instanceof Problem && error.code === "count_changed";
      setQuestion(isOther ? { kind: "close", count: error.body.count } : null);
      complain(complaint(error));
    }
    await seen.reload();
  }

  /** @param {string} token */
  async function scanned(token) {
    const answer = await acts.scan(token);
    if ("done" in answer) {
      letIn([answer.visitor.id]);
      latest.current = answer.visitor;
      say(answer.done);
      setQuery("");
      await seen.reload();
    } else if ("refused" in answer) {
      setQuery("");
      act(answer.refused, "check_in");
    } else {
      const [card] = await look(token);
      setQuery(card?.name ?? "");
      say(label("problem_code", "already_inside"));
    }
  }

  async function entered() {
    const text = query.trim();
    const token = acts.tokenIn(text);
    try {
      if (token !== null) {
        await scanned(token);
        return;
      }
      if (text === "") {
        return;
      }
      const cards = await look(text);
      const [only] = cards;
      const next = cards.length === 1 && only ? nextStep(only) : null;
      if (only && next === "check_in") {
        act(only, next);
      } else {
        // Nobody leaves by a name that was typed: the row is chosen, and Enter again does it.
        say(cards.length === 0 ? t.nobodyFound : t.found(cards.length));
        setTimeout(() => focusRow(0, field.current)); // once they are drawn
      }
    } catch (error) {
      setQuery("");
      complain(complaint(error));
    }
  }

  /** @returns {DeskCard | null} */
  function chosen() {
    const id = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest("li.row"))?.dataset.id;
    const { due = [], inside = [], overdue = [] } = seen.desk ?? {};
    return [...(found ?? []), ...due, ...inside, ...overdue].find((card) => card.id === id) ?? null;
  }

  /** @param {Action} action */
  function onChosen(action) {
    const card = chosen();
    if (card === null) {
      complain(t.chooseFirst);
    } else if (card.actions.includes(action)) {
      act(card, action);
    } else {
      complain(t.notNow);
    }
  }

  const isShown = seen.desk !== null;
  useEffect(() => field.current?.focus(), [isShown]);

  const keys = useRef({});
  keys.current = {
    "/": () => field.current?.select(),
    w: () => can("gate:desk") && can("visitors:write") && !seen.isAway && setQuestion({ kind: "walk-in" }),
    o: () => onChosen("check_out"),
    p: () => onChosen("badge"),
    u() {
      const here = chosen();
      const card = here?.actions.includes("undo") ? here : latest.current;
      if (card === null) {
        complain(t.nothingToUndo);
      } else {
        setQuestion({ kind: "undo", visitor: card });
      }
    },
    j: () => focusRow((rowAt(document.activeElement) ?? -1) + 1, field.current),
    k: () => focusRow((rowAt(document.activeElement) ?? 1) - 1, field.current),
    Enter() {
      const card = chosen();
      const next = card && nextStep(card);
      if (card && next && !seen.isAway) {
        act(card, next);
      }
    },
    Escape() {
      setQuery("");
      field.current?.focus();
    },
    scan: () => field.current?.select(),
  };
  useEffect(() => bindKeys(() => keys.current), []);

  if (seen.desk === null) {
    return html`<p class="empty">${seen.isAway ? t.away : t.loading}</p>`;
  }
  const { counters, due, inside, overdue, attention, truncated } = seen.desk;
  const late = new Set(overdue.map((card) => card.id));
  const rows = { zone: site.timezone, isAway: seen.isAway, comesBack: site.re_entry === "same_day", act };
  return html`
    <form class="search" role="search" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); entered(); }}>
      <label for="search">${t.search}</label>
      <input id="search" ref=${field} type="search" autocomplete="off" autocapitalize="none" spellcheck=${false}
        aria-describedby="search-hint" value=${query} disabled=${seen.isAway}
        onInput=${(/** @type {any} */ event) => setQuery(event.currentTarget.value)} />
      <button type="button" class="main" disabled=${seen.isAway || !can("visitors:write")} onClick=${() => setQuestion({ kind: "walk-in" })}>${t.walkIn} <kbd>w</kbd></button>
      <small id="search-hint">${t.searchHint}</small>
    </form>
    <dl class="counters">${COUNTERS.map((name) => html`<div key=${name}><dt>${t.counters[name]}</dt><dd>${counters[name]}</dd></div>`)}</dl>
    ${found !== null && html`<${Cards} id="found" title=${t.foundTitle} cards=${found} ...${rows} />`}
    ${found === null && html`<div class="columns">
      <div>${overdue.length > 0 && html`<${Cards} id="overdue" title=${t.overdue} cards=${overdue} isLate=${true} ...${rows} />`}
        <${Cards} id="due" title=${t.due} cards=${due} ...${rows} /></div>
      <div><${Cards} id="inside" title=${t.inside} cards=${inside.filter((card) => !late.has(card.id))} ...${rows} />
        ${counters.inside > 0 && can("gate:desk") && can("visitors:write") && html`<p class="buttons"><button type="button" disabled=${seen.isAway}
          onClick=${() => setQuestion({ kind: "close", count: counters.inside })}>${t.checkOutEverybody}</button></p>`}
        ${attention.length > 0 && html`<section aria-labelledby="attention"><h2 id="attention">${t.attention}</h2>
          <ul class="attention">${attention.map((one) => html`<li key=${one.kind + one.subject.id}><span dir="auto">${one.subject.name}</span>: ${label("attention_kind", one.kind)}</li>`)}</ul></section>`}</div>
    </div>`}
    ${truncated && html`<p class="empty">${t.cut}</p>`}
    <${Questions} question=${question} place=${place} close=${() => setQuestion(null)} done=${done} takeBack=${takeBack} closed=${closed} />`;
}

/**
 * @param {{question: Question, place: Place, close: () => void,
 *   done: (visitor: Somebody, work: () => Promise<acts.Outcome>) => Promise<void>,
 *   takeBack: (visitor: Somebody) => Promise<void>, closed: (count: number, reason: string) => Promise<void>}} props
 */
function Questions({ question, place, close, done, takeBack, closed }) {
  const t = texts();
  const { site, can, complain } = place;
  switch (question?.kind) {
    case "walk-in":
      return html`<${WalkIn} site=${site.id} mayOverride=${can("override")} onClose=${close}
        onDone=${(/** @type {Somebody} */ visitor, /** @type {boolean} */ wantsBadge) => {
          done(visitor, async () => ({ done: t.done.check_in(visitor.name) }));
          if (wantsBadge) {
            acts.printBadge(visitor).catch((error) => complain(complaint(error)));
          }
        }} />`;
    case "close":
      return html`<${Ask} key=${question.count} title=${t.checkOutEverybody} text=${t.closeAsk(question.count)} needsReason=${true} button=${t.checkOutEverybody}
        onYes=${(/** @type {string} */ reason) => closed(question.count, reason)} onClose=${close} />`;
    case "undo":
      return html`<${Ask} title=${t.undo} text=${t.undoAsk(question.visitor.name)} button=${t.undo}
        onYes=${() => takeBack(question.visitor)} onClose=${close} />`;
    case "override":
      return html`<${Ask} key=${question.codes.join()} title=${`${t.override} ${question.visitor.name}`} text=${t.overrideWhy} reasons=${acts.reasonsOf(question.codes)}
        needsReason=${true} isDanger=${true} button=${t.overrideDo} onClose=${close}
        onYes=${(/** @type {string} */ reason) => done(question.visitor, () =>
          acts.checkIn(question.visitor, /** @type {acts.Override} */ ({ codes: question.codes, reason })))} />`;
    default:
      return null;
  }
}

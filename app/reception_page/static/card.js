// One visitor in a list, with what may be done now.

import { html } from "./html.js";
import { clock, texts } from "./words.js";

/**
 * @typedef {import("visitor-management-client").DeskCard} DeskCard
 * @typedef {"check_in" | "check_out" | "complete" | "undo" | "badge"} Action
 * @typedef {(card: DeskCard, action: Action) => void} Act
 */

/** @type {Action[]} */
const SHOWN = ["check_in", "check_out", "complete", "badge", "undo"];

/**
 * The next step; a check-in without one needs an override, which the service will say.
 * @param {DeskCard} card
 * @returns {Action | null}
 */
export function nextStep(card) {
  const next = /** @type {Action | null} */ (card.next_action);
  return next ?? (card.actions.includes("check_in") ? "check_in" : null);
}

/**
 * Draw a row. `comesBack` is whether the site lets people in again.
 * @param {{card: DeskCard, zone: string, isAway: boolean, comesBack: boolean, isLate?: boolean, act: Act}} props
 */
export function Card({ card, zone, isAway, comesBack, isLate = false, act }) {
  const t = texts();
  const next = nextStep(card);
  const presence = card.presence === null ? t.cancelled : t.presence[card.presence];
  const facts = [
    card.company,
    card.host_name && t.host(card.host_name),
    card.checked_in_at && card.presence === "inside" && t.since(clock(card.checked_in_at, zone)),
    t.until(clock(card.ends_at, zone)),
  ];
  const offered = SHOWN.filter((action) => card.actions.includes(action) && (action !== "complete" || comesBack));
  return html`<li class="row" id=${`row-${card.id}`} data-id=${card.id} tabindex="-1" data-presence=${card.presence ?? "cancelled"}>
    <span class="time">${card.visit_time}</span>
    <div class="who"><strong dir="auto">${card.name}</strong> <span class="chip">${isLate ? t.overdue : presence}</span>
      <small dir="auto">${facts.filter(Boolean).join(" · ")}</small></div>
    <div class="acts">${offered.map((action) => html`<button key=${action} type="button"
      class=${action === next ? "main" : ""} disabled=${isAway} aria-label=${`${t.actions[action]}: ${card.name}`}
      onClick=${() => act(card, action)}>${t.actions[action]}</button>`)}</div>
  </li>`;
}

/**
 * @param {{title: string, id: string, cards: DeskCard[], zone: string, isAway: boolean, comesBack: boolean,
 *   isLate?: boolean, isCounted?: boolean, act: Act}} props
 */
export function Cards({ title, id, cards, isCounted = true, ...others }) {
  return html`<section aria-labelledby=${id}>
    <h2 id=${id}>${title}${isCounted && html` <span class="count">${cards.length}</span>`}</h2>
    ${cards.length === 0
      ? html`<p class="empty">${texts().none}</p>`
      : html`<ul class="rows">${cards.map((card) => html`<${Card} key=${card.id} card=${card} ...${others} />`)}</ul>`}
  </section>`;
}

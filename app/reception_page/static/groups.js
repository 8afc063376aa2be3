// Groups of the day: all of one are let in or out at once, and each of them has an answer.

import { get, post } from "./api.js";
import { html } from "./html.js";
import { useEffect, useState } from "./vendor/preact/hooks.js";
import { complaint, dayAt, label, texts } from "./words.js";

/**
 * @typedef {import("visitor-management-client").Group} Group
 * @typedef {import("visitor-management-client").GroupSummary} GroupSummary
 * @typedef {import("visitor-management-client").Results} Results
 */

/** @param {{place: import("./desk.js").Place, toDesk: (text: string) => void}} props */
export function View({ place, toDesk }) {
  const t = texts();
  const { site, seen, complain } = place;
  const [groups, setGroups] = useState(/** @type {GroupSummary[] | null} */ (null));
  const [chosen, choose] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    get("groups/", { site: site.id, visit_date: dayAt(Date.now(), site.timezone), limit: 200 })
      .then((page) => setGroups(page.items), (error) => complain(complaint(error)));
  }, [site.id, seen.happenings]);
  if (chosen !== null) {
    return html`<${One} id=${chosen} place=${place} toDesk=${toDesk} onBack=${() => choose(null)} />`;
  }
  if (groups === null) {
    return html`<p class="empty">${t.loading}</p>`;
  }
  return html`<section aria-labelledby="groups"><h2 id="groups">${t.views.groups}</h2>
    ${groups.length === 0 && html`<p class="empty">${t.noGroups}</p>`}
    <ul class="rows">${groups.map((group) => html`<li key=${group.id} class="row group">
      <span class="time">${group.counts.total}</span>
      <div class="who"><strong dir="auto">${group.name}</strong>
        <small>${`${group.counts.expected} ${t.counters.expected} · ${group.counts.inside} ${t.counters.inside} · ${group.counts.left} ${t.counters.left}`}</small></div>
      <div class="acts"><button type="button" class="main" aria-label=${`${t.group}: ${group.name}`} onClick=${() => choose(group.id)}>${t.group}</button></div>
    </li>`)}</ul></section>`;
}

/** @param {{id: string, place: import("./desk.js").Place, toDesk: (text: string) => void, onBack: () => void}} props */
function One({ id, place, toDesk, onBack }) {
  const t = texts();
  const { seen, say, complain, letIn } = place;
  const [group, setGroup] = useState(/** @type {Group | null} */ (null));
  const [refused, setRefused] = useState(/** @type {Record<string, string>} */ ({}));
  const load = () => get(`groups/${id}/`).then(setGroup, (error) => complain(complaint(error)));
  useEffect(() => void load(), [id, seen.happenings]);

  /**
   * @param {"check-in" | "check-out"} action
   * @param {string} presence
   */
  async function all(action, presence) {
    const ids = group?.visitors.filter((visitor) => visitor.presence === presence).map((visitor) => visitor.id);
    try {
      /** @type {Results} */
      const { results } = await post(`groups/${id}/${action}/`, { visitor_ids: ids });
      const no = results.filter((one) => one.result === "refused");
      setRefused(Object.fromEntries(no.map((one) => [one.visitor_id, label("problem_code", one.code ?? "unknown")])));
      letIn(results.map((one) => one.visitor_id));
      say(t.groupDone(results.length - no.length, no.length));
      await Promise.all([load(), seen.reload()]);
    } catch (error) {
      complain(complaint(error));
    }
  }

  if (group === null) {
    return html`<p class="empty">${t.loading}</p>`;
  }
  const has = (/** @type {string} */ presence) => group.visitors.some((visitor) => visitor.presence === presence);
  return html`<section aria-labelledby="group"><h2 id="group" dir="auto">${group.name}</h2>
    <p class="buttons">
      <button type="button" class="main" disabled=${seen.isAway || !has("expected")} onClick=${() => all("check-in", "expected")}>${t.checkInAll}</button>
      <button type="button" disabled=${seen.isAway || !has("inside")} onClick=${() => all("check-out", "inside")}>${t.checkOutAll}</button>
      <button type="button" onClick=${onBack}>${t.back}</button></p>
    <ul class="rows">${group.visitors.map((visitor) => html`<li key=${visitor.id} class="row" data-presence=${visitor.presence ?? "cancelled"}>
      <span class="time">${visitor.visit_time}</span>
      <div class="who"><strong dir="auto">${visitor.name}</strong>
        <span class="chip">${visitor.presence === null ? t.cancelled : t.presence[visitor.presence]}</span>
        <small dir="auto">${[visitor.company, refused[visitor.id]].filter(Boolean).join(" · ")}</small></div>
      <div class="acts"><button type="button" aria-label=${`${t.showAtDesk}: ${visitor.name}`} onClick=${() => toDesk(visitor.name)}>${t.showAtDesk}</button></div>
    </li>`)}</ul></section>`;
}

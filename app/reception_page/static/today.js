// Everybody of the day, by time; what may be done is at the desk.

import { get } from "./api.js";
import { html } from "./html.js";
import { useEffect, useState } from "./vendor/preact/hooks.js";
import { complaint, dayAt, texts } from "./words.js";

const A_PAGE = 200;
const PRESENCES = /** @type {const} */ (["expected", "inside", "away", "left", "no_show"]);

/** @typedef {import("visitor-management-client").Visitor} Visitor */

/**
 * @param {string} site
 * @param {string} day
 */
async function visitorsOf(site, day) {
  /** @type {Visitor[]} */
  const all = [];
  for (let cursor = null; ; ) {
    const query = { site, visit_date: day, ordering: "visit_date", limit: A_PAGE, cursor };
    /** @type {import("visitor-management-client").VisitorPage} */
    const page = await get("visitors/", query);
    all.push(...page.items);
    if (page.next_cursor === null) {
      return all.sort((one, other) => one.visit_time.localeCompare(other.visit_time));
    }
    cursor = /** @type {any} */ (page.next_cursor);
  }
}

/** @param {{place: import("./desk.js").Place, toDesk: (text: string) => void}} props */
export function View({ place, toDesk }) {
  const t = texts();
  const { site, seen, complain } = place;
  const [visitors, setVisitors] = useState(/** @type {Visitor[] | null} */ (null));
  const [presence, setPresence] = useState("");
  useEffect(() => {
    visitorsOf(site.id, dayAt(Date.now(), site.timezone)).then(setVisitors, (error) => complain(complaint(error)));
  }, [site.id, seen.happenings]);
  if (visitors === null) {
    return html`<p class="empty">${t.loading}</p>`;
  }
  const shown = visitors.filter((visitor) => presence === "" || visitor.presence === presence);
  return html`<section aria-labelledby="today">
    <h2 id="today">${t.views.today} <span class="count">${shown.length}</span></h2>
    <label>${t.filter} <select value=${presence} onChange=${(/** @type {any} */ event) => setPresence(event.currentTarget.value)}>
      <option value="">${t.everybody}</option>
      ${PRESENCES.map((name) => html`<option key=${name} value=${name}>${t.presence[name]}</option>`)}</select></label>
    ${shown.length === 0 ? html`<p class="empty">${t.noVisits}</p>` : html`<div class="scroll"><table>
      <thead><tr><th scope="col">${t.time}</th><th scope="col">${t.visitor}</th><th scope="col">${t.company}</th>
        <th scope="col">${t.hostName}</th><th scope="col">${t.state}</th></tr></thead>
      <tbody>${shown.map((visitor) => html`<tr key=${visitor.id}>
        <td>${visitor.visit_time}</td>
        <td><button type="button" class="plain link" dir="auto" aria-label=${`${t.showAtDesk}: ${visitor.name}`}
          onClick=${() => toDesk(visitor.name)}>${visitor.name}</button></td>
        <td dir="auto">${visitor.company}</td><td dir="auto">${visitor.host_name}</td>
        <td>${visitor.presence === null ? t.cancelled : t.presence[visitor.presence]}</td></tr>`)}</tbody>
    </table></div>`}
  </section>`;
}

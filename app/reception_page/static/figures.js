// Occupancy of the day and the week, as charts and as tables: plain SVG needs no library.

import { get } from "./api.js";
import { html } from "./html.js";
import { useEffect, useState } from "./vendor/preact/hooks.js";
import { complaint, dayAt, texts, weekday } from "./words.js";

const WIDTH = 640;
const HEIGHT = 220;
const FLOOR = HEIGHT - 24;
const DAY_MS = 86_400_000;

/**
 * One bar of a chart: a part of a whole.
 * @typedef {{name: string, part: number, whole: number}} Bar
 * @typedef {import("visitor-management-client").AvailableSlots} Slots
 * @typedef {import("visitor-management-client").Trends} Trends
 */

/**
 * @param {{title: string, id: string, head: [string, string, string], bars: Bar[]}} props
 */
function Chart({ title, id, head, bars }) {
  const t = texts();
  const most = Math.max(1, ...bars.map((bar) => bar.whole));
  const step = WIDTH / Math.max(1, bars.length);
  const tall = (/** @type {number} */ count) => (count / most) * (FLOOR - 20);
  return html`<section aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby=${id}>
      ${bars.map(({ name, part, whole }, index) => html`<g key=${name} transform=${`translate(${index * step} 0)`}>
        <title>${`${name}: ${part} / ${whole}`}</title>
        <rect class="whole" x=${step * 0.15} y=${FLOOR - tall(whole)} width=${step * 0.7} height=${tall(whole)} />
        <rect class="part" x=${step * 0.15} y=${FLOOR - tall(part)} width=${step * 0.7} height=${tall(part)} />
        <text x=${step / 2} y=${FLOOR - tall(whole) - 4} text-anchor="middle">${part}</text>
        <text x=${step / 2} y=${HEIGHT - 6} text-anchor="middle">${name}</text>
      </g>`)}
    </svg>
    <details><summary>${t.asTable}</summary><table>
      <thead><tr>${head.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
      <tbody>${bars.map((bar) => html`<tr key=${bar.name}><th scope="row">${bar.name}</th><td>${bar.part}</td><td>${bar.whole}</td></tr>`)}</tbody>
    </table></details>
  </section>`;
}

/**
 * Monday to Sunday around a day.
 * @param {string} day
 */
export function weekOf(day) {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const monday = midnight - ((new Date(midnight).getUTCDay() + 6) % 7) * DAY_MS;
  const of = (/** @type {number} */ instant) => new Date(instant).toISOString().slice(0, 10);
  return { date_from: of(monday), date_to: of(monday + 6 * DAY_MS) };
}

/** @param {{place: import("./desk.js").Place}} props */
export function View({ place }) {
  const t = texts();
  const { site, seen, complain } = place;
  const [figures, setFigures] = useState(/** @type {[Slots, Trends] | null} */ (null));
  useEffect(() => {
    const day = dayAt(Date.now(), site.timezone);
    Promise.all([
      get("visitors/available-slots/", { visit_date: day, site: site.id }),
      get("analytics/trends/", { ...weekOf(day), granularity: "day", site: site.id }),
    ]).then(/** @param {any} both */ (both) => setFigures(both), (error) => complain(complaint(error)));
  }, [site.id, seen.happenings]);
  if (figures === null) {
    return html`<p class="empty">${t.loading}</p>`;
  }
  const [slots, trends] = figures;
  const hours = slots.slots.map((slot) => ({ name: slot.time, part: slot.booked, whole: Math.max(slot.capacity, slot.booked) }));
  const days = trends.buckets.map((day) => ({ name: weekday(day.start), part: day.arrived, whole: day.total }));
  return html`<${Chart} id="occupancy" title=${t.occupancy} head=${[t.hour, t.booked, t.capacity]} bars=${hours} />
    <${Chart} id="week" title=${t.week} head=${[t.day, t.came, t.visits]} bars=${days} />`;
}

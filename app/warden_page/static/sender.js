// Requests of the page, which send what is kept and then read the roster.

import { kept, link, marks, people, refused } from "./store.js";

const PATIENCE_MS = 8_000;
const MOST_MARKS = 500;

export class LinkIsDead extends Error {}

// Send everything, then read the roster, which has what was sent.
export async function exchange() {
  for (const person of people.all().filter((item) => !item.is_sent)) {
    await sendPerson(person);
  }
  for (let waiting = unsent(); waiting.length > 0; waiting = unsent()) {
    await sendMarks(waiting.slice(0, MOST_MARKS));
  }
  const sent = [marks, people].map((queue) => queue.all().filter((item) => item.is_sent));
  kept.set(await (await ask("roster/")).json());
  sent[0].forEach(marks.remove);
  sent[1].forEach(people.remove);
}

function unsent() {
  return marks.all().filter((mark) => !mark.is_sent);
}

async function sendPerson(person) {
  const { number: _number, is_sent: _sent, ...body } = person;
  const answer = await ask("people/", body, [409, 422]);
  if (!answer.ok) {
    refused.add();
  }
  people.put({ ...person, is_sent: true });
}

async function sendMarks(batch) {
  const body = batch.map(({ number: _number, is_sent: _sent, ...mark }) => mark);
  const answer = await ask("marks/", body, [422]);
  const results = answer.ok ? (await answer.json()).results : batch.map(() => ({ result: "refused" }));
  batch.forEach((mark, index) => {
    if (results[index].result === "refused") {
      refused.add();
      marks.remove(mark);
    } else {
      marks.put({ ...mark, is_sent: true });
    }
  });
}

async function ask(path, body, expected = []) {
  const answer = await fetch(`${link}/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 410 || answer.status === 404) {
    throw new LinkIsDead();
  }
  if (!answer.ok && !expected.includes(answer.status)) {
    throw new Error(`status ${answer.status}`);
  }
  return answer;
}

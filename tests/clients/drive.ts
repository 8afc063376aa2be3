// Drives a running service with the module of docs/frontend.md: node drive.js ADDRESS FOLDER.
import { kept } from "./storage.js";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import {
  accountEventsList,
  authLogin,
  authMe,
  visitorsList,
  visitorsQrPng,
  visitorsRead,
  visitorsResendEmail,
} from "visitor-management-client";
import type { RefreshedTokens, VisitorCreate, VisitorStatus } from "visitor-management-client";
import * as guide from "./guide.js";

const [address, folder] = process.argv.slice(2) as [string, string];
const ADA: VisitorCreate = {
  name: "Ada Lovelace",
  email: "ada@example.com",
  visit_date: "2026-11-23",
  visit_time: "09:00",
};

/** As inputs of a form are that nobody has filled in. */
const NOTHING = { phone: "", company: "", host_name: "", host_email: "", notes: "" };
/** How often the page was to be shown anew. */
let changes = 0;

async function workbook(name: string): Promise<Blob> {
  return new Blob([await readFile(`${folder}/${name}`)]);
}

async function passwords(): Promise<void> {
  await assert.rejects(guide.signIn("admin@ifactory.com", "wrong"), (error: unknown) => {
    assert(error instanceof guide.Refused);
    return error.problem.code === "invalid_credentials" && error.problem.status === 401;
  });
  assert.equal(await guide.whoIsHere(), undefined);
  const me = await guide.signIn("admin@ifactory.com", "admin123");
  assert.equal(me.role, "admin");
  const here = await guide.whoIsHere();
  assert.deepEqual(here, { ...here, ...me });
  assert.equal(here?.second_factor.totp, false);
}

async function mailedLinks(): Promise<void> {
  await guide.forgotPassword("nobody@example.com");
  assert.equal(await guide.setPassword("not.a.link", "analytical engine"), "old link");
}

async function registering(): Promise<string> {
  assert.equal((await guide.bookable({ visit_date: "2026-11-23" })).length, 7);
  const intent = crypto.randomUUID();
  const faulty = await guide.register({ ...ADA, email: "nowhere", department: "" }, intent);
  assert(faulty.kind === "faulty");
  assert.deepEqual(faulty.faults.map((fault) => [fault.field, fault.code]), [
    ["email", "value_error"],
    ["department", "uuid_parsing"],
  ]);
  const unknown = await guide.register({ ...ADA, visit_date: "2020-01-01", site: intent }, intent);
  assert(unknown.kind === "faulty");
  assert.deepEqual(unknown.faults.map((fault) => [fault.field, fault.code]), [["site", "unknown"]]);
  const past = await guide.register({ ...ADA, visit_date: "2020-01-01" }, intent);
  assert(past.kind === "unbookable" && past.code === "slot_in_past");
  const first = await guide.register({ ...ADA, ...NOTHING }, intent);
  const again = await guide.register({ ...ADA, ...NOTHING }, intent);
  assert(first.kind === "registered" && again.kind === "registered");
  assert.equal(first.visitor.id, again.visitor.id);
  const { data, error } = await visitorsResendEmail({ path: { visitor_id: first.visitor.id } });
  assert.deepEqual([data, error], [null, undefined]);
  const image = await visitorsQrPng({ path: { visitor_id: first.visitor.id }, parseAs: "blob" });
  assert(image.data instanceof Blob && image.data.size > 100);
  assert(first.visitor.qr_code);
  return first.visitor.qr_code;
}

async function fullHour(): Promise<void> {
  const nobody = await guide.register({ ...ADA, visit_time: "16:00" }, crypto.randomUUID());
  assert(nobody.kind === "full");
  assert.deepEqual(nobody.instead[0], { visit_date: "2026-11-24", visit_time: "09:00", available: 20 });
}

const BLANK = { visit_date: "", visit_time: "", host_name: "", host_email: "", department: "", site: "" };

async function uploading(): Promise<void> {
  const [good, faulty] = [await workbook("good.xlsx"), await workbook("faulty.xlsx")];
  const wrong = await guide.upload({ file: faulty });
  assert(wrong.kind === "faulty");
  assert.deepEqual(wrong.rows.map((fault) => [fault.row, fault.column, fault.code]), [[2, "Email", "invalid_email"]]);
  const marked = await guide.markedList({ file: faulty, ...BLANK });
  assert.equal(marked?.name, "visitors-to-correct.xlsx");
  assert.equal(await marked.file.slice(0, 2).text(), "PK");
  assert.equal(await guide.markedList({ file: good }), undefined);
  const elsewhere = await guide.upload({ file: good, site: crypto.randomUUID() });
  assert(elsewhere.kind === "faulty" && elsewhere.fields[0]?.field === "site");
  const crowd = await guide.upload({ file: await workbook("crowd.xlsx") });
  assert(crowd.kind === "full");
  const hours = crowd.hours.map((hour) => [hour.visit_date, hour.visit_time, hour.wanted, hour.free]);
  assert.deepEqual(hours, [["2026-11-23", "16:00", 5, 0]]);
  const tried = await guide.upload({ file: good, ...BLANK });
  assert(tried.kind === "fine" && tried.ignored.length === 0);
  assert(tried.visitors.every((visitor) => visitor.id === null));
  const done = await guide.upload({ file: good }, crypto.randomUUID());
  assert(done.kind === "fine" && done.visitors.every((visitor) => visitor.id));
}

async function exporting(): Promise<void> {
  const { file, name } = await guide.exported({ format: "csv", visit_date: "2026-11-23" });
  assert.equal(name, "visitors-2026-11-23.csv");
  assert.deepEqual([...new Uint8Array(await file.slice(0, 3).arrayBuffer())], [0xef, 0xbb, 0xbf]);
}

async function paging(): Promise<void> {
  const names: string[] = [];
  for await (const visitor of guide.everyVisitor({ limit: 2, ordering: "created_at" })) names.push(visitor.name);
  assert.equal(names.length, 6);
  assert.equal(new Set(names).size, 6);
  const { data } = await visitorsList({ query: { limit: 1, include_total: true } });
  assert.equal(data?.total, 6);
}

async function scanning(code: string): Promise<void> {
  const scanId = crypto.randomUUID();
  const first = await guide.scan(code, scanId);
  assert(first.kind === "open" && !first.scan.replayed);
  const again = await guide.scan(code, scanId);
  assert(again.kind === "open" && again.scan.replayed);
  const second = await guide.scan(code, crypto.randomUUID());
  assert(second.kind === "shut" && second.since);
  assert.equal(guide.at(second.since, "Europe/Berlin"), "09:00");
  const { data } = await visitorsRead({ path: { visitor_id: first.scan.visitor.id } });
  assert.equal(data?.status satisfies VisitorStatus | undefined, "verified");
}

/** Somebody has left a tablet signed in. */
async function editing(code: string): Promise<void> {
  const { data } = await visitorsList({ query: { q: code } });
  const [visitor] = data?.items ?? [];
  assert(visitor);
  const [mine, theirs] = [await guide.openVisitor(visitor.id), await guide.openVisitor(visitor.id)];
  const first = await guide.saveVisitor(theirs, { notes: "Needs a wheelchair" });
  assert.equal(first.kind, "saved");
  const stale = await guide.saveVisitor(mine, { company: "Engines Ltd", notes: null });
  assert.equal(stale.kind, "changed meanwhile");
  assert.equal(stale.now.record.notes, "Needs a wheelchair");
  assert.equal((await guide.saveVisitor(stale.now, { company: "Engines Ltd" })).kind, "saved");
}

async function words(): Promise<void> {
  const meta = await guide.meta();
  assert(meta.enums["presence"]?.some((word) => word.labels["de"] === "Nicht gekommen"));
  assert.equal(await guide.meta(), meta); // by a 304
}

async function signingOutThere(): Promise<void> {
  await authLogin({ body: { email: "admin@ifactory.com", password: "admin123" } });
  const [tablet, here] = await guide.mySessions();
  assert(tablet && here && !tablet.current && here.current);
  await guide.signOutThere(tablet);
  await guide.signOutThere(tablet);
  assert.deepEqual((await guide.mySessions()).map((session) => session.id), [here.id]);
  const { data } = await accountEventsList({ query: { action: "session_ended" } });
  assert.equal(data?.items.length, 1);
}

/** A token that has run out is changed for a new one by the first request, once for all of them. */
async function refreshing(): Promise<void> {
  kept.set("tokens", { ...(kept.get("tokens") as RefreshedTokens), access: "run.out.token" });
  const three = await Promise.all([authMe(), guide.authorized("/api/auth/me/"), guide.whoIsHere()]);
  assert.equal(three[0].data?.email, "admin@ifactory.com");
  assert.equal(three[1].status, 200);
  assert.equal(three[2]?.email, "admin@ifactory.com");
}

async function leaving(): Promise<void> {
  const [here] = await guide.mySessions();
  assert(here?.current && changes === 0);
  await guide.signOutThere(here);
  assert.equal(await guide.whoIsHere(), undefined);
  assert.equal(changes, 1);
  await guide.signIn("admin@ifactory.com", "admin123");
  await guide.signOut();
  const { error, response } = await authMe();
  assert.equal(error?.code, "not_authenticated");
  assert(response.headers.get("WWW-Authenticate"));
}

guide.connect(address, () => changes++);
await passwords();
await mailedLinks();
const code = await registering();
await fullHour();
await uploading();
await exporting();
await paging();
await scanning(code);
await editing(code);
await words();
await signingOutThere();
await refreshing();
await leaving();
console.log("driven");

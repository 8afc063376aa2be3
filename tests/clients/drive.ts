// Drives a running service with the module of docs/frontend.md: node drive.js ADDRESS FOLDER.
import "./storage.js";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accountEventsList, authLogin, authMe, client, visitorsList, visitorsQrPng, visitorsRead } from "visitor-management-client";
import type { VisitorCreate, VisitorStatus } from "visitor-management-client";
import * as guide from "./guide.js";

const [address, folder] = process.argv.slice(2) as [string, string];
const ADA: VisitorCreate = {
  name: "Ada Lovelace",
  email: "ada@example.com",
  visit_date: "2026-11-23",
  visit_time: "09:00",
};

async function workbook(name: string): Promise<Blob> {
  return new Blob([await readFile(`${folder}/${name}`)]);
}

async function passwords(): Promise<void> {
  await assert.rejects(guide.signIn("admin@ifactory.com", "wrong"), (error: unknown) => {
    assert(error instanceof guide.Refused);
    return error.problem.code === "invalid_credentials" && error.problem.status === 401;
  });
  const me = await guide.signIn("admin@ifactory.com", "admin123");
  assert.equal(me.role, "admin");
}

async function registering(): Promise<string> {
  assert.equal((await guide.bookable("2026-11-23")).length, 7);
  const intent = crypto.randomUUID();
  const first = await guide.register(ADA, intent);
  const again = await guide.register(ADA, intent);
  assert(first.kind === "registered" && again.kind === "registered");
  assert.equal(first.visitor.id, again.visitor.id);
  const faulty = await guide.register({ ...ADA, email: "nowhere" }, crypto.randomUUID());
  assert(faulty.kind === "faulty" && faulty.fields.has("email"));
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

async function uploading(): Promise<void> {
  const [fault] = await guide.upload(await workbook("faulty.xlsx"), true);
  assert(fault);
  assert.deepEqual([fault.row, fault.column], [2, "Email"]);
  assert.deepEqual(await guide.upload(await workbook("good.xlsx"), true), []);
  assert.deepEqual(await guide.upload(await workbook("good.xlsx"), false), []);
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
  assert(await guide.refresh());
  const stale = client.getConfig().auth;
  let asked = 0;
  client.setConfig({ auth: (auth) => (asked++ < 3 ? "run.out.token" : typeof stale === "function" ? stale(auth) : stale) });
  const three = await Promise.all([authMe(), authMe(), authMe()]);
  for (const { data } of three) assert.equal(data?.email, "admin@ifactory.com");
  client.setConfig({ auth: stale });
  await guide.signOut();
  const { error, response } = await authMe();
  assert.equal(error?.code, "not_authenticated");
  assert(response.headers.get("WWW-Authenticate"));
}

guide.connect(address);
await passwords();
const code = await registering();
await fullHour();
await uploading();
await paging();
await scanning(code);
await signingOutThere();
await refreshing();
console.log("driven");

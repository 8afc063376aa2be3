// An OpenID provider for tests: prints its address as one line, and takes orders as lines of JSON.
// {"person": {...claims}} adds somebody, {"rotate": true} signs with another key from then on.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const people = new Map();
let serial = 0;

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  serial += 1;
  return { ...privateKey.export({ format: "jwk" }), kid: `key-${serial}`, use: "sig", alg: "RS256" };
}

function provider(issuer, callback, key) {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "visitors",
        client_secret: "s3cret:+%",
        redirect_uris: [callback],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    jwks: { keys: [key] },
    pkce: { required: () => true },
    scopes: ["openid", "email", "profile"],
    claims: {
      openid: ["sub", "groups"],
      email: ["email", "email_verified"],
      profile: ["given_name", "family_name", "name"],
    },
    // Its own fetch refuses loopback addresses.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ ...people.get(sub), sub }),
    }),
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["a key of the tests"] },
  });
  return made.callback();
}

const [callback] = process.argv.slice(2);
let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  handle = provider(issuer, callback, newKey());
  console.log(issuer);
  createInterface({ input: process.stdin }).on("line", (line) => {
    const order = JSON.parse(line);
    if (order.person) people.set(order.person.sub, order.person);
    if (order.rotate) handle = provider(issuer, callback, newKey());
    console.log("done");
  });
});
process.stdin.on("end", () => process.exit(0));

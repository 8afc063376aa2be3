import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "../../openapi.json",
  output: { path: "src", module: { extension: ".js" } },
  logs: { level: "warn", file: false },
  plugins: [
    // Every installation has an address of its own: `client.setConfig({ baseUrl })`.
    { name: "@hey-api/client-fetch", baseUrl: false, includeInEntry: true },
    "@hey-api/typescript",
    "@hey-api/sdk",
  ],
});

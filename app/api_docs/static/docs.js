"use strict";

// Codes that most operations have; what one has of its own is shown.
const USUAL = new Set([
  "invalid", "not_authenticated", "forbidden", "second_factor_missing", "network_not_allowed", "too_large",
  "url_too_long", "not_acceptable", "unsupported_media_type", "too_many_requests", "unavailable", "update_under_way",
  "idempotency_key_reused", "request_in_progress", "conflict", "not_found", "precondition_failed", "changed_meanwhile",
]);

/** Returns whether a response is an error with usual codes alone. */
function isUsual(response, status) {
  const codes = [...(response.get("description") ?? "").matchAll(/`(\w+)`/g)].map((found) => found[1]);
  return status >= "400" && codes.every((code) => USUAL.has(code));
}

/** Finds operations by any words of their path, name, summary and description. */
function found(tags, phrase) {
  const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (tag, each) => {
    const operation = each.get("operation");
    const texts = ["summary", "description", "operationId"].map((name) => operation.get(name) ?? "");
    const text = [tag, each.get("method"), each.get("path"), ...texts].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return tags
    .map((kept, tag) => kept.set("operations", kept.get("operations").filter((each) => fits(tag, each))))
    .filter((kept) => kept.get("operations").size);
}

/** Folds the usual errors away. */
function folding(Original, system) {
  const { createElement, useState } = system.React;
  return (props) => {
    const [shown, show] = useState(false);
    const own = props.responses.filter((response, status) => !isUsual(response, status));
    const usual = props.responses.size - own.size;
    if (!usual || !own.size) return createElement(Original, props);
    const text = shown ? "Hide the usual errors" : `Show ${usual} usual errors`;
    return createElement(
      "div",
      null,
      createElement(Original, { ...props, responses: shown ? props.responses : own }),
      createElement("button", { className: "btn usual-errors", onClick: () => show(!shown) }, text),
    );
  };
}

/** Shows the code of a request, in three languages. */
function sampled(Original, system) {
  const { createElement, useState } = system.React;
  return (props) => {
    const samples = props.operation.getIn(["op", "x-codeSamples"]) ?? props.operation.get("x-codeSamples");
    const [chosen, choose] = useState(0);
    if (!samples?.size) return createElement(Original, props);
    const buttons = samples.map((sample, number) =>
      createElement(
        "button",
        {
          key: sample.get("label"),
          className: "btn",
          "aria-pressed": number === chosen,
          onClick: () => choose(number),
        },
        sample.get("label"),
      ),
    );
    return createElement(
      "div",
      null,
      createElement(
        "div",
        { className: "samples" },
        createElement("div", { className: "samples-of" }, ...buttons),
        createElement("pre", { className: "samples-code" }, samples.getIn([chosen, "source"])),
      ),
      createElement(Original, props),
    );
  };
}

// Addresses are relative to the page, so that the pages work below any path of a proxy.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: true,
  defaultModelsExpandDepth: 0,
  showExtensions: false,
  showCommonExtensions: true,
  oauth2RedirectUrl: new URL("docs/oauth2-redirect", document.baseURI).href,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  plugins: [
    { fn: { opsFilter: found } },
    { wrapComponents: { responses: folding, parameters: sampled } },
  ],
});

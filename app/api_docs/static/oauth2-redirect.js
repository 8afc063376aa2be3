"use strict";

// Hands the authorization server's response to the page that opened this window, as Swagger UI's
// own oauth2-redirect.html does.
(() => {
  const oauth2 = window.opener && window.opener.swaggerUIRedirectOauth2;
  if (!oauth2) {
    return;
  }
  const inHash = /code|token|error/.test(window.location.hash);
  const text = inHash ? window.location.hash.slice(1).replace("?", "&") : window.location.search;
  const answer = Object.fromEntries(new URLSearchParams(text));
  const isValid = answer.state === oauth2.state;
  const byCode = ["accessCode", "authorizationCode", "authorization_code"];

  const fail = (level, message) =>
    oauth2.errCb({ authId: oauth2.auth.name, source: "auth", level, message });

  if (!byCode.includes(oauth2.auth.schema.get("flow")) || oauth2.auth.code) {
    oauth2.callback({ auth: oauth2.auth, token: answer, isValid, redirectUrl: oauth2.redirectUrl });
  } else if (!isValid) {
    fail("error", "The answer does not belong to this sign-in.");
  } else if (answer.code) {
    delete oauth2.state;
    oauth2.auth.code = answer.code;
    oauth2.callback({ auth: oauth2.auth, redirectUrl: oauth2.redirectUrl });
  } else {
    fail("error", answer.error_description || answer.error || "No code was received.");
  }
  window.close();
})();

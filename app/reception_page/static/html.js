// Elements as text: html`<p>${name}</p>`. Texts are never read as HTML.

import htm from "./vendor/htm/htm.js";
import { h } from "./vendor/preact/preact.js";

export const html = htm.bind(h);

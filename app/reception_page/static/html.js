// Elements as text: html`<p>${name}</p>`. Texts are never read as HTML.

import htm from "./vendor/htm/htm.js";
import { h } from "./vendor/preact/preact.js";

export const html = htm.bind(h);

/**
 * A `ref` for what has the focus once it appears: the attribute `autofocus` works once a page.
 * @param {HTMLElement | null} element
 */
export const focused = (element) => element?.focus();

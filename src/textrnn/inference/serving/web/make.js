"use strict";

/* Create an element with properties and children. Strings become text nodes, so they are never parsed as HTML. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/* Wrap text from a model or a user: isolate its direction, and mark Chinese text so that it gets Chinese glyphs. */
function isolate(text) {
  const element = make("bdi", {}, text);
  if (/\p{Script=Han}/u.test(text)) element.lang = "zh-Hans";
  return element;
}

/* The command that sends a text to a model; the text is quoted for a POSIX shell. */
function curlCommand(model, texts) {
  const url = new URL(`v1/models/${encodeURIComponent(model)}/predict`, document.baseURI).href;
  return `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify({ texts }).replaceAll("'", "'\\''")}'`;
}

/* Fetch JSON from a URL relative to this page; an error response becomes an Error with its message. */
async function fetchJson(url, options) {
  const response = await fetch(url, options);
  const body = await response.json();
  if (response.ok) return body;
  const { where, what, got, do: todo } = body.error;
  throw new Error(`${where} ${what}${got && `; got ${got}`}${todo && `; ${todo}`}`);
}

"use strict";

/* An element with properties and children. Text goes in as text: no markup is ever read from it. */
function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* Text of a model or of a person: its own direction, and Chinese glyphs for Chinese characters. */
function worded(text) {
  const made = make("bdi", {}, text);
  if (/\p{Script=Han}/u.test(text)) made.lang = "zh-Hans";
  return made;
}

/* What a server sends at an address relative to this page; what it refuses is an error that says why. */
async function ask(address, options) {
  const answer = await fetch(address, options);
  const body = await answer.json();
  if (answer.ok) return body;
  const { where, what, got, do: todo } = body.error;
  throw new Error(`${where} ${what}${got && `; got ${got}`}${todo && `; ${todo}`}`);
}

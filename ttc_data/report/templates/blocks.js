"use strict";

// Data blocks: JSON, gzip, base64, in script elements of a type that no browser runs.

const parsed = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve, { once: true });
  else resolve();
});

async function inflate(element) {
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// A block behind the script may be there in part while the page is being read.
async function block(name) {
  await parsed;
  return inflate(document.getElementById(name));
}

// Mined text is shown, never obeyed: controls get a picture, marks that turn the direction of text their number.
const CONTROLS = /\udb40[\udc00-\udc7f]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function plain(text) {
  return text.replace(CONTROLS, (found) => {
    const code = found.codePointAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    if (code >= 0xd800 && code < 0xe000) return "\ufffd";
    if (code > 0xffff) return "\\U" + code.toString(16).padStart(8, "0");
    return "\\u" + code.toString(16).padStart(4, "0");
  });
}

// An element: strings become text nodes, so nothing of a row is ever read as HTML.
function make(tag, about, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(about ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : plain(String(child)));
  }
  return element;
}

const percent = (share) => `${Math.round(share * 100)} %`;
const counted = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

// Code: colours, lines before and after side by side or below each other, and the part of a line that changed.

const KEYWORDS = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case self cls".split(" "),
);
const TOKEN = /(#[^\n]*)|([rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|(\b\d[\w.]*)|([^\W\d]\w*)|([^\w#"']+)/gu;

// The spans of each line: [class, text]. Other languages than Python stay as they are.
function coloured(lines, language) {
  if (language !== "python") return lines.map((line) => [["", line]]);
  const made = [[]];
  let before = "";
  for (const [token, comment, string, number, name] of lines.join("\n").matchAll(TOKEN)) {
    const kind = comment ? "c" : string ? "s" : number ? "d" : name && KEYWORDS.has(name) ? "k" : name && (before === "def" || before === "class") ? "f" : "";
    if (token.trim()) before = token;
    token.split("\n").forEach((part, at) => {
      if (at) made.push([]);
      if (part) made.at(-1).push([kind, part]);
    });
  }
  return made;
}

// Where two lines differ: from, and to where in each.
function difference(one, other) {
  const least = Math.min(one.length, other.length);
  let start = 0;
  while (start < least && one[start] === other[start]) start++;
  let end = 0;
  while (end < least - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  return [start, one.length - end, other.length - end];
}

// Spans as nodes, what lies in [from, to) marked.
function painted(spans, from = 0, to = 0) {
  const nodes = [];
  let at = 0;
  for (const [kind, text] of spans) {
    for (const [low, high, marked] of [[0, from, false], [from, to, true], [to, Infinity, false]]) {
      const part = text.slice(Math.max(0, low - at), Math.max(0, high - at));
      if (!part) continue;
      const inner = kind ? make("span", { class: kind }, part) : plain(part);
      nodes.push(marked ? make("mark", null, inner) : inner);
    }
    at += text.length;
  }
  return nodes;
}

// Two versions of a short piece of code, with the part that differs marked.
function change(before, after) {
  const [start, endBefore, endAfter] = difference(before, after);
  return make(
    "div", { class: "change" },
    make("div", { class: "was" }, painted([["", before]], start, endBefore)),
    make("div", { class: "now" }, after ? painted([["", after]], start, endAfter) : make("i", { class: "quiet" }, "(removed)")),
  );
}

// A window's lines in pairs: [left, right], each {number, text, tag} or null.
function pairs(window) {
  const made = [];
  let left = window.old, right = window.new, removed = [], added = [];
  const flush = () => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) made.push([removed[at] ?? null, added[at] ?? null]);
    removed = [];
    added = [];
  };
  for (const [tag, text] of window.lines) {
    if (tag === "-") removed.push({ number: left++, text, tag });
    else if (tag === "+") added.push({ number: right++, text, tag });
    else {
      flush();
      made.push([{ number: left++, text, tag }, { number: right++, text, tag }]);
    }
  }
  flush();
  return made;
}

const ALIKE = 0.5; // lines of which less is the same are other lines, not changed ones

function marksOf(pair) {
  const [left, right] = pair;
  if (!left || !right || left.tag === " ") return [0, 0, 0];
  const [start, endLeft, endRight] = difference(left.text, right.text);
  const same = left.text.length - (endLeft - start);
  return same >= ALIKE * Math.max(left.text.length, right.text.length) ? [start, endLeft, endRight] : [0, 0, 0];
}

const CLASSES = { "-": "minus", "+": "plus", " ": "" };

function splitTable(window, language) {
  const lined = pairs(window);
  const sides = [0, 1].map((side) => coloured(lined.flatMap((pair) => (pair[side] ? [pair[side].text] : [])), language));
  const next = [0, 0];
  return lined.map((pair) => {
    const [start, ...ends] = marksOf(pair);
    return make("tr", null, pair.map((line, side) => {
      if (!line) return [make("td", { class: "num" }), make("td", { class: "none" })];
      const spans = sides[side][next[side]++];
      return [
        make("td", { class: `num ${CLASSES[line.tag]}` }, line.number),
        make("td", { class: CLASSES[line.tag] }, painted(spans, start, ends[side])),
      ];
    }));
  });
}

function unifiedTable(window, language) {
  const of = (tag) => coloured(window.lines.flatMap(([one, text]) => (one === " " || one === tag ? [text] : [])), language);
  const before = of("-"), after = of("+");
  let left = 0, right = 0;
  return window.lines.map(([tag]) => {
    const spans = tag === "-" ? before[left] : after[right];
    const number = tag === "-" ? window.old + left : window.new + right;
    left += tag !== "+";
    right += tag !== "-";
    return make("tr", null, make("td", { class: `num ${CLASSES[tag]}` }, number), make("td", { class: CLASSES[tag] }, painted(spans)));
  });
}

const wide = matchMedia("(min-width: 1100px)");

// A file before and after: side by side where there is room.
function compared(file, language, names) {
  const columns = wide.matches ? 4 : 2;
  const gap = (text) => make("tr", { class: "gap" }, make("td", { colspan: columns }, text));
  const rows = [];
  file.windows.forEach((window, at) => {
    if (at || window.old > 1) rows.push(gap(`⋯ from line ${window.old}`));
    rows.push(...(wide.matches ? splitTable : unifiedTable)(window, language));
  });
  const head = wide.matches
    ? make("tr", null, names.map((name) => make("th", { colspan: 2, scope: "col" }, name)))
    : make("tr", null, make("th", { colspan: 2, scope: "col" }, names.join(" → ")));
  const group = wide.matches ? make("colgroup", null, ["num", "", "num", ""].map((name) => make("col", { class: name }))) : null;
  return make("div", { class: "box" }, make("table", { class: wide.matches ? "code split" : "code" }, group, make("thead", null, head), make("tbody", null, rows)));
}

function listing(text, language) {
  const lines = text.split("\n");
  const spans = coloured(lines, language);
  return make("div", { class: "box" }, make("table", { class: "code" }, make("tbody", null,
    spans.map((one, at) => make("tr", null, make("td", { class: "num" }, at + 1), make("td", null, painted(one)))))));
}

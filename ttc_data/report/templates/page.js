// The page: views, keys, the theme, the address.

const root = document.documentElement;
root.classList.add("js");
const VIEWS = ["overview", "rows", "rejects"].filter((name) => document.getElementById(name));
const element = (name) => document.getElementById(name);

// Colours: the system's, then the other ones, kept for the next time where the browser lets a page keep something.

const theme = element("theme");

function stored(value) {
  try {
    if (value !== undefined) localStorage.setItem("ttcdata-theme", value);
    return localStorage.getItem("ttcdata-theme") ?? "";
  } catch {
    return ""; // a page from a file, in a browser that gives those no storage
  }
}

function paint(name) {
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  theme.setAttribute("aria-label", `Colours: ${name || "as the system has them"}`);
}

theme.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = dark ? "light" : "dark";
  paint(name);
  stored(name);
});
paint(stored());

// Views

let list = null;
const search = element("search");
const detail = element("detail");

function view(name) {
  for (const one of VIEWS) element(one).classList.toggle("shown", one === name);
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.getAttribute("href") === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "rows" && list) list.draw();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that somebody typed
  }
}

async function route() {
  const name = decoded(location.hash.slice(1));
  if (name.startsWith("rows?") && list) {
    // A plot's name: the rows that it counts.
    element("filters").reset();
    for (const [filter, value] of new URLSearchParams(location.hash.slice("#rows?".length))) if (FILTERS.includes(filter)) element(filter).value = value;
    history.replaceState(null, "", "#rows");
    narrow();
    view("rows");
    closed();
  } else if (VIEWS.includes(name)) {
    view(name);
    if (name === "rows") closed();
    else scrollTo(0, 0);
  } else if (name.startsWith("rejects/") && element(name)) {
    view("rejects");
    element(name).open = true;
    element(name).scrollIntoView();
  } else if (list && list.rows.places.has(name)) {
    view("rows");
    await open(list.rows.places.get(name));
  } else view("overview");
}

function go(name) {
  const address = `#${encodeURIComponent(name)}`;
  if (location.hash === address) route();
  else location.hash = address;
}

// Rows

const FILTERS = ["repo", "kind", "origin", "split"];
let opened = -1;

async function open(row) {
  if (!list.shown.includes(row)) {
    element("filters").reset();
    narrow();
  }
  if (list.chosen !== row) list.select(list.shown.indexOf(row));
  opened = row;
  const body = await list.rows.body(row);
  if (opened !== row) return;
  detail.replaceChildren(...rowDetail(body, () => go("rows")).filter(Boolean));
  detail.scrollTop = 0;
  highlight(wordsOf(search.value), detail);
  element("rows").classList.add("opened");
}

function closed() {
  if (!list) return;
  opened = -1;
  element("rows").classList.remove("opened");
  detail.replaceChildren(make("p", { class: "quiet empty" }, "Choose a row: ", make("kbd", null, "j"), " and ", make("kbd", null, "k"), " move, ", make("kbd", null, "Enter"), " opens."));
}

function openChosen() {
  if (list.chosen !== undefined) go(list.rows.columns.id[list.chosen]);
}

function narrow() {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, element(name).value]));
  filters.low = Number(element("low").value || 0);
  filters.high = Number(element("high").value || 100);
  list.show(list.rows.find(search.value, filters, element("order").value));
  element("found").textContent = `${list.shown.length.toLocaleString("en")} of ${counted(list.rows.count, "row")}`;
}

async function searched() {
  if (search.value.trim()) await list.rows.load();
  narrow();
}

function fill(name, values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const value of [...counts.keys()].sort()) element(name).append(make("option", { value }, `${value} (${counts.get(value)})`));
}

function move(step) {
  list.select(list.at + step);
  if (opened >= 0) openChosen();
}

// Keys

const MOVES = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inSearch = event.target === search;
  const typing = event.target.closest?.("input, select, textarea") && !inSearch;
  const inRows = list && element("rows").classList.contains("shown");
  if (event.key === "Escape") {
    if (inSearch && search.value) {
      search.value = "";
      narrow();
    } else if (inSearch || typing) element("list").focus();
    else if (inRows && opened >= 0) {
      go("rows");
      element("list").focus();
    } else return;
  } else if (typing) return;
  else if (event.key === "/" && !inSearch && list) {
    if (!inRows || (opened >= 0 && !wide.matches)) go("rows");
    view("rows");
    search.focus();
    search.select();
  } else if (/^[123]$/.test(event.key) && !inSearch && VIEWS[event.key - 1]) go(VIEWS[event.key - 1]);
  else if (!inRows) return;
  else if (event.key in MOVES && !(inSearch && !event.key.startsWith("Arrow"))) {
    if (detail.contains(event.target) && event.key.length > 1) return; // the keys that scroll go on scrolling the row
    move(MOVES[event.key] === Infinity ? list.shown.length : MOVES[event.key] === -Infinity ? -list.shown.length : MOVES[event.key]);
  } else if (event.key === "Enter" && !event.target.closest?.("a, button, summary")) {
    if (list.at < 0) list.select(0);
    openChosen();
  } else return;
  event.preventDefault();
}

document.addEventListener("keydown", key);
addEventListener("hashchange", route);

async function begin() {
  const columns = await inflate(element("columns"));
  if (columns.id.length) {
    const rows = new Rows(columns);
    list = new List(rows, openChosen);
    for (const name of FILTERS) fill(name, columns[name]);
    narrow();
    search.addEventListener("input", searched);
    for (const name of [...FILTERS, "low", "high", "order"]) element(name).addEventListener("input", searched);
    element("filters").addEventListener("reset", () => setTimeout(narrow));
    element("filters").addEventListener("submit", (event) => event.preventDefault());
    wide.addEventListener("change", () => opened >= 0 && open(opened));
    closed();
    rows.load();
  }
  await route();
  root.dataset.ready = "";
}

view("overview");
begin();

// The rows: columns in arrays, of which those that are in sight are elements; and the search through all texts.

const HEIGHT = 58; // of an item, as in page.css
const BEYOND = 8; // items drawn above and below what is in sight

// What is searched for: words, and "several words" in quotes.
function wordsOf(query) {
  return [...query.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)].map(([word, quoted]) => quoted ?? word);
}

// Marks the words in an opened row, where the browser can mark text without changing it.
function highlight(words, box) {
  if (!CSS.highlights) return;
  const ranges = [];
  const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  while (words.length && texts.nextNode()) {
    const node = texts.currentNode;
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue; // some capitals have longer small letters
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("searched", new Highlight(...ranges));
}

class Rows {
  constructor(columns) {
    this.columns = columns;
    this.count = columns.id.length;
    this.texts = [];
    this.bodies = new Map();
    this.places = new Map(columns.id.map((id, at) => [id, at]));
  }

  // Inflates the searched texts, a block at a time so that the page goes on answering; again gives the same promise.
  load() {
    this.loading ??= (async () => {
      for (let at = 0; this.texts.length < this.count; at++) {
        for (const text of await block(`texts-${at}`)) this.texts.push(text.toLowerCase());
      }
    })();
    return this.loading;
  }

  // Indexes of the rows that hold every word and pass the filters.
  find(query, filters, order) {
    const words = wordsOf(query);
    const { columns, texts } = this;
    const equal = ["repo", "kind", "origin", "split"].filter((name) => filters[name]);
    const found = [];
    for (let at = 0; at < this.count; at++) {
      const score = columns.score[at] * 100;
      if (score < filters.low || score > filters.high) continue;
      if (!equal.every((name) => columns[name][at] === filters[name])) continue;
      if (words.every((word) => texts[at].includes(word))) found.push(at);
    }
    if (order) {
      const falling = order.startsWith("-");
      const values = columns[falling ? order.slice(1) : order];
      const sign = falling ? -1 : 1;
      found.sort((a, b) => (values[a] < values[b] ? -sign : values[a] > values[b] ? sign : a - b));
    }
    return found;
  }

  async body(at) {
    const size = this.columns.rows_a_block;
    const number = Math.floor(at / size);
    if (!this.bodies.has(number)) {
      if (this.bodies.size > 8) this.bodies.delete(this.bodies.keys().next().value);
      this.bodies.set(number, block(`rows-${number}`));
    }
    return (await this.bodies.get(number))[at % size];
  }
}

class List {
  constructor(rows, open) {
    this.rows = rows;
    this.box = document.getElementById("list");
    this.items = document.getElementById("items");
    this.shown = [];
    this.at = -1;
    this.drawn = new Map();
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.items.addEventListener("click", (event) => {
      const item = event.target.closest(".item");
      if (!item) return;
      this.select(Number(item.dataset.at));
      open();
    });
  }

  // Shows other rows. The chosen one stays chosen where it is still among them.
  show(shown) {
    const chosen = this.chosen;
    this.shown = shown;
    this.at = chosen === undefined ? -1 : shown.indexOf(chosen);
    this.items.style.height = `${shown.length * HEIGHT}px`;
    this.clear();
    this.box.scrollTop = this.at > 0 ? Math.min(this.box.scrollTop, this.at * HEIGHT) : 0;
    this.draw();
  }

  // Index of the chosen row among all rows.
  get chosen() {
    return this.shown[this.at];
  }

  clear() {
    this.items.replaceChildren();
    this.drawn.clear();
  }

  select(at) {
    if (!this.shown.length) return;
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    const top = this.at * HEIGHT;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + HEIGHT > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + HEIGHT - this.box.clientHeight;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - BEYOND);
    const last = Math.min(this.shown.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / HEIGHT) + BEYOND);
    for (const [at, item] of this.drawn) {
      if (at >= first && at < last) continue;
      item.remove();
      this.drawn.delete(at);
    }
    for (let at = first; at < last; at++) {
      if (!this.drawn.has(at)) {
        this.drawn.set(at, this.item(at));
        this.items.append(this.drawn.get(at));
      }
      this.drawn.get(at).setAttribute("aria-selected", at === this.at);
    }
    const chosen = this.drawn.get(this.at);
    if (chosen) this.box.setAttribute("aria-activedescendant", chosen.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  item(at) {
    const row = this.shown[at];
    const { target, kind, repo, path, score, tests, origin, survivors } = this.rows.columns;
    const weak = score[row] < WEAK;
    const item = make(
      "div",
      { class: "item", id: `item-${at}`, role: "option", "data-at": at, "aria-setsize": this.shown.length, "aria-posinset": at + 1 },
      make("div", null, make("b", null, target[row]), make("span", { class: "chip" }, kind[row]), make("span", { class: weak ? "chip warn" : "chip good", title: `mutation score; ${survivors[row]} survived` }, percent(score[row]))),
      make("div", { class: "quiet" }, make("span", null, `${repo[row]}  ${path[row]}`), make("span", null, `${counted(tests[row], "test")}, ${origin[row]}`)),
    );
    item.style.top = `${at * HEIGHT}px`;
    return item;
  }
}

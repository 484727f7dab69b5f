// One row, opened.

function section(title, ...children) {
  return make("section", null, make("h2", null, title), ...children);
}

function folded(title, ...children) {
  return make("details", { class: "long" }, make("summary", null, title), ...children);
}

function table(names, rows, about) {
  return make("div", { class: "scroll" }, make("table", about,
    make("thead", null, make("tr", null, names.map(([name, kind]) => make("th", { scope: "col", class: kind }, name)))),
    make("tbody", null, rows)));
}

const cell = (value, kind) => make("td", { class: kind }, value);

const WEAK = 0.8; // a mutation score below this is one to look at

function summary(row) {
  const good = (ok) => `chip ${ok ? "good" : "bad"}`;
  const [passes, runs] = row.gold;
  const [attempts, once] = row.solver;
  return make("div", { class: "chips" },
    make("span", { class: good(passes === runs) }, `reference passed ${passes} of ${runs}`),
    make("span", { class: `chip ${row.score >= WEAK ? "good" : "warn"}` }, `mutation score ${percent(row.score)}`),
    make("span", { class: "chip" }, `${percent(row.coverage[0])} of lines run`),
    make("span", { class: "chip" }, `${percent(row.coverage[1])} of branches taken`),
    make("span", { class: good(row.stubs_passed === 0) }, `${counted(row.stubs_passed, "trivial body passes", "trivial bodies pass")}`),
    make("span", { class: good(row.tripwires.length > 0) }, counted(row.tripwires.length, "tripwire")),
    attempts > 0 && make("span", { class: "chip" }, `a model solves it in ${percent(once)} of ${attempts} attempts`));
}

function spec(row) {
  const { origin, model, rejected, overlap, text } = row.spec;
  const words = [origin === "model" ? `written by ${model || "a model"}` : "from the docstring"];
  if (rejected) words.push(`a model's was not used: ${rejected}`);
  words.push(`${percent(overlap)} of the reference's runs of six tokens are in it`);
  return section("Spec", make("p", { class: "quiet" }, words.join("; "), "."), make("div", { class: "prose" }, make("pre", null, text)));
}

function changes(row) {
  const given = row.mask === "whole" ? "as the solver gets it (definition removed)" : "as the solver gets it (masked)";
  return section("Masked and reference", row.files.map((file) => [
    make("h3", null, file.path), compared(file, row.language, [given, "reference"]),
  ]));
}

function tests(row) {
  const first = new Set(row.first_look);
  const look = (test, at) => {
    const mine = row.mutants.filter((mutant) => mutant.tests.includes(at));
    const alone = mine.filter((mutant) => mutant.tests.length === 1);
    return make("tr", null, cell(test, "mono"), cell(mine.length, "n"), cell(alone.length, "n"));
  };
  const rows = row.fail_to_pass.map((test, at) => [test, at]);
  const deciding = rows.filter(([, at]) => !first.size || first.has(at)).map(([test, at]) => look(test, at));
  const others = rows.filter(([, at]) => first.size && !first.has(at));
  const bodies = [...row.baselines].sort((a, b) => b[1] - a[1]);
  const listed = (tests) => make("ul", null, tests.map((test) => make("li", null, test)));
  const must = row.pass_to_pass.length;
  return section(`Tests that decide`,
    table([[first.size ? "first look" : "FAIL_TO_PASS"], ["mutants noticed", "n"], ["by it alone", "n"]], deciding),
    others.length > 0 && folded(`${counted(others.length, "other test decides", "other tests decide")} too (FAIL_TO_PASS)`, listed(others.map(([test]) => test))),
    must > 0 && folded(`${counted(must, "further test")} must go on passing (PASS_TO_PASS)`, listed(row.pass_to_pass)),
    row.left_out.length > 0 && folded(`${counted(row.left_out.length, "test")} left out: more than ${row.max_run_s} s with the others`, listed(row.left_out)),
    bodies.length > 0 && folded(`${counted(bodies.length, "trivial body", "trivial bodies")} pass ${bodies[0][1]} of ${row.fail_to_pass.length} at most`,
      table([["trivial body"], ["passes", "n"]], bodies.map(([name, count]) => make("tr", null, cell(name, "mono"), cell(count, "n"))))),
    row.added.length > 0 && [
      make("h2", null, "Test files that the repository does not have"),
      row.added.map(([path, text]) => [make("h3", null, path), listing(text, row.language)]),
    ]);
}

const FATE_ORDER = ["survived", "equivalent", "limit", "killed"];

function mutants(row) {
  if (!row.mutants.length) return null;
  const sorted = [...row.mutants].sort((a, b) => FATE_ORDER.indexOf(a.fate) - FATE_ORDER.indexOf(b.fate) || a.line - b.line);
  const noticed = row.mutants.filter((one) => one.fate === "killed" || one.fate === "limit").length;
  const rows = sorted.map((one) => make("tr", null,
    cell(make("span", { class: `chip ${one.fate}` }, one.fate)), cell(one.line, "n"), cell(one.operator), cell(change(one.before, one.after), "full"),
    cell(one.tests.length > 0 && make("details", null, make("summary", null, counted(one.tests.length, "test")),
      make("ul", null, one.tests.map((test) => make("li", null, typeof test === "number" ? row.fail_to_pass[test] : test)))))));
  return section(`Mutants: ${noticed} of ${row.mutants.length} noticed`,
    table([["fate"], ["line", "n"], ["operator"], ["change"], ["failed by"]], rows, { class: "mutants stacked" }));
}

function tripwires(row) {
  if (!row.tripwires.length) return null;
  const rows = row.tripwires.map((one) => make("tr", null,
    cell(make("span", { class: "chip" }, one.kind)), cell(`${one.path}:${one.line}`, "mono"), cell(change(one.old, one.new), "full"), cell(one.tests.join("\n"), "mono full")));
  return section("Tripwires", make("p", { class: "quiet" }, "Edits of deciding tests that make the reference fail them: an answer that passes there is a forgery."),
    table([["kind"], ["place"], ["edit"], ["must fail then"]], rows, { class: "stacked" }));
}

function runs(row) {
  if (!row.runs) return null;
  const rows = row.runs.gold.map(({ variation, passed }, at) => make("tr", null,
    cell(at + 1, "n"), cell(variation.hash_seed), cell(variation.order ? `shuffled by ${variation.order}` : "as collected"), cell(variation.timezone),
    cell(variation.locale), cell(variation.days ? `${variation.days} days ahead` : "today"), cell(make("span", { class: passed ? "chip good" : "chip bad" }, passed ? "passed" : "failed"))));
  return section("Runs of the reference",
    table([["run", "n"], ["hash seed"], ["order"], ["time zone"], ["locale"], ["date"], [""]], rows),
    make("p", { class: "quiet" }, `Trivial bodies that were tried and fail: ${row.runs.stubs.join(", ") || "none"}.`));
}

function prompt(row) {
  const shown = row.prompt.map(([role, parts]) => [
    make("h3", null, role),
    make("div", { class: "prose" }, make("pre", null, parts.map((part) => typeof part === "string" ? part
      : make("span", { class: "omitted" }, `${part.path}: ${counted(part.lines, "line")}, masked as above\n`)))),
  ]);
  return section("Prompt and script", folded("Messages that a solver is sent", shown), folded("eval_script", listing(row.script, "shell")));
}

function facts(row) {
  return make("dl", { class: "facts card" }, row.facts.map(([name, value]) => make("div", null, make("dt", null, name), make("dd", null, value))));
}

function rowDetail(row, close) {
  const [, target] = row.facts.find(([name]) => name === "target");
  return [
    make("button", { class: "back", type: "button", on: { click: close } }, "← All rows"),
    make("h1", null, target),
    make("p", { class: "sub mono" }, row.id),
    summary(row), spec(row), changes(row), tests(row), mutants(row), tripwires(row), runs(row), prompt(row), facts(row),
  ];
}

// What a person sees, on projects as people have them: each in light and dark colours, in a wide window and a narrow one.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { start, until } from "./editor.mjs";

const PROJECTS = join(process.env.CWM_E2E_EXAMPLES, "tests", "projects");

function project(name) {
  const folder = join(PROJECTS, name);
  const files = readdirSync(folder).filter((file) => file.endsWith(".py"));
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
}

function lineOf(text, code) {
  return text.split("\n").findIndex((line) => line.includes(code)) + 1;
}

/** An editor with the file of a project open, the cursor at some code. */
function inProject(name, file, code) {
  const parts = { files: project(name) };
  before(async () => {
    parts.editor = await start({ files: parts.files });
    const [first] = parts.files[file].split("\n").filter((line) => line.trim());
    await parts.editor.open(file, first.replaceAll('"', "").slice(0, 25));
    await parts.goto(code);
    await parts.editor.ready();
  });
  afterEach(async ({ name: test, passed }) => {
    if (!passed) await parts.editor?.shot(`failed ${test.replaceAll(/\W+/g, " ")}`);
  });
  after(() => parts.editor?.close());
  parts.goto = (code) => parts.editor.goto(lineOf(parts.files[file], code), 5);
  return parts;
}

/** Whether a line of code is dimmed. */
async function isDimmed(editor, code) {
  const spans = editor.line(code).first().locator("span");
  return spans.evaluateAll((found) => found.some((span) => Number(getComputedStyle(span).opacity) < 1));
}

describe("one file", () => {
  const parts = inProject("inventory", "inventory.py", "means = []");

  it("shows what has changed, and an expectation that does not hold", async () => {
    const { editor } = parts;
    await parts.goto("means = []");
    await editor.hint("item.stock -= count", "item.stock 7 → 6");
    await editor.hint("self.journal.append", "'POT -1']");
    await editor.hint("[3.0, 5.0]", "✗ [3.0, 5.0, 7.0]");
    assert.ok(!(await editor.lines()).some((line) => /means = \[\] *means/.test(line)), "no echo");
    const told = /as called in fulfil\(.* \| Run \| More…/;
    await until(async () => told.test(await editor.lenses()), "whose call is shown");
    await editor.pictures("changes");
  });

  it("dims what is certain, and nothing on the word of a guess", async () => {
    const { editor } = parts;
    await parts.goto("if total > 1000");
    await until(() => isDimmed(editor, "total -= 50"), "the line that is certain not to run");
    await parts.goto("winner = random.choice");
    await until(async () => (await editor.lines()).some((line) => line.includes("⋯ known up to here: ")), "the end");
    assert.ok(!(await isDimmed(editor, "a long name")));
    await editor.pictures("guesses");
  });

  it("tells apart where values come from", async () => {
    const { editor } = parts;
    await parts.goto("total += inventory.apply");
    await editor.run("cwm-lsp: Predict Then Run");
    await editor.hint("total += inventory.apply", "● total = 88");
    await editor.pictures("run");
  });

  it("has problems for what is known to be wrong alone", async () => {
    const { editor } = parts;
    await editor.run("Problems: Focus on Problems View");
    const problems = editor.page.locator(".markers-panel .monaco-list-row");
    await problems.filter({ hasText: "computed [3.0, 5.0, 7.0], expected [3.0, 5.0]" }).waitFor();
    const told = await problems.allInnerTexts();
    assert.ok(!told.some((text) => text.includes("winner")), "a guess is no problem");
    await editor.pictures("problems");
    await editor.run("View: Hide Panel");
  });

  it("has a Trace view that fits beside it", async () => {
    const { editor } = parts;
    await parts.goto("total += inventory.apply");
    await editor.run("cwm-lsp: Show Trace");
    await editor.trace.locator("td.agreed").first().waitFor();
    await editor.pictures("trace");
    await editor.page.locator(".tab", { hasText: "Trace:" }).click({ button: "middle" });
  });

  it("is disturbed by a syntax error in that function alone", async () => {
    const { editor } = parts;
    await parts.goto("steps = 0");
    await editor.page.keyboard.press("Home");
    await editor.page.keyboard.type("x = (");
    await until(async () => !(await editor.lines()).some((line) => line.includes("steps = 8")), "its hints to go");
    await parts.goto("total += inventory.apply");
    await editor.run("cwm-lsp: Predict Then Run");
    const told = editor.page.locator(".notification-toast", {
      hasText: "is not run, as the file does not parse: line",
    });
    await told.waitFor();
    await editor.hint("return total", "= 88");
    await editor.pictures("syntax-error");
  });
});

describe("a package's module", () => {
  const parts = inProject("sortedcontainers", "sortedlist.py", "_load = self._load");

  it("has the values of the function at the cursor first", async () => {
    const { editor } = parts;
    await parts.goto("_load = self._load");
    await editor.page.locator(".statusbar-item", { hasText: /SortedList\.\w+: / }).waitFor();
    await editor.pictures("package");
  });
});

describe("several files", () => {
  const parts = inProject("shop", "orders.py", "total = 0.0");

  it("has the values of calls that tests make, and marks in the tests", async () => {
    const { editor } = parts;
    await editor.page.locator(".statusbar-item", { hasText: /order_total: / }).waitFor();
    await editor.pictures("several-files");
    await editor.open("test_orders.py", "import pytest");
    await editor.pictures("several-files-tests");
  });

  it("has the values of a call of the other file, whose lens names it", async () => {
    const { editor } = parts;
    await editor.open("prices.py", "What things cost");
    await editor.hint("price = PRICES[name]", "price = ");
    const told = /as called in (order_total|largest)\(.* · orders\.py/;
    await until(async () => told.test(await editor.lenses()), "whose call is shown");
    await editor.pictures("other-file");
  });
});

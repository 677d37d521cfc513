// What a user does with the extension, in a real VS Code, one after the other.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { start, until } from "./editor.mjs";

const ORDERS = readFileSync(join(process.env.CWM_E2E_EXAMPLES, "cwm_lsp", "examples", "orders.py"), "utf8");
const LAUNCH = {
  configurations: [
    {
      type: "cwm-lsp",
      request: "launch",
      name: "One mug",
      mode: "run",
      program: "${workspaceFolder}/orders.py",
      function: "order_total",
      call: 'order_total([("mug", 1)], "bob")',
    },
  ],
};
const FILES = { "orders.py": ORDERS, ".vscode/launch.json": JSON.stringify(LAUNCH) };
const lineOf = (code) => ORDERS.split("\n").findIndex((line) => line.includes(code)) + 1;

/** An editor for all tests of a group, with the file open; what it looks like when one fails is kept. */
function inEditor(options) {
  const parts = {};
  before(async () => {
    parts.editor = await start({ files: FILES, ...(await options?.()) });
    await parts.editor.open("orders.py", "Price an order");
  });
  afterEach(async ({ name, passed }) => {
    if (!passed) await parts.editor?.shot(`failed ${name.replaceAll(/\W+/g, " ")}`);
  });
  after(() => parts.editor?.close());
  return parts;
}

describe("a Python file", () => {
  const parts = inEditor();
  let editor;
  before(async () => {
    editor = parts.editor;
    await editor.ready();
  });

  it("has lenses with the call in use and what can be done with it", async () => {
    await until(async () => /order_total\(.* · doctest/.test(await editor.lenses()), "the call");
    assert.match(await editor.lenses(), /order_total.* \| Run \| More…/);
  });

  it("is predicted by a command, and its lines get hints", async () => {
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Predict");
    await editor.hint("def order_total", "customer = 'ann'");
    await editor.shot("predicted");
  });

  it("is run by the button in the editor's title, and the hints tell how it was", async () => {
    await editor.page.locator(".editor-actions").getByRole("button", { name: "Predict Then Run" }).click();
    await editor.hint("number = randrange", "● number"); // nobody predicts a random number
    await editor.hint("total += price * count", "2/2");
    await editor.run("cwm-lsp: Clear");
    await until(async () => !(await editor.lines()).some((line) => line.includes("●")), "no hints");
  });

  it("is run by the lens too", async () => {
    const lens = editor.page.locator(".codelens-decoration", { hasText: /order_total.*doctest/ });
    await lens.locator("a", { hasText: /^Run$/ }).click();
    await editor.hint("number = randrange", "● number");
    await editor.shot("run");
  });

  it("has a hover with the variables of a line", async () => {
    await editor.goto(lineOf("total += price"), 10);
    await editor.run("Show or Focus Hover");
    const hover = editor.page.locator(".monaco-hover", { hasText: "as it ran" });
    await hover.waitFor();
    assert.match(await hover.innerText(), /total/);
    await editor.shot("hover");
    await editor.page.keyboard.press("Escape");
  });

  it("is looked at in another iteration", async () => {
    await editor.goto(lineOf("total += price"), 10);
    await editor.run("cwm-lsp: Previous Iteration");
    await editor.hint("total += price * count", "total = 8 · 1/2");
  });

  it("shows an expression that is pinned, until it is pinned once more", async () => {
    for (const is of [true, false]) {
      await editor.goto(lineOf("total += price"), 10);
      await editor.run("cwm-lsp: Pin an Expression…");
      await editor.type("total * 2");
      await editor.page.keyboard.press("Enter");
      const isShown = async () => (await editor.lines()).some((line) => /total \+= .*total \* 2 = /.test(line));
      await until(async () => (await isShown()) === is, `the expression ${is ? "" : "not "}to be shown`);
      if (is) await editor.shot("pinned");
    }
  });

  it("has no problems for what a model has guessed wrong", async () => {
    await editor.run("Problems: Focus on Problems View");
    await editor.page.locator(".markers-panel").waitFor();
    await editor.shot("problems");
    const told = await editor.page.locator(".markers-panel .monaco-list-row").allTextContents();
    const others = told.filter((row) => row.includes("cwm-lsp") && !/cwm-lsp\(?crash/.test(row));
    assert.deepEqual(others, [], "only crashes that were found by searching, and computed");
    await editor.run("View: Hide Panel");
    await editor.line("total = 0").first().click();
  });

  it("dims what the call does not reach", async () => {
    const isDimmed = (code) =>
      editor
        .line(code)
        .locator("span")
        .evaluateAll((spans) => spans.some((span) => Number(getComputedStyle(span).opacity) < 1));
    await until(() => isDimmed("price -= 1"), "a dimmed line");
    assert.ok(!(await isDimmed("off = percent_off")));
  });

  it("has a Trace view, with the keyboard all through it", async () => {
    await editor.goto(lineOf("total += price"), 10);
    await editor.run("cwm-lsp: Show Trace");
    const { trace, page } = editor;
    await trace.getByRole("heading", { level: 1 }).filter({ hasText: "order_total(" }).waitFor();
    const selected = trace.locator("tr[aria-selected=true]");
    const number = async () => Number(await selected.getAttribute("aria-rowindex"));
    const at = (step) => until(async () => (await number()) === step, `step ${step}`);
    await selected.waitFor();
    await trace.getByRole("grid").focus();
    await page.keyboard.press("Home");
    await at(1);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await at(3);
    await page.keyboard.press("ArrowUp");
    await at(2);
    await page.keyboard.press("End");
    await until(async () => /return LEDGER/.test(await selected.innerText()), "the last step");
    await page.keyboard.press("Shift+D");
    await until(async () => (await selected.getAttribute("class")).includes("diverges"), "a divergence");
    await trace.getByRole("slider", { name: "Step" }).focus();
    await page.keyboard.press("Home");
    await at(1);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await at(3);
    await page.keyboard.press("ArrowLeft");
    await at(2);
  });

  it("shows the iteration in the editor that the Trace view is at", async () => {
    const { trace, page } = editor;
    const adding = trace.getByRole("row", { name: /total \+= price/ });
    await adding.first().click();
    await editor.hint("total += price * count", "total = 8 · 1/2");
    await trace.getByRole("grid").focus();
    await page.keyboard.press("]");
    await until(async () => /2 of 2 at/.test(await trace.getByRole("toolbar").innerText()), "the second iteration");
    await editor.hint("total += price * count", "total = 58 · 2/2");
    await editor.shot("trace-dark");
    const marked = page.locator(".editor-instance .view-overlays .cdr").first();
    assert.ok(await marked.count(), "the step is marked in the editor");
    await page.keyboard.press("[");
    await editor.hint("total += price * count", "total = 8 · 1/2");
    await page.keyboard.press("Enter");
    await page.locator(".statusbar-item", { hasText: `Ln ${lineOf("total += price")}, Col 1` }).waitFor();
  });

  it("shows only divergences if wanted", async () => {
    const { trace } = editor;
    const rows = trace.locator("tbody tr[role=row]:visible");
    const all = await rows.count();
    await trace.getByRole("checkbox", { name: /Only divergences/ }).check();
    await until(async () => (await rows.count()) < all, "fewer rows");
    assert.equal(await rows.count(), await trace.locator("tr.diverges").count());
    await trace.getByRole("checkbox", { name: /Only divergences/ }).uncheck();
  });

  it("has a Trace view that a screen reader can read", async () => {
    const snapshot = await editor.trace.locator("body").ariaSnapshot();
    assert.match(snapshot, /grid "Steps of the call"/);
    assert.match(snapshot, /row "Step 1, line \d+: def order_total/);
    assert.match(snapshot, /slider "Step"/);
    assert.match(snapshot, /button "Next step \(Down\)"/);
  });

  it("has a Trace view in light colours too", async () => {
    await editor.run("Preferences: Toggle between Light/Dark Themes");
    await editor.page.locator(".monaco-workbench.vs").waitFor();
    await editor.shot("trace-light");
    await editor.run("Preferences: Toggle between Light/Dark Themes");
    await editor.page.locator(".monaco-workbench.vs-dark").waitFor();
    await editor.page.locator(".tab", { hasText: "Trace:" }).click({ button: "middle" });
    await editor.line("total = 0").first().click();
  });

  it("is debugged from its lens, and compared at every stop", async () => {
    const { page } = editor;
    const lens = page.locator(".codelens-decoration", { hasText: /order_total.*doctest/ });
    await lens.locator("a", { hasText: "More…" }).click();
    await editor.choose("Predict then debug");
    await page.locator(".editor-instance .debug-top-stack-frame-line").first().waitFor();
    await editor.hint("total = 0", "as predicted");
    const breakpoints = await page.locator(".debug-breakpoints .monaco-list-row", { hasText: "orders.py" }).count();
    assert.equal(breakpoints, 0, "the breakpoint at the function's beginning is gone again");
    await editor.stepOver();
    await editor.hint("for name, count", "as predicted");
    await editor.goto(lineOf("label = "), 1);
    await editor.run("Debug: Run to Cursor");
    // Nobody predicts a random number; that of the run before is remembered.
    await editor.hint("label = ", /number ≈ \d+ ≠ \d+/);
    await page
      .locator(".statusbar-item", { hasText: /number ≈/ })
      .first()
      .waitFor();
    await editor.shot("debug");
    await editor.stopDebugging();
  });

  it("is debugged before it runs, forward and backward", async () => {
    const { page } = editor;
    const stoppedAt = (code) => editor.stoppedAt(lineOf(code));
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Debug the Prediction");
    await stoppedAt("total = 0");
    for (const code of ["for name, count", "price = PRICES", "if count >= 3", "total += price", "for name, count"]) {
      await editor.stepOver();
      await stoppedAt(code);
    }
    await editor.hint("total += price", "2/2"); // the hints go along
    await editor.pressed("Step Back");
    await stoppedAt("total += price");
    await editor.hint("total += price", "total = 8 · 1/2");
    await page.locator(".debug-view-content .monaco-list-row", { hasText: /^price\s*=\s*4/ }).waitFor();
    await editor.shot("debug-prediction");
    await editor.pressed("Reverse");
    await stoppedAt("total = 0");
    await editor.pressed("Continue");
    await stoppedAt("return LEDGER"); // where the prediction ends it stays
    await editor.pressed("Reverse");
    await stoppedAt("total = 0");
    await editor.stopDebugging();
  });

  it("has two futures once a value has been set, and the Trace view goes along with the debugger", async () => {
    const { page, trace } = editor;
    const stoppedAt = (code) => editor.stoppedAt(lineOf(code));
    const variable = (text) => page.locator(".debug-view-content .monaco-list-row", { hasText: text });
    await editor.run("View: Show Run and Debug");
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Debug the Prediction");
    await stoppedAt("total = 0");
    for (const code of ["for name, count", "price = PRICES", "if count >= 3"]) {
      await editor.stepOver();
      await stoppedAt(code);
    }
    await variable(/^price\s*=\s*4/).dblclick();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("100");
    await page.keyboard.press("Enter");
    await variable(/^price\s*=\s*100/).waitFor();
    await page.locator(".debug-call-stack", { hasText: "fork 1: price = 100" }).waitFor();
    await editor.run("cwm-lsp: Show Both Futures");
    await trace.getByRole("columnheader", { name: "Was" }).first().waitFor();
    await trace.getByRole("columnheader", { name: "Now" }).first().waitFor();
    const selected = trace.locator("tr[aria-selected=true]");
    await until(async () => /if count >= 3/.test(await selected.innerText()), "the step at which it was set");
    const adding = trace.locator("tr.diverges", { hasText: "total += price" }).first();
    assert.match(await adding.innerText(), /total = 8[^]*total = 200/);
    await editor.shot("futures-dark");
    await adding.click();
    await stoppedAt("total += price"); // the debugger goes along
    await editor.stepOver();
    await until(async () => /for name, count/.test(await selected.innerText()), "the view to go along");
    await editor.run("cwm-lsp: Watch an Expression over the Whole Trace…");
    await editor.type("total * 2");
    await page.keyboard.press("Enter");
    const watched = trace.locator("section.watch");
    await watched.getByText("400").first().waitFor();
    await editor.shot("watch");
    await editor.run("cwm-lsp: Run to Here for Real");
    await page.locator(".notification-toast", { hasText: "values have been set" }).waitFor();
    await editor.run("Notifications: Clear All Notifications");
    await page.locator(".tab", { hasText: "Trace:" }).click({ button: "middle" });
    await editor.pressed("Restart");
    await stoppedAt("total = 0"); // without forks
    await editor.goto(lineOf("if count >= 3"), 1);
    await editor.run("Debug: Run to Cursor");
    await stoppedAt("if count >= 3");
    await editor.run("cwm-lsp: Run to Here for Real");
    await editor.line("visit 1: as predicted").waitFor();
    await editor.shot("for-real");
    await editor.stopDebugging();
    await page.locator(".tab", { hasText: "Run to here" }).click({ button: "middle" });
  });

  it("is debugged by a launch configuration", async () => {
    await editor.run("Debug: Start Debugging");
    await editor.page.locator(".editor-instance .debug-top-stack-frame-line").first().waitFor();
    await editor.hint("total = 0", "as predicted");
    await editor.hint("def order_total", "customer = 'bob'");
    await editor.stopDebugging();
  });

  it("gets another call from the user", async () => {
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Change Call…");
    // What is seen of the rows: VS Code leaves old texts in them, hidden.
    const told = async () =>
      (await editor.page.locator(".quick-input-widget .monaco-list-row:visible").allInnerTexts()).join("\n");
    await editor.type('order_total([("mug", 3)], "bob"');
    await until(async () => /does.not.parse/.test(await told()), "what is wrong with the call");
    await editor.page.keyboard.press("Enter"); // what was typed stays
    await editor.type('order_total([("mug", 3)], "bob")');
    await until(async () => /^(?!.*does.not.parse).*as.typed/s.test(await told()), "a call that fits");
    await editor.page.keyboard.press("Enter");
    await editor.page.locator(".codelens-decoration", { hasText: '("mug", 3)' }).first().waitFor();
  });

  it("is served by a server that tells its state, logs, and starts again when asked to", async () => {
    const { page } = editor;
    await editor.goto(lineOf("total = 0"), 5);
    const item = page.locator(".statusbar-item", { hasText: /order_total: / }).first();
    await item.waitFor();
    await item.click();
    await editor.choose("Show logs", "Show logs");
    await page
      .locator(".output-view .view-line", { hasText: /predicted.order_total/ })
      .first()
      .waitFor();
    await editor.run("cwm-lsp: Doctor");
    await page
      .locator(".output-view .view-line", { hasText: /Everything.that.you.use.works/ })
      .first()
      .waitFor();
    await editor.shot("doctor");
    await editor.run("View: Hide Panel");
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Restart Server");
    // A new server knows nothing of the call that was typed.
    await page
      .locator(".codelens-decoration", { hasText: /order_total.* · recorded/ })
      .first()
      .waitFor();
  });

  it("is introduced by a walkthrough, with an example", async () => {
    const { page } = editor;
    await editor.run("Welcome: Open Walkthrough...");
    await editor.choose("See what Python functions will do");
    const step = (title) => page.locator(".getting-started-step", { hasText: title });
    const predict = step("Predict a call");
    await predict.getByRole("button", { name: "Open the example" }).click();
    await page.locator(".tab", { hasText: "Untitled-1" }).waitFor();
    await editor.hint("def order_total", "customer = 'ann'");
    await editor.shot("walkthrough");
    assert.equal(await step("Install the server").count(), 0, "the server runs: that step is not to be taken");
    await predict.getByRole("button", { name: "Predict the function at the cursor" }).click();
    await predict.getByRole("checkbox", { checked: true }).waitFor();
    const run = step("Run it, and see where it differs");
    await run.click();
    await run.getByRole("button", { name: "Predict then run" }).click();
    await editor.hint("number = randrange", "● number");
    await editor.shot("walkthrough-run");
    assert.equal(await page.locator(".notification-toast").count(), 0, "no errors");
  });
});

describe("a workspace that is not trusted", () => {
  const parts = inEditor(() => ({ trusted: false }));
  let editor;
  before(async () => {
    editor = parts.editor;
    await editor.ready();
  });

  it("is predicted, and nothing of it is run", async () => {
    assert.doesNotMatch(await editor.lenses(), /Run/);
    await editor.goto(lineOf("total = 0"), 5);
    await editor.run("cwm-lsp: Predict");
    await editor.hint("def order_total", "customer = 'ann'");
    await editor.shot("untrusted");
  });

  it("can be run once it is trusted", async () => {
    await editor.run("Workspaces: Manage Workspace Trust");
    await editor.page
      .locator(".workspace-trust-editor")
      .getByRole("button", { name: /^Trust/ })
      .first()
      .click();
    await until(async () => /Run/.test(await editor.lenses()), "the lens that runs");
  });
});

describe("an environment without the server", () => {
  const folder = mkdtempSync(join(tmpdir(), "cwm-e2e-python-"));
  const parts = inEditor(() => {
    execFileSync(process.env.CWM_E2E_PYTHON, ["-m", "venv", folder]);
    return { interpreter: join(folder, "bin", "python") };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("gets it installed on request", async () => {
    const { editor } = parts;
    const offer = editor.page.locator(".notification-toast", { hasText: "cwm-lsp is not installed" });
    await offer.waitFor();
    await editor.shot("missing");
    await offer.locator(".monaco-button", { hasText: /^Install$/ }).click();
    const minutes = 60_000;
    await until(async () => /Run/.test(await editor.lenses()), "the installed server", 8 * minutes);
    await editor.run("cwm-lsp: Show Logs");
    const installed = join(folder, "bin", "cwm-lsp");
    await editor.page.locator(".output-view .view-line", { hasText: installed }).first().waitFor();
  });
});

// Predictions of many calls stepped through, to their ends and back. CWM_E2E_ROWS names what
// `python benchmarks/walking.py --write` has written; without it there is nothing to do.
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { start } from "./editor.mjs";

const { CWM_E2E_ROWS } = process.env;
const rows = CWM_E2E_ROWS ? JSON.parse(readFileSync(CWM_E2E_ROWS, "utf8")) : [];
const launch = { type: "cwm-lsp", request: "launch", mode: "predict", function: "f", stopOnEntry: true };
const configurations = rows.map(({ name, call }) => ({
  ...launch,
  name,
  call,
  program: `\${workspaceFolder}/${name}.py`,
}));
const files = Object.fromEntries(rows.map(({ name, source }) => [`${name}.py`, source]));

describe("the debugger of predictions", { skip: rows.length === 0 }, () => {
  let editor;
  before(async () => {
    editor = await start({ files: { ...files, ".vscode/launch.json": JSON.stringify({ configurations }) } });
    await editor.open(`${rows[0].name}.py`, "def f");
    await editor.ready();
    await editor.run("View: Show Run and Debug");
  });
  afterEach(async ({ name, passed }) => {
    if (!passed) await editor?.shot(`failed ${name}`);
  });
  after(() => editor?.close());

  for (const { name, forward, backward } of rows) {
    it(`steps through ${name}`, async () => {
      await editor.page.keyboard.press("F1");
      await editor.choose(name, `debug ${name}`);
      let at = forward[0];
      await editor.stoppedAt(at);
      /** Another step; where it leads to the same line, all that can be waited for is a moment. */
      const step = async (key, line) => {
        await editor.page.keyboard.press(key);
        if (line === at) await new Promise((resolve) => setTimeout(resolve, 1500));
        await editor.stoppedAt(line);
        at = line;
      };
      for (const line of forward.slice(1)) await step("F11", line);
      await step("F11", backward[0]); // the end
      for (const line of backward) {
        await editor.pressed("Step Back");
        if (line === at) await new Promise((resolve) => setTimeout(resolve, 1500));
        await editor.stoppedAt(line);
        at = line;
      }
      await editor.stopDebugging();
    });
  }
});

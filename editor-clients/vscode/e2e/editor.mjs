// A VS Code in a browser: code-server with the extension installed, and what a person does in it.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const { CWM_E2E_FOLDER, CWM_E2E_PYTHON, CWM_E2E_SHOTS } = process.env;
const modules = join(CWM_E2E_FOLDER, "server", "node_modules");
const { chromium } = createRequire(join(modules, "_"))("playwright-core");
const entry = join(modules, "code-server", "out", "node", "entry.js");

/** What can be installed: ours, and stand-ins for what is on no registry. */
const EXTENSIONS = Object.fromEntries(
  ["cwm-lsp", "debugpy", "python"].map((name) => [name, join(CWM_E2E_FOLDER, `${name}.vsix`)]),
);

const SETTINGS = {
  "chat.commandCenter.enabled": false,
  "chat.disableAIFeatures": true,
  "debug.internalConsoleOptions": "neverOpen",
  "editor.minimap.enabled": false,
  "editor.occurrencesHighlight": "off",
  "git.enabled": false,
  "telemetry.telemetryLevel": "off",
  "workbench.colorTheme": "Dark Modern",
  "workbench.preferredDarkColorTheme": "Dark Modern",
  "workbench.preferredLightColorTheme": "Light Modern",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

/** Patience: the machines that this runs on may be busy. */
export const PATIENCE = Number(process.env.CWM_E2E_PATIENCE ?? 240_000);

/**
 * Start VS Code on a folder that has these files (name → text). Without an interpreter of its own that is selected in
 * the Python extension, it finds the server on its search path.
 */
export async function start({ files, trusted = true, interpreter }) {
  const home = mkdtempSync(join(tmpdir(), "cwm-e2e-"));
  const folder = join(home, "project");
  const data = join(home, "data");
  mkdirSync(join(data, "User"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const trust = trusted ? {} : { "security.workspace.trust.startupPrompt": "never" };
  writeFileSync(join(data, "User", "settings.json"), JSON.stringify({ ...SETTINGS, ...trust }));
  writeFileSync(join(home, "config.yaml"), "");
  const port = await freePort();
  const common = [entry, "--config", join(home, "config.yaml"), "--user-data-dir", data];
  common.push("--extensions-dir", join(home, "extensions"));
  // VSCODE_CLI: the environment is as it should be, and not to be worked out by starting a login shell.
  const env = {
    ...process.env,
    VSCODE_CLI: "1",
    XDG_STATE_HOME: join(home, "state"),
    ...(interpreter
      ? { CWM_E2E_SELECTED: interpreter }
      : { PATH: `${dirname(CWM_E2E_PYTHON)}${delimiter}${process.env.PATH}` }),
  };
  const extensions = [EXTENSIONS["cwm-lsp"], EXTENSIONS.debugpy, ...(interpreter ? [EXTENSIONS.python] : [])];
  const install = extensions.flatMap((extension) => ["--install-extension", extension]);
  execFileSync(process.execPath, [...common, ...install], { env, stdio: "ignore" });
  const server = spawn(
    process.execPath,
    [
      ...common,
      ...["--bind-addr", `127.0.0.1:${port}`, "--auth", "none", "--disable-telemetry", "--disable-update-check"],
      ...(trusted ? ["--disable-workspace-trust"] : []),
      folder,
    ],
    { env, stdio: "ignore" },
  );
  process.once("exit", () => server.kill());
  const url = `http://127.0.0.1:${port}/`;
  await until(
    () =>
      fetch(`${url}healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    "code-server to listen",
  );
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  const page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${url}?folder=${encodeURIComponent(folder)}`);
  await page.locator(".monaco-workbench .explorer-folders-view").waitFor();
  return new Editor({ page, close });

  async function close() {
    await browser.close();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await ended;
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

/** What a person does in VS Code, and sees. */
export class Editor {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Open a file, and wait until its text is there. */
  async open(name, text) {
    const names = this.page.locator(".explorer-folders-view .monaco-list-row .label-name");
    await names.filter({ hasText: spaced(name, true) }).dblclick();
    await this.line(text).first().waitFor();
  }

  /** Wait until the extension shows something in the file that is open. */
  async ready() {
    const lens = this.page.locator(".codelens-decoration:visible", { hasText: /More…|Predict/ }).first();
    // On a busy machine the extension host may start too late for the page, which then waits for ever.
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await lens.waitFor({ timeout: PATIENCE / 2 });
      } catch (error) {
        if (attempt === 4) throw error;
        await this.page.reload();
      }
    }
  }

  /** Step over the line at which the debugger is stopped, and wait for the next stop, which is elsewhere. */
  async stepOver() {
    const top = this.page.locator(".debug-call-stack .monaco-list-row", { hasText: /:\d+$/ }).first();
    const before = await top.textContent();
    await this.page.keyboard.press("F10");
    await until(async () => (await top.textContent().catch(() => before)) !== before, "the next stop");
  }

  /** Wait until the debugger is stopped at a line, counted from 1. */
  async stoppedAt(line) {
    const top = this.page.locator(".debug-call-stack .monaco-list-row", { hasText: /:\d+$/ }).first();
    const told = () => top.textContent({ timeout: 1000 }).catch(() => "nothing");
    await until(
      async () => (await told()).match(/(\d+):\d+$/)?.[1] === String(line),
      async () => `a stop at line ${line}, and not at ${await told()}`,
    );
  }

  /** Press a button of the debugger's toolbar, whose name begins so. */
  async pressed(name) {
    await this.page
      .locator(".debug-toolbar")
      .getByRole("button", { name: new RegExp(`^${name}`) })
      .click();
  }

  async stopDebugging() {
    await this.page.keyboard.press("Shift+F5");
    await this.page.locator(".debug-toolbar").waitFor({ state: "hidden" });
  }

  /** Run a command of the command palette by its title. */
  async run(title) {
    await this.page.keyboard.press("F1");
    await this.choose(title, `>${title}`);
  }

  /** Choose among what the box at the top offers, having typed. */
  async choose(label, typed = label) {
    await this.type(typed);
    const rows = this.page.locator(".quick-input-widget .monaco-list-row .label-name");
    const row = rows.filter({ hasText: spaced(label, true) }).first();
    await row.click();
    await row.waitFor({ state: "hidden" });
  }

  /** Put the cursor on a line, counted from 1. */
  async goto(line, column = 1) {
    await this.page.keyboard.press("Control+G");
    await this.type(`:${line}:${column}`);
    await this.page.keyboard.press("Enter");
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }

  /** Fill in the box at the top. */
  async type(text) {
    const input = this.page.locator(".quick-input-widget input:not([type=checkbox])").first();
    await input.waitFor();
    await input.fill(text);
  }

  /** The rendered lines of the editor that have this text. */
  line(text) {
    return this.page.locator(".editor-instance .view-line", { hasText: spaced(text) });
  }

  /** Wait until a line, found by its code, has this hint: a text, or a pattern of code and hint. */
  async hint(code, hint) {
    const fits = (line) => (typeof hint === "string" ? line.includes(hint) : hint.test(line));
    await until(
      async () => (await this.lines()).some((line) => line.includes(code) && fits(line)),
      async () => `the hint ${hint} at ${code} in\n${(await this.lines()).join("\n")}`,
    );
  }

  /** The text of all lenses in view. */
  async lenses() {
    return (await this.page.locator(".codelens-decoration").allTextContents()).map(plain).join("\n");
  }

  /** The visible text of the editors, hints included. */
  async lines() {
    const lines = this.page.locator(".editor-instance .view-line");
    return (await lines.evaluateAll(withDecorations)).map(plain);
  }

  /** The Trace view's own document. */
  get trace() {
    return this.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
  }

  /** Pictures of what is there: in light and dark colours, in a wide window and in a narrow one. */
  async pictures(name) {
    for (const theme of ["dark", "light"]) {
      for (const width of [1400, 760]) {
        await this.page.setViewportSize({ width, height: 820 });
        await new Promise((resolve) => setTimeout(resolve, 700));
        await this.shot(`${name}-${theme}-${width}`);
      }
      await this.page.setViewportSize({ width: 1400, height: 820 });
      await this.run("Preferences: Toggle between Light/Dark Themes");
      await this.page.locator(theme === "dark" ? ".monaco-workbench.vs" : ".monaco-workbench.vs-dark").waitFor();
    }
  }

  async shot(name) {
    await this.page.mouse.move(1, 400);
    mkdirSync(CWM_E2E_SHOTS, { recursive: true });
    await this.page.screenshot({ path: join(CWM_E2E_SHOTS, `${name}.png`), animations: "disabled" });
  }
}

/** The text of rendered lines with what decorations put after it, which is no text of the page. Runs in the page. */
function withDecorations(lines) {
  return lines.map((line) => {
    const told = (element) => {
      const { content } = getComputedStyle(element, "::after");
      return content.startsWith('"') ? JSON.parse(content) : "";
    };
    return line.textContent + [...line.querySelectorAll("span")].map(told).join("");
  });
}

/** VS Code renders blanks as no-break spaces. */
function plain(text) {
  return (text ?? "").replaceAll("\u00a0", " ").replaceAll("\u200c", "");
}

function spaced(text, isWhole = false) {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(" ", "[ \\u00a0]");
  return new RegExp(isWhole ? `^${escaped}$` : escaped);
}

/** Wait until a condition holds; `what` is told when it does not. */
export async function until(condition, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === "string" ? what : await what()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

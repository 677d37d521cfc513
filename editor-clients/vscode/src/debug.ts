/** Debugging a call: its prediction or a recorded run of it, by our own adapter (`mode: "predict"`, `"replay"`), or a new
 * run (`mode: "run"`), for which the configuration becomes one of debugpy, and every stop is told to the server, which holds it against the prediction. */

import * as vscode from "vscode";
import { isVariable, needsWhole, type DapVariable } from "./dap";
import { targetOf, type Answer, type Target } from "./commands";
import type { DebugStopped, Parted, TraceAnswer, Watch } from "./protocol";
import type { Server } from "./server";

export const TYPE = "cwm-lsp";

/** The answer to `cwm/debugConfiguration`: how a call is started under debugpy. Lines are 0-based. */
interface Launch {
  readonly function: string;
  readonly call: string;
  readonly configuration: vscode.DebugConfiguration;
  readonly firstLine: number;
  readonly lastLine: number;
  /** Of the function's body. */
  readonly bodyLine: number;
}

/** Told where a predicted call is looked at: the document, the function, the index of the event. */
type Follow = (uri: string, name: string, event: number) => void;

/** What shows more of a debug session than a text. */
interface Shown {
  showFutures(trace: TraceAnswer, from: number): void;
  showWatch(about: About, watch: Watch): Promise<void>;
}

/** Which function a debug session is about. */
interface About {
  readonly uri: string;
  readonly function: string;
}

export function registerDebugging(server: Server, follow: Follow, views: Shown): vscode.Disposable {
  const entries = new Entries();
  const provider = new Provider(server, entries);
  const { Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  return vscode.Disposable.from(
    entries,
    vscode.debug.registerDebugConfigurationProvider(TYPE, provider),
    vscode.debug.registerDebugConfigurationProvider(TYPE, { provideDebugConfigurations: offered }, Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, {
      createDebugAdapterDescriptor: ({ workspaceFolder, configuration }) => {
        const { host, port } = configuration as Partial<Record<string, unknown>>;
        return typeof host === "string" && typeof port === "number"
          ? new vscode.DebugAdapterServer(port, host)
          : server.debugAdapter(workspaceFolder);
      },
    }),
    vscode.debug.onDidChangeActiveStackItem((item) => {
      if (!(item instanceof vscode.DebugStackFrame) || item.session.type !== TYPE) return;
      const about = item.session.configuration["about"] as About | undefined;
      if (about) follow(about.uri, about.function, item.frameId - 1); // as the adapter numbers frames
    }),
    vscode.debug.registerDebugAdapterTrackerFactory("debugpy", {
      createDebugAdapterTracker: (session) => new Tracker(session, server, entries),
    }),
    vscode.commands.registerCommand("cwm.predictThenDebug", (argument: unknown) => debugCall("run", argument)),
    vscode.commands.registerCommand("cwm.debugPrediction", (argument: unknown) => debugCall("predict", argument)),
    vscode.commands.registerCommand("cwm.replayRun", (argument: unknown) => debugCall("replay", argument)),
    vscode.commands.registerCommand("cwm.chooseRun", (argument: unknown) => chooseRun(server, argument)),
    vscode.commands.registerCommand("cwm.whatIf", whatIf),
    vscode.workspace.registerTextDocumentContentProvider(ANSWERS, {
      provideTextDocumentContent: ({ query }) => query,
    }),
    ...Object.entries(ASKS).map(([command, { request, title, prompt }]) =>
      vscode.commands.registerCommand(command, () => ask(views, request, title, prompt)),
    ),
  );
}

/** Have the debugger of a function's prediction go to an event, if it is at work and can be stopped there. */
export async function goTo(about: About, line: number, event: number): Promise<void> {
  const session = vscode.debug.activeDebugSession;
  const its = session?.configuration["about"] as About | undefined;
  if (session?.type !== TYPE || its?.uri !== about.uri || its.function !== about.function) return;
  // Not `goto`: paths in requests of the protocol's own are rewritten on their way in a remote window.
  await session.customRequest("cwm/goTo", { event, line }).then(undefined, () => undefined);
}

/** Commands that ask the debugger of a prediction for a text; with `prompt`, for an expression first. */
const ASKS: Record<string, { readonly request: string; readonly title: string; readonly prompt?: string }> = {
  "cwm.watchTrace": {
    request: "cwm/watch",
    title: "Watched",
    prompt: "Expression whose value at every step is shown",
  },
  "cwm.goToFirst": {
    request: "cwm/first",
    title: "First step",
    prompt: "Expression that is to be true: total > 100",
  },
  "cwm.showFutures": { request: "cwm/parted", title: "Both futures" },
  "cwm.otherOutcomes": { request: "cwm/outcomes", title: "Other outcomes" },
  "cwm.runToHere": { request: "cwm/check", title: "Run to here" },
};

/** Texts that are shown and nobody's to save: the query of such a URI is the text. */
const ANSWERS = "cwm-answer";

async function ask(views: Shown, request: string, title: string, prompt: string | undefined): Promise<void> {
  const session = vscode.debug.activeDebugSession;
  if (session?.type !== TYPE) return;
  const item = vscode.debug.activeStackItem;
  const frame = item instanceof vscode.DebugStackFrame ? { frameId: item.frameId } : {};
  const expression = prompt === undefined ? undefined : await vscode.window.showInputBox({ prompt });
  if (prompt !== undefined && !expression) return;
  try {
    const asked = { ...frame, ...(expression === undefined ? {} : { expression }) };
    const answer = (await session.customRequest(request, asked)) as { text: string };
    const { text } = answer;
    const about = session.configuration["about"] as About | undefined;
    if (about && request === "cwm/parted") return await showFutures(views, about, session, answer as unknown as Parted);
    if (about && request === "cwm/watch") {
      const { rows } = answer as unknown as Watch;
      return await views.showWatch(about, { expression: expression ?? "", rows });
    }
    if (request === "cwm/first") return void vscode.window.setStatusBarMessage(text, 8000);
    const uri = vscode.Uri.from({ scheme: ANSWERS, path: `/${title}`, query: `${text}\n` });
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), {
      viewColumn: vscode.ViewColumn.Beside,
      preserveFocus: true,
    });
  } catch (error) {
    void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
  }
}

/** Show what was to come before a value was set beside what comes now. */
async function showFutures(views: Shown, about: About, session: vscode.DebugSession, parted: Parted): Promise<void> {
  const { before, after, pairs, source, divergences, from } = parted;
  const events = [...before.events, ...after.events];
  const paths = new Set(events.flatMap(({ path }) => (path === null ? [] : [path])));
  const others = await Promise.all(
    [...paths].map(async (path) => {
      const document = await vscode.workspace.openTextDocument(path);
      return { path, uri: document.uri.toString(), source: document.getText() };
    }),
  );
  const own = events.filter(({ path }) => path === null).map(({ line }) => [line, line - 1] as const);
  const call = String(session.configuration["call"]);
  const sides = { predicted: before, recorded: after, sides: ["Was", "Now"] as const };
  views.showFutures(
    { ...about, call, source, others, pairs, divergences, lines: Object.fromEntries(own), ...sides },
    from,
  );
}

/** Replay a recorded run of a file, which the user chooses. */
async function chooseRun(server: Server, argument: unknown): Promise<void> {
  const target = targetOf(argument);
  if (!target || !server.client) return;
  const asked = { command: "cwm.runs", arguments: [{ uri: target.uri }] };
  const answer = await server.client.sendRequest<{ runs?: readonly Recorded[] }>("workspace/executeCommand", asked);
  const runs = (answer.runs ?? []).map((run) => ({
    run,
    label: run.call,
    description: new Date(run.when).toLocaleString(),
  }));
  if (!runs.length) {
    return void vscode.window.showInformationMessage("No run of this file, as it is now, is kept: run a call first.");
  }
  const picked = await vscode.window.showQuickPick(runs, { title: "Replay which run?" });
  if (picked) await debugCall("replay", { uri: target.uri, function: picked.run.function, call: picked.run.call });
}

interface Recorded {
  readonly function: string;
  readonly call: string;
  /** ISO 8601. */
  readonly when: string;
}

/** Debug what is predicted if a variable has another value at a line. */
async function whatIf(argument: unknown): Promise<void> {
  const target = targetOf(argument);
  const { name } = (argument ?? {}) as { name?: string };
  if (!target?.position || !name) return;
  const prompt = `${name} before line ${target.position.line + 1}, as Python source`;
  const value = await vscode.window.showInputBox({ prompt, value: `${name} = `, valueSelection: undefined });
  if (value) await debugCall("predict", target, { line: target.position.line + 1, set: value });
}

type Mode = "predict" | "run" | "replay";
const NAMES: Record<Mode, string> = {
  predict: "Debug the prediction",
  run: "Predict then debug",
  replay: "Replay the last run",
};

/** What the debug view's list offers without a `launch.json`. */
function offered(): vscode.DebugConfiguration[] {
  const modes: Mode[] = ["predict", "run", "replay"];
  return modes.map((mode) => ({ type: TYPE, request: "launch", name: NAMES[mode], mode, program: "${file}" }));
}

/** Start a debug session of the call in use at the cursor. */
async function debugCall(mode: Mode, argument: unknown, more: object = {}): Promise<void> {
  const target = targetOf(argument);
  if (!target) return;
  const uri = vscode.Uri.parse(target.uri);
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(uri), {
    type: TYPE,
    request: "launch",
    name: NAMES[mode],
    mode,
    program: uri.fsPath,
    function: target.function,
    call: target.call,
    ...more,
  });
}

class Provider implements vscode.DebugConfigurationProvider {
  constructor(
    private readonly server: Server,
    private readonly entries: Entries,
  ) {}

  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const { client } = this.server;
    const editor = vscode.window.activeTextEditor;
    const { mode, program, function: name, call, stopOnEntry, ...rest } = given as Partial<Record<string, unknown>>;
    const file = typeof program === "string" ? expanded(program, folder, editor) : editor?.document.uri.fsPath;
    if (!client || !file) {
      const cause = client ? "Open a Python file first." : "The cwm-lsp server is not running.";
      void vscode.window.showErrorMessage(cause);
      return undefined;
    }
    const document = await vscode.workspace.openTextDocument(file);
    if (document.isUntitled) {
      void vscode.window.showErrorMessage("Save the file first: a debugger reads files.");
      return undefined;
    }
    await document.save(); // either debugger reads the file
    const isActive = editor?.document === document;
    const target: Target = {
      uri: document.uri.toString(),
      ...(typeof name === "string" ? { function: name } : isActive ? { position: editor.selection.active } : {}),
      ...(typeof call === "string" ? { call } : {}),
    };
    if (mode === "replay") {
      // Which run it is the adapter knows: the last one of the function, or of the call that is given.
      const asked = { command: "cwm.calls", arguments: [target] };
      const found: Answer = await client.sendRequest("workspace/executeCommand", asked);
      if (!found.function) return undefined; // which the server has told
      const what = { mode, program: file, function: found.function, ...(call === undefined ? {} : { call }) };
      const where = await this.server.listening(target.uri);
      const shown = { name: NAMES.replay, ...rest, ...where };
      return { ...shown, type: TYPE, request: "launch", stopOnEntry: stopOnEntry ?? true, ...what };
    }
    const predicted: Answer = await client.sendRequest("workspace/executeCommand", {
      command: "cwm.predict",
      arguments: [target],
    });
    if (predicted.state === "cancelled") return undefined;
    if (mode !== "run") {
      if (predicted.state === "failed") return undefined; // which the server has told
      const where = await this.server.listening(target.uri);
      const shown = { name: predicted.call ?? NAMES.predict, ...rest, ...where };
      const about = { uri: target.uri, function: predicted.function };
      const what = { mode: mode ?? "predict", program: file, function: predicted.function, call: predicted.call };
      return { ...shown, type: TYPE, request: "launch", stopOnEntry: stopOnEntry ?? true, ...what, about };
    }
    // A prediction that failed is told by the server, and no reason not to debug.
    const launch = await client.sendRequest<Launch>("cwm/debugConfiguration", target);
    if (stopOnEntry !== false) this.entries.add(document.uri, launch);
    return {
      ...launch.configuration,
      ...rest,
      rules: [...(launch.configuration["rules"] as unknown[]), ...((rest["rules"] as unknown[] | undefined) ?? [])],
      type: "debugpy",
      request: "launch",
      name: typeof rest["name"] === "string" && rest["name"] ? rest["name"] : launch.call,
    };
  }
}

/** The variables that such a configuration is written with; others are debugpy's to replace. */
function expanded(
  text: string,
  folder: vscode.WorkspaceFolder | undefined,
  editor: vscode.TextEditor | undefined,
): string {
  return text
    .replaceAll("${file}", editor?.document.uri.fsPath ?? "")
    .replaceAll("${workspaceFolder}", folder?.uri.fsPath ?? "");
}

/** Breakpoints at the beginning of functions that have none of the user's; each is gone after the first stop. */
class Entries implements vscode.Disposable {
  private pending: vscode.SourceBreakpoint[] = [];

  add(uri: vscode.Uri, { firstLine, lastLine, bodyLine }: Launch): void {
    const hasOne = vscode.debug.breakpoints.some(
      (point) =>
        point instanceof vscode.SourceBreakpoint &&
        point.enabled &&
        point.location.uri.toString() === uri.toString() &&
        point.location.range.start.line >= firstLine &&
        point.location.range.start.line <= lastLine,
    );
    if (hasOne) return;
    const entry = new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(bodyLine, 0)));
    vscode.debug.addBreakpoints([entry]);
    this.pending.push(entry);
  }

  dispose(): void {
    vscode.debug.removeBreakpoints(this.pending);
    this.pending = [];
  }
}

/** Requests after which the program runs; an adapter need not tell that it does. */
const GOES_ON = new Set(["continue", "next", "stepIn", "stepOut"]);

/** Tells the server where a debug session stops. */
class Tracker implements vscode.DebugAdapterTracker {
  private stops = 0;

  constructor(
    private readonly session: vscode.DebugSession,
    private readonly server: Server,
    private readonly entries: Entries,
  ) {}

  onWillReceiveMessage(message: { type: string; command?: string }): void {
    if (message.type === "request" && GOES_ON.has(message.command ?? "")) {
      this.stops += 1; // What is being asked about the stop is not worth telling any more.
      void this.notify("cwm/debugContinued", { session: this.session.id });
    }
  }

  onDidSendMessage(message: { type: string; event?: string; body?: { threadId?: number; reason?: string } }): void {
    if (message.type !== "event") return;
    if (message.event === "stopped") {
      this.entries.dispose();
      this.stops += 1;
      this.server.stopTold = this.stopped(this.stops, message.body?.threadId, message.body?.reason ?? "");
    } else if (message.event === "continued") {
      void this.notify("cwm/debugContinued", { session: this.session.id });
    }
  }

  onWillStopSession(): void {
    this.entries.dispose();
    void this.notify("cwm/debugTerminated", { session: this.session.id });
  }

  private async stopped(stop: number, threadId: number | undefined, reason: string): Promise<void> {
    if (threadId === undefined || !this.server.client) return;
    try {
      const frame = await this.topFrame(threadId);
      const path = fileOf(frame?.source?.path);
      if (!frame || !path || !isOpen(path)) return;
      const locals = await this.locals(frame.id);
      if (stop !== this.stops) return; // It has gone on meanwhile.
      const { line, name } = frame;
      const params: DebugStopped = {
        session: this.session.id,
        frameId: frame.id,
        path,
        line,
        function: name,
        locals,
        reason,
      };
      await this.notify("cwm/debugStopped", params);
    } catch (error) {
      // The session went on or ended while it was asked.
      this.server.log.warn(`A stop could not be read: ${String(error)}`);
    }
  }

  private async topFrame(threadId: number): Promise<Frame | undefined> {
    const request = { threadId, startFrame: 0, levels: 1 };
    const { stackFrames } = (await this.session.customRequest("stackTrace", request)) as { stackFrames: Frame[] };
    return stackFrames[0];
  }

  /** Name → whole repr. */
  private async locals(frameId: number): Promise<Record<string, string>> {
    const { scopes } = (await this.session.customRequest("scopes", { frameId })) as { scopes: Scope[] };
    const scope = scopes.find(({ presentationHint }) => presentationHint === "locals") ?? scopes[0];
    if (!scope) return {};
    const { variablesReference } = scope;
    const { variables } = (await this.session.customRequest("variables", { variablesReference })) as {
      variables: DapVariable[];
    };
    const values = variables.filter(isVariable).map(async (variable): Promise<[string, string]> => {
      if (!needsWhole(variable)) return [variable.name, variable.value];
      const request = { expression: variable.name, frameId, context: "clipboard" };
      const { result } = (await this.session.customRequest("evaluate", request)) as { result: string };
      return [variable.name, result];
    });
    return Object.fromEntries(await Promise.all(values));
  }

  private async notify(method: string, params: object): Promise<void> {
    await this.server.client?.sendNotification(method, params);
  }
}

interface Frame {
  readonly id: number;
  readonly name: string;
  readonly line: number;
  readonly source?: { readonly path?: string };
}

interface Scope {
  readonly presentationHint?: string;
  readonly variablesReference: number;
}

/** In a remote window, paths of files come as URIs of the window's. */
function fileOf(path: string | undefined): string | undefined {
  if (!path || !/^[a-z][a-z\d+.-]+:\/\//i.test(path)) return path;
  return vscode.Uri.file(vscode.Uri.parse(path).path).fsPath;
}

function isOpen(path: string): boolean {
  return vscode.workspace.textDocuments.some((document) => document.uri.fsPath === path);
}

/** The language server's life: found, started, restarted; never two at a time. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import {
  InlayHintRequest,
  LanguageClient,
  type Executable,
  type MessageSignature,
  type Middleware,
  type StaticFeature,
} from "vscode-languageclient/node";
import { BadSetting, DEBUG, locate, type Command } from "./discovery";
import * as environments from "./environments";
import type { DebugStep } from "./protocol";

export type State =
  | { readonly kind: "stopped" | "starting" | "missing" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "running"; readonly name: string; readonly busy: string | undefined };

/** Settings that are the extension's own: the server does not know them. */
const OWN_SETTINGS = ["server", "trace", "editor"];

/** A debug adapter on a port of this machine. */
interface Listening {
  readonly host: string;
  readonly port: number;
  /** What its launch request must have. */
  readonly token: string;
}

/** Milliseconds that the server has to say where its debug adapter is, before one is started. */
const SOON = 10_000;

/** Commands that the extension carries out, which the server's lenses and links may therefore offer. */
const OWN_COMMANDS = [
  "cwm.more",
  "cwm.changeCall",
  "cwm.predictThenDebug",
  "cwm.debugPrediction",
  "cwm.copyCall",
  "cwm.whatIf",
];

/** Commands that a link in a hover may start. */
const LINKED = [
  "cwm.predict",
  "cwm.predictThenRun",
  "cwm.changeCall",
  "cwm.showTrace",
  "cwm.nextIteration",
  "cwm.previousIteration",
];

export type ExecuteCommand = NonNullable<Middleware["executeCommand"]>;

class Client extends LanguageClient {
  /** What is asked while the server is being stopped has no answer, which is nobody's trouble. */
  override handleFailedRequest<T>(
    type: MessageSignature,
    token: vscode.CancellationToken | undefined,
    error: unknown,
    defaultValue: T,
    showNotification?: boolean,
    throwOnCancel?: boolean,
  ): T {
    if (!this.isRunning()) return defaultValue;
    return super.handleFailedRequest(type, token, error, defaultValue, showNotification, throwOnCancel);
  }
}

export class Server implements vscode.Disposable {
  private current: LanguageClient | undefined;
  private found: Command | undefined;
  private state_: State = { kind: "stopped" };
  private queue: Promise<unknown> = Promise.resolve();
  private readonly changed = new vscode.EventEmitter<State>();
  private readonly results = new vscode.EventEmitter<void>();
  /** How often hints or lenses were to be asked for again. */
  private refreshes = 0;
  private readonly working = new Map<number | string, string>();
  private name = "";

  readonly onDidChangeState = this.changed.event;
  /** What the server knows has changed. */
  readonly onDidChangeResults = this.results.event;
  /** Resolves once the server has been told of the debugger's last stop. */
  stopTold: Promise<void> = Promise.resolve();

  constructor(
    readonly log: vscode.LogOutputChannel,
    private readonly executeCommand: ExecuteCommand,
  ) {}

  get state(): State {
    return this.state_;
  }

  /** The client, while the server runs. */
  get client(): LanguageClient | undefined {
    return this.state_.kind === "running" ? this.current : undefined;
  }

  /** Stop the server, if it runs, and start it anew. Calls are carried out one after the other. */
  restart(): Promise<void> {
    const restarted = this.queue.then(async () => {
      await this.stop();
      await this.start();
    });
    this.queue = restarted.catch((error: unknown) => this.log.error(error instanceof Error ? error : String(error)));
    return restarted;
  }

  /** How the debugger of predictions is started, from where the server was found; undefined if it was not. */
  debugAdapter(folder: vscode.WorkspaceFolder | undefined): vscode.DebugAdapterExecutable | undefined {
    if (!this.found) return undefined;
    // It reads settings from where it is started.
    const cwd = folder && vscode.workspace.isTrusted ? folder.uri.fsPath : path.dirname(this.found.command);
    return new vscode.DebugAdapterExecutable(this.found.command, DEBUG, { cwd, env: environment(folder) });
  }

  /** Where the server's own debug adapter listens, which shares the model; undefined if it does not answer soon. */
  async listening(uri: string): Promise<Listening | undefined> {
    const asked = { command: "cwm.debugAdapter", arguments: [{ uri }] };
    const answer = this.client?.sendRequest<Listening & { state: string }>("workspace/executeCommand", asked);
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), SOON));
    const found = await Promise.race([answer?.catch(() => undefined), late]);
    return found?.state === "done" ? { host: found.host, port: found.port, token: found.token } : undefined;
  }

  /** Have the hints of a function shown as of an event of its trace. */
  async look(uri: string, name: string, event: number): Promise<void> {
    const { client } = this;
    const asked = { uri, function: name, event };
    const answer = await client?.sendRequest<{ changed: boolean }>("cwm/stateAt", asked).catch(() => undefined);
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri);
    if (!client || !document || !answer?.changed) return;
    this.refreshes += 1;
    this.results.fire();
    client.getFeature(InlayHintRequest.method).getProvider(document)?.onDidChangeInlayHints.fire();
  }

  /** Resolves once the server has been stopped. */
  close(): Promise<unknown> {
    this.queue = this.queue.then(() => this.stop());
    return this.queue;
  }

  dispose(): void {
    this.changed.dispose();
    this.results.dispose();
  }

  private async start(): Promise<void> {
    this.set({ kind: "starting" });
    let command: Command | undefined;
    try {
      command = await find();
    } catch (error) {
      if (!(error instanceof BadSetting)) throw error;
      this.set({ kind: "failed", message: error.message });
      return;
    }
    if (!command) {
      this.log.warn("cwm-lsp was found neither in the selected interpreter's environment nor on PATH");
      this.set({ kind: "missing" });
      return;
    }
    this.found = command;
    this.log.info(`Starting ${[command.command, ...command.args].join(" ")}, from ${command.origin}`);
    const client = this.makeClient(command);
    this.current = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(error instanceof Error ? error : String(error));
      this.set({ kind: "failed", message: `The server did not start: ${oneLine(error)}` });
      return;
    }
    const { serverInfo } = client.initializeResult ?? {};
    this.name = [serverInfo?.name ?? "cwm-lsp", serverInfo?.version].filter(Boolean).join(" ");
    this.running();
  }

  private async stop(): Promise<void> {
    const client = this.current;
    this.current = undefined;
    this.found = undefined;
    this.working.clear();
    this.set({ kind: "stopped" });
    await client?.dispose();
  }

  private makeClient({ command, args }: Command): LanguageClient {
    const executable: Executable = {
      command,
      args: [...args],
      // Not the workspace: what the interpreter finds in its folder, it may import.
      options: { cwd: path.dirname(command), env: process.env },
    };
    const client = new Client(
      "cwm-lsp",
      "cwm-lsp",
      { run: executable, debug: executable },
      {
        documentSelector: [
          { language: "python", scheme: "file" },
          { language: "python", scheme: "untitled" },
        ],
        outputChannel: this.log,
        initializationOptions: { workspaceTrusted: vscode.workspace.isTrusted },
        markdown: { isTrusted: { enabledCommands: LINKED } },
        connectionOptions: {
          messageStrategy: {
            handleMessage: (message, next) => {
              const result = next(message);
              // The server has hints asked for again whenever it knows something new.
              const method = "method" in message ? String(message.method) : "";
              if (/^workspace\/(inlayHint|codeLens)\/refresh$/.test(method)) this.refreshes += 1;
              if (method === "workspace/inlayHint/refresh") this.results.fire();
              return result;
            },
          },
        },
        middleware: {
          executeCommand: this.executeCommand,
          handleWorkDoneProgress: (token, params, next) => {
            if (params.kind === "begin") this.working.set(token, params.title);
            if (params.kind === "end") this.working.delete(token);
            this.running();
            next(token, params);
          },
          provideInlayHints: (document, range, token, next) =>
            isColoured(document) ? [] : this.newest(token, () => next(document, range, token)),
          provideCodeLenses: (document, token, next) => this.newest(token, () => next(document, token)),
          provideInlineValues: async (document, range, context, token, next) => {
            // VS Code asks once for each stop, and cannot be asked to ask again.
            await this.stopTold;
            const values = await next(document, range, context, token);
            const stopped = context.stoppedLocation.end.line;
            return showsHints(document) ? values?.filter((value) => value.range.start.line === stopped) : values;
          },
          workspace: {
            configuration: async (params, token, next) => {
              const answer = await next(params, token);
              return Array.isArray(answer) ? answer.map(withoutOwn) : answer;
            },
          },
        },
      },
    );
    client.registerFeature(extensions());
    client.onNotification("cwm/debugStep", ({ message }: DebugStep) => {
      vscode.window.setStatusBarMessage(`$(debug-alt) ${message}`, 8000);
    });
    return client;
  }

  /** VS Code does not hear of a change before it has had the first answer: what has changed meanwhile is asked for here. */
  private async newest<T>(token: vscode.CancellationToken, ask: () => vscode.ProviderResult<T>) {
    for (;;) {
      const asked = this.refreshes;
      const answer = await ask();
      if (asked === this.refreshes || token.isCancellationRequested) return answer;
    }
  }

  private running(): void {
    if (this.current) {
      this.set({ kind: "running", name: this.name, busy: [...this.working.values()].at(-1) });
    }
  }

  private set(state: State): void {
    this.state_ = state;
    void vscode.commands.executeCommand("setContext", "cwm-lsp.running", state.kind === "running");
    this.changed.fire(state);
  }
}

/** What the client can do beyond the protocol. */
function extensions(): StaticFeature {
  return {
    fillClientCapabilities: (capabilities) => {
      const cwm = { commandLinks: true, showsTraces: true, commands: OWN_COMMANDS };
      capabilities.experimental = { ...(capabilities.experimental as object | undefined), cwm };
    },
    initialize: () => {},
    getState: () => ({ kind: "static" }),
    clear: () => {},
  };
}

/** The hints are there: values of other lines than the one that is stopped at would repeat them. */
function showsHints(document: vscode.TextDocument): boolean {
  const wanted = vscode.workspace.getConfiguration("cwm-lsp", document).get("hints.enable", true);
  if (isColoured(document)) return wanted;
  const inEditor = vscode.workspace.getConfiguration("editor.inlayHints", document).get("enabled", "on");
  return inEditor.startsWith("on") && wanted;
}

function withoutOwn(section: unknown): unknown {
  if (typeof section !== "object" || section === null) return section;
  return Object.fromEntries(Object.entries(section).filter(([key]) => !OWN_SETTINGS.includes(key)));
}

/** The user's settings of what predicts, as variables of the environment. */
function environment(folder: vscode.WorkspaceFolder | undefined): Record<string, string> {
  const settings = vscode.workspace.getConfiguration("cwm-lsp", folder);
  const variables: Record<string, string> = {};
  for (const group of ["model", "predict", "record", "hints"]) {
    for (const name of Object.keys(settings.get<object>(group) ?? {})) {
      const { defaultValue } = settings.inspect(`${group}.${name}`) ?? {};
      const value = settings.get<unknown>(`${group}.${name}`);
      const variable = `CWM_LSP_${group}_${name.replaceAll(/[A-Z]/g, "_$&")}`.toUpperCase();
      if (value !== defaultValue) variables[variable] = typeof value === "string" ? value : JSON.stringify(value);
    }
  }
  return variables;
}

async function find(): Promise<Command | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return locate({
    setting: vscode.workspace.getConfiguration("cwm-lsp").get("server.path", "").trim(),
    interpreter: (await environments.selected(folders[0]?.uri))?.path,
    searchPath: (process.env["PATH"] ?? "").split(path.delimiter),
    untrusted: vscode.workspace.isTrusted ? [] : folders.map((folder) => folder.uri.fsPath),
    platform: process.platform,
    isFile: (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false,
  });
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}

/** Whether hints are coloured here; otherwise they are VS Code's own inlay hints. */
export function isColoured(document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration("cwm-lsp", document).get("editor.hints", "coloured") === "coloured";
}

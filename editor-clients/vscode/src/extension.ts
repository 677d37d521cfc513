import * as vscode from "vscode";
import { dimUnreached } from "./branches";
import { followCursor } from "./cursor";
import { showHints } from "./hints";
import { changeCall, copyCall, middleware, more } from "./commands";
import { goTo, registerDebugging } from "./debug";
import * as environments from "./environments";
import { openExample } from "./example";
import { installServer, offer } from "./install";
import { Server } from "./server";
import { createStatus } from "./status";
import { registerTests } from "./tests";
import { TraceView } from "./trace/panel";

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("cwm-lsp", { log: true });
  const started: Server = (server = new Server(
    log,
    middleware(
      () => started,
      (target) => traces.show(target),
      log,
    ),
  ));
  const traces: TraceView = new TraceView(started, context.extensionUri, goTo);
  const { registerCommand } = vscode.commands;
  context.subscriptions.push(
    log,
    started,
    traces,
    createStatus(started),
    dimUnreached(started),
    showHints(started),
    followCursor(started),
    registerTests(started),
    registerDebugging(
      started,
      (uri, name, event) => {
        traces.follow(uri, name, event);
        void started.look(uri, name, event);
      },
      traces,
    ),
    registerCommand("cwm.changeCall", (argument: unknown) => changeCall(started, argument)),
    registerCommand("cwm.more", (argument: unknown) => more(argument)),
    registerCommand("cwm.copyCall", (argument: unknown) => copyCall(argument)),
    registerCommand("cwm.openExample", openExample),
    registerCommand("cwm.restartServer", () => started.restart()),
    registerCommand("cwm.showLogs", () => log.show()),
    registerCommand("cwm.installServer", async () => {
      if (await installServer(context.extensionUri)) await started.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void started.restart()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("cwm-lsp.server")) void started.restart();
    }),
    await environments.onDidChange(() => void started.restart()),
  );
  await started.restart();
  if (started.state.kind === "missing") {
    void offer(context.extensionUri).then((installed) => (installed ? started.restart() : undefined));
  } else if (started.state.kind === "failed") {
    void tellFailure(started.state.message);
  }
}

export async function deactivate(): Promise<void> {
  await server?.close();
}

async function tellFailure(message: string): Promise<void> {
  const logs = "Show logs";
  if ((await vscode.window.showErrorMessage(message, logs)) === logs) {
    await vscode.commands.executeCommand("cwm.showLogs");
  }
}

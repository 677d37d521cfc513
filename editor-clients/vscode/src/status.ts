/** The item in the status bar's language menu: what the server is doing, and what to do when it does not run. */

import * as vscode from "vscode";
import type { Server, State } from "./server";

export function createStatus(server: Server): vscode.Disposable {
  const item = vscode.languages.createLanguageStatusItem("cwm-lsp", { language: "python" });
  item.name = "cwm-lsp";
  const show = (state: State): void => {
    const { text, detail, command, severity, busy } = described(state);
    Object.assign(item, { text, detail, command, busy, severity });
  };
  show(server.state);
  const changed = server.onDidChangeState(show);
  const configured = vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration("cwm-lsp.model")) show(server.state);
  });
  return vscode.Disposable.from(item, changed, configured);
}

function described(state: State): Pick<vscode.LanguageStatusItem, "text" | "detail" | "command" | "severity" | "busy"> {
  const { Information, Warning, Error } = vscode.LanguageStatusSeverity;
  const logs = { title: "Show logs", command: "cwm.showLogs" };
  switch (state.kind) {
    case "running":
      return {
        text: state.name,
        detail: state.busy ?? `Model: ${model()}`,
        command: logs,
        severity: Information,
        busy: state.busy !== undefined,
      };
    case "starting":
      return { text: "cwm-lsp", detail: "Starting", command: logs, severity: Information, busy: true };
    case "stopped":
      return {
        text: "cwm-lsp",
        detail: "Stopped",
        command: { title: "Start", command: "cwm.restartServer" },
        severity: Information,
        busy: false,
      };
    case "missing":
      return {
        text: "cwm-lsp is not installed",
        detail: "in the selected interpreter's environment or on PATH",
        command: { title: "Install", command: "cwm.installServer" },
        severity: Warning,
        busy: false,
      };
    case "failed":
      return { text: "cwm-lsp", detail: state.message, command: logs, severity: Error, busy: false };
  }
}

function model(): string {
  return vscode.workspace.getConfiguration("cwm-lsp").get("model.name", "bundled");
}

/** The item in the status bar: what predicts, what it is doing, how far the function at the cursor is known and why not
 * further; behind it a menu. */

import * as vscode from "vscode";
import type { StatusAnswer } from "./protocol";
import type { Server, State } from "./server";

/** Milliseconds for which the cursor has to stay. */
const PAUSE = 200;

export function createStatus(server: Server): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("cwm-lsp", vscode.StatusBarAlignment.Right, 90);
  item.name = "cwm-lsp";
  let timer: NodeJS.Timeout | undefined;

  const show = async (): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== "python") {
      item.hide();
      return;
    }
    if (editor.document.uri.scheme === "vscode-notebook-cell") {
      Object.assign(item, NOTEBOOK);
      item.show();
      return;
    }
    const { line, character } = editor.selection.active;
    const asked = { uri: editor.document.uri.toString(), position: { line, character } };
    const known = await server.client?.sendRequest<StatusAnswer>("cwm/status", asked).catch(() => undefined);
    Object.assign(item, described(server.state, known));
    item.show();
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void show(), PAUSE);
  };
  soon();
  return vscode.Disposable.from(
    item,
    server.onDidChangeState(soon),
    server.onDidChangeResults(soon),
    vscode.window.onDidChangeActiveTextEditor(soon),
    vscode.window.onDidChangeTextEditorSelection(soon),
    vscode.commands.registerCommand("cwm.menu", () => menu()),
    { dispose: () => clearTimeout(timer) },
  );
}

type Shown = Pick<vscode.StatusBarItem, "text" | "tooltip" | "command" | "backgroundColor">;

/** Cells are run in an order of the user's, so nothing is known of what comes before one. */
const NOTEBOOK: Shown = {
  text: "$(beaker) cwm: not in notebooks",
  tooltip: "cwm-lsp predicts functions of Python files. Move one into a file and import it to see its values.",
  command: "cwm.menu",
  backgroundColor: undefined,
};

const ICONS: Record<StatusAnswer["state"] & string, string> = {
  computed: "$(check)",
  ran: "$(circle-filled)",
  remembered: "$(history)",
  guessed: "$(question)",
  partly: "$(ellipsis)",
  predicting: "$(loading~spin)",
  unknown: "$(circle-slash)",
};

/** What the item says. */
export function described(state: State, known: StatusAnswer | undefined): Shown {
  const warning = new vscode.ThemeColor("statusBarItem.warningBackground");
  const plain = { command: "cwm.menu", backgroundColor: undefined };
  switch (state.kind) {
    case "starting":
      return { ...plain, text: "$(loading~spin) cwm", tooltip: "cwm-lsp is starting" };
    case "stopped":
      return { ...plain, text: "$(debug-stop) cwm", tooltip: "cwm-lsp is stopped" };
    case "missing":
      return {
        text: "$(warning) cwm: install",
        tooltip: "cwm-lsp is neither in the selected interpreter's environment nor on PATH",
        command: "cwm.installServer",
        backgroundColor: warning,
      };
    case "failed":
      return { ...plain, text: "$(error) cwm", tooltip: state.message, backgroundColor: warning };
    case "running":
      break;
  }
  const lines = [`**${state.name}** · model: ${known?.model ?? "?"}`];
  const doing = state.busy ?? known?.doing[0];
  if (known) lines.push(`${known.known} of ${known.functions} functions of this file have values`);
  if (known?.error) lines.push(`The file does not parse: ${known.error}`);
  let text = doing ? "$(loading~spin) cwm" : "$(beaker) cwm";
  if (known?.function && known.state) {
    text = `${doing ? "$(loading~spin)" : ICONS[known.state]} ${known.function}: ${word(known)}`;
    lines.push(`\`${known.call ?? known.function}\`: ${known.detail ?? ""}`);
  } else if (known && !known.known) {
    text = "$(beaker) cwm: no values here";
  }
  if (doing) lines.push(doing);
  return { ...plain, text, tooltip: new vscode.MarkdownString(lines.join("\n\n")) };
}

function word({ state, detail }: StatusAnswer): string {
  const line = /^known up to (line \d+)/.exec(detail ?? "")?.[1];
  return state === "partly" && line ? `known to ${line}` : (state ?? "");
}

/** What can be done about the server. */
async function menu(): Promise<void> {
  const choices = [
    {
      label: "Model…",
      description: "what predicts",
      run: "workbench.action.openSettings",
      of: "cwm-lsp.model",
    },
    { label: "Show logs", description: "each prediction in a line", run: "cwm.showLogs" },
    { label: "Doctor", description: "what is there, and what is missing", run: "cwm.doctor" },
    { label: "Settings", description: "", run: "workbench.action.openSettings", of: "@ext:cwm-lsp.cwm-lsp" },
    { label: "Restart model", description: "lets its memory go", run: "cwm.restartModel" },
    { label: "Restart server", description: "", run: "cwm.restartServer" },
  ];
  const picked = await vscode.window.showQuickPick(choices, { title: "cwm-lsp" });
  if (picked) await vscode.commands.executeCommand(picked.run, ...("of" in picked ? [picked.of] : []));
}

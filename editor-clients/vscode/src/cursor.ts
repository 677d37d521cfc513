/** Tells the server where the user is, so that this is looked at first. */

import * as vscode from "vscode";
import type { Server } from "./server";

/** Milliseconds for which the cursor has to stay. */
const PAUSE = 150;

export function followCursor(server: Server): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== "python") return;
    const first = editor.visibleRanges[0]?.start.line ?? 0;
    const last = editor.visibleRanges.at(-1)?.end.line ?? first;
    const params = { uri: editor.document.uri.toString(), line: editor.selection.active.line, first, last };
    void server.client?.sendNotification("cwm/cursor", params);
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(tell, PAUSE);
  };
  return vscode.Disposable.from(
    vscode.window.onDidChangeTextEditorSelection(soon),
    vscode.window.onDidChangeTextEditorVisibleRanges(soon),
    vscode.window.onDidChangeActiveTextEditor(tell),
    server.onDidChangeState(({ kind }) => kind === "running" && tell()),
    { dispose: () => clearTimeout(timer) },
  );
}

/** Lines that a known call does not reach are dimmed, as unused code is. */

import * as vscode from "vscode";
import type { Server } from "./server";

export function dimUnreached(server: Server): vscode.Disposable {
  const style = vscode.window.createTextEditorDecorationType({ opacity: "0.55" });

  const show = async (editor: vscode.TextEditor): Promise<void> => {
    const { document } = editor;
    if (document.languageId !== "python") return;
    const { version } = document;
    const asked = { uri: document.uri.toString() };
    const answer = await server.client
      ?.sendRequest<{ lines: number[] }>("cwm/unreachedLines", asked)
      .catch(() => undefined);
    if (document.version !== version) return; // The server tells again what it knows of the newer text.
    const wanted = vscode.workspace.getConfiguration("cwm-lsp", document).get("hints.enable", true);
    const lines = wanted ? (answer?.lines ?? []) : [];
    editor.setDecorations(
      style,
      lines.filter((line) => line < document.lineCount).map((line) => document.lineAt(line).range),
    );
  };
  const showAll = (): void => vscode.window.visibleTextEditors.forEach((editor) => void show(editor));
  showAll();
  return vscode.Disposable.from(
    style,
    server.onDidChangeResults(showAll),
    server.onDidChangeState(({ kind }) => {
      if (kind !== "running") vscode.window.visibleTextEditors.forEach((editor) => editor.setDecorations(style, []));
    }),
    vscode.window.onDidChangeVisibleTextEditors(showAll),
  );
}

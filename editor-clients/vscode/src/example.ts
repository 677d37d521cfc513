/** An example to try things on: that of `cwm-lsp demo`, in one file. */

import * as vscode from "vscode";
import text from "../../../cwm_lsp/examples/orders.py";

const FUNCTION = "order_total";

/** Open it as an untitled file, with the cursor in the function that is worth a look. */
export async function openExample(): Promise<void> {
  const document = await vscode.workspace.openTextDocument({ language: "python", content: text });
  const start = document.positionAt(text.indexOf(`def ${FUNCTION}`));
  // The walkthrough makes an empty group for it beside itself; that is not always the active one by now.
  const empty = vscode.window.tabGroups.all.find((group) => group.tabs.length === 0);
  const editor = await vscode.window.showTextDocument(document, {
    selection: new vscode.Range(start, start),
    viewColumn: empty?.viewColumn,
  });
  editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.AtTop);
}

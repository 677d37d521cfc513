/** Values at the ends of lines, each kind in a colour and a shape of its own. */

import * as vscode from "vscode";
import { KINDS } from "./kinds";
import type { Hint, HintKind, HintsAnswer } from "./protocol";
import { isColoured, type Server } from "./server";

/** How the shapes of kinds are drawn. */
const SHAPES: Record<(typeof KINDS)[number][1], Partial<vscode.ThemableDecorationAttachmentRenderOptions>> = {
  bold: { fontWeight: "bold" },
  italic: { fontStyle: "italic" },
  plain: {},
};

export function showHints(server: Server): vscode.Disposable {
  const types = new Map(
    KINDS.map(([kind, shape]) => [
      kind,
      vscode.window.createTextEditorDecorationType({
        after: { margin: "0 0 0 1.5em", color: new vscode.ThemeColor(`cwmLsp.${kind}`), ...SHAPES[shape] },
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
      }),
    ]),
  );

  const show = async (editor: vscode.TextEditor): Promise<void> => {
    const { document } = editor;
    if (document.languageId !== "python") return;
    const { version } = document;
    const asked = { uri: document.uri.toString() };
    const answer = isColoured(document)
      ? await server.client?.sendRequest<HintsAnswer>("cwm/hints", asked).catch(() => undefined)
      : undefined;
    if (document.version !== version) return; // The server tells again what it knows of the newer text.
    draw(editor, answer?.hints ?? []);
  };

  const draw = (editor: vscode.TextEditor, hints: readonly Hint[]): void => {
    const drawn = new Map<HintKind, vscode.DecorationOptions[]>(KINDS.map(([kind]) => [kind, []]));
    for (const [line, parts] of merged(hints)) {
      if (line >= editor.document.lineCount) continue;
      const { end } = editor.document.lineAt(line).range;
      const contentText = parts
        .map(({ text }) => text)
        .join("")
        .replaceAll(" ", "\u00a0");
      drawn.get(kindOf(parts))?.push({ range: new vscode.Range(end, end), renderOptions: { after: { contentText } } });
    }
    for (const [kind, type] of types) editor.setDecorations(type, drawn.get(kind) ?? []);
  };

  const showAll = (): void => vscode.window.visibleTextEditors.forEach((editor) => void show(editor));
  showAll();
  return vscode.Disposable.from(
    ...types.values(),
    server.onDidChangeResults(showAll),
    server.onDidChangeState(({ kind }) => {
      if (kind !== "running") vscode.window.visibleTextEditors.forEach((editor) => draw(editor, []));
    }),
    vscode.window.onDidChangeVisibleTextEditors(showAll),
    vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("cwm-lsp") && showAll()),
  );
}

/** The parts of each line's hints; a line may have a value and a mark. */
export function merged(hints: readonly Hint[]): Map<number, Hint["parts"]> {
  const lines = new Map<number, Hint["parts"]>();
  for (const { line, parts } of hints) {
    const before = lines.get(line);
    lines.set(line, before ? [...before, { text: "  ", kind: "count" }, ...parts] : parts);
  }
  return lines;
}

/** The kind that a line looks like: that of its most telling part. */
export function kindOf(parts: Hint["parts"]): HintKind {
  return KINDS.find(([kind]) => parts.some((part) => part.kind === kind))?.[0] ?? "computed";
}

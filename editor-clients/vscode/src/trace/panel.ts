/** The Trace view's side in the extension: asks the server, follows the steps in the editor. */

import * as vscode from "vscode";
import type { Target } from "../commands";
import type { TraceAnswer, Watch } from "../protocol";
import type { Server } from "../server";
import type { FromView, Stepped, ToView } from "./messages";

export const VIEW_TYPE = "cwm.trace";

/** What a view is of; it is restored from this when the window is opened again. */
interface Subject {
  readonly uri: string;
  readonly function: string;
}

/** Has the debugger go to an event on a line, if it debugs the prediction of that function. */
type GoTo = (about: Subject, line: number, event: number) => Promise<void>;

/** The one Trace view of the window. */
export class TraceView implements vscode.Disposable, vscode.WebviewPanelSerializer<Subject> {
  private panel: vscode.WebviewPanel | undefined;
  private subject: Subject | undefined;
  private trace: TraceAnswer | undefined;
  private watch: Watch | undefined;
  /** Where a view that is not ready yet is to go. */
  private at: number | undefined;
  /** What is shown are the futures of a debug session, which the server knows nothing of. */
  private hasFutures = false;
  private outdated = false;
  private refreshing = false;
  private readonly stepped = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.stackFrameHighlightBackground"),
    overviewRulerColor: new vscode.ThemeColor("editor.stackFrameHighlightBackground"),
  });
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly server: Server,
    private readonly extension: vscode.Uri,
    private readonly goTo: GoTo,
  ) {
    this.listening = vscode.Disposable.from(
      server.onDidChangeResults(() => void this.refresh()),
      server.onDidChangeState(({ kind }) => kind === "running" && void this.refresh()),
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, this),
    );
  }

  dispose(): void {
    this.panel?.dispose();
    this.listening.dispose();
    this.stepped.dispose();
  }

  /** Open the view on a function of which something is known, predicting it first if need be. */
  async show(target: Target): Promise<void> {
    let trace = await this.ask(target);
    if (!trace) {
      const predicted: { state: string } | undefined = await this.server.client?.sendRequest(
        "workspace/executeCommand",
        { command: "cwm.predict", arguments: [target] },
      );
      trace = predicted?.state === "done" ? await this.ask(target) : null;
    }
    if (trace) this.reveal(trace);
  }

  /** Show what was to come before a value was set in a debug session, and what comes now, from an event on. */
  showFutures(trace: TraceAnswer, from: number): void {
    this.reveal(trace, true);
    this.at = from;
    this.post({ kind: "follow", event: from });
  }

  /** Show an expression at every step of what a debug session is about. */
  async showWatch(about: Subject, watch: Watch): Promise<void> {
    const isShown = this.panel && this.subject?.uri === about.uri && this.subject.function === about.function;
    if (!isShown) await this.show(about);
    else this.panel?.reveal(undefined, true);
    this.watch = watch;
    this.post({ kind: "watch", watch });
  }

  private reveal(trace: TraceAnswer, hasFutures = false): void {
    this.subject = { uri: trace.uri, function: trace.function };
    this.hasFutures = hasFutures;
    this.watch = this.at = undefined;
    if (this.panel) this.panel.reveal(undefined, true);
    else {
      this.adopt(
        vscode.window.createWebviewPanel(
          VIEW_TYPE,
          "Trace",
          { viewColumn: vscode.ViewColumn.Beside, preserveFocus: false },
          { enableFindWidget: true, retainContextWhenHidden: false },
        ),
      );
    }
    this.tell(trace);
  }

  /** Go to an event of a function's trace, if that is what is shown. */
  follow(uri: string, name: string, event: number): void {
    if (this.subject?.uri === uri && this.subject.function === name) this.post({ kind: "follow", event });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, subject: Subject | undefined): Promise<void> {
    this.subject = subject;
    this.adopt(panel);
    return this.refresh();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    panel.webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(this.extension, "dist")] };
    panel.webview.onDidReceiveMessage((message: FromView) => void this.hear(message));
    panel.onDidChangeViewState(() => panel.visible || this.mark(undefined));
    panel.onDidDispose(() => {
      this.mark(undefined);
      this.panel = undefined;
      this.trace = undefined;
      this.watch = undefined;
      this.hasFutures = false;
    });
    panel.webview.html = this.html(panel.webview);
  }

  private async ask(target: Target | Subject): Promise<TraceAnswer | null> {
    return (await this.server.client?.sendRequest<TraceAnswer | null>("cwm/trace", target).catch(() => null)) ?? null;
  }

  /** Ask again; while one question is under way, however many others are one. */
  private async refresh(): Promise<void> {
    this.outdated = true;
    if (this.refreshing || this.hasFutures) return;
    this.refreshing = true;
    while (this.outdated && this.subject && this.panel && this.server.client) {
      this.outdated = false;
      const { subject } = this;
      const trace = await this.ask(subject);
      if (subject !== this.subject) continue;
      if (!trace) this.forget(subject);
      else if (JSON.stringify(trace) !== JSON.stringify(this.trace)) this.tell(trace);
    }
    this.refreshing = false;
  }

  private tell(trace: TraceAnswer): void {
    if (this.panel) this.panel.title = `Trace: ${trace.function}`;
    this.trace = trace;
    this.post({ kind: "show", trace });
  }

  private forget(subject: Subject): void {
    this.trace = undefined;
    this.mark(undefined);
    this.post({ kind: "stale", function: subject.function });
  }

  private post(message: ToView): void {
    void this.panel?.webview.postMessage(message);
  }

  private async hear(message: FromView): Promise<void> {
    switch (message.kind) {
      case "ready":
        if (this.trace) this.post({ kind: "show", trace: this.trace });
        else await this.refresh();
        if (this.watch) this.post({ kind: "watch", watch: this.watch });
        if (this.at !== undefined) this.post({ kind: "follow", event: this.at });
        return;
      case "unwatch":
        this.watch = undefined;
        return;
      case "step":
        await this.go(message);
        return;
      case "open":
        await this.open(this.placeOf(message));
        return;
      case "command":
        await vscode.commands.executeCommand(message.command, this.subject);
    }
  }

  /** The editor shows the step as well, and so does the debugger if the user has gone there. */
  private async go(step: Stepped): Promise<void> {
    this.mark(this.placeOf(step));
    if (step.byUser) this.at = undefined;
    if (!this.subject) return;
    const isPrediction = this.hasFutures || this.trace?.recorded === null;
    if (step.byUser && isPrediction) await this.goTo(this.subject, step.line, step.event);
    if (!this.hasFutures) await this.server.look(this.subject.uri, this.subject.function, step.event);
  }

  /** Where a line of the traces is now. */
  private placeOf({
    line,
    path,
  }: {
    readonly line: number;
    readonly path: string | null;
  }): vscode.Location | undefined {
    const other = this.trace?.others.find((one) => one.path === path);
    const now = other ? line - 1 : this.trace?.lines[line];
    const uri = other?.uri ?? this.subject?.uri;
    return now === undefined || !uri
      ? undefined
      : new vscode.Location(vscode.Uri.parse(uri), new vscode.Position(now, 0));
  }

  /** Show in the editors of the document where the step is. */
  private mark(place: vscode.Location | undefined): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const here = place !== undefined && editor.document.uri.toString() === place.uri.toString();
      const range = here ? place.range : undefined;
      editor.setDecorations(this.stepped, range ? [range] : []);
      if (range) editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }

  private async open(place: vscode.Location | undefined): Promise<void> {
    if (!place) return;
    await vscode.window.showTextDocument(place.uri, {
      viewColumn: vscode.ViewColumn.One,
      selection: place.range,
    });
  }

  private html(webview: vscode.Webview): string {
    const dist = vscode.Uri.joinPath(this.extension, "dist", "trace");
    const style = webview.asWebviewUri(vscode.Uri.joinPath(dist, "style.css")).toString();
    const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, "webview.js")).toString();
    const { cspSource } = webview;
    return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${cspSource}; script-src ${cspSource};" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="${style}" />
    <title>Trace</title>
  </head>
  <body>
    <script src="${script}"></script>
  </body>
</html>`;
  }
}

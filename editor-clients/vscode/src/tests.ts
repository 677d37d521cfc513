/** The Test Explorer's tests of open files, as they will likely end: *Predict* evaluates them, *Run* runs them. */

import * as vscode from "vscode";
import type { Answer } from "./commands";
import type { Server } from "./server";

/** One test or doctest, as `cwm/verdicts` and the commands tell it. Lines are 0-based. */
interface Verdict {
  readonly test: string;
  readonly verdict: "pass" | "fail" | "unknown";
  readonly message: string;
  readonly line: number;
  readonly at: number | null;
  readonly expected: string | null;
  readonly actual: string | null;
  /** What was predicted, if it has been run. */
  readonly predicted: string | null;
}

type VerdictsAnswer = Partial<Answer> & { readonly verdicts?: readonly Verdict[] };

/** Milliseconds in which new results are collected before tests are asked for. */
const SOON = 300;

export function registerTests(server: Server): vscode.Disposable {
  const controller = vscode.tests.createTestController("cwm-lsp", "cwm-lsp");
  let timer: NodeJS.Timeout | undefined;
  const refresh = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void refreshAll(server, controller), SOON);
  };
  const profile = (kind: string, command: string, isDefault: boolean): void => {
    controller.createRunProfile(
      kind,
      vscode.TestRunProfileKind.Run,
      (request, token) => perform(server, controller, command, request, token),
      isDefault,
    );
  };
  profile("Predict", "cwm.verdicts", true);
  profile("Run", "cwm.runTests", false);
  return vscode.Disposable.from(
    controller,
    server.onDidChangeResults(refresh),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => controller.items.delete(uri.toString())),
    { dispose: () => clearTimeout(timer) },
  );
}

async function refreshAll(server: Server, controller: vscode.TestController): Promise<void> {
  for (const document of vscode.workspace.textDocuments) {
    if (document.languageId !== "python") continue;
    const uri = document.uri.toString();
    const answer = await server.client?.sendRequest<VerdictsAnswer>("cwm/verdicts", { uri }).catch(() => undefined);
    if (answer?.verdicts?.length) itemsOf(controller, document.uri, answer.verdicts);
  }
}

/** The items of a file's tests, brought up to date; by test. */
function itemsOf(
  controller: vscode.TestController,
  uri: vscode.Uri,
  verdicts: readonly Verdict[],
): Map<string, vscode.TestItem> {
  const key = uri.toString();
  const file = controller.items.get(key) ?? controller.createTestItem(key, vscode.workspace.asRelativePath(uri), uri);
  controller.items.add(file);
  const items = new Map<string, vscode.TestItem>();
  for (const { test, line } of verdicts) {
    const name = test.slice(test.indexOf("::") + 2);
    const item = file.children.get(test) ?? controller.createTestItem(test, name, uri);
    item.range = new vscode.Range(line, 0, line, 0);
    items.set(test, item);
  }
  file.children.replace([...items.values()]);
  return items;
}

/** Have the chosen tests evaluated or run, and show how they end. */
async function perform(
  server: Server,
  controller: vscode.TestController,
  command: string,
  request: vscode.TestRunRequest,
  token: vscode.CancellationToken,
): Promise<void> {
  const run = controller.createTestRun(request, undefined, false);
  const byFile = new Map<string, Set<string> | undefined>();
  const chosen = request.include ?? [...controller.items].map(([, item]) => item);
  for (const item of chosen) {
    const file = item.parent ?? item;
    if (!item.parent) byFile.set(file.id, undefined);
    else if (!byFile.has(file.id)) byFile.set(file.id, new Set([item.id]));
    else byFile.get(file.id)?.add(item.id);
  }
  for (const [uri, tests] of byFile) {
    if (token.isCancellationRequested) break;
    const target = { uri, ...(tests && command === "cwm.runTests" ? { tests: [...tests] } : {}) };
    const asked = { command, arguments: [target] };
    const answer = await server.client
      ?.sendRequest<VerdictsAnswer>("workspace/executeCommand", asked, token)
      .catch(() => undefined); // What failed the server has told.
    const verdicts = answer?.verdicts ?? [];
    const known = await server.client?.sendRequest<VerdictsAnswer>("cwm/verdicts", { uri }).catch(() => undefined);
    const items = itemsOf(controller, vscode.Uri.parse(uri), known?.verdicts ?? verdicts);
    for (const verdict of verdicts) {
      const item = items.get(verdict.test);
      if (item && (!tests || tests.has(verdict.test))) tell(run, item, verdict);
    }
  }
  run.end();
}

function tell(run: vscode.TestRun, item: vscode.TestItem, verdict: Verdict): void {
  if (verdict.verdict === "pass") return run.passed(item);
  if (verdict.verdict === "unknown") {
    run.appendOutput(`${verdict.test}: not known: ${verdict.message}\r\n`);
    return run.skipped(item);
  }
  const { message, expected, actual, at, line } = verdict;
  const told =
    expected !== null && actual !== null
      ? vscode.TestMessage.diff(message, expected, actual)
      : new vscode.TestMessage(message);
  if (item.uri) told.location = new vscode.Location(item.uri, new vscode.Position(at ?? line, 0));
  run.failed(item, told);
}

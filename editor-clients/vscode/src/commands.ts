/** The commands: what the server does is passed on to it, with what the user means filled in. */

import * as vscode from "vscode";
import type { ExecuteCommand, Server } from "./server";

/** The one argument of the server's commands. */
export interface Target {
  readonly uri: string;
  /** Qualified name; else the function around the position. */
  readonly function?: string;
  readonly position?: { readonly line: number; readonly character: number };
  /** As source: `f([1, 2])`; else the call in use. */
  readonly call?: string;
  /** To be shown beside the lines, or no longer. */
  readonly expression?: string;
}

export interface Answer {
  readonly state: "done" | "cancelled" | "failed";
  readonly message?: string;
  /** What it was about, where it was about a call. */
  readonly function?: string;
  readonly call?: string;
}

/** One thing that the doctor looked at. */
interface Finding {
  readonly name: string;
  readonly status: "ok" | "note" | "broken";
  readonly detail: string;
  readonly fix: string | null;
}

interface Choice {
  readonly call: string;
  readonly title: string;
}

/** What a command is about: what its lens or link says, else the cursor. */
export function targetOf(argument: unknown): Target | undefined {
  if (isTarget(argument)) return argument;
  // Where the walkthrough, the Trace view or a log is active, the file beside it is meant.
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const editor = [activeTextEditor, ...visibleTextEditors].find((one) => one?.document.languageId === "python");
  if (!editor) return undefined;
  const { line, character } = editor.selection.active;
  return { uri: editor.document.uri.toString(), position: { line, character } };
}

function isTarget(argument: unknown): argument is Target {
  return typeof argument === "object" && argument !== null && typeof (argument as Target).uri === "string";
}

/** What is done with a command of the server before and after it is sent. */
export function middleware(
  server: () => Server,
  showTrace: (target: Target) => Promise<void>,
  log: vscode.LogOutputChannel,
): ExecuteCommand {
  return async (command, args, next) => {
    const send = async (target?: Target): Promise<Answer | undefined> =>
      (await next(command, target ? [target] : [])) as Answer | undefined;
    if (command === "cwm.doctor") {
      // It loads the model and runs a call.
      const location = vscode.ProgressLocation.Window;
      const answer = await vscode.window.withProgress({ location, title: "cwm-lsp: examining" }, () => send());
      tellFindings(answer, log);
      return answer;
    }
    if (command === "cwm.restartModel") return send();
    const target = targetOf(args[0]);
    if (!target) {
      void vscode.window.showInformationMessage("Put the cursor in a function of a Python file first.");
      return undefined;
    }
    switch (command) {
      case "cwm.showTrace":
        return showTrace(target);
      case "cwm.selectCall":
        return chooseCall(target, next, checked(server()));
      case "cwm.pin": {
        const expression = target.expression ?? (await askedExpression());
        return expression === undefined ? undefined : tell(await send({ ...target, expression }));
      }
      default:
        return tell(await send(target));
    }
  };
}

/** An expression to pin; what is selected is offered. Empty: none is to be pinned any more. */
async function askedExpression(): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  const value = editor && editor.selection.isSingleLine ? editor.document.getText(editor.selection) : "";
  const prompt = "Expression to show beside the lines, or no longer; none: no more";
  return vscode.window.showInputBox({ prompt, value, placeHolder: "len(items) * price" });
}

/** Ask for a call, and predict it. */
export async function changeCall(server: Server, argument: unknown): Promise<void> {
  const target = targetOf(argument);
  if (!target || !server.client) return;
  const execute = (command: string, args: unknown[]): Promise<unknown> =>
    server.client?.sendRequest("workspace/executeCommand", { command, arguments: args }) ?? Promise.resolve(undefined);
  await chooseCall(target, execute, checked(server));
}

/** Put a call on the clipboard. */
export async function copyCall(argument: unknown): Promise<void> {
  const call = targetOf(argument)?.call;
  if (call) await vscode.env.clipboard.writeText(call);
}

/** Has the server check a call; gives what is wrong with it. */
function checked(server: Server): Check {
  return async (target) => {
    const answer = await server.client?.sendRequest<{ problem: string | null }>("cwm/checkCall", target);
    return answer?.problem ?? null;
  };
}

type Execute = (command: string, args: unknown[]) => vscode.ProviderResult<unknown>;

async function callsOf(target: Target, execute: Execute): Promise<{ name: string; choices: readonly Choice[] }> {
  const found = (await execute("cwm.calls", [target])) as
    { function?: string; choices?: readonly Choice[] } | undefined;
  return { name: found?.function ?? "", choices: found?.choices ?? [] };
}

/** Let the user choose among the calls that were found, or type one, which is checked while it is typed. */
async function chooseCall(target: Target, execute: Execute, check: Check): Promise<unknown> {
  if (target.call !== undefined) return execute("cwm.selectCall", [target]);
  const { name, choices } = await callsOf(target, execute);
  if (!name) return undefined;
  const call = await pickCall(name, choices, (typed) => check({ ...target, function: name, call: typed }));
  return call && execute("cwm.selectCall", [{ ...target, function: name, call }]);
}

type Check = (target: Target) => Promise<string | null>;

interface CallItem extends vscode.QuickPickItem {
  readonly call: string;
}

const EDIT: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("edit"), tooltip: "Edit" };
/** Milliseconds without a keystroke after which a typed call is checked. */
const TYPED = 150;

function pickCall(
  name: string,
  choices: readonly Choice[],
  check: (call: string) => Promise<string | null>,
): Promise<string | undefined> {
  const pick = vscode.window.createQuickPick<CallItem>();
  const found = choices.map(({ call, title }): CallItem => ({
    call,
    label: call,
    description: title.slice(title.lastIndexOf(" · ") + 3),
    buttons: [EDIT],
  }));
  pick.title = `Call of ${name}`;
  pick.placeholder = `Choose one, or type another: ${name}(…). Nothing is run to predict it.`;
  pick.items = found;
  let problem: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  const typed = (call: string): void => {
    const item = {
      call,
      label: call,
      description: "as typed",
      ...(problem ? { detail: `$(error) ${problem}` } : {}),
      alwaysShow: true,
    };
    pick.items = call && !found.some((one) => one.call === call) ? [item, ...found] : found;
  };
  pick.onDidChangeValue((value) => {
    problem = null;
    const call = value.trim();
    typed(call);
    clearTimeout(timer);
    timer = setTimeout(
      () =>
        void (call ? check(call) : Promise.resolve(null)).then((told) => {
          if (pick.value.trim() !== call) return;
          problem = told;
          typed(call);
        }),
      TYPED,
    );
  });
  pick.onDidTriggerItemButton(({ item }) => {
    pick.value = item.call;
  });
  return new Promise((resolve) => {
    pick.onDidAccept(async () => {
      const { value } = pick;
      const chosen = found.find(({ call }) => call === pick.activeItems[0]?.call);
      const call = chosen?.call ?? value.trim();
      if (!call) return;
      const told = chosen ? null : await check(call);
      if (pick.value !== value) return; // It has been typed on meanwhile.
      if (told) {
        // What was typed stays where it is, with what is wrong with it.
        problem = told;
        return typed(call);
      }
      resolve(call);
      pick.hide();
    });
    pick.onDidHide(() => {
      clearTimeout(timer);
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

/** What can be done with a function, beyond what its lens has room for. */
export async function more(argument: unknown): Promise<void> {
  const target = targetOf(argument);
  if (!target) return;
  const choices = [
    { label: "Predict", command: "cwm.predict" },
    { label: "Predict then run", command: "cwm.predictThenRun" },
    { label: "Predict then debug", command: "cwm.predictThenDebug" },
    { label: "Debug the prediction", command: "cwm.debugPrediction" },
    { label: "Replay the last run", command: "cwm.replayRun" },
    { label: "Change call…", command: "cwm.changeCall" },
    { label: "Show trace", command: "cwm.showTrace" },
    { label: "Clear", command: "cwm.clear" },
  ].filter(({ command }) => vscode.workspace.isTrusted || !command.startsWith("cwm.predictThen"));
  const picked = await vscode.window.showQuickPick(choices, { title: target.function ?? "cwm-lsp" });
  if (picked) await vscode.commands.executeCommand(picked.command, target);
}

/** One line in the status bar about what a command did; what failed the server has told. */
function tell(answer: Answer | undefined): Answer | undefined {
  const { predicted, recorded, divergences } = (answer ?? {}) as {
    predicted?: string;
    recorded?: string;
    divergences?: unknown[];
  };
  const line = recorded ? `${recorded} (${counted(divergences?.length ?? 0)})` : predicted;
  if (answer?.state === "done" && line) vscode.window.setStatusBarMessage(`$(beaker) ${line}`, 8000);
  return answer;
}

function counted(divergences: number): string {
  return divergences ? `${divergences} divergence${divergences > 1 ? "s" : ""}` : "as predicted";
}

/** What the doctor found, a line each, in the log. */
function tellFindings(answer: unknown, log: vscode.LogOutputChannel): void {
  const { findings, conclusion } = (answer ?? {}) as { findings?: readonly Finding[]; conclusion?: string };
  for (const { name, status, detail, fix } of findings ?? []) {
    const line = `${name}: ${detail}${fix ? ` → ${fix}` : ""}`;
    if (status === "broken") log.error(line);
    else log.info(status === "note" ? `(not needed) ${line}` : line);
  }
  if (conclusion) log.info(conclusion);
  if (findings) log.show();
}

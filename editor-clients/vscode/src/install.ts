/** Installing the server that comes with the extension into the selected interpreter's environment. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import * as environments from "./environments";

/** Offer to install the server; resolves to whether it was. */
export async function offer(extension: vscode.Uri): Promise<boolean> {
  const install = "Install";
  const settings = "Open settings";
  const answer = await vscode.window.showInformationMessage(
    "cwm-lsp is not installed in the selected interpreter's environment, nor found on PATH.",
    install,
    settings,
  );
  if (answer === settings) {
    await vscode.commands.executeCommand("workbench.action.openSettings", "cwm-lsp.server.path");
  }
  return answer === install && (await installServer(extension));
}

/** Install the server; resolves to whether that worked. What goes wrong is shown to the user. */
export async function installServer(extension: vscode.Uri): Promise<boolean> {
  if (!vscode.workspace.isTrusted) {
    void vscode.window.showWarningMessage("Trust the workspace first: installing runs its interpreter.");
    return false;
  }
  const folder = vscode.workspace.workspaceFolders?.[0];
  const interpreter = await environments.selected(folder?.uri);
  if (!interpreter) {
    void vscode.window.showWarningMessage(
      "No interpreter is selected: install the Python extension and select one, or set cwm-lsp.server.path.",
    );
    return false;
  }
  const wheel = bundled(extension);
  if (!wheel) {
    void vscode.window.showWarningMessage("This build of the extension carries no server: install cwm-lsp by hand.");
    return false;
  }
  try {
    if (interpreter.install) await interpreter.install([wheel]);
    else await pip(interpreter.path, wheel);
    return true;
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(`cwm-lsp could not be installed: ${cause}`);
    return false;
  }
}

/** The wheel of the server, of the extension's own version. */
function bundled(extension: vscode.Uri): string | undefined {
  const folder = path.join(extension.fsPath, "server");
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  const wheel = names.find((name) => name.endsWith(".whl"));
  return wheel && path.join(folder, wheel);
}

/** Run pip where the user sees it. */
async function pip(python: string, wheel: string): Promise<void> {
  const task = new vscode.Task(
    { type: "process" },
    vscode.TaskScope.Workspace,
    "Install cwm-lsp",
    "cwm-lsp",
    // `-m` imports from the working folder first: it must not be the user's.
    new vscode.ProcessExecution(python, ["-m", "pip", "install", wheel], { cwd: path.dirname(wheel) }),
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always };
  const execution = await vscode.tasks.executeTask(task);
  const code = await new Promise<number | undefined>((resolve) => {
    const listener = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution !== execution) return;
      listener.dispose();
      resolve(event.exitCode);
    });
  });
  if (code !== 0) throw new Error("pip failed, as its terminal tells");
}

/** The interpreter that the user has selected: from the Python Environments extension, else the Python extension. */

import * as vscode from "vscode";
import { selectedBy, type EnvironmentsApi, type Interpreter, type PythonApi } from "./interpreter";

/** The interpreter selected for a folder; undefined where no Python extension is installed or none is selected. */
export async function selected(folder: vscode.Uri | undefined): Promise<Interpreter | undefined> {
  const environments = await exportsOf<EnvironmentsApi>("ms-python.vscode-python-envs");
  const python = await exportsOf<PythonApi>("ms-python.python");
  return selectedBy(environments, python, folder);
}

/** Calls back whenever another interpreter is selected. */
export async function onDidChange(listener: () => void): Promise<vscode.Disposable> {
  const environments = await exportsOf<EnvironmentsApi>("ms-python.vscode-python-envs");
  const python = await exportsOf<PythonApi>("ms-python.python");
  return vscode.Disposable.from(
    ...[environments?.onDidChangeEnvironment, python?.environments.onDidChangeActiveEnvironmentPath]
      .filter((event) => event !== undefined)
      .map((event) => event(listener)),
  );
}

async function exportsOf<Api>(id: string): Promise<Api | undefined> {
  const extension = vscode.extensions.getExtension<Api>(id);
  try {
    return await extension?.activate();
  } catch {
    return undefined; // It tells its own trouble.
  }
}

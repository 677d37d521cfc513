/** The interpreter that the user has selected: from the Python Environments extension, else the Python extension. */

import * as vscode from "vscode";

/** The parts of `ms-python.vscode-python-envs`'s interface that are used. */
interface EnvironmentsApi {
  getEnvironment(scope: vscode.Uri | undefined): Promise<PythonEnvironment | undefined>;
  managePackages(environment: PythonEnvironment, options: { install: string[] }): Promise<void>;
  readonly onDidChangeEnvironment: vscode.Event<unknown>;
}

interface PythonEnvironment {
  readonly displayName: string;
  readonly execInfo: { readonly run: { readonly executable: string } };
}

/** The parts of `ms-python.python`'s interface that are used. */
interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri: vscode.Uri | undefined } } | undefined>;
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

export interface Interpreter {
  readonly path: string;
  /** Installs packages into its environment; absent where that is left to pip. */
  readonly install?: (packages: string[]) => Promise<void>;
}

/** The interpreter selected for a folder; undefined where no Python extension is installed or none is selected. */
export async function selected(folder: vscode.Uri | undefined): Promise<Interpreter | undefined> {
  const environments = await exportsOf<EnvironmentsApi>("ms-python.vscode-python-envs");
  const environment = await environments?.getEnvironment(folder);
  if (environments && environment) {
    return {
      path: environment.execInfo.run.executable,
      install: (packages) => environments.managePackages(environment, { install: packages }),
    };
  }
  const python = await exportsOf<PythonApi>("ms-python.python");
  const active = python?.environments.getActiveEnvironmentPath(folder);
  const resolved = active && (await python?.environments.resolveEnvironment(active));
  const file = resolved?.executable.uri?.fsPath;
  return file ? { path: file } : undefined;
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

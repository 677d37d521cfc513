/** Which interpreter is selected, by what the Python extensions say: pure, so that it can be tested without an editor. */

import type * as vscode from "vscode";

/** The parts of `ms-python.vscode-python-envs`'s interface that are used. */
export interface EnvironmentsApi {
  getEnvironment(scope: vscode.Uri | undefined): Promise<PythonEnvironment | undefined>;
  managePackages(environment: PythonEnvironment, options: { install: string[] }): Promise<void>;
  readonly onDidChangeEnvironment: vscode.Event<unknown>;
}

interface PythonEnvironment {
  readonly displayName: string;
  readonly execInfo: { readonly run: { readonly executable: string } };
}

/** The parts of `ms-python.python`'s interface that are used. */
export interface PythonApi {
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

/** The one that Python Environments has selected for a folder, else the Python extension's; undefined where none is. */
export async function selectedBy(
  environments: EnvironmentsApi | undefined,
  python: PythonApi | undefined,
  folder: vscode.Uri | undefined,
): Promise<Interpreter | undefined> {
  const environment = await environments?.getEnvironment(folder);
  if (environments && environment) {
    return {
      path: environment.execInfo.run.executable,
      install: (packages) => environments.managePackages(environment, { install: packages }),
    };
  }
  const active = python?.environments.getActiveEnvironmentPath(folder);
  const resolved = active && (await python?.environments.resolveEnvironment(active));
  const file = resolved?.executable.uri?.fsPath;
  return file ? { path: file } : undefined;
}

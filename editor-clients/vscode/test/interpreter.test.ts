import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Uri } from "vscode";
import { selectedBy, type EnvironmentsApi, type PythonApi } from "../src/interpreter";

const FOLDER = { fsPath: "/work" } as Uri;

/** Python Environments with this interpreter selected, and what was installed through it. */
function environments(executable: string | undefined): { api: EnvironmentsApi; installed: string[] } {
  const installed: string[] = [];
  const api: EnvironmentsApi = {
    getEnvironment: (scope) => {
      assert.equal(scope, FOLDER);
      return Promise.resolve(executable ? { displayName: "", execInfo: { run: { executable } } } : undefined);
    },
    managePackages: (_environment, { install }) => {
      installed.push(...install);
      return Promise.resolve();
    },
    onDidChangeEnvironment: () => ({ dispose: () => {} }),
  };
  return { api, installed };
}

/** The Python extension, which has to look where an environment's interpreter is. */
function python(environment: string, executable: string | undefined): PythonApi {
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ path: environment }),
      resolveEnvironment: ({ path }) => {
        const uri = executable ? ({ fsPath: executable } as Uri) : undefined;
        return Promise.resolve(path === environment ? { executable: { uri } } : undefined);
      },
      onDidChangeActiveEnvironmentPath: () => ({ dispose: () => {} }),
    },
  };
}

describe("the interpreter is", () => {
  it("the one of Python Environments, which also installs", async () => {
    const { api, installed } = environments("/env/bin/python");
    const found = await selectedBy(api, python("/other", "/other/bin/python"), FOLDER);
    assert.equal(found?.path, "/env/bin/python");
    await found.install?.(["cwm_lsp.whl"]);
    assert.deepEqual(installed, ["cwm_lsp.whl"]);
  });

  it("else the one of the Python extension, and pip installs", async () => {
    const found = await selectedBy(environments(undefined).api, python("/venv", "/venv/bin/python"), FOLDER);
    assert.deepEqual(found, { path: "/venv/bin/python" });
    assert.deepEqual(await selectedBy(undefined, python("/venv", "/venv/bin/python"), FOLDER), found);
  });

  it("none where none is selected, or no extension knows", async () => {
    assert.equal(await selectedBy(environments(undefined).api, python("/gone", undefined), FOLDER), undefined);
    assert.equal(await selectedBy(undefined, undefined, FOLDER), undefined);
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";
import { BadSetting, locate, type Places } from "../src/discovery";

/** A folder with these files, and places to look that are in it. */
function machine(...files: string[]): { root: string; look: (places: Partial<Places>) => string | undefined } {
  const root = mkdtempSync(path.join(tmpdir(), "cwm-"));
  for (const file of files) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), "");
  }
  const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
  const none = { setting: "", interpreter: undefined, searchPath: [], untrusted: [], platform: process.platform };
  const look = (places: Partial<Places>): string | undefined => {
    const found = locate({ ...none, isFile, ...places });
    return found && path.relative(root, found.command);
  };
  return { root, look };
}

describe("the server is found", () => {
  it("by the setting before everything else", () => {
    const { root, look } = machine("own/server", "venv/bin/cwm-lsp", "bin/cwm-lsp");
    const interpreter = path.join(root, "venv/bin/python");
    const setting = path.join(root, "own/server");
    assert.equal(look({ setting, interpreter, searchPath: [path.join(root, "bin")] }), "own/server");
  });

  it("beside an interpreter that the setting names", () => {
    const { root, look } = machine("venv/bin/python3.12", "venv/bin/cwm-lsp");
    assert.equal(look({ setting: path.join(root, "venv/bin/python3.12") }), "venv/bin/cwm-lsp");
  });

  it("beside the selected interpreter before PATH", () => {
    const { root, look } = machine("venv/bin/cwm-lsp", "bin/cwm-lsp");
    const searchPath = [path.join(root, "bin")];
    assert.equal(look({ interpreter: path.join(root, "venv/bin/python"), searchPath }), "venv/bin/cwm-lsp");
    assert.equal(look({ interpreter: path.join(root, "other/bin/python"), searchPath }), "bin/cwm-lsp");
  });

  it("in conda's Scripts folder on Windows", () => {
    const { root, look } = machine("env/Scripts/cwm-lsp.exe");
    const found = look({ interpreter: path.join(root, "env/python.exe"), platform: "win32" });
    assert.equal(found, path.join("env", "Scripts", "cwm-lsp.exe"));
  });

  it("not at all where it is nowhere", () => {
    const { root, look } = machine("bin/python");
    assert.equal(
      look({ interpreter: path.join(root, "bin/python"), searchPath: [path.join(root, "bin"), ""] }),
      undefined,
    );
  });
});

describe("a bad setting", () => {
  it("is an error, and nothing else is tried", () => {
    const { root, look } = machine("bin/cwm-lsp", "bare/bin/python");
    const searchPath = [path.join(root, "bin")];
    assert.throws(() => look({ setting: path.join(root, "gone"), searchPath }), BadSetting);
    assert.throws(() => look({ setting: path.join(root, "bare/bin/python"), searchPath }), BadSetting);
  });
});

describe("a workspace that is not trusted", () => {
  it("cannot bring its own server", () => {
    const { root, look } = machine("work/.venv/bin/cwm-lsp", "bin/cwm-lsp");
    const untrusted = [path.join(root, "work")];
    const interpreter = path.join(root, "work/.venv/bin/python");
    assert.equal(look({ interpreter, untrusted, searchPath: [path.join(root, "work/.venv/bin")] }), undefined);
    assert.equal(look({ interpreter, untrusted, searchPath: [path.join(root, "bin")] }), "bin/cwm-lsp");
  });

  it("cannot have it started by a relative search path", () => {
    const { look } = machine("bin/cwm-lsp");
    assert.equal(look({ searchPath: [".", "bin"] }), undefined);
  });
});

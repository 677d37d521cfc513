/** Where the language server is: pure, so that its rules can be tested without an editor. */

import * as path from "node:path";

/** How the server is started. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** Where it was found, for the log. */
  readonly origin: string;
}

export interface Places {
  /** The setting `cwm-lsp.server.path`; empty: look for it. */
  readonly setting: string;
  /** The interpreter selected for the workspace, if a Python extension knows one. */
  readonly interpreter: string | undefined;
  /** The folders of the environment's search path. */
  readonly searchPath: readonly string[];
  /** Folders of a workspace that is not trusted: nothing in them is started. */
  readonly untrusted: readonly string[];
  readonly platform: NodeJS.Platform;
  isFile(file: string): boolean;
}

/** The setting names something that cannot be started. */
export class BadSetting extends Error {}

const NAME = "cwm-lsp";
const SERVE = ["serve"];
export const DEBUG = ["dap"];

/**
 * The first of: the setting, the executable beside the selected interpreter, the one on the search path.
 *
 * The executable is taken rather than `python -m`, which would import from the folder that it is started in.
 *
 * @throws BadSetting the setting names a file that is not there; nothing else is tried then.
 */
export function locate(places: Places): Command | undefined {
  if (places.setting) return configured(places.setting, places);
  if (places.interpreter) {
    const found = beside(places.interpreter, places);
    if (found) return { command: found, args: SERVE, origin: `the environment of ${places.interpreter}` };
  }
  for (const folder of places.searchPath) {
    const found = path.isAbsolute(folder) && executableIn(folder, places);
    if (found) return { command: found, args: SERVE, origin: "PATH" };
  }
  return undefined;
}

function configured(setting: string, places: Places): Command {
  const origin = "the setting cwm-lsp.server.path";
  if (!places.isFile(setting)) throw new BadSetting(`cwm-lsp.server.path is ${setting}, which is not a file`);
  const isPython = /^(python|pypy)[\d.]*(\.exe)?$/i.test(path.basename(setting));
  if (!isPython) return { command: setting, args: SERVE, origin };
  const found = beside(setting, places);
  if (found) return { command: found, args: SERVE, origin };
  throw new BadSetting(`cwm-lsp.server.path is the interpreter ${setting}, which has no cwm-lsp installed`);
}

/** Environments have their executables beside the interpreter, or in `Scripts` (conda on Windows). */
function beside(interpreter: string, places: Places): string | undefined {
  const folder = path.dirname(interpreter);
  return executableIn(folder, places) ?? executableIn(path.join(folder, "Scripts"), places);
}

function executableIn(folder: string, places: Places): string | undefined {
  const file = path.join(folder, places.platform === "win32" ? `${NAME}.exe` : NAME);
  return places.isFile(file) && !places.untrusted.some((root) => isInside(file, root)) ? file : undefined;
}

function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
}

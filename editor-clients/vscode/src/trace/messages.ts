/** What the Trace view and the extension say to each other. */

import type { TraceAnswer, Watch } from "../protocol";

export type ToView =
  | { readonly kind: "show"; readonly trace: TraceAnswer }
  /** An expression at every step of the trace that is shown; none: it is watched no more. */
  | { readonly kind: "watch"; readonly watch: Watch | undefined }
  /** Nothing is known of the function any more. */
  | { readonly kind: "stale"; readonly function: string }
  /** The debugger is at an event of the trace that is shown. */
  | { readonly kind: "follow"; readonly event: number };

/** Another step is looked at; `line` and `event` are those of the trace that is shown. */
export interface Stepped {
  readonly kind: "step";
  readonly line: number;
  readonly path: string | null;
  readonly event: number;
  /** The user has gone there, and not the debugger. */
  readonly byUser: boolean;
}

export type FromView =
  | { readonly kind: "ready" }
  | Stepped
  | { readonly kind: "unwatch" }
  | { readonly kind: "open"; readonly line: number; readonly path: string | null }
  | { readonly kind: "command"; readonly command: "cwm.predict" | "cwm.predictThenRun" };

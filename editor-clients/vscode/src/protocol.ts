/** What is spoken with the server beyond the Language Server Protocol. */

import type { KINDS } from "./kinds";

export interface TraceEvent {
  readonly event: "call" | "line" | "return" | "exception";
  /** 1-based; 0 where a model wrote a line that the file does not have. */
  readonly line: number;
  readonly depth: number;
  readonly function: string;
  /** Name → repr, in order. */
  readonly locals: Readonly<Record<string, string>>;
  /** Repr of what is returned, or of the exception's triple. */
  readonly value: string | null;
  readonly confidence: number | null;
  readonly confidences: Readonly<Record<string, number>>;
  readonly provenance: Readonly<Record<string, Provenance>>;
  /** The file of the line, where that is not the traced function's. */
  readonly path: string | null;
}

export type Provenance = "given" | "computed" | "remembered" | "predicted" | "recorded";

/** A `call` or `line` event together with what it did. Indices are of events. */
export interface Step {
  readonly index: number;
  /** How many times the scope has come to this line, and does in all. */
  readonly iteration: number;
  readonly iterations: number;
  /** Names that the step bound or changed. */
  readonly produced: readonly string[];
  /** The event whose locals show what was produced. */
  readonly effect: number | null;
  /** The `return` or `exception` that the step led to right away. */
  readonly end: number | null;
}

export interface Trace {
  readonly events: readonly TraceEvent[];
  readonly steps: readonly Step[];
  /** How the call ended, in words. */
  readonly ending: string;
}

export interface Divergence {
  readonly kind: "control-flow" | "value" | "return" | "exception" | "length";
  readonly line: number;
  /** Of the recorded events. */
  readonly event_index: number;
  readonly variable: string | null;
  /** One sentence. */
  readonly message: string;
}

/** The answer to `cwm/trace`: what is known of one call, predicted and recorded events side by side. */
export interface TraceAnswer {
  readonly uri: string;
  readonly function: string;
  readonly call: string;
  /** The text that the traces' lines point into. */
  readonly source: string;
  /** Other files that the traces step into. */
  readonly others: readonly { readonly path: string; readonly uri: string; readonly source: string }[];
  readonly predicted: Trace | null;
  readonly recorded: Trace | null;
  readonly divergences: readonly Divergence[];
  /** Indices of events that belong together; null where one side has none. */
  readonly pairs: readonly (readonly [number | null, number | null])[];
  /** Line of the traces → 0-based line where the document has it now. */
  readonly lines: Readonly<Record<string, number>>;
  /** What the two traces are, if not the prediction and a run. */
  readonly sides?: readonly [string, string];
}

/** The debug adapter's answer to `cwm/parted`: what was to come before a value was set, and what comes now. */
export interface Parted {
  readonly before: Trace;
  readonly after: Trace;
  readonly pairs: TraceAnswer["pairs"];
  readonly source: string;
  readonly divergences: readonly Divergence[];
  /** The event at which the value was set. */
  readonly from: number;
}

/** An expression over a whole trace: the debug adapter's answer to `cwm/watch`. */
export interface Watch {
  readonly expression: string;
  readonly rows: readonly {
    /** One more than the index of the event. */
    readonly frameId: number;
    readonly line: number;
    readonly value: string | null;
    readonly error: string | null;
    readonly isChanged: boolean;
  }[];
}

export type HintKind = (typeof KINDS)[number][0];

/** What stands at the end of a 0-based line, in parts. */
export interface Hint {
  readonly line: number;
  readonly parts: readonly { readonly text: string; readonly kind: HintKind }[];
}

/** The answer to `cwm/hints`. */
export interface HintsAnswer {
  readonly hints: readonly Hint[];
}

/** The answer to `cwm/status`: what predicts, what is being done, how far the function at the cursor is known. */
export interface StatusAnswer {
  readonly model: string;
  readonly doing: readonly string[];
  readonly functions: number;
  readonly known: number;
  readonly error?: string | null;
  readonly function?: string;
  readonly call?: string | null;
  readonly state?: "computed" | "ran" | "remembered" | "guessed" | "partly" | "predicting" | "unknown";
  readonly detail?: string;
}

/** What a stop says about the prediction: `cwm/debugStep`. */
export interface DebugStep {
  readonly message: string;
}

/** A debug session has stopped: `cwm/debugStopped`. */
export interface DebugStopped {
  readonly session: string;
  readonly frameId: number;
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly function: string;
  readonly locals: Readonly<Record<string, string>>;
  readonly reason: string;
}

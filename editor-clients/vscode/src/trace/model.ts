/** The rows of the Trace view, and moving among them. Pure. */

import type { Divergence, Provenance, Step, Trace, TraceAnswer, TraceEvent, Watch } from "../protocol";

/** One value that a step produced. */
export interface Value {
  /** The variable; `return` or `raise` for what left the scope. */
  readonly name: string;
  readonly value: string;
  readonly provenance: Provenance;
  readonly confidence: number | undefined;
}

/** One step of one trace. */
export interface Side {
  readonly values: readonly Value[];
  /** Name → repr, before and after the step; after it only if the trace shows that. */
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>> | undefined;
}

/** One step, as predicted and as recorded. */
export interface Row {
  readonly line: number;
  /** The file of the line, where that is not the traced function's. */
  readonly path: string | null;
  /** Of the recorded events, where there are any: the row's, else the last one before it. Otherwise of the predicted. */
  readonly event: number;
  readonly isCall: boolean;
  readonly code: string;
  /** In characters: of the code within its function, and of that below its callers. */
  readonly indent: number;
  readonly iteration: number;
  readonly iterations: number;
  readonly predicted: Side | undefined;
  readonly recorded: Side | undefined;
  readonly divergences: readonly Divergence[];
}

/** One variable at a step. */
export interface Variable {
  readonly name: string;
  readonly before: string | undefined;
  readonly predicted: string | undefined;
  readonly recorded: string | undefined;
  readonly changed: boolean;
  readonly differs: boolean;
}

const DEEPER = 4;

/** Whether what was predicted of a step is what was recorded: one column then tells it. */
export function agrees(row: Row): boolean {
  const { predicted, recorded } = row;
  if (!predicted || !recorded || row.divergences.length) return false;
  const told = ({ values }: Side): string => JSON.stringify(values.map(({ name, value }) => [name, value]));
  return told(predicted) === told(recorded);
}

export function rowsOf(answer: TraceAnswer): Row[] {
  const own = linesOf(answer.source);
  const others = new Map(answer.others.map(({ path, source }) => [path, linesOf(source)]));
  const predicted = stepsByIndex(answer.predicted);
  const recorded = stepsByIndex(answer.recorded);
  const rows: Row[] = [];
  const margins: number[] = []; // by depth: how far the code of the latest call is indented in the file
  const ofRecorded: (Step | undefined)[] = [];
  let latest = 0;
  for (const [left, right] of answer.pairs) {
    const expected = left === null ? undefined : predicted.get(left);
    const actual = right === null ? undefined : recorded.get(right);
    const step = actual ?? expected;
    const event = (actual ? answer.recorded : answer.predicted)?.events[step?.index ?? -1];
    if (!step || !event) continue;
    const code = event.path === null ? own : others.get(event.path);
    const text = code?.[event.line - 1] ?? "";
    const margin = text.length - text.trimStart().length;
    if (event.event === "call") margins[event.depth] = margin;
    if (actual || !answer.recorded) latest = step.index;
    rows.push({
      line: event.line,
      path: event.path,
      event: latest,
      isCall: event.event === "call",
      code: text.trim(),
      indent: event.depth * DEEPER + Math.max(margin - (margins[event.depth] ?? margin), 0),
      iteration: step.iteration,
      iterations: step.iterations,
      predicted: expected && answer.predicted ? sideOf(answer.predicted, expected) : undefined,
      recorded: actual && answer.recorded ? sideOf(answer.recorded, actual) : undefined,
      divergences: [],
    });
    ofRecorded.push(actual);
  }
  const found = rows.map((): Divergence[] => []);
  for (const divergence of answer.divergences) {
    found[rowOf(divergence, rows, ofRecorded)]?.push(divergence);
  }
  return rows.map((row, index) => ({ ...row, divergences: found[index] ?? [] }));
}

/** The row of the step that an event of the trace is in. */
export function stepAt(rows: readonly Row[], event: number): number {
  return rows.findLastIndex((row) => row.event <= event);
}

function linesOf(source: string): string[] {
  return source.split(/\r\n|\r|\n/);
}

function stepsByIndex(trace: Trace | null): Map<number, Step> {
  return new Map(trace?.steps.map((step) => [step.index, step]));
}

function sideOf(trace: Trace, step: Step): Side {
  const event = trace.events[step.index];
  const shownBy = step.effect === null ? undefined : trace.events[step.effect];
  const end = step.end === null ? undefined : trace.events[step.end];
  const values = shownBy ? step.produced.map((name) => local(shownBy, name)) : [];
  if (end) values.push(leaving(end));
  return { values, before: event?.event === "call" ? {} : (event?.locals ?? {}), after: shownBy?.locals };
}

function local(event: TraceEvent, name: string): Value {
  return {
    name,
    value: event.locals[name] ?? "",
    provenance: event.provenance[name] ?? "recorded",
    confidence: event.confidences[name],
  };
}

function leaving(event: TraceEvent): Value {
  return {
    name: event.event === "exception" ? "raise" : "return",
    value: event.event === "exception" ? raised(event.value ?? "") : (event.value ?? "None"),
    provenance: event.provenance["value"] ?? "recorded",
    confidence: event.confidences["value"] ?? event.confidence ?? undefined,
  };
}

/** `ValueError('no')` of `(<class 'ValueError'>, ValueError('no'), <traceback object>)`. */
function raised(triple: string): string {
  return /^\(<class '[^']*'>, (.*), <traceback object[^>]*>\)$/s.exec(triple)?.[1] ?? triple;
}

/** A divergence is told where the line is that brought it about, which shows in a later event. */
function rowOf(divergence: Divergence, rows: readonly Row[], steps: readonly (Step | undefined)[]): number {
  const at = divergence.event_index;
  const direct = steps.findIndex(
    (step, row) => step && (step.effect === at || step.end === at) && rows[row]?.line === divergence.line,
  );
  if (direct >= 0 && divergence.kind !== "control-flow") return direct;
  const before = (row: number): boolean => (steps[row]?.index ?? Infinity) <= at;
  const sameLine = rows.findLastIndex((row, index) => before(index) && row.line === divergence.line);
  return sameLine >= 0 ? sameLine : rows.findLastIndex((_, index) => before(index));
}

/** The variables after a step, those that it changed first; before it where the traces end there. */
export function variablesOf(row: Row): Variable[] {
  const before = row.recorded?.before ?? row.predicted?.before ?? {};
  const predicted = row.predicted?.after;
  const recorded = row.recorded?.after;
  const names = new Set([before, recorded ?? {}, predicted ?? {}].flatMap((locals) => Object.keys(locals)));
  const leaves = LEAVING.find((name) => [row.predicted, row.recorded].some((side) => leavingOf(side, name)));
  const changed = new Set([row.predicted, row.recorded].flatMap((side) => side?.values.map(({ name }) => name) ?? []));
  const differing = new Set(row.divergences.map((divergence) => divergence.variable));
  const variables = [...names].map((name) => ({
    name,
    before: before[name],
    predicted: predicted?.[name],
    recorded: recorded?.[name],
    changed: changed.has(name),
    differs: differing.has(name),
  }));
  const left: Variable[] = leaves
    ? [
        {
          name: leaves,
          before: undefined,
          predicted: leavingOf(row.predicted, leaves),
          recorded: leavingOf(row.recorded, leaves),
          changed: true,
          differs: row.divergences.some(({ variable, kind }) => variable === null && kind !== "control-flow"),
        },
      ]
    : [];
  return [...left, ...variables.filter((one) => one.changed), ...variables.filter((one) => !one.changed)];
}

const LEAVING = ["raise", "return"];

/** What leaves the scope at a step: no variable, and what one wants to know of it. */
function leavingOf(side: Side | undefined, name: string): string | undefined {
  return side?.values.find((value) => value.name === name)?.value;
}

/** Where a row is, in words: `line 4`, `line 4 of rates.py`. */
export function placeOf({ line, path }: Row): string {
  return path === null ? `line ${line}` : `line ${line} of ${path.split(/[\\/]/).at(-1) ?? path}`;
}

/** What happened at a row, for a screen reader. */
export function described(row: Row, number: number): string {
  const tell = (word: string, side: Side | undefined): string =>
    side?.values.length ? `${word}: ${side.values.map(({ name, value }) => `${name} ${value}`).join(", ")}.` : "";
  const times = row.iterations > 1 ? `, time ${row.iteration} of ${row.iterations}` : "";
  return [
    `Step ${number}, ${placeOf(row)}${times}: ${row.code}.`,
    tell("Predicted", row.predicted),
    tell("Recorded", row.recorded),
    row.divergences.map(({ message }) => `Divergence: ${message}.`).join(" "),
  ]
    .filter((part) => part)
    .join(" ");
}

/** The points of a watched expression's plot, in a box of 1 × 1 from the top left; none where a value is no number. */
export function plotOf({ rows }: Watch): { readonly x: number; readonly y: number }[] {
  const points = rows.flatMap(({ value }, index) => (value === null ? [] : [{ index, number: numberOf(value) }]));
  const numbers = points.map(({ number }) => number);
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  if (numbers.some(Number.isNaN) || !(low < high)) return [];
  return points.map(({ index, number }) => ({ x: index / (rows.length - 1), y: (high - number) / (high - low) }));
}

/** A repr as a finite number, else `NaN`. */
function numberOf(text: string): number {
  return /^-?\d[\d_]*(\.\d+)?(e[-+]?\d+)?$/i.test(text) ? Number(text.replaceAll("_", "")) : NaN;
}

/** What the user looks at. */
export interface View {
  readonly rows: readonly Row[];
  readonly selected: number;
  readonly onlyDivergences: boolean;
}

/** Indices of the rows that the filter lets through. */
export function shown(view: View): number[] {
  const all = view.rows.map((_, index) => index);
  return view.onlyDivergences ? all.filter((index) => view.rows[index]?.divergences.length) : all;
}

export type Move = "first" | "last" | "next" | "previous" | "pageDown" | "pageUp";

const PAGE = 10;

/** The row that a movement leads to, among those that are shown. */
export function moved(view: View, move: Move): number {
  const rows = shown(view);
  if (!rows.length) return view.selected;
  // Where the selected row is filtered out, the nearest shown ones are its neighbours.
  const next = rows.findIndex((row) => row > view.selected);
  const after = next < 0 ? rows.length : next;
  const previous = rows.findLastIndex((row) => row < view.selected);
  const target = {
    first: 0,
    last: rows.length - 1,
    next: after,
    previous,
    pageDown: after + PAGE - 1,
    pageUp: previous - PAGE + 1,
  }[move];
  return rows[Math.min(Math.max(target, 0), rows.length - 1)] ?? view.selected;
}

/** The next or previous row that has a divergence; the selected one if there is none. */
export function otherDivergence(view: View, direction: 1 | -1): number {
  const rows = shown({ ...view, onlyDivergences: true });
  const found = direction > 0 ? rows.find((row) => row > view.selected) : rows.findLast((row) => row < view.selected);
  return found ?? view.selected;
}

/** The row of the next or previous time that the selected line runs; the selected one if there is none. */
export function otherIteration(view: View, direction: 1 | -1): number {
  const { rows, selected } = view;
  const same = (index: number): boolean =>
    rows[index]?.line === rows[selected]?.line &&
    rows[index]?.path === rows[selected]?.path &&
    rows[index]?.isCall === rows[selected]?.isCall;
  for (let index = selected + direction; index >= 0 && index < rows.length; index += direction) {
    if (same(index)) return index;
  }
  return selected;
}

/** Where to begin: at the first divergence, else at the first step. */
export function opened(rows: readonly Row[]): View {
  const diverging = rows.findIndex((row) => row.divergences.length);
  return { rows, selected: Math.max(diverging, 0), onlyDivergences: false };
}

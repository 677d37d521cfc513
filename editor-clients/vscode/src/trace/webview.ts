/** The Trace view itself: draws `model`'s rows and moves among them. Runs in the webview. */

import type { TraceAnswer, Watch } from "../protocol";
import type { FromView, ToView } from "./messages";
import {
  agrees,
  described,
  moved,
  opened,
  otherDivergence,
  otherIteration,
  placeOf,
  plotOf,
  rowsOf,
  stepAt,
  shown,
  variablesOf,
  type Move,
  type Row,
  type Side,
  type Value,
  type Variable,
  type View,
} from "./model";

/** Kept over hiding and restarts: `subject` is what the extension restores the view from. */
interface Kept {
  readonly uri: string;
  readonly function: string;
  readonly selected: number;
  readonly onlyDivergences: boolean;
}

declare function acquireVsCodeApi(): {
  postMessage(message: FromView): void;
  getState(): Kept | undefined;
  setState(state: Kept): void;
};

const vscode = acquireVsCodeApi();

/** Characters of a value beyond which it is cut until it is opened. */
const LONG = 60;

let trace: TraceAnswer | undefined;
let view: View = opened([]);
let elements: HTMLElement[] = [];

// Building blocks

type Child = Node | string | undefined | false;

function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

function button(glyph: string, label: string, act: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title: label, "aria-label": label }, glyph);
  made.addEventListener("click", act);
  return made;
}

// The frame, made once

const call = element("button", { type: "button", title: "Show the whole call" });
const heading = element("h1", {}, call);
const endings = element("p", { class: "endings" });
const slider = element("input", { type: "range", min: "0", "aria-label": "Step" });
const position = element("output", { class: "position" });
const iteration = element("output", { class: "position" });
const filter = element("input", { type: "checkbox", id: "filter" });
const filterLabel = element("label", { for: "filter" });
const iterations = element(
  "span",
  { class: "group" },
  button("‹", "Previous time this line runs ([)", () => select(otherIteration(view, -1))),
  iteration,
  button("›", "Next time this line runs (])", () => select(otherIteration(view, 1))),
);
const divergences = element(
  "span",
  { class: "group" },
  filter,
  filterLabel,
  button("↑", "Previous divergence (Shift+D)", () => select(otherDivergence(view, -1))),
  button("↓", "Next divergence (D)", () => select(otherDivergence(view, 1))),
);
const run = element("button", { type: "button", class: "act" }, "Run and compare");
const toolbar = element(
  "div",
  { class: "toolbar", role: "toolbar", "aria-label": "Steps" },
  button("⇤", "First step (Home)", () => go("first")),
  button("◀", "Previous step (Up)", () => go("previous")),
  slider,
  button("▶", "Next step (Down)", () => go("next")),
  button("⇥", "Last step (End)", () => go("last")),
  position,
  iterations,
  divergences,
  run,
);
const body = element("tbody");
const heads = ["predicted", "recorded", "predicted", "recorded"].map((side) => header(side, ""));
const [predictedHead, recordedHead, predictedNow, recordedNow] = heads;
const grid = element(
  "table",
  { role: "grid", tabindex: "0", "aria-label": "Steps of the call" },
  element("thead", {}, element("tr", {}, header("line", "Line"), header("code", "Code"), predictedHead, recordedHead)),
  body,
);
const caption = element("h2");
const notes = element("ul", { class: "notes" });
const variables = element("tbody");
const unchanged = element("tbody", { hidden: "" });
const fold = element("button", { type: "button", class: "fold", "aria-expanded": "false" });
const detail = element(
  "section",
  { class: "detail", "aria-label": "The step" },
  caption,
  notes,
  element(
    "table",
    { class: "variables" },
    element("thead", {}, element("tr", {}, header("", "Variable"), header("", "Before"), predictedNow, recordedNow)),
    variables,
    unchanged,
  ),
  fold,
);
const watched = element("h2");
const plot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
const values = element("tbody");
const watching = element(
  "section",
  { class: "detail watch", "aria-label": "The watched expression", hidden: "" },
  watched,
  plot,
  element("table", { class: "changes" }, values),
);
const live = element("div", { class: "unseen", "aria-live": "polite" });
const stale = element("div", { class: "stale", hidden: "" });
const content = element(
  "main",
  {},
  element("header", {}, heading, endings, toolbar),
  element("div", { class: "steps" }, grid),
  watching,
  detail,
);

function header(kind: string, text: string): HTMLTableCellElement {
  return element("th", { scope: "col", class: kind }, text);
}

// Drawing

function draw(): void {
  if (!trace) return;
  content.hidden = false;
  stale.hidden = true;
  call.replaceChildren(element("code", {}, trace.call));
  heading.classList.remove("open");
  endings.replaceChildren(
    ...[trace.predicted, trace.recorded]
      .map((side, index) => side && element("span", { class: index ? "recorded" : "predicted" }, side.ending))
      .filter((side) => side !== null),
  );
  grid.classList.toggle("no-recorded", !trace.recorded);
  grid.classList.toggle("no-predicted", !trace.predicted);
  detail.classList.toggle("no-recorded", !trace.recorded);
  detail.classList.toggle("no-predicted", !trace.predicted);
  run.hidden = trace.recorded !== null;
  const sides = trace.sides ?? ["Predicted", "Recorded"];
  heads.forEach((head, index) => (head.textContent = sides[index % 2] ?? ""));
  const count = view.rows.filter((row) => row.divergences.length).length;
  divergences.hidden = count === 0;
  filterLabel.textContent = `Only divergences (${count})`;
  filter.checked = view.onlyDivergences;
  slider.max = String(Math.max(view.rows.length - 1, 0));
  grid.setAttribute("aria-rowcount", String(view.rows.length));
  elements = view.rows.map(rowElement);
  body.replaceChildren(...elements);
  drawFilter();
  drawSelection();
}

function drawFilter(): void {
  const visible = new Set(shown(view));
  elements.forEach((row, index) => (row.hidden = !visible.has(index)));
}

function rowElement(row: Row, index: number): HTMLElement {
  const code = element("code", {}, row.code);
  code.style.paddingInlineStart = `${row.indent / 2}ch`;
  const count = row.iterations > 1 && element("span", { class: "count" }, `${row.iteration}/${row.iterations}`);
  const made = element(
    "tr",
    {
      role: "row",
      id: `row-${index}`,
      class: [row.isCall ? "call" : "", row.divergences.length ? "diverges" : ""].join(" "),
      "aria-rowindex": String(index + 1),
      "aria-label": described(row, index + 1),
    },
    element("td", { class: "line" }, row.divergences.length ? element("b", {}, "≠ ") : undefined, String(row.line)),
    element("td", { class: "code" }, element("span", {}, code, count)),
    ...(agrees(row)
      ? [agreedElement(row)]
      : [sideElement(row, row.predicted, "predicted"), sideElement(row, row.recorded, "recorded")]),
  );
  made.addEventListener("click", () => select(index));
  made.addEventListener("dblclick", () => vscode.postMessage({ kind: "open", line: row.line, path: row.path }));
  return made;
}

function sideElement(row: Row, side: Side | undefined, name: "predicted" | "recorded"): HTMLElement {
  if (!side) {
    const missing = row.divergences.length > 0 || (trace?.recorded && trace.predicted);
    return element("td", { class: `${name} missing` }, missing ? "–" : "");
  }
  const parts = side.values.flatMap((value, index) => [index ? ", " : "", valueElement(value, row)]);
  const words = trace?.sides ?? ["predicted", "ran"];
  return element("td", { class: name, "data-side": words[name === "predicted" ? 0 : 1].toLowerCase() }, ...parts);
}

/** What both sides tell, once. */
function agreedElement(row: Row): HTMLElement {
  const values = row.recorded?.values ?? [];
  const parts = values.flatMap((value, index) => [index ? ", " : "", valueElement(value, row)]);
  return element("td", { class: "agreed", colspan: "2" }, ...parts);
}

function valueElement(value: Value, row: Row): HTMLElement {
  const differs = row.divergences.some(
    (one) =>
      one.variable === value.name || (one.variable === null && (value.name === one.kind || value.name === "raise")),
  );
  const glyph = value.provenance === "predicted" ? "≈" : value.provenance === "remembered" ? "↺" : "=";
  const sure = value.confidence !== undefined && value.provenance === "predicted";
  const title = sure ? `guessed, ${Math.round((value.confidence ?? 0) * 100)} %` : value.provenance;
  return element(
    "span",
    { class: differs ? "value differs" : "value", title },
    element("span", { class: "name" }, `${value.name} ${glyph} `),
    element("code", {}, value.value),
  );
}

function drawSelection(): void {
  const row = view.rows[view.selected];
  const selected = elements[view.selected];
  for (const other of body.querySelectorAll("[aria-selected=true]")) other.removeAttribute("aria-selected");
  if (!row || !selected) return;
  selected.setAttribute("aria-selected", "true");
  grid.setAttribute("aria-activedescendant", selected.id);
  selected.scrollIntoView({ block: "nearest" });
  slider.value = String(view.selected);
  slider.setAttribute("aria-valuetext", `Step ${view.selected + 1} of ${view.rows.length}, ${placeOf(row)}`);
  position.value = `Step ${view.selected + 1} of ${view.rows.length}`;
  iterations.hidden = row.iterations < 2;
  iteration.value = `${row.iteration} of ${row.iterations} at ${placeOf(row)}`;
  caption.replaceChildren(`${placeOf(row).replace("line", "Line")} `, element("code", {}, row.code));
  notes.replaceChildren(...row.divergences.map(({ message }) => element("li", {}, `≠ ${message}`)));
  const all = variablesOf(row);
  const rest = all.filter((variable) => !variable.changed && !variable.differs);
  variables.replaceChildren(...all.filter((variable) => variable.changed || variable.differs).map(variableElement));
  unchanged.replaceChildren(...rest.map(variableElement));
  fold.hidden = rest.length === 0;
  fold.textContent = `${unchanged.hidden ? "▸" : "▾"} ${rest.length} unchanged`;
}

function variableElement(variable: Variable): HTMLElement {
  const { before, predicted, recorded } = variable;
  const both = predicted !== undefined && predicted === recorded;
  const cell = (kind: string, value: string | undefined, span?: string): HTMLElement =>
    element("td", { class: kind, ...(span ? { colspan: span } : {}) }, longElement(value ?? ""));
  return element(
    "tr",
    { class: [variable.changed ? "changed" : "", variable.differs ? "differs" : ""].join(" ") },
    element("th", { scope: "row" }, variable.differs ? "≠ " : "", variable.name),
    cell("before", before),
    ...(both ? [cell("agreed", recorded, "2")] : [cell("predicted", predicted), cell("recorded", recorded)]),
  );
}

/** The watched expression: its plot where it is a number, and a row for each change, which leads to its step. */
function drawWatch(watch: Watch | undefined): void {
  watching.hidden = watch === undefined;
  if (!watch) return;
  const close = button("✕", "Watch it no more", () => {
    drawWatch(undefined);
    vscode.postMessage({ kind: "unwatch" });
  });
  watched.replaceChildren(element("code", {}, watch.expression), ` at ${watch.rows.length} steps `, close);
  const points = plotOf(watch);
  plot.toggleAttribute("hidden", !points.length);
  plot.setAttribute("viewBox", "-1 -5 102 50");
  plot.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS(plot.namespaceURI, "polyline") as SVGPolylineElement;
  // A value holds until the next step.
  const corners = points.flatMap(({ x, y }, index) => [...(index ? [[x, points[index - 1]?.y ?? y]] : []), [x, y]]);
  line.setAttribute("points", corners.map(([x, y]) => `${(x ?? 0) * 100},${(y ?? 0) * 40}`).join(" "));
  plot.replaceChildren(line);
  const changes = watch.rows.filter(({ isChanged }, index) => isChanged || index === 0);
  values.replaceChildren(
    ...changes.map((row) => {
      const there = (): void => select(stepAt(view.rows, row.frameId - 1));
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, button(`line ${row.line}`, "Go to this step", there)),
        element("td", {}, longElement(row.value ?? row.error ?? "not known")),
      );
    }),
  );
}

/** A value on one line, which opens to all of it. */
function longElement(value: string): HTMLElement {
  if (value.length <= LONG) return element("code", {}, value);
  const made = element("button", { type: "button", class: "long", "aria-expanded": "false", title: "Show it all" });
  made.append(element("code", {}, value));
  made.addEventListener("click", () => {
    made.setAttribute("aria-expanded", String(made.classList.toggle("open")));
  });
  return made;
}

// Acting

function select(index: number, byUser = true): void {
  const row = view.rows[index];
  if (!row) return;
  view = { ...view, selected: index };
  drawSelection();
  keep();
  live.textContent = described(row, index + 1);
  tellStep(byUser);
}

/** Have the editor show where the step is. */
function tellStep(byUser: boolean): void {
  const row = view.rows[view.selected];
  if (row) vscode.postMessage({ kind: "step", line: row.line, path: row.path, event: row.event, byUser });
}

function go(move: Move): void {
  select(moved(view, move));
}

function keep(): void {
  if (!trace) return;
  const { selected, onlyDivergences } = view;
  vscode.setState({ uri: trace.uri, function: trace.function, selected, onlyDivergences });
}

function show(answer: TraceAnswer): void {
  const same = trace ?? vscode.getState();
  const before = trace ? view : vscode.getState();
  const isFirst = content.hidden;
  trace = answer;
  drawWatch(undefined);
  const rows = rowsOf(answer);
  view = opened(rows);
  if (before && same?.uri === answer.uri && same.function === answer.function && before.selected < rows.length) {
    view = { ...view, selected: before.selected, onlyDivergences: before.onlyDivergences };
  }
  if (!rows.some((row) => row.divergences.length)) view = { ...view, onlyDivergences: false };
  draw();
  keep();
  if (isFirst && document.hasFocus()) grid.focus();
  tellStep(false);
}

function showStale(name: string): void {
  trace = undefined;
  const again = element("button", { type: "button", class: "act" }, "Predict again");
  again.addEventListener("click", () => vscode.postMessage({ kind: "command", command: "cwm.predict" }));
  stale.replaceChildren(element("p", {}, element("code", {}, name), " has changed since it was traced."), again);
  stale.hidden = false;
  content.hidden = true;
}

const KEYS: Record<string, () => void> = {
  ArrowDown: () => go("next"),
  ArrowUp: () => go("previous"),
  Home: () => go("first"),
  End: () => go("last"),
  PageDown: () => go("pageDown"),
  PageUp: () => go("pageUp"),
  "[": () => select(otherIteration(view, -1)),
  "]": () => select(otherIteration(view, 1)),
  d: () => select(otherDivergence(view, 1)),
  D: () => select(otherDivergence(view, -1)),
  Enter: () => {
    const row = view.rows[view.selected];
    if (row) vscode.postMessage({ kind: "open", line: row.line, path: row.path });
  },
};

grid.addEventListener("keydown", (event) => {
  const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
call.addEventListener("click", () => heading.classList.toggle("open"));
fold.addEventListener("click", () => {
  unchanged.hidden = !unchanged.hidden;
  fold.setAttribute("aria-expanded", String(!unchanged.hidden));
  drawSelection();
});
slider.addEventListener("input", () => select(Number(slider.value)));
filter.addEventListener("change", () => {
  view = { ...view, onlyDivergences: filter.checked };
  drawFilter();
  if (filter.checked && !view.rows[view.selected]?.divergences.length) go("next");
  keep();
});
run.addEventListener("click", () => vscode.postMessage({ kind: "command", command: "cwm.predictThenRun" }));
window.addEventListener("message", ({ data }: MessageEvent<ToView>) => {
  if (data.kind === "show") show(data.trace);
  else if (data.kind === "watch") drawWatch(data.watch);
  else if (data.kind === "follow") select(stepAt(view.rows, data.event), false);
  else showStale(data.function);
});

content.hidden = true;
document.body.append(content, stale, live);
vscode.postMessage({ kind: "ready" });

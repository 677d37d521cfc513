import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Step, Trace, TraceAnswer, TraceEvent } from "../src/protocol";
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
  shown,
  stepAt,
  variablesOf,
  type View,
} from "../src/trace/model";

const SOURCE = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n";

function event(kind: TraceEvent["event"], line: number, locals: Record<string, string>, value?: string): TraceEvent {
  const known = { confidence: null, confidences: {}, provenance: {}, path: null };
  return { event: kind, line, depth: 0, function: "f", locals, value: value ?? null, ...known };
}

function step(
  index: number,
  iteration: number,
  iterations: number,
  produced: string[],
  effect: number | null,
  end?: number,
): Step {
  return { index, iteration, iterations, produced, effect, end: end ?? null };
}

/** `f([1, b])`, where the second addition comes to `sum`. */
function trace(b: string, sum: string): Trace {
  const xs = `[1, ${b}]`;
  const events = [
    event("call", 1, { xs }),
    event("line", 2, { xs }),
    event("line", 3, { xs, total: "0" }),
    event("line", 4, { xs, total: "0", x: "1" }),
    event("line", 3, { xs, total: "1", x: "1" }),
    event("line", 4, { xs, total: "1", x: b }),
    event("line", 3, { xs, total: sum, x: b }),
    event("line", 5, { xs, total: sum, x: b }),
    event("return", 5, {}, sum),
  ];
  const steps = [
    step(0, 1, 1, ["xs"], 0),
    step(1, 1, 1, ["total"], 2),
    step(2, 1, 3, ["x"], 3),
    step(3, 1, 2, ["total"], 4),
    step(4, 2, 3, ["x"], 5),
    step(5, 2, 2, ["total"], 6),
    step(6, 3, 3, [], 7),
    step(7, 1, 1, [], null, 8),
  ];
  return { events, steps, ending: `returned ${sum}` };
}

function answer(
  predicted: Trace | null,
  recorded: Trace | null,
  divergences: TraceAnswer["divergences"] = [],
): TraceAnswer {
  const count = (predicted ?? recorded)?.events.length ?? 0;
  const pairs = Array.from({ length: count }, (_, i) => [predicted && i, recorded && i] as const);
  return {
    uri: "file:///f.py",
    function: "f",
    call: "f([1, 2])",
    source: SOURCE,
    others: [],
    predicted,
    recorded,
    divergences,
    pairs,
    lines: {},
  };
}

const wrongSum = {
  kind: "value",
  line: 4,
  event_index: 6,
  variable: "total",
  message: "total was 4, predicted 3",
} as const;
const wrongReturn = {
  kind: "return",
  line: 5,
  event_index: 8,
  variable: null,
  message: "returned 4, predicted 3",
} as const;
const compared = rowsOf(answer(trace("2", "3"), trace("2", "4"), [wrongSum, wrongReturn]));
const view: View = opened(compared);

describe("a watched expression", () => {
  const watched = (...values: (string | null)[]): { x: number; y: number }[] =>
    plotOf({
      expression: "total",
      rows: values.map((value, at) => ({ frameId: at + 1, line: 1, value, error: null, isChanged: true })),
    });

  it("is plotted where it is a number, over all steps", () => {
    assert.deepEqual(watched(null, "-1", "3", "1.0"), [
      { x: 1 / 3, y: 1 },
      { x: 2 / 3, y: 0 },
      { x: 1, y: 0.5 },
    ]);
  });

  it("is not plotted where it is none, or always the same", () => {
    for (const values of [["1", "'2'"], ["1", "[2]"], ["1", "nan"], ["1", "1"], ["1"], [null, null], []]) {
      assert.deepEqual(watched(...values), []);
    }
  });
});

describe("rows", () => {
  it("of another file have its code and say where they are", () => {
    const elsewhere = { ...trace("2", "3") };
    const events = elsewhere.events.map((one) => ({ ...one, path: "/tmp/rates.py" }));
    const told = { ...answer({ ...elsewhere, events }, null) };
    const source = "# rates\n# of taxes\n";
    const rows = rowsOf({ ...told, others: [{ path: "/tmp/rates.py", uri: "file:///tmp/rates.py", source }] });
    assert.equal(rows[0]?.code, "# rates");
    assert.equal(rows[0] && placeOf(rows[0]), "line 1 of rates.py");
    assert.match(rows[1] ? described(rows[1], 2) : "", /^Step 2, line 2 of rates\.py: # of taxes\./);
  });

  it("are the steps, with what each produced on either side", () => {
    assert.equal(compared.length, 8);
    const [, , , , , second] = compared;
    assert.equal(second?.code, "total += x");
    assert.deepEqual([second?.iteration, second?.iterations], [2, 2]);
    assert.deepEqual(
      second?.predicted?.values.map(({ name, value }) => [name, value]),
      [["total", "3"]],
    );
    assert.deepEqual(
      second?.recorded?.values.map(({ name, value }) => [name, value]),
      [["total", "4"]],
    );
  });

  it("end with what is returned", () => {
    assert.deepEqual(
      compared.at(-1)?.recorded?.values.map(({ name, value }) => [name, value]),
      [["return", "4"]],
    );
  });

  it("have a divergence where the line is that brought it about, not where it shows", () => {
    const diverging = compared.flatMap((row, index) => (row.divergences.length ? [index] : []));
    assert.deepEqual(diverging, [5, 7]);
  });

  it("are there for one side alone", () => {
    const rows = rowsOf(answer(trace("2", "3"), null));
    assert.equal(rows.length, 8);
    assert.ok(rows.every((row) => row.predicted && !row.recorded));
  });

  it("are found by the event that a debugger is at", () => {
    const rows = rowsOf(answer(trace("2", "3"), null));
    rows.forEach((row, index) => assert.equal(stepAt(rows, row.event), index));
    assert.equal(stepAt(rows, 10_000), rows.length - 1);
  });

  it("stand alone where the other side has no counterpart", () => {
    const both = answer(trace("2", "3"), trace("2", "3"));
    const pairs = both.pairs.map(([left, right]) => [left, right === 3 || right === 4 ? null : right] as const);
    const rows = rowsOf({ ...both, pairs });
    assert.deepEqual(
      rows.flatMap((row, index) => (row.recorded ? [] : [index])),
      [3, 4],
    );
    assert.deepEqual(
      rows.map((row) => row.event),
      [0, 1, 2, 2, 2, 5, 6, 7],
      "what is shown in the editor is the run, there as of the step before",
    );
  });

  it("tell a control-flow divergence at the line before the ways part", () => {
    const parting = { kind: "control-flow", line: 3, event_index: 7, variable: null, message: "went on" } as const;
    const rows = rowsOf(answer(trace("2", "3"), trace("2", "3"), [parting]));
    assert.deepEqual(
      rows.flatMap((row, index) => (row.divergences.length ? [index] : [])),
      [6],
    );
  });

  it("tell the exception and not its triple", () => {
    const triple = "(<class 'ValueError'>, ValueError('no'), <traceback object>)";
    const raising: Trace = {
      events: [event("call", 1, {}), event("line", 2, {}), event("exception", 2, {}, triple)],
      steps: [step(0, 1, 1, [], 0), step(1, 1, 1, [], null, 2)],
      ending: "",
    };
    const rows = rowsOf(answer(raising, null));
    assert.deepEqual(
      rows[1]?.predicted?.values.map(({ name, value }) => [name, value]),
      [["raise", "ValueError('no')"]],
    );
  });
});

describe("a step on which both sides agree", () => {
  it("is told once", () => {
    assert.deepEqual(
      compared.map(agrees),
      compared.map((_, index) => index !== 5 && index !== 7),
    );
    assert.ok(!rowsOf(answer(trace("2", "3"), null)).some(agrees), "there is only one side");
  });
});

describe("variables of a step", () => {
  it("have what is returned first", () => {
    const last = compared.at(-1);
    assert.ok(last);
    const [first] = variablesOf(last);
    assert.deepEqual(first, {
      name: "return",
      before: undefined,
      predicted: "3",
      recorded: "4",
      changed: true,
      differs: true,
    });
  });

  it("are before and after it, what it changed first", () => {
    const row = compared[5];
    assert.ok(row);
    const [first, ...others] = variablesOf(row);
    assert.deepEqual(first, {
      name: "total",
      before: "1",
      predicted: "3",
      recorded: "4",
      changed: true,
      differs: true,
    });
    assert.deepEqual(
      others.map(({ name, changed }) => [name, changed]),
      [
        ["xs", false],
        ["x", false],
      ],
    );
  });
});

describe("moving", () => {
  it("begins at the first divergence", () => {
    assert.equal(view.selected, 5);
    assert.equal(opened(rowsOf(answer(trace("2", "3"), null))).selected, 0);
  });

  it("goes forwards and backwards, and stays within the trace", () => {
    assert.equal(moved(view, "next"), 6);
    assert.equal(moved(view, "previous"), 4);
    assert.equal(moved({ ...view, selected: 7 }, "next"), 7);
    assert.equal(moved({ ...view, selected: 0 }, "previous"), 0);
    assert.deepEqual([moved(view, "first"), moved(view, "last")], [0, 7]);
    assert.deepEqual([moved(view, "pageUp"), moved(view, "pageDown")], [0, 7]);
  });

  it("goes from divergence to divergence where only they are shown", () => {
    const filtered = { ...view, onlyDivergences: true };
    assert.deepEqual(shown(filtered), [5, 7]);
    assert.equal(moved(filtered, "next"), 7);
    assert.equal(moved({ ...filtered, selected: 6 }, "previous"), 5);
    assert.equal(otherDivergence(view, 1), 7);
    assert.equal(otherDivergence(view, -1), 5);
  });

  it("goes through the times that a line runs", () => {
    assert.equal(otherIteration(view, -1), 3);
    assert.equal(otherIteration(view, 1), 5);
    assert.equal(otherIteration({ ...view, selected: 2 }, 1), 4);
  });
});

it("a row is told in words", () => {
  const [row] = compared.slice(5);
  assert.ok(row);
  assert.equal(
    described(row, 6),
    "Step 6, line 4, time 2 of 2: total += x. Predicted: total 3. Recorded: total 4. Divergence: total was 4, predicted 3.",
  );
});

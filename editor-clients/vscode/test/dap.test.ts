import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isVariable, needsWhole } from "../src/dap";

describe("of what debugpy lists", () => {
  it("locals are kept, its groups and pseudo variables are not", () => {
    const names = ["total", "_x", "größe", "special variables", "function variables", "(return) f", ".0"];
    const kept = names.filter((name) => isVariable({ name, value: "" }));
    assert.deepEqual(kept, ["total", "_x", "größe"]);
  });

  it("shortened values are asked for again", () => {
    assert.ok(needsWhole({ name: "x", value: "[0, 1, 2, ...]" }));
    assert.ok(!needsWhole({ name: "x", value: "[0, 1, 2]" }));
  });
});

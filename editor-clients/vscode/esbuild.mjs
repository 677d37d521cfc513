// Bundles: the extension (Node), the Trace view (browser) and, with --tests, the unit tests.
import { build, context } from "esbuild";
import { readdirSync } from "node:fs";

const tests = process.argv.includes("--tests");
const minify = process.argv.includes("--production");

const common = {
  bundle: true,
  loader: { ".py": "text" },
  minify,
  sourcemap: minify ? false : "linked",
  logLevel: "warning",
};
const node = { ...common, platform: "node", target: "node20", format: "cjs", external: ["vscode"] };
const bundles = tests
  ? [{ ...node, entryPoints: readdirSync("test").map((name) => `test/${name}`), outdir: "dist/test" }]
  : [
      { ...node, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js" },
      {
        ...common,
        platform: "browser",
        target: "es2022",
        format: "iife",
        entryPoints: ["src/trace/webview.ts", "src/trace/style.css"],
        outdir: "dist/trace",
      },
    ];

if (process.argv.includes("--watch")) {
  for (const bundle of bundles) await (await context(bundle)).watch();
} else {
  await Promise.all(bundles.map((bundle) => build(bundle)));
}

// Bundles: the extension (Node), the Trace view (browser) and, with --tests, the unit tests. With --production also
// dist/THIRD-PARTY-LICENSES.txt: the licences of what is in them.
import { build, context } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

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
  const built = await Promise.all(bundles.map((bundle) => build({ ...bundle, metafile: minify })));
  if (minify) writeLicenses(built.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
}

/** The licence of each package that the files are of. */
function writeLicenses(files) {
  const inside = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;
  const folders = new Set(files.map((file) => file.match(inside)?.[0]).filter(Boolean));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const named = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
    if (!named) throw new Error(`${name} has no licence file`);
    return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${named}`, "utf8").trim()}\n`;
  });
  writeFileSync("dist/THIRD-PARTY-LICENSES.txt", texts.join(`\n${"-".repeat(80)}\n\n`));
}

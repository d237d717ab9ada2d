// Asks Perfetto's trace processor, in WebAssembly, about one trace. Arguments: the folder with the engine
// (trace_processor.wasm, engine_bundle.node.js, engine.mjs), the trace, then SQL statements.
// Prints one JSON array: for each statement its rows, as objects.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [folder, trace, ...statements] = process.argv.slice(2);
const CHUNK = 32 << 20;

// The engine was built for a browser's worker: give it the few things that it looks for.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = class {};
globalThis.location = { href: pathToFileURL(resolve(folder)).href + "/" };
globalThis.wasmBytes = new Uint8Array(readFileSync(join(folder, "trace_processor.wasm")));
console.warn = () => {};

let glue = readFileSync(join(folder, "engine_bundle.node.js"), "utf8");
for (const [from, to] of [
  ["this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;"],
  ["locateFile: (s) => s,", "locateFile: (s) => s, wasmBinary: globalThis.wasmBytes,"],
  ["new wasm_bridge_1.WasmBridge();", "globalThis.bridge = new wasm_bridge_1.WasmBridge();"],
]) {
  if (!glue.includes(from)) throw new Error(`another engine than this was written for: no ${from}`);
  glue = glue.replace(from, to);
}
vm.runInThisContext(glue);

const { EngineBase } = await import(pathToFileURL(resolve(folder, "engine.mjs")).href);
const channel = new MessageChannel();
class Engine extends EngineBase {
  mode = "WASM";
  id = "tests";
  rpcSendRequestBytes(data) {
    channel.port2.postMessage(data);
  }
}
const engine = new Engine();
channel.port2.onmessage = ({ data }) => engine.onRpcResponseBytes(data);
globalThis.bridge.initialize(channel.port1);

const bytes = new Uint8Array(readFileSync(trace));
for (let at = 0; at < bytes.length; at += CHUNK) await engine.parse(bytes.subarray(at, at + CHUNK));
await engine.notifyEof();

const answers = [];
for (const sql of statements) {
  const result = await engine.query(sql);
  if (result.error()) throw new Error(`${result.error()}\n${sql}`);
  const columns = result.columns();
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(
      Object.fromEntries(
        columns.map((name) => {
          const value = row.get(name);
          return [name, typeof value === "bigint" ? Number(value) : value];
        }),
      ),
    );
  }
  answers.push(rows);
}
process.stdout.write(JSON.stringify(answers), () => process.exit(0)); // the engine's port would keep us here

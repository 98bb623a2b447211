/** Compiles the module that a fetch brings, while it comes. */
export async function streamed(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw response.status;
  // A server may have another type for .wasm.
  const copy = response.clone();
  return WebAssembly.compileStreaming(response).catch(async () => WebAssembly.compile(await copy.arrayBuffer()));
}

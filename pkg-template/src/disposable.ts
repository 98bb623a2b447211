/** `using` where the language has it. */
export function disposable<V extends object>(value: V, end: () => void): V & Disposable {
  if (Symbol.dispose) Object.defineProperty(value, Symbol.dispose, { value: end });
  return value as V & Disposable;
}

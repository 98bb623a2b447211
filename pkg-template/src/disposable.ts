/** `using` where the language has it. */
export const dispose: typeof Symbol.dispose = (Symbol.dispose ?? Symbol()) as never;

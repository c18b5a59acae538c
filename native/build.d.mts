/** Builds the native add-on of the repository at `root`; `log` gets one line a step. Rejects when cargo is missing or fails. */
export function buildNative(options: { root: string; log: (line: string) => void }): Promise<void>;

/** TypeScript declarations from the lines of JSON that the binding's macros write. */
export function declarations(lines: string): string;

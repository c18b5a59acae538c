import { toHex } from '../base/bytes.ts';
import { visible } from './visible.ts';

/** What every command is given: where its output goes, and what surrounds it. */
export interface Context {
  /** `--json`: one JSON document on standard output, nothing else there. */
  readonly json: boolean;
  readonly workingDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly isTerminal: boolean;
  /** A line for people on standard output; silent with `--json`. */
  print(line: string): void;
  /** A line on standard error: progress, warnings. */
  note(line: string): void;
  /** The command's answer for programs; printed only with `--json`. */
  answer(value: unknown): void;
  /** Raw text to standard output, whatever the mode. */
  write(text: string): void;
}

/** Members that are 64-bit integers in the formats, whatever type carries them here. */
const INTEGERS: ReadonlySet<string> = new Set([
  'id',
  'offset',
  'index',
  'size',
  'firstOffset',
  'from',
  'to',
  'timestamp',
  'claimedTime',
  'checkpointSize',
  'dedupRecords',
  'dedupWindowMs',
]);

/** JSON for programs: 64-bit integers are decimal strings, bytes are hex (E3). */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (name, item: unknown) => {
      if (typeof item === 'number' && INTEGERS.has(name)) return item.toString();
      if (typeof item === 'bigint') return item.toString();
      return item instanceof Uint8Array ? toHex(item) : item;
    },
    2,
  );
}

export function createContext(json: boolean, signal: AbortSignal): Context {
  return {
    json,
    workingDir: process.cwd(),
    environment: process.env,
    signal,
    isTerminal: process.stderr.isTTY === true,
    print(line) {
      if (!json) process.stdout.write(`${visible(line)}\n`);
    },
    note: (line) => void process.stderr.write(`${visible(line)}\n`),
    answer(value) {
      if (json) process.stdout.write(`${toJson(value)}\n`);
    },
    write: (text) => void process.stdout.write(text),
  };
}

import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { LogFields, Logger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import { decodeConsensusFrame, readSigned } from '../../consensus/index.ts';
import type { Frame } from '../../net/index.ts';

/** Events kept of each node, to be read when a run fails. */
const KEPT = 60;

interface Event {
  readonly at: number;
  /** Told only when somebody reads it. */
  readonly text: () => string;
}

/**
 * Everything that happened in a run, in order: hashed as a whole, so that two runs can be compared byte for byte, and the
 * newest of it kept by node, to be read (Q1).
 */
export class Transcript {
  readonly #clock: Clock;
  readonly #hash = createHash('sha256');
  readonly #recent = new Map<string, Event[]>();
  events = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(node: string, text: string): void {
    this.#add(node, text, () => text);
  }

  frame(node: string, way: '<' | '>', peer: string, frame: Frame): void {
    const { channel, bytes } = frame;
    const digest = `${way}${peer} ${channel} ${bytes.length} ${crc32(bytes)}`;
    this.#add(node, digest, () => `${way === '<' ? 'from' : 'to'} ${peer}: ${describe(frame)}`);
  }

  /** Of one node; what debugs is not kept. */
  logger(node: string): Logger {
    const line = (level: string) => (fields: LogFields, message: string) =>
      this.note(node, `${level}: ${message} ${fieldsText(fields)}`);
    return { debug() {}, info: line('info'), warn: line('warn'), error: line('error') };
  }

  /** Of all that was noted, so far; ends the transcript. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** The newest events of each node, oldest first. */
  tail(): string[] {
    const lines: string[] = [];
    for (const [node, events] of this.#recent) {
      lines.push(`${node}:`);
      for (const { at, text } of events) lines.push(`  ${at.toFixed(1).padStart(9)} ms  ${text()}`);
    }
    return lines;
  }

  #add(node: string, digest: string, text: () => string): void {
    const at = this.#clock.monotonic();
    this.events++;
    this.#hash.update(`${at} ${node} ${digest}\n`);
    let events = this.#recent.get(node);
    if (events === undefined) {
      events = [];
      this.#recent.set(node, events);
    }
    events.push({ at, text });
    if (events.length > KEPT) events.shift();
  }
}

function describe({ channel, bytes }: Frame): string {
  const consensus = channel === 'consensus' ? decodeConsensusFrame(bytes) : undefined;
  if (consensus === undefined) return `${channel}, ${bytes.length} bytes`;
  if (consensus.kind === 'heard') return `hears ${consensus.keys.length} validators`;
  const signed = readSigned(consensus.message);
  if (signed === undefined) return `${consensus.kind}, ${bytes.length} bytes`;
  const { height, round, step, id } = signed.record;
  const what = ['proposal', 'prevote', 'precommit'][step];
  return `${what} of ${short(signed.validator)} for ${id === undefined ? 'nil' : short(id)} at ${height}/${round}`;
}

function fieldsText(fields: LogFields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`)
    .join(' ');
}

export function short(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex', 0, 4);
}

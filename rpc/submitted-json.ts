/**
 * The JSON text of an answered submission with its receipt (rpc.md, receipt.md V2), letter for letter what
 * `JSON.stringify(submittedToWire(…))` gives, without its objects: some fifty a receipt, which live until the answer
 * is written and would be a third of the node's work under load.
 *
 * Receipts of one checkpoint share its text, and neighbours in the tree share all of their paths but the lowest hashes.
 */
import { Buffer } from 'node:buffer';
import { assert } from '../base/errors.ts';
import type { PackedEvidence, Submission, SubmitOutcome } from '../notary/index.ts';
import { NOTARY_SCHEMA, parseCheckpoint } from '../receipt/index.ts';

const HASH_BYTES = 32;

type Answered = Extract<SubmitOutcome, { ok: true }>['submitted'];

/** What the receipts of one checkpoint have in common. */
interface Shared {
  /** From the size to the start of the path. */
  readonly head: string;
  /** From the end of the path to the end of the receipt. */
  readonly tail: string;
  /** Path written last, and the texts of it from each hash to the root. */
  path: Uint8Array;
  readonly texts: string[];
}

export class SubmittedJson {
  readonly #shared = new WeakMap<PackedEvidence['checkpoint'], Shared>();
  /** Logs of this node: a handful. */
  readonly #origins = new Map<string, string>();

  /** The answer to one submission. */
  write(
    submitted: Answered,
    { algorithm, digest }: Pick<Submission, 'algorithm' | 'digest'>,
    { path, checkpoint }: PackedEvidence,
  ): string {
    const shared = this.#sharedOf(checkpoint);
    const origin = this.#originOf(submitted.origin);
    const { level, duplicate, epoch, offset, timestamp } = submitted;
    const id = submitted.id.toString();
    return (
      `{"id":"${id}","origin":${origin},"level":"${level}","duplicate":${duplicate},"epoch":${epoch},` +
      `"offset":"${offset}","timestamp":"${timestamp}","receipt":{"pyralog":"receipt","version":1,` +
      `"origin":${origin},"record":{"timestamp":"${timestamp}","scarabId":"${id}","offset":"${offset}",` +
      `"epoch":${epoch},"schemaId":${NOTARY_SCHEMA},"algorithm":"${algorithm}","digest":"${hexOf(digest)}"},` +
      `${shared.head}${pathText(shared, path)}${shared.tail}`
    );
  }

  #originOf(origin: string): string {
    let text = this.#origins.get(origin);
    if (text === undefined) {
      text = JSON.stringify(origin);
      this.#origins.set(origin, text);
    }
    return text;
  }

  /** A note is looked at once, not once a receipt: it is the core's own and was signed a moment ago. */
  #sharedOf(checkpoint: PackedEvidence['checkpoint']): Shared {
    let shared = this.#shared.get(checkpoint);
    if (shared === undefined) {
      const { size, note } = checkpoint;
      assert(parseCheckpoint(note).ok, 'the core signs checkpoints that a reader accepts (C2)');
      const lines = JSON.stringify(note.slice(0, -1).split('\n'));
      const head = `"inclusion":{"size":"${size}","path":[`;
      shared = { head, tail: `]},"checkpoint":${lines}}}`, path: new Uint8Array(), texts: [] };
      this.#shared.set(checkpoint, shared);
    }
    return shared;
  }
}

/** The hashes in quotes, with commas between them. What stands nearer to the root than a difference is taken over. */
function pathText(shared: Shared, path: Uint8Array): string {
  const count = path.length / HASH_BYTES;
  assert(Number.isInteger(count), 'a path is whole hashes');
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  let at = path.length === shared.path.length ? firstShared(shared.path, path) : count;
  const { texts } = shared;
  let text = at < count ? (texts[at] ?? '') : '';
  texts.length = count;
  while (at > 0) {
    at--;
    const hash = bytes.toString('base64', at * HASH_BYTES, (at + 1) * HASH_BYTES);
    text = text === '' ? `"${hash}"` : `"${hash}",${text}`;
    texts[at] = text;
  }
  shared.path = path;
  return text;
}

/** The lowest hash from which on two paths of one length are the same. */
function firstShared(a: Uint8Array, b: Uint8Array): number {
  let at = a.length;
  while (at > 0 && a[at - 1] === b[at - 1]) at--;
  return Math.ceil(at / HASH_BYTES);
}

function hexOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('hex');
}

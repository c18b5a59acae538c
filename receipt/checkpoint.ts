// SPDX-License-Identifier: Apache-2.0
/**
 * Checkpoints: what a log's replicas sign (C1, C8).
 *
 *     pyralog/devnet-00112233aabbccdd/local/notary/0     origin
 *     20852163                                           size, records
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=       BLAKE3 root
 *     epoch 1
 *     time 1790000000000                                 Unix milliseconds
 *     sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=   only with a SHA-256 tree
 *
 * Note and signatures around it: note.ts, cosignature.ts.
 */
import { equalBytes, fromBase64, toBase64 } from '../base/bytes.ts';
import { isUint, parseSafe, U32_MAX } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { parseOrigin } from './identity.ts';
import { parseNote } from './note.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { Checkpoint, Note, Sha256Checkpoint } from './types.ts';

/** A checkpoint and the note it stands in; the signatures are not yet believed. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: Note;
}

/** Reads a whole note (C1, C2). */
export function parseCheckpoint(text: string): Parsed<SignedCheckpoint> {
  const note = parseNote(text);
  if (!note.ok) return note;
  const checkpoint = parseCheckpointBody(note.value.body);
  return checkpoint.ok ? accept({ checkpoint: checkpoint.value, note: note.value }) : checkpoint;
}

/** Reads a body (C1); the refusal names line and reason. */
export function parseCheckpointBody(body: string): Parsed<Checkpoint> {
  const head = parseHead(body, false);
  if (!head.ok) return head;
  const { lines, ...tree } = head.value;
  const epoch = parseSafe(after('epoch ', lines[3]) ?? '', U32_MAX);
  if (epoch === undefined || epoch === 0) return bad(4, 'not "epoch <1 to 2^32 − 1>"');
  const time = parseSafe(after('time ', lines[4]) ?? '');
  if (time === undefined) return bad(5, 'not "time <Unix milliseconds>"');
  if (lines.length === 5) return accept({ ...tree, epoch, time });
  const encoded = after('sha256 ', lines[5]);
  if (encoded === undefined) return unknownLine(6, lines[5]);
  const sha256Root = parseRoot(encoded);
  if (sha256Root === undefined) return bad(6, 'not "sha256 <base64 of 32 bytes>"');
  return lines.length === 6
    ? accept({ ...tree, epoch, time, sha256Root })
    : unknownLine(7, lines[6]);
}

/** The bytes replicas sign (C1). Throws `receipt/malformed` for values the format cannot hold. */
export function formatCheckpointBody(checkpoint: Checkpoint): string {
  const { epoch, time, sha256Root } = checkpoint;
  if (!isUint(epoch, U32_MAX) || !isUint(time)) throw malformed('epoch or time out of bounds');
  const extension = sha256Root === undefined ? '' : `sha256 ${toBase64(sha256Root)}\n`;
  const body = `${formatHead(checkpoint)}epoch ${epoch}\ntime ${time}\n${extension}`;
  return checked(body, parseCheckpointBody(body));
}

/** Reads the body of the SHA-256 tree's note: three lines (C8). */
export function parseSha256Body(body: string): Parsed<Sha256Checkpoint> {
  const head = parseHead(body, true);
  if (!head.ok) return head;
  const { lines, ...tree } = head.value;
  return lines.length === 3 ? accept(tree) : unknownLine(4, lines[3]);
}

/** The bytes the log key signs (C8). Throws `receipt/malformed`. */
export function formatSha256Body(checkpoint: Sha256Checkpoint): string {
  const body = formatHead(checkpoint);
  return checked(body, parseSha256Body(body));
}

/** Same origin and size, different roots: proof that the log showed two histories (C7). */
export function isEquivocation(a: Checkpoint, b: Checkpoint): boolean {
  return a.origin === b.origin && a.size === b.size && !equalBytes(a.root, b.root);
}

interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly lines: readonly string[];
}

/** The three lines every tlog checkpoint starts with. */
function parseHead(body: string, sha256: boolean): Parsed<Head> {
  const lines = body.split('\n');
  if (lines.pop() !== '') return bad(lines.length + 1, 'the last line does not end in LF');
  const [origin = '', sizeText = '', rootText = ''] = lines;
  const parsed = parseOrigin(origin);
  if (!parsed.ok) return bad(1, parsed.message);
  if (parsed.value.sha256 !== sha256) {
    return bad(1, sha256 ? 'the origin lacks /sha256' : 'the origin of a SHA-256 tree');
  }
  const size = parseSafe(sizeText);
  if (size === undefined) return bad(2, 'not a decimal size from 0 to 2^53 − 1');
  const root = parseRoot(rootText);
  return root === undefined
    ? bad(3, 'not a root, base64 of 32 bytes')
    : accept({ origin, size, root, lines });
}

function formatHead({ origin, size, root }: Sha256Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

function parseRoot(text: string): Uint8Array | undefined {
  const bytes = fromBase64(text);
  return bytes?.length === 32 ? bytes : undefined;
}

function after(prefix: string, line: string | undefined): string | undefined {
  return line?.startsWith(prefix) ? line.slice(prefix.length) : undefined;
}

/** What is written must be what would be read: the reader is the only place that knows the bounds. */
function checked(body: string, read: Parsed<unknown>): string {
  if (!read.ok) throw malformed(read.message);
  return body;
}

function malformed(message: string): PyralogError<RefusalCode> {
  return new PyralogError('receipt/malformed', message);
}

function bad(line: number, what: string): Refusal {
  return refuse('receipt/malformed', `checkpoint, line ${line}: ${what}`);
}

/** A line more than this version knows means a newer format (C1); an empty one only damage. */
function unknownLine(line: number, text = ''): Refusal {
  if (text === '') return bad(line, 'an empty line');
  return refuse(
    'receipt/newer-version',
    `checkpoint, line ${line}: unknown here, so it was made by a newer version; update pyralog`,
  );
}

// SPDX-License-Identifier: Apache-2.0
/**
 * C2SP signed notes: text, a blank line, signature lines (C2).
 *
 *     <body line>
 *     <body line>
 *
 *     — <key name> <base64(key id ‖ signature)>
 *
 * Signatures cover the body's bytes, so the parser accepts one spelling only:
 * a note that was read and written again is the same bytes.
 */
import { concat, fromBase64, fromHex, toBase64, toHex, toUtf8 } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';
import { isKeyName } from './keys.ts';
import { accept, type Parsed, type Refusal, refuse } from './refusal.ts';
import type { Note, NoteSignature } from './types.ts';

/** C2. */
export const NOTE_BYTES_MAX = 16_384;
/** C2. */
export const NOTE_SIGNATURES_MAX = 64;

const SIGNATURE_LINE = /^\u2014 (?<name>[^ ]+) (?<encoded>[^ ]+)$/u;
const KEY_ID_BYTES = 4;

/** Splits a note; believes nothing yet. The refusal names line and reason. */
export function parseNote(text: string): Parsed<Note> {
  const problem = textProblem(text);
  if (problem !== undefined) return problem;
  const split = text.lastIndexOf('\n\n');
  if (split < 1) return refuse('receipt/malformed', 'note: no blank line behind a body');
  const body = text.slice(0, split + 1);
  const lines = text.slice(split + 2, -1).split('\n');
  const firstLine = body.split('\n').length + 1;
  if (lines.length > NOTE_SIGNATURES_MAX) {
    return bad(firstLine + NOTE_SIGNATURES_MAX, `more than ${NOTE_SIGNATURES_MAX} signatures`);
  }
  const signatures: NoteSignature[] = [];
  for (const [i, line] of lines.entries()) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) {
      return bad(firstLine + i, 'not "— <key name> <base64 of key id and signature>"');
    }
    signatures.push(signature);
  }
  return accept({ body, signatures });
}

function textProblem(text: string): Refusal | undefined {
  if (!text.isWellFormed()) return refuse('receipt/malformed', 'note: not well-formed Unicode');
  if (toUtf8(text).length > NOTE_BYTES_MAX) {
    return refuse('receipt/malformed', `note: more than ${NOTE_BYTES_MAX} bytes`);
  }
  const control = text.search(/(?!\n)\p{Cc}/u);
  if (control >= 0) {
    return bad(text.slice(0, control).split('\n').length, 'a control character');
  }
  return text.endsWith('\n')
    ? undefined
    : bad(text.split('\n').length, 'the last line does not end in LF');
}

function parseSignatureLine(line: string): NoteSignature | undefined {
  const { name = '', encoded = '' } = SIGNATURE_LINE.exec(line)?.groups ?? {};
  const bytes = fromBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  const keyId = toHex(bytes.subarray(0, KEY_ID_BYTES));
  return { name, keyId, signature: bytes.slice(KEY_ID_BYTES) };
}

/** The text of a note; the signatures stand in the order given. */
export function formatNote(note: Note): string {
  return `${note.body}\n${note.signatures.map(formatSignatureLine).join('')}`;
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  const id = fromHex(keyId);
  assert(id?.length === KEY_ID_BYTES, 'a key id has 8 hex digits');
  return `\u2014 ${name} ${toBase64(concat(id, signature))}\n`;
}

function bad(line: number, what: string): Refusal {
  return refuse('receipt/malformed', `note, line ${line}: ${what}`);
}

// SPDX-License-Identifier: Apache-2.0
/** What all binary frames have in common (rpc.md R8): their first bytes, and how a bad one is refused. */

export const FRAME_VERSION = 1;
export const ANSWER_HEADER_BYTES = 8;

/** Second byte of a frame. */
export const FRAME_KINDS = {
  digests: 1,
  outcomes: 2,
  error: 3,
  transactions: 4,
  transactionOutcomes: 5,
} as const;

/** Why bytes are no frame. `requestId` is 0 when the message is too short to tell. */
export interface FrameRefusal {
  readonly kind: 'refused';
  readonly requestId: number;
  readonly message: string;
}

export function refuseFrame(requestId: number, message: string): FrameRefusal {
  return { kind: 'refused', requestId, message };
}

export function headerFault(view: DataView, kind: number): string | undefined {
  if (view.getUint8(0) !== FRAME_VERSION) return `unknown frame version ${view.getUint8(0)}`;
  if (view.getUint8(1) !== kind) return `unknown frame kind ${view.getUint8(1)}`;
  return undefined;
}

export function writeAnswerHeader(view: DataView, kind: number, requestId: number): void {
  view.setUint8(0, FRAME_VERSION);
  view.setUint8(1, kind);
  view.setUint32(4, requestId, true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

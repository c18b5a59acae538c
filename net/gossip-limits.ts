import { PyralogError } from '../base/errors.ts';
import { type NetErrorCode, TOPICS, type Topic } from './types.ts';

/** The error of publishing more than a topic takes (G9), or undefined. */
export function tooBigForTopic(
  topic: Topic,
  bytes: Uint8Array,
): PyralogError<NetErrorCode> | undefined {
  if (bytes.length <= TOPICS[topic]) return undefined;
  return new PyralogError<NetErrorCode>(
    'net/too-big',
    `a message of ${bytes.length} bytes is above the ${TOPICS[topic]} of ${topic}`,
    { data: { topic, bytes: bytes.length } },
  );
}

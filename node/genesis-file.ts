import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatGenesisJson, type Genesis, isName, parseGenesisJson } from '../receipt/index.ts';
import { nodeError, systemCode } from './errors.ts';

/**
 * A new network's birth certificate: fresh time and salt, so that no two networks share an id, not even two devnets
 * made from one seed (I2, I6).
 */
export function createGenesis(network: string, time: number): Genesis {
  if (!isName('network', network)) {
    throw nodeError('node/bad-config', `${JSON.stringify(network)} is not a network name (I1)`);
  }
  return { network, time, salt: new Uint8Array(randomBytes(16)) };
}

export const formatGenesis = formatGenesisJson;

/** @throws NodeError `node/bad-data-dir` */
export function readGenesis(path: string): Genesis {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw nodeError('node/bad-data-dir', `${path}: cannot be read (${systemCode(error)})`, {
      cause: error,
    });
  }
  const parsed = parseGenesisJson(text);
  if (!parsed.ok) throw nodeError('node/bad-data-dir', `${path}: ${parsed.message}`);
  return parsed.value;
}
